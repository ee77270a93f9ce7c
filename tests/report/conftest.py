"""Findings and outcomes made by hand, for every format of the report."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gatekeeper.facts.build import Facts
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.model.change import Change
from gatekeeper.model.evidence import Failure, Revision, Statement
from gatekeeper.model.schema import Column, ForeignKey, Schema, Table
from gatekeeper.policy.load import load_files, pack_files, shipped_folder
from gatekeeper.policy.model import Finding, Policy, Rule
from gatekeeper.report.outcome import Outcome

MakeFinding = Callable[..., Finding]
MakeOutcome = Callable[..., Outcome]

_POLICIES = {policy.id: policy for policy in load_files(pack_files(shipped_folder()))}


@pytest.fixture(scope="session")
def policies() -> Mapping[str, Policy]:
    """Every shipped policy by its id."""
    return _POLICIES


def _finding(policy: str | Policy, name: str = "public.orders", **changed: Any) -> Finding:
    """Make a finding in which every text is `name`."""
    if isinstance(policy, str):
        policy = _POLICIES[policy]
    if isinstance(policy.judge, Rule):
        columns = TABLES[policy.judge.table].columns
        values = {c.name: name if c.type == "text" else 1 for c in columns}
    else:
        numbers = ("line", "statement", "row_count")
        values = {c: 1 if c in numbers else name for c in policy.judge.columns}
    options = {
        key: changed.pop(key)
        for key in ("severity", "failed", "undecided", "unknown")
        if key in changed
    }
    values |= {"change": "dropped", "line": 12, "statement": 1} | policy.params | changed
    severity = options.pop("severity", policy.severity)
    return Finding(policy, name, severity, values, **options)


@pytest.fixture(scope="session")
def finding() -> MakeFinding:
    return _finding


def _outcome(*findings: Finding, name: str = "orders", **options: Any) -> Outcome:
    """Make a review of two tables and one statement, in which every name is `name`."""
    table = Table(1, "public", name)
    column = Column(1, 1, "public", name, name, number=1, data_type=name, default=name)
    key = ForeignKey(
        9, 1, "public", name, name, columns=(name,), references_oid=2,
        references_schema="public", references_name=f"{name}_2", references_columns=(name,),
        definition=name,
    )  # fmt: skip
    changes = (
        Change("table.added", table.subject, table.ident, after=table, statement=1),
        Change("column.added", column.subject, column.ident, after=column, part_of=table.subject),
        Change("foreign_key.added", key.subject, key.ident, after=key, statement=1),
    )
    after = Schema(
        tables=(table, Table(2, "public", f"{name}_2")), columns=(column,), foreign_keys=(key,)
    )
    row = {column.name: None for column in TABLES["statements"].columns} | {
        "subject": name, "number": 1, "kind": name, "sql": name, "revision": name, "file": name,
        "line": 3, "autocommit": False, "locked_table": name, "lock_mode": "AccessExclusiveLock",
        "blocks_reads": True, "blocks_writes": True, "rewritten_table": name,
        "lock_timeout_ms": 0, "statement_timeout_ms": 0, "changes": 2,
    }  # fmt: skip
    values: dict[str, Any] = {
        "verdict": "blocked" if any(f.blocks for f in findings) else "passed",
        "base": name,
        "head": name,
        "changes": changes,
        "revisions": (Revision("0001", "old.py"), Revision(name, name, is_new=True, title=name)),
        "statements": (Statement(1, name, name, 3, name),),
        "facts": Facts(head={"statements": [row]}),
        "after": after,
        "notes": (name,),
        "policy_count": 15,
        "server_version": "18.1",
    }
    return Outcome(findings=findings, **values | options)


@pytest.fixture(scope="session")
def outcome() -> MakeOutcome:
    return _outcome


@pytest.fixture(scope="session")
def failed() -> MakeOutcome:
    """Make a review whose migrations failed, with `name` in everything that is said of it."""

    def make(name: str = "boom", **changed: Any) -> Outcome:
        texts = dict.fromkeys(("message", "revision", "file", "sql", "detail", "hint"), name)
        failure = Failure(**{**texts, "line": 7, "sqlstate": "42P01", **changed})
        return Outcome("undecided", name, name, failure=failure, notes=(name,), policy_count=15)

    return make
