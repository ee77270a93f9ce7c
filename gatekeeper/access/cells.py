"""The cells of the matrix of roles, privileges and columns, those that are alike in one row."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from gatekeeper.access.direct import BITS, Rights
from gatekeeper.access.effective import UNTRACED, Access, Held, Key, spread
from gatekeeper.access.grades import NO_ACCESS, Exposure, Grade, Grades
from gatekeeper.model.relations import Ident
from gatekeeper.model.security import (
    COLUMN_PRIVILEGES,
    RELATION_PRIVILEGES,
    Role,
    SecuredFunction,
    SecuredRelation,
)

Thing = SecuredRelation | SecuredFunction

_ORDER = (*RELATION_PRIVILEGES, "EXECUTE", UNTRACED)
_BITS = {**BITS, "EXECUTE": 1 << len(BITS), UNTRACED: 0}


@dataclass(frozen=True, slots=True)
class Cells:
    """What one role can do with columns of a relation, or with a whole relation or function.

    `columns` are numbers and names, none where the whole is meant (DELETE, TRUNCATE, TRIGGER,
    MAINTAIN, EXECUTE). The privilege UNTRACED is the use of a function, or of a view's columns,
    of which it is not known what they show. `is_granted`: has_column_privilege() and its sisters
    say yes. An empty `worth` with it: the role still cannot, for lack of USAGE or because a view
    is broken for it.
    """

    role: Role
    thing: Thing
    privilege: str
    columns: tuple[tuple[int, str], ...]
    is_granted: bool
    worth: Grades

    @property
    def idents(self) -> tuple[Ident, ...]:
        """Give the idents of the columns, or that of the relation or function."""
        numbers = [number for number, _ in self.columns] or [0]
        return tuple((self.thing.catalog, self.thing.oid, number) for number in numbers)

    @property
    def best(self) -> Grade | None:
        """Give the grade to show where there is room for one: what is seen counts first."""
        return max(self.worth, default=None)

    @property
    def is_undecided(self) -> bool:
        """Say whether it is not known what is seen, because something could not be traced."""
        return self.best is not None and self.best.exposure is Exposure.UNTRACED


def matrix(
    access: Access,
    *,
    roles: Collection[int] | None = None,
    things: Collection[int] | None = None,
) -> Iterator[Cells]:
    """Give the cells of some roles and some relations or functions, by oid; None: of all.

    PUBLIC is a role here, with oid 0. For the ways of a cell ask `gatekeeper.access.paths`.
    """
    for role in access.graph.subjects:
        if roles is not None and role.oid not in roles:
            continue
        held = access.held(role.oid)
        for oid, thing in access.objects.items():
            if things is None or oid in things:
                yield from _of_thing(access, role, thing, held.get(oid, {}))


def cells(
    access: Access, role: Role, thing: Thing, privilege: str, worth: Grades, numbers: Sequence[int]
) -> Cells:
    """Make the row for columns of which the same is to be said."""
    is_granted = _rights(access, role, thing).has(_BITS[privilege], numbers[0])
    return Cells(role, thing, privilege, _named(thing, numbers), is_granted, worth)


def order(key: Key) -> tuple[int, int]:
    """Sort keys by this: privileges as the manual has them, then columns."""
    return (_ORDER.index(key[0]), key[1])


def _of_thing(access: Access, role: Role, thing: Thing, held: Held) -> Iterator[Cells]:
    worth, rights = spread(held, thing), _rights(access, role, thing)
    same: dict[tuple[str, bool, Grades], list[int]] = {}
    for key in _keys(thing):
        about = (key[0], rights.has(_BITS[key[0]], key[1]), worth.get(key, NO_ACCESS))
        same.setdefault(about, []).append(key[1])
    for (privilege, is_granted, grades), numbers in same.items():
        if is_granted or grades:
            yield Cells(role, thing, privilege, _named(thing, numbers), is_granted, grades)


def _keys(thing: Thing) -> Iterator[Key]:
    if isinstance(thing, SecuredFunction):
        yield from (("EXECUTE", 0), (UNTRACED, 0))
        return
    for privilege in (*RELATION_PRIVILEGES, UNTRACED):
        of_columns = privilege in (*COLUMN_PRIVILEGES, UNTRACED)
        numbers = thing.column_numbers if of_columns else (0,)
        yield from ((privilege, number) for number in numbers)


def _rights(access: Access, role: Role, thing: Thing) -> Rights:
    if isinstance(thing, SecuredFunction):
        return Rights(_BITS["EXECUTE"] * access.direct.may_execute(role.oid, thing.oid))
    return access.direct.rights(role.oid, thing.oid)


def _named(thing: Thing, numbers: Sequence[int]) -> tuple[tuple[int, str], ...]:
    names = thing.columns if isinstance(thing, SecuredRelation) else {}
    return tuple((number, names[number]) for number in numbers if number)
