"""Rows of the base that hold in the head as well: most of a schema is as it was."""

from collections.abc import Iterable

from gatekeeper.facts.impact import Impact
from gatekeeper.facts.rows import Row, inferred
from gatekeeper.facts.world import World
from gatekeeper.model.change import Change
from gatekeeper.model.schema import Column, Constraint, Index, SchemaObject

_Part = Column | Constraint | Index  # what most rows are of


class Unchanged:
    """The rows of parts of tables that nothing changed; base and head share them.

    A row also tells of the table, of its indexes and keys, so these must be the same, too. What a
    row tells of the rest of the schema is looked up again.
    """

    def __init__(self, old: World, new: World, changes: Iterable[Change], impact: Impact) -> None:
        self._new = new
        self._changed = {change.ident for change in changes}
        self._tables = {
            oid
            for oid, table in new.tables.items()
            if impact.touching(oid) is None
            and old.tables.get(oid) == table
            and old.indexes.get(oid) == new.indexes.get(oid)
            and old.foreign_keys.get(oid) == new.foreign_keys.get(oid)
            and old.primary_keys.get(oid) == new.primary_keys.get(oid)
        }
        self._rows: dict[tuple[str, int, int], tuple[SchemaObject, str, Row]] = {}

    def keep(self, thing: SchemaObject, table: str, row: Row) -> None:
        """Remember the row of an object of the base."""
        if isinstance(thing, _Part) and thing.table_oid in self._tables:
            self._rows[thing.ident] = (thing, table, row)

    def row(self, thing: SchemaObject) -> tuple[str, Row] | None:
        """Give the fact table and the row of an object of the head, if the base's row says it."""
        was, table, row = self._rows.get(thing.ident, (None, "", {}))
        if was != thing or thing.ident in self._changed:
            return None
        if isinstance(thing, Column) and not inferred(self._new, thing).items() <= row.items():
            return None
        return table, row
