"""Builds the fact tables of base and head from two schemas, their changes and the evidence."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gatekeeper.facts.access_rows import changed_values
from gatekeeper.facts.happened import Happened
from gatekeeper.facts.impact import Impact
from gatekeeper.facts.reach import Columns, Reach, reach_rows
from gatekeeper.facts.rows import Row, counted, rows_of, table_of
from gatekeeper.facts.sizes import Sizes
from gatekeeper.facts.unchanged import Unchanged
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.facts.world import World
from gatekeeper.facts.writes import Writes
from gatekeeper.model.change import Change
from gatekeeper.model.evidence import Evidence
from gatekeeper.model.schema import (
    Column,
    Constraint,
    ForeignKey,
    Grant,
    Ident,
    Index,
    Role,
    RowPolicy,
    Schema,
    SchemaObject,
    Table,
    View,
)

IDENT = "_ident"  # a row's identity across renames; no policy sees it

FactRows = dict[str, list[Row]]

# By table: a row of nothing, in the order of the columns; and what is false where nothing is said.
_NOTHING: dict[str, Row] = {n: dict.fromkeys(c.name for c in t.columns) for n, t in TABLES.items()}
_FLAGS = {
    name: [c.name for c in table.columns if c.type == "boolean" and not c.null_is_unknown]
    for name, table in TABLES.items()
}


@dataclass(frozen=True, slots=True)
class Facts:
    """The rows of every fact table, of the base and of the head.

    `asked_base` and `asked_head` are what `catalog_query:` policies were answered, by their SQL.
    """

    base: FactRows = field(default_factory=dict)
    head: FactRows = field(default_factory=dict)
    asked_base: FactRows = field(default_factory=dict)
    asked_head: FactRows = field(default_factory=dict)


def build_facts(
    before: Schema,
    after: Schema,
    changes: tuple[Change, ...],
    evidence: Evidence,
    conversions: dict[Ident, str] | None = None,
    row_counts: Mapping[str, int | None] | None = None,
    reach: Reach | None = None,
) -> Facts:
    """Build the facts. `conversions` says of changed columns what happens to their values.

    `row_counts` are the rows that tables have in production, by subject in the base; `reach` is
    what changed in effective access.
    Rows of the head also stand for what was dropped, with `change` dropped and its last values.
    """
    sizes = Sizes(before, row_counts or {})
    builder = _Builder(before, after, changes, evidence, conversions or {}, sizes, reach or Reach())
    return Facts(base=builder.base(), head=builder.head())


class _Builder:
    def __init__(
        self,
        before: Schema,
        after: Schema,
        changes: tuple[Change, ...],
        evidence: Evidence,
        conversions: dict[Ident, str],
        sizes: Sizes,
        reach: Reach,
    ) -> None:
        self._old, self._new = World(before), World(after)
        self._changes = changes
        self._conversions = conversions
        self._sizes = sizes
        self._reach = reach
        self._classes = Columns(reach.data, before, after)
        self._impact = Impact(evidence, before, sizes)
        self._unchanged = Unchanged(self._old, self._new, changes, self._impact)
        self._writes = Writes.of(evidence, self._old, self._new, sizes)
        self._happened = Happened(evidence, changes, self._impact, self._writes)
        self._old_idents = {
            thing.ident for objects in before.objects().values() for thing in objects
        }
        self._old_views = {view.subject: view for view in before.views}
        self._old_indexes = {index.subject: index for index in before.indexes}
        self._statements = {s.number: s for s in evidence.statements}
        self._of_tables: dict[tuple[int, int | None], Row] = {}
        self._by_ident: dict[Ident, list[Change]] = {}
        self._taken: dict[str, Counter[str]] = {}
        for change in changes:
            self._by_ident.setdefault(change.ident, []).append(change)
            if change.part_of is not None and change.after is None:
                kind = change.kind.partition(".")[0].replace("_", " ")
                self._taken.setdefault(change.part_of, Counter())[kind] += 1

    def base(self) -> FactRows:
        rows: FactRows = {name: [] for name in TABLES}
        for objects in self._old.schema.objects().values():
            for thing in objects:
                table_oid = table_of(thing)
                for table, row in rows_of(self._old, thing):
                    if table_oid:
                        row["row_count"] = self._sizes.of(table_oid)
                    if isinstance(thing, Column):
                        row |= self._classes.row(thing)
                    finished = self._finish(table, row, thing.ident)
                    self._unchanged.keep(thing, table, finished)
                    rows[table].append(finished)
        return rows

    def head(self) -> FactRows:
        rows: FactRows = {name: [] for name in TABLES}
        for objects in self._new.schema.objects().values():
            for thing in objects:
                known = self._unchanged.row(thing)
                if known is None:
                    self._add(rows, self._new, thing)
                else:
                    rows[known[0]].append(known[1])
        for change in self._changes:
            if change.after is None and change.before is not None:
                self._add(rows, self._old, change.before)
        rows["changes"] = [self._finish("changes", *self._change(c)) for c in self._changes]
        for row, ident in reach_rows(self._reach, self._classes, self._changes, self._place):
            rows["access"].append(self._finish("access", row, ident))
        for place, (name, row) in enumerate(self._happened.rows()):
            rows[name].append(self._finish(name, row, (name, place, 0)))
        return rows

    def _add(self, rows: FactRows, world: World, thing: SchemaObject) -> None:
        changes = self._by_ident.get(thing.ident, ())
        statement = next((c.statement for c in changes if c.statement is not None), None)
        table_oid = table_of(thing)
        for name, row in rows_of(world, thing):
            if changes:
                row |= self._changed(thing, changes)
            if name == "tables":
                row["rewritten"] = self._rewritten(thing)
                statement = statement or self._impact.touching(thing.oid)
                if row["rewritten"]:
                    statement = statement or self._impact.excluding(thing.oid)
            if isinstance(thing, Index):
                row["rebuilt"] = self._rebuilt(thing, row)
                if row["rebuilt"]:
                    statement = statement or self._impact.touching(table_oid)
            row |= self._place(statement or self._impact.touching(table_oid))
            if table_oid:
                row |= self._of_table(table_oid, statement)
            if name == "foreign_keys" and isinstance(thing, ForeignKey):
                row["references_is_new"] = thing.references_oid not in self._old.tables
            if name in ("constraints", "foreign_keys"):
                row["validated_at_once"] = self._impact.validated_at_once(thing.oid)
            if name == "constraints" and row.get("change") == "dropped":
                assert isinstance(thing, Constraint | ForeignKey)  # noqa: S101 - rows_of() says so
                row["replaced_by"] = self._new.successor(thing, self._old)
            if isinstance(thing, View):
                was = self._old_views.get(thing.subject, thing)
                gone = [name for name in was.columns if name not in thing.columns]
                row["columns_removed"] = ", ".join(gone) or None
            if isinstance(thing, Column):
                row |= self._column(thing, changes) | self._classes.row(thing)
            if isinstance(thing, Table):
                row["row_security_dropped"] = self._lost_row_security(thing)
            if isinstance(thing, Grant):
                row["object_is_new"] = thing.object_ident not in self._old_idents
            if isinstance(thing, Role | RowPolicy) and changes:
                row |= changed_values(changes[0].before, changes[0].after)
            rows[name].append(self._finish(name, row, thing.ident))

    def _lost_row_security(self, table: Table) -> bool:
        was, now = self._old.tables.get(table.oid), self._new.tables.get(table.oid)
        return was is not None and now is not None and was.row_security and not now.row_security

    def _rewritten(self, thing: SchemaObject) -> bool:
        """Say whether a table has other files than before, and its rows are in them.

        ALTER TABLE says so itself; CLUSTER, VACUUM FULL and SET TABLESPACE do not.
        """
        if self._impact.rewriting(thing.oid) is not None:
            return True
        return not (self._has_its_files(thing.oid) or self._writes.truncates(thing.oid))

    def _has_its_files(self, table: int) -> bool:
        was, now = self._old.tables.get(table), self._new.tables.get(table)
        return was is None or now is None or was.filenode == now.filenode

    def _rebuilt(self, index: Index, row: Row) -> bool:
        """Say whether an index has other files than before; its oid may have changed, too."""
        was = self._old_indexes.get(index.subject)
        return (
            was is not None
            and row.get("change") not in ("added", "dropped")
            and was.table_oid == index.table_oid
            and was.filenode != index.filenode
            and self._has_its_files(index.table_oid)
        )

    def _changed(self, thing: SchemaObject, changes: Sequence[Change]) -> Row:
        verbs = {c.verb for c in changes}
        change = next((v for v in ("added", "dropped", "renamed") if v in verbs), None)
        renamed = next((c for c in changes if c.verb == "renamed"), None)
        dropped = next((c for c in changes if c.verb == "dropped"), None)
        taken = self._taken.get(thing.subject) if dropped is not None else None
        row: Row = {
            "change": change or "altered",
            "renamed_from": renamed.before_text if renamed else None,
            "dropped_with": dropped.part_of if dropped else None,
            "cascaded": dropped is not None and dropped.cascaded,
        }
        if isinstance(thing, Table | Column):
            row["takes_along"] = counted(taken) if taken else None
        return row

    def _place(self, statement: int | None) -> Row:
        found = None if statement is None else self._statements.get(statement)
        if found is None:
            return {}
        return {
            "statement": found.number,
            "file": found.file,
            "line": found.line,
            "revision": found.revision,
        }

    def _of_table(self, table: int, statement: int | None) -> Row:
        found = self._of_tables.get((table, statement))
        if found is None:
            found = self._of_tables[table, statement] = {
                "table_is_new": table not in self._old.tables,
                "table_is_dropped": table not in self._new.tables,
                "row_count": self._sizes.of(table),
                **self._impact.on_table(statement, table),
            }
        return found

    def _column(self, column: Column, changes: Sequence[Change]) -> Row:
        row: Row = {}
        for change in changes:
            old, new = change.before, change.after
            if not (isinstance(old, Column) and isinstance(new, Column)):
                continue
            if change.verb == "type_changed":
                row |= {
                    "type_changed": True,
                    "data_type_before": old.data_type,
                    "base_type_before": old.base_type,
                    "conversion": self._conversions.get(column.ident),
                }
            if change.verb == "nullability_changed":
                row["made_required"], row["made_nullable"] = new.not_null, old.not_null
        return row

    def _change(self, change: Change) -> tuple[Row, Ident]:
        row = {
            "subject": change.subject,
            "kind": change.kind,
            "object_kind": change.kind.partition(".")[0],
            "verb": change.verb,
            "before_text": change.before_text,
            "after_text": change.after_text,
            "dropped_with": change.part_of if change.after is None else None,
            "cascaded": change.cascaded,
            **self._place(change.statement),
        }
        return row, change.ident

    def _finish(self, table: str, row: Row, ident: Ident) -> Row:
        complete = _NOTHING[table] | row
        assert len(complete) == len(_NOTHING[table]), (table, row.keys())  # noqa: S101 - no others
        for name in _FLAGS[table]:
            if complete[name] is None:
                complete[name] = False
        complete[IDENT] = f"{ident[0]}:{ident[1]}:{ident[2]}"
        return complete
