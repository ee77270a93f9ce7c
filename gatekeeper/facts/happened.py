"""The rows of what happened: statements, what they wrote, and the revisions they came from."""

import re
from collections import Counter
from collections.abc import Iterator

from gatekeeper.facts.impact import Impact
from gatekeeper.facts.revisions import revision_rows
from gatekeeper.facts.sql_ddl import read_ddl
from gatekeeper.facts.writes import Writes
from gatekeeper.model.change import Change
from gatekeeper.model.evidence import Evidence, Statement

Row = dict[str, object]


class Happened:
    """What the evidence says, as rows of fact tables."""

    def __init__(
        self, evidence: Evidence, changes: tuple[Change, ...], impact: Impact, writes: Writes
    ) -> None:
        self._evidence = evidence
        self._impact = impact
        self._writes = writes
        self._transactions = impact.transactions()
        self._places = _places_in_files(evidence.statements)
        self._changes = Counter(change.statement for change in changes)

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Give (fact table, row) pairs."""
        tables = self._writes.tables()
        for statement in self._evidence.statements:
            row = self._statement(statement)
            yield "statements", row | {"writes_table": tables.get(statement.number)}
        for row in self._writes.rows(self._transactions):
            yield "writes", row
        yield from revision_rows(self._evidence)

    def _statement(self, statement: Statement) -> Row:
        name = (statement.file or statement.revision or "sql").rpartition("/")[2]
        is_last = statement is self._evidence.statements[-1]
        ddl = read_ddl(statement.sql)
        return {
            "subject": f"{name}#{self._places[statement.number]}",
            "number": statement.number,
            "kind": _kind(statement.sql, self._impact.tag(statement.number)),
            "sql": statement.sql,
            "revision": statement.revision,
            "file": statement.file,
            "line": statement.line,
            "autocommit": statement.autocommit,
            "transaction_number": self._transactions.get(statement.number),
            **self._impact.of_statement(statement.number),
            "target": ddl.target,
            "unqualified_names": ", ".join(ddl.unqualified) or None,
            "lacks_guard": ddl.lacks_guard,
            "refused": self._evidence.refused if is_last else None,
            "changes": self._changes[statement.number],
        }


def _places_in_files(statements: tuple[Statement, ...]) -> dict[int, int]:
    """Number each file's statements from 1, so that other files do not matter."""
    counts: Counter[str | None] = Counter()
    places: dict[int, int] = {}
    for statement in statements:
        counts[statement.file] += 1
        places[statement.number] = counts[statement.file]
    return places


def _kind(text: str, tag: str | None) -> str:
    """Name a statement's command: the server's tag, or else its first word."""
    if tag is not None:
        return tag.lower()
    word = re.match(r"(?:\s+|--[^\n]*\n|/\*.*?\*/)*([A-Za-z]+)", text, re.DOTALL)
    return word[1].lower() if word else "unknown"
