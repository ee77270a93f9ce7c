"""The snapshot file: what is written is read as it was; anything else is refused."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from gatekeeper.errors import GatekeeperError
from gatekeeper.judge import judge_snapshot
from gatekeeper.observe import Setup, observe
from gatekeeper.policy.catalog_query import catalog_queries
from gatekeeper.policy.load import load_all
from gatekeeper.policy.model import Policy
from gatekeeper.report.json import render_json
from gatekeeper.report.markdown import render_markdown
from gatekeeper.report.outcome import alone
from gatekeeper.scratch.base import Address
from gatekeeper.snapshot import Snapshot
from gatekeeper.snapshot_file import SnapshotError, read_snapshots, write_snapshots
from gatekeeper.sources.split import split_script
from gatekeeper.sources.sql_files import SqlFiles

_BEFORE = """
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE people (id bigint PRIMARY KEY, email text, note varchar(20), m mood);
CREATE TABLE gone (id int PRIMARY KEY, people_id bigint REFERENCES people);
CREATE VIEW v AS SELECT email FROM people;
"""
_MIGRATION = """
ALTER TABLE people ALTER note TYPE varchar(10);
DROP TABLE gone;
CREATE TABLE "Odd ""name" (id bigint GENERATED ALWAYS AS IDENTITY, people_id bigint);
CREATE INDEX ON people (email);
ALTER TYPE mood ADD VALUE 'proud';
COMMENT ON COLUMN people.email IS 'x @pii';
"""


@pytest.fixture
def policies() -> tuple[Policy, ...]:
    return tuple(load_all().values())


@pytest.fixture
def snapshot(database: Address, policies: tuple[Policy, ...]) -> Snapshot:
    source = SqlFiles.of_scripts(
        split_script(_BEFORE, "before.sql"), [split_script(_MIGRATION, "m.sql")]
    )
    setup = Setup(queries=catalog_queries(policies))
    return observe(source, source.prepare(), database, setup)


def test_what_is_written_is_read_and_judged_alike(
    snapshot: Snapshot, policies: tuple[Policy, ...]
) -> None:
    (again,) = read_snapshots(write_snapshots([snapshot]), "snapshot.json")
    assert again == snapshot
    one, other = judge_snapshot(snapshot, policies), judge_snapshot(again, policies)
    assert one.findings
    assert render_json(alone(one)) == render_json(alone(other))
    assert render_markdown(one) == render_markdown(other)


def test_a_policy_that_was_not_asked_is_not_silently_clean(
    snapshot: Snapshot, policies: tuple[Policy, ...]
) -> None:
    content = json.loads(write_snapshots([snapshot]))
    content["snapshots"][0]["facts"]["asked_head"].popitem()
    (less,) = read_snapshots(json.dumps(content).encode(), "snapshot.json")
    with pytest.raises(Exception, match="it was taken with other policies"):
        judge_snapshot(less, policies)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in list(inner)[:4]:
            yield from _places(item, (*path, key))


def test_no_change_of_the_file_breaks_the_reader(
    snapshot: Snapshot, policies: tuple[Policy, ...]
) -> None:
    """Whatever stands in the file: it is read and can be judged, or refused with a message."""
    original = json.loads(write_snapshots([snapshot]))
    few = tuple(p for p in policies if p.pack in ("destructive", "access"))
    refused = judged = 0
    for path in _places(original):
        for value in (None, -1, "\ud800 `x`", [], [[]], {}, {"is": "Table"}, True, 1.5):
            changed = copy.deepcopy(original) if path else value
            if path:
                at = changed
                for key in path[:-1]:
                    at = at[key]
                at[path[-1]] = value
            try:
                (found,) = read_snapshots(json.dumps(changed).encode(), "snapshot.json")
            except SnapshotError as error:
                assert error.message.startswith("snapshot.json: ")  # noqa: PT017
                refused += 1
                continue
            judged += 1
            try:
                outcome = judge_snapshot(found, few)
            except GatekeeperError as error:
                assert "other policies" in error.message  # noqa: PT017
                continue
            render_json(alone(outcome))
            render_markdown(outcome)
    assert refused > judged > 0


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("plan", "base"), 1),
        (("plan", "more"), "x"),
        (("plan", "revisions"), "abc"),
        (("statements", 0, "number"), "1"),
        (("statements", 0, "number"), True),
        (("facts", "head", "tables", 0), []),
        (("facts", "head", "nothing"), []),
        (("facts", "head", "columns", 0, 2), "exploded"),  # a word that `change` does not know
        (("changes", 0, "before"), {"is": "Nothing"}),
        (("after", "tables", 0, "oid"), 1.5),
    ],
)
def test_what_no_snapshot_holds_is_refused(
    snapshot: Snapshot, path: tuple[Any, ...], value: Any
) -> None:
    content = json.loads(write_snapshots([snapshot]))
    at = content["snapshots"][0]
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    with pytest.raises(SnapshotError, match=r"snapshot\.json: not a snapshot"):
        read_snapshots(json.dumps(content).encode(), "snapshot.json")


@pytest.mark.parametrize("data", [b"", b"\xff", b"NaN", b"{}", b"[1]", b"[" * 200_000])
def test_what_is_not_json_of_ours_is_refused(data: bytes) -> None:
    with pytest.raises(SnapshotError):
        read_snapshots(data, "snapshot.json")
