"""Which rows of existing tables the migrations change: one row a statement, table and operation.

That a statement writes to a table the server said; what it says of the rows was read in its text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from gatekeeper.facts.sizes import Sizes
from gatekeeper.facts.sql_writes import Clause, clauses_of
from gatekeeper.facts.tags import tags_of
from gatekeeper.facts.world import World
from gatekeeper.model.evidence import Evidence, Statement

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Write:
    statement: Statement
    operation: str
    table: int
    direct: bool = True  # the statement itself wrote, not a trigger


@dataclass(slots=True)
class Writes:
    """The writes to tables that were there before, from the witness's records."""

    old: World
    new: World
    sizes: Sizes
    found: list[_Write] = field(default_factory=list)

    @classmethod
    def of(cls, evidence: Evidence, old: World, new: World, sizes: Sizes) -> "Writes":
        statements = {s.number: s for s in evidence.statements}
        direct: dict[tuple[int, str, int], bool] = {}
        for event in evidence.events:
            statement = event.statement
            if event.kind != "write" or statement not in statements or statement is None:
                continue
            for item in event.touched:
                key = (statement, event.tag.lower(), item.oid)
                if item.oid in old.tables:
                    direct[key] = direct.get(key, False) or item.by_name
        found = [_Write(statements[n], verb, oid, by) for (n, verb, oid), by in direct.items()]
        return cls(old, new, sizes, sorted(found, key=lambda w: w.statement.number))

    def tables(self) -> dict[int, str]:
        """Give the first table that each statement writes to, by the statement's number."""
        named = [(w.statement.number, self._subject(w.table)) for w in self.found if w.direct]
        return dict(reversed(named))

    def truncates(self, table: int) -> bool:
        """Say whether a table is emptied by TRUNCATE, by whatever way."""
        return any(w.table == table and w.operation == "truncate" for w in self.found)

    def rows(self, transactions: Mapping[int, int]) -> Iterator[Row]:
        """Give the rows of the fact table writes."""
        clauses = cache(clauses_of)
        inserts = (w for w in self.found if w.operation == "insert" and w.direct)
        filled = {w.table: w.statement.number for w in inserts}  # the last one of each
        for write in self.found:
            table = self.new.tables.get(write.table) or self.old.tables[write.table]
            all_clauses = clauses(write.statement.sql)
            own = [c for c in all_clauses if self._means(c, write)]
            yield {
                "subject": table.subject,
                "schema_name": table.schema_name,
                "table_name": table.name,
                "table_subject": table.subject,
                "table_is_dropped": write.table not in self.new.tables,
                "table_is_partition": table.parent is not None,
                "table_tags": tags_of(table.comment),
                "persistence": self.old.tables[write.table].persistence,
                "row_count": self.sizes.of(write.table),
                "operation": write.operation,
                "is_indirect": not write.direct or _is_cascaded(write, all_clauses, own),
                "refilled": filled.get(write.table, 0) > write.statement.number,
                "transaction_number": transactions.get(write.statement.number),
                "statement": write.statement.number,
                "revision": write.statement.revision,
                "file": write.statement.file,
                "line": write.statement.line,
                **self._text(write, own),
            }

    def _subject(self, table: int) -> str:
        return (self.new.tables.get(table) or self.old.tables[table]).subject

    def _means(self, clause: Clause, write: _Write) -> bool:
        """Say whether a clause is about this table, which may have another name by now."""
        worlds = (self.old.tables, self.new.tables)
        names = {tables[write.table].name for tables in worlds if write.table in tables}
        return clause.operation == write.operation and clause.target in names

    def _text(self, write: _Write, clauses: list[Clause]) -> Row:
        """Give what only the text says; nothing when the statement is not in it."""
        if not clauses:
            return {}
        row: Row = {"names_rows": all(self._names_rows(c, write.table) for c in clauses)}
        if write.operation in ("update", "delete"):
            wheres = [c.has_where for c in clauses]
            row["has_where"] = False if False in wheres else None if None in wheres else True
        if write.operation == "update":
            columns = dict.fromkeys(name for c in clauses for name in c.columns)
            row["column_names"] = ", ".join(columns)
            row["overwrites"] = ", ".join(self._overwritten(clauses, write.table))
        return row

    def _names_rows(self, clause: Clause, table: int) -> bool:
        if clause.operation == "insert":
            return clause.lists_rows
        return clause.lists_rows or any(
            index.is_unique and index.predicate is None and set(index.columns) <= set(clause.pinned)
            for index in self.old.indexes.get(table, [])
        )

    def _overwritten(self, clauses: list[Clause], table: int) -> Iterator[str]:
        """Give the columns that held something before, and still do afterwards."""
        stays = {c.number: c.name for c in self.new.columns.get(table, {}).values()}
        for column in self.old.columns.get(table, {}).values():
            name = stays.get(column.number)
            if name is None or column.generated is not None:
                continue
            names = {column.name, name}
            if any(names & (set(c.columns) - set(c.fills)) for c in clauses):
                yield name


def _is_cascaded(write: _Write, clauses: tuple[Clause, ...], own: list[Clause]) -> bool:
    """Say whether TRUNCATE … CASCADE reached a table that the statement does not name."""
    is_truncate = write.operation == "truncate"
    return is_truncate and not own and any(c.operation == "truncate" for c in clauses)
