"""What the names in SQL text stand for: the entries of FROM and the columns they give."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from gatekeeper.access.lineage_traced import Sources, UnreadableError, merge, union

_SYSTEM_COLUMNS = {"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"}


@dataclass(slots=True)
class Rows:
    """What a query or an entry of FROM gives.

    `rest` is what a column may hold that is not listed; `row` is the whole row, if that is more
    than all the columns; `is_open`: nobody can say how many columns there are.
    """

    columns: list[tuple[str, Sources]]
    rest: Sources | None = None
    row: Sources | None = None
    is_open: bool = False

    def named(self, name: str) -> Sources | None:
        found = [sources for column, sources in self.columns if column == name]
        return union(found) if found else None

    def whole(self) -> Sources:
        return self.row or union([*(s for _, s in self.columns), self.rest or {}])

    def renamed(self, names: list[str]) -> "Rows":
        """Give the rows under the names of an alias; it may name fewer columns than there are."""
        if self.is_open:
            named = [(name, self.rest or {}) for name in names]
            return Rows(named, self.rest, self.row, self.is_open)
        columns = [
            (names[i] if i < len(names) else name, sources)
            for i, (name, sources) in enumerate(self.columns)
        ]
        return Rows(columns, self.rest, self.row)


@dataclass(slots=True)
class Entry:
    """One entry of FROM, called `name`; `schema` is what a table may be qualified with."""

    name: str
    rows: Rows
    schema: str | None = None


@dataclass(slots=True)
class Scope:
    """The names one query can use, and those of the queries around it."""

    outer: "Scope | None" = None
    queries: Mapping[str, Rows] = field(default_factory=dict)  # WITH
    entries: list[Entry] = field(default_factory=list)
    merged: dict[str, Sources] = field(default_factory=dict)  # by USING and NATURAL
    outputs: list[tuple[str, Sources]] = field(default_factory=list)  # for ORDER BY

    def around(self) -> "Iterable[Scope]":
        """Give this scope and those around it, the innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

    def has(self, name: str) -> bool:
        """Say whether a column is called so: email(users) is another way to write users.email."""
        every = (entry.rows.named(name) for scope in self.around() for entry in scope.entries)
        return any(found is not None for found in every)

    def column(self, name: str, variables: Mapping[str, Sources]) -> Sources:
        """Give what an unqualified name stands for.

        Raises UnreadableError when it stands for nothing.
        """
        maybe: list[Sources] = []  # what entries hold whose columns are not known by name
        for scope in self.around():
            if name in scope.merged:
                return union([*maybe, scope.merged[name]])
            found = [entry.rows.named(name) for entry in scope.entries]
            if any(f is not None for f in found):
                return union([*maybe, *(f for f in found if f is not None)])
            maybe += [e.rows.rest for e in scope.entries if e.rows.rest is not None]
        for scope in self.around():
            if rows := [e.rows.whole() for e in scope.entries if e.name == name]:
                return union([*maybe, *rows])
            if outputs := [sources for output, sources in scope.outputs if output == name]:
                return union([*maybe, *outputs])
        if name in variables:
            return union([*maybe, variables[name]])
        if maybe or name in _SYSTEM_COLUMNS:
            return union(maybe)
        raise UnreadableError(f"it is not known what {name} means in it")

    def qualified(self, path: list[str], variables: Mapping[str, Sources]) -> Sources:
        """Give what a name with dots stands for; `*` at its end is the whole row."""
        *before, owner, name = path
        for scope in self.around():
            for entry in scope.entries:
                if entry.name == owner and (not before or entry.schema == before[-1]):
                    return _column_of(entry, name)
        if path[0] in variables:
            return variables[path[0]]
        raise UnreadableError(f"it is not known what {'.'.join(path)} means in it")


def _column_of(entry: Entry, name: str) -> Sources:
    rows = entry.rows
    if name == "*":
        return rows.whole()
    found = rows.named(name)
    if found is None and rows.rest is None and name not in _SYSTEM_COLUMNS:
        raise UnreadableError(f"it is not known what {entry.name}.{name} means in it")
    return found if found is not None else rows.rest or {}


def join(left: Rows, right: Rows, node: exp.Join, scope: Scope) -> tuple[Rows, Sources]:
    """Give the columns of a join as `*` gives them, and those that USING compares.

    What USING merges is noted in the scope.
    """
    names = [folded(n) for n in node.args.get("using") or ()]
    if node.method == "NATURAL":
        if left.is_open or right.is_open:
            raise UnreadableError("it joins by columns whose names are not known")
        names = [name for name, _ in left.columns if right.named(name) is not None]
    merged: list[tuple[str, Sources]] = []
    compared: Sources = {}
    for name in dict.fromkeys(names):
        merge(compared, union(_merged(side, name) for side in (left, right)))
        sides = {"RIGHT": [right], "FULL": [left, right]}.get(node.side, [left])
        merged.append((name, union(_merged(side, name) for side in sides)))
    scope.merged.update(merged)
    others = [(n, s) for n, s in (*left.columns, *right.columns) if n not in names]
    rest = [r for r in (left.rest, right.rest) if r is not None]
    is_open = left.is_open or right.is_open
    return Rows([*merged, *others], union(rest) if rest else None, None, is_open), compared


def _merged(rows: Rows, name: str) -> Sources:
    found = rows.named(name)
    return found if found is not None else rows.rest or {}


def folded(identifier: exp.Expr | None) -> str:
    """Give an identifier as PostgreSQL understands it: in small letters unless quoted."""
    if identifier is None:
        return ""
    quoted = isinstance(identifier, exp.Identifier) and identifier.args.get("quoted")
    return identifier.name if quoted else identifier.name.lower()
