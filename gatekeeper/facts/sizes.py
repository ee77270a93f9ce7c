"""How large tables are in production, by what the statistics file says."""

from collections.abc import Iterable, Mapping

from gatekeeper.model.schema import Schema


class Sizes:
    """Row counts by table oid. Tables are known by what the base calls them."""

    def __init__(self, before: Schema, rows: Mapping[str, int | None]) -> None:
        self._rows: dict[int, int | None] = {t.oid: rows.get(t.subject) for t in before.tables}
        self._rows |= {v.oid: rows.get(v.subject) for v in before.views if v.is_materialized}

    def of(self, table: int) -> int | None:
        """Give a table's rows: 0 when production has no such table yet, None when unknown."""
        return self._rows.get(table, 0)

    def largest(self, tables: Iterable[int]) -> int | None:
        """Give the rows of the largest of some tables, 0 of none: unknown when one of them is."""
        counts = [self.of(table) for table in tables]
        known = [count for count in counts if count is not None]
        return max(known, default=0) if len(known) == len(counts) else None
