"""Which tables an entity-relationship diagram draws, with which columns and lines."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from gatekeeper.model.change import Change
from gatekeeper.model.schema import Column, Constraint, ForeignKey, Schema, Table
from gatekeeper.report.diagram import owner_of, touched_tables

_MOST_NEIGHBOURS = 12  # tables that refer to what changed
_MOST_ROWS = 14
_SIGNS = {"added": "+", "dropped": "−"}  # noqa: RUF001 - the sign of a difference


@dataclass(frozen=True, slots=True)
class Row:
    """A column. `sign`: what happened to it; `target`: the table it refers to, if not drawn."""

    name: str
    type: str
    mark: str = ""  # PK, FK
    sign: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A table. `state`: added, dropped, changed, or empty; `hidden` columns are not shown."""

    subject: str
    state: str
    rows: tuple[Row, ...]
    hidden: int = 0
    findings: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A foreign key from a column of `child` to one of `parent`. `state` as of a box."""

    child: str
    parent: str
    columns: tuple[str, ...]
    references: tuple[str, ...]
    title: str
    state: str = ""
    is_optional: bool = False
    is_single: bool = False  # at most one row refers to each


@dataclass(frozen=True, slots=True)
class Drawing:
    """What one diagram shows."""

    boxes: tuple[Box, ...] = ()
    lines: tuple[Line, ...] = ()


def changed_tables(after: Schema, changes: tuple[Change, ...]) -> Drawing:
    """Draw what a pull request changed, and the tables beside it."""
    touched = touched_tables(changes)
    return _Selection(after, changes).draw(touched, beside=True)


def all_tables(schema: Schema, findings: dict[str, int]) -> Drawing:
    """Draw a whole schema; partitions stand for their parent. `findings` are counts by table."""
    names = {t.subject for t in schema.tables if t.parent is None}
    return _Selection(schema, (), findings).draw(names)


class _Selection:
    def __init__(
        self, after: Schema, changes: tuple[Change, ...], findings: dict[str, int] | None = None
    ) -> None:
        self._findings = findings or {}
        self._changes = changes
        self._existing = {t.subject: t for t in after.tables}
        self._news = {c.ident: c.verb for c in changes}
        dropped = [c.before for c in changes if c.verb == "dropped"]
        self._keys = [*after.foreign_keys, *(k for k in dropped if isinstance(k, ForeignKey))]
        self._columns: dict[str, list[Column]] = defaultdict(list)
        for column in (*after.columns, *(c for c in dropped if isinstance(c, Column))):
            self._columns[owner_of(column)].append(column)
        self._referring = {(owner_of(k), name) for k in self._keys for name in k.columns}
        self._primary: set[tuple[str, str]] = set()
        self._unique: set[tuple[str, tuple[str, ...]]] = set()
        gone = (c for c in dropped if isinstance(c, Constraint))
        for constraint in (*after.constraints, *gone):
            if constraint.constraint_type in ("primary_key", "unique"):
                self._unique.add((owner_of(constraint), tuple(sorted(constraint.columns))))
            if constraint.constraint_type == "primary_key":
                self._primary |= {(owner_of(constraint), name) for name in constraint.columns}

    def draw(self, touched: set[str], *, beside: bool = False) -> Drawing:
        drawn = set(touched)
        if beside:
            drawn |= {k.references_table for k in self._keys if owner_of(k) in touched}
            others = sorted({owner_of(k) for k in self._keys if k.references_table in touched})
            drawn |= set([name for name in others if name not in drawn][:_MOST_NEIGHBOURS])
        keys = [k for k in self._keys if owner_of(k) in drawn and k.references_table in drawn]
        named = self._referring | {
            (k.references_table, n) for k in keys for n in k.references_columns
        }
        outside = {
            (owner_of(k), n): k.references_table
            for k in self._keys
            for n in k.columns
            if k.references_table not in drawn
        }
        boxes = (self._box(name, name in touched, named, outside) for name in sorted(drawn))
        return Drawing(tuple(boxes), tuple(sorted(map(self._line, keys), key=_by_name)))

    def _box(
        self,
        subject: str,
        is_touched: bool,
        named: set[tuple[str, str]],
        outside: dict[tuple[str, str], str],
    ) -> Box:
        own = sorted(self._columns[subject], key=lambda c: c.number)
        state = self._state(subject, is_touched)
        wanted = [c for c in own if (subject, c.name) in self._primary | named or self._sign(c)]
        if state in ("added", "dropped") or not wanted:
            wanted = own
        shown = wanted[:_MOST_ROWS]
        rows = tuple(
            Row(
                column.name,
                column.data_type,
                self._mark(subject, column.name),
                self._sign(column) if state != "dropped" else "",
                outside.get((subject, column.name), ""),
            )
            for column in shown
        )
        return Box(subject, state, rows, len(own) - len(shown), self._findings.get(subject, 0))

    def _mark(self, subject: str, name: str) -> str:
        if (subject, name) in self._primary:
            return "PK"
        return "FK" if (subject, name) in self._referring else ""

    def _state(self, subject: str, is_touched: bool) -> str:
        table = self._existing.get(subject)
        if table is None:
            return "dropped"
        if self._news.get(table.ident) == "added":
            return "added"
        return "changed" if is_touched and self._changes else ""

    def _sign(self, thing: Column | ForeignKey | Table) -> str:
        verb = self._news.get(thing.ident)
        return "" if verb is None else _SIGNS.get(verb, "~")

    def _line(self, key: ForeignKey) -> Line:
        owner = owner_of(key)
        required = {c.name for c in self._columns[owner] if c.not_null}
        title = (
            f"{owner} ({', '.join(key.columns)}) → {key.references_table}"
            f" ({', '.join(key.references_columns)}), on delete {key.on_delete}"
        )
        verb = self._news.get(key.ident, "")
        return Line(
            owner,
            key.references_table,
            key.columns,
            key.references_columns,
            title,
            verb if verb in _SIGNS else "",
            is_optional=not set(key.columns) <= required,
            is_single=(owner, tuple(sorted(key.columns))) in self._unique,
        )


def _by_name(line: Line) -> tuple[str, str, tuple[str, ...], str]:
    return line.child, line.parent, line.columns, line.title


def subset(drawing: Drawing, names: Iterable[str]) -> Drawing:
    """Give a part of a drawing. A column that refers to a table outside of it says so."""
    inside = set(names)
    outside = {
        (line.child, name): line.parent
        for line in drawing.lines
        for name in line.columns
        if line.child in inside and line.parent not in inside
    }
    boxes = tuple(
        Box(
            box.subject,
            box.state,
            tuple(
                Row(r.name, r.type, r.mark, r.sign, outside.get((box.subject, r.name), r.target))
                for r in box.rows
            ),
            box.hidden,
            box.findings,
        )
        for box in drawing.boxes
        if box.subject in inside
    )
    lines = tuple(li for li in drawing.lines if li.child in inside and li.parent in inside)
    return Drawing(boxes, lines)
