"""The matrix for people: what one role can do with one relation or function, in rows.

Superusers have no rows, they can do everything; PUBLIC is a role here. What a role was granted and
cannot use has none either, nor has a view that is only a step on the way to a table.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gatekeeper.access.cells import Cells, Thing, matrix
from gatekeeper.access.difference import difference
from gatekeeper.access.effective import UNTRACED, Access, Held
from gatekeeper.access.grades import Exposure, Grade, Rows
from gatekeeper.access.paths import Path, Paths
from gatekeeper.access.wanted import PRIVILEGES, Wanted, role_subject
from gatekeeper.model.names import quoted
from gatekeeper.model.relations import Ident
from gatekeeper.model.security import SecuredFunction

_EXPOSED = {
    Exposure.DERIVED: "derived",
    Exposure.UNTRACED: "untraced",
    Exposure.CONDITION: "condition",
}
_ROWS = {Rows.SOME: "some-rows", Rows.NONE: "no-rows"}
LIMITS = (*_EXPOSED.values(), *_ROWS.values(), "set-role")

_DOORS = ("view", "materialized view", "definer function", "parent")


@dataclass(frozen=True, slots=True)
class Entry:
    """What one role can do with a thing, in one way of being able.

    `columns` are names as SQL writes them, none where the whole is meant; they are all if they are
    `table_columns`, which are empty when columns were left out. `limits` are words of LIMITS.
    `through`: not by its own name, but by way of a view, function or parent.
    """

    role: str
    thing: str
    kind: str
    privilege: str
    limits: tuple[str, ...]
    columns: tuple[str, ...]
    table_columns: tuple[str, ...] = ()
    through: bool = False
    ways: tuple[str, ...] = ()

    @property
    def is_step(self) -> bool:
        """Say whether it is a view that leads to a table, which is listed itself."""
        return self.through and self.kind == "view"

    @property
    def is_all(self) -> bool:
        return self.columns == self.table_columns


@dataclass(frozen=True, slots=True)
class Changed:
    """A row that a role gained or lost; `change` has the words of AccessChange."""

    change: str
    entry: Entry


def entries(
    access: Access, wanted: Wanted, classes: Mapping[Ident, str] | None = None
) -> tuple[Entry, ...]:
    """Give the rows of one state; `classes` says of which class columns are."""
    lister = _Lister(access, wanted, classes or {})
    roles = {r.oid for r in access.graph.subjects if wanted.has_role(r) and not r.is_superuser}
    things = {oid for oid, thing in access.objects.items() if wanted.has_thing(thing)}
    found = matrix(access, roles=roles, things=things)
    rows = (entry for cells in found for entry in lister.of(cells) if not entry.is_step)
    return tuple(sorted(rows, key=_order))


def changes(
    before: Access, after: Access, wanted: Wanted, classes: Mapping[Ident, str] | None = None
) -> tuple[Changed, ...]:
    """Give the rows that roles gained or lost between two states of one database."""
    lister = _Lister(after, wanted, classes or {})
    found: list[Changed] = []
    for change in difference(before, after):
        cells = change.cells
        if cells.role.is_superuser or not wanted.has_role(cells.role):
            continue
        if not wanted.has_thing(cells.thing):
            continue
        other = change.before if change.change in ("gained", "widened") else change.after
        for grade in sorted(cells.worth, reverse=True):
            if not any(o.covers(grade) for o in other) or cells.worth == other:
                ways = tuple(map(_way, change.paths))
                through = bool(change.paths) and change.paths[0].steps[-1].kind in _DOORS
                names = lister.columns(cells)
                if names is not None:
                    entry = lister.entry(cells, grade, names, through=through, ways=ways)
                    found.append(Changed(change.change, entry))
    kept = (one for one in found if not one.entry.is_step)
    return tuple(sorted(kept, key=lambda one: (_order(one.entry), one.change)))


def untraced_elsewhere(access: Access, wanted: Wanted) -> dict[str, list[str]]:
    """Give what could not be traced and is not among the rows, with the roles that can use it.

    It may be a way to what the rows are about.
    """
    found: dict[str, list[str]] = {}
    if not wanted.things and not wanted.privileges:
        return found
    roles = {r.oid for r in access.graph.subjects if wanted.has_role(r) and not r.is_superuser}
    for cells in matrix(access, roles=roles):
        is_there = wanted.has_thing(cells.thing) and wanted.has_privilege(UNTRACED, cells.thing)
        if cells.privilege == UNTRACED and cells.worth and not is_there:
            users = found.setdefault(cells.thing.subject, [])
            if role_subject(cells.role) not in users:
                users.append(role_subject(cells.role))
    return found


@dataclass(slots=True)
class _Lister:
    access: Access
    wanted: Wanted
    classes: Mapping[Ident, str]
    _paths: Paths = field(init=False)
    _held: tuple[int, dict[int, Held]] = field(init=False, default=(-1, {}))

    def __post_init__(self) -> None:
        self._paths = Paths(self.access)

    def of(self, cells: Cells) -> Iterator[Entry]:
        """Give the rows for cells: one for each worth, and for columns with other ways."""
        names = self.columns(cells)
        if names is None or not cells.worth:
            return
        own = self.access.entry(cells.role.oid, cells.thing)
        for grade in sorted(cells.worth, reverse=True):
            same: dict[tuple[bool, tuple[str, ...]], list[tuple[int, str]]] = {}
            for number, name in names or [(0, "")]:
                through = _is_through(own, cells.privilege, number, grade)
                ways = self._ways(cells, number, grade) if self.wanted.ways else ()
                same.setdefault((through, ways), []).append((number, name))
            for (through, ways), some in same.items():
                columns = [pair for pair in some if pair[0]]
                yield self.entry(cells, grade, columns, through=through, ways=ways)

    def columns(self, cells: Cells) -> list[tuple[int, str]] | None:
        """Give the columns that are wanted, or None when the cells are not."""
        if not self.wanted.has_privilege(cells.privilege, cells.thing):
            return None
        # What is untraced may show any column, of any class: it is never left out.
        if not self.wanted.some_columns or cells.privilege == UNTRACED:
            return list(cells.columns)
        kept = [
            (number, name)
            for number, name in cells.columns
            if self.wanted.has_column(cells.thing, name, self._class(cells.thing, number))
        ]
        return kept or None

    def entry(
        self,
        cells: Cells,
        grade: Grade,
        columns: list[tuple[int, str]],
        *,
        through: bool,
        ways: tuple[str, ...],
    ) -> Entry:
        thing = cells.thing
        whole: tuple[str, ...] = ()
        if not isinstance(thing, SecuredFunction) and columns and not self.wanted.some_columns:
            whole = tuple(map(quoted, thing.columns.values()))
        return Entry(
            role_subject(cells.role),
            thing.subject,
            "function" if isinstance(thing, SecuredFunction) else thing.relation_kind,
            cells.privilege,
            limits_of(grade, cells.privilege),
            tuple(quoted(name) for _, name in columns),
            whole,
            through,
            ways,
        )

    def _ways(self, cells: Cells, number: int, grade: Grade) -> tuple[str, ...]:
        role, thing = cells.role.oid, cells.thing.oid
        if self._held[0] != role:
            self._held = (role, self.access.held(role))
        # Columns that are held with the whole relation are held in the same way.
        held = self._held[1].get(thing, {})
        place = number if (cells.privilege, number) in held else 0
        found = self._paths.find(role, thing, cells.privilege, place)
        right = [p for p in found if limits_of(p.grade, "") == limits_of(grade, "")]
        return tuple(dict.fromkeys(map(_way, right or found)))

    def _class(self, thing: Thing, number: int) -> str | None:
        return self.classes.get((thing.catalog, thing.oid, number))


def limits_of(grade: Grade, privilege: str) -> tuple[str, ...]:
    """Give the words for what keeps a grade from being everything."""
    exposure = _EXPOSED.get(grade.exposure)
    if privilege == UNTRACED and exposure == "untraced":
        exposure = None  # the privilege says so
    words = (exposure, _ROWS.get(grade.rows), None if grade.is_own else "set-role")
    return tuple(word for word in words if word)


def _is_through(own: Held, privilege: str, number: int, grade: Grade) -> bool:
    if privilege == UNTRACED or not grade.is_own:
        return False
    mine = (*own.get((privilege, 0), ()), *own.get((privilege, number), ()))
    return not any(one.covers(grade) for one in mine)


def _way(path: Path) -> str:
    policies = ", ".join(map(quoted, path.policies))
    return f"{path} [row policies: {policies}]" if policies else str(path)


def _order(entry: Entry) -> tuple[bool, str, str, int, tuple[str, ...], tuple[str, ...]]:
    place = PRIVILEGES.index(entry.privilege)
    return (
        entry.role != "PUBLIC", entry.role, entry.thing, place, entry.limits, entry.columns,
    )  # fmt: skip
