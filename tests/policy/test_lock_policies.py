"""What the policies about locks report is what another connection sees in pg_locks."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from gatekeeper.model.evidence import LOCK_MODES
from gatekeeper.observe import Setup, observe
from gatekeeper.policy.load import load_all
from gatekeeper.policy.model import Example, Policy
from gatekeeper.scratch.base import Address
from gatekeeper.sources.split import split_script
from gatekeeper.sources.sql_files import SqlFiles

_STRONG = ("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")
# Statements that PostgreSQL runs in no transaction hold nothing that one could look at afterwards.
_ALONE = ("vacuum", "concurrently", "reindex database", "reindex schema", "reindex system")


def _cases() -> Iterator[tuple[Policy, Example]]:
    for policy in load_all().values():
        if policy.pack == "locks":
            yield from ((policy, example) for example in policy.examples if example.finds)


_CASES = list(_cases())


@pytest.mark.parametrize(
    ("policy", "example"), _CASES, ids=[f"{p.id}: {e.name}" for p, e in _CASES]
)
def test_the_lock_is_the_one_that_another_connection_sees(
    server: Any, database: Address, policy: Policy, example: Example
) -> None:
    source = SqlFiles.of_scripts(
        split_script(example.before, "before"), [split_script(example.migration, "migration")]
    )
    facts = observe(source, source.prepare(), database, Setup()).facts.head
    rows = facts["statements"]
    for place, row in enumerate(rows):
        if row["lock_mode"] not in _STRONG or any(w in row["sql"].lower() for w in _ALONE):
            continue
        seen = _seen(server, example.before, rows[: place + 1])
        assert seen == row["lock_mode"], (policy.id, row["sql"])


def test_the_cases_are_about_every_kind_of_strong_lock() -> None:
    assert len({policy.id for policy, _ in _CASES}) >= 20


def _seen(server: Any, before: str, rows: list[dict[str, Any]]) -> str | None:
    """Give the strongest lock on the last row's table, as its transaction holds it by then."""
    row = rows[-1]
    number = row["transaction_number"]
    together = [r["sql"] for r in rows if number and r["transaction_number"] == number]
    earlier = [r["sql"] for r in rows[: len(rows) - max(len(together), 1)]]
    address = server.create_database()
    try:
        with address.connect() as runner, address.connect() as witness:
            for text in (before, *earlier):
                if text.strip():
                    runner.execute(text.encode())
            oid = runner.execute("SELECT to_regclass(%s)::oid", [row["locked_table"]]).fetchone()
            assert oid is not None
            runner.execute("BEGIN")
            for text in together or [row["sql"]]:
                runner.execute(text.encode())
            return _strongest(witness, runner.info.backend_pid, oid[0])
    finally:
        server.drop_database(address.database)


def _strongest(witness: psycopg.Connection[Any], pid: int, table: int) -> str | None:
    modes = witness.execute(
        "SELECT mode FROM pg_locks WHERE pid = %s AND relation = %s", [pid, table]
    ).fetchall()
    return max((mode for (mode,) in modes), key=LOCK_MODES.index, default=None)
