"""Which access a change gave and which it took.

Compared is what roles can effectively do, not how it was granted: splitting a grant in two, or
granting what PUBLIC has, makes no difference; a role that joins a group gains what the group has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from gatekeeper.access.cells import Cells, Thing, cells, order
from gatekeeper.access.effective import UNTRACED, Access, Held, Key, spread
from gatekeeper.access.grades import NO_ACCESS, Grades, change_word, exceeds
from gatekeeper.access.paths import Path, Paths
from gatekeeper.model.security import Role, SecuredRelation

_GAINS = ("gained", "widened")


@dataclass(frozen=True, slots=True)
class AccessChange:
    """Cells that a role gained or lost, or in which it now sees more or less.

    `change` is gained, lost, widened or narrowed: from a derived value to the value itself, from
    some rows to all, from SET ROLE to at once; or what is untraced has another body or owner.
    `cells` is the state after a gain and before a loss; `paths` are the ways that made it so, the
    one that gives most first. The flags of the relation are a function's, too.
    """

    change: str
    cells: Cells
    before: Grades
    after: Grades
    paths: tuple[Path, ...]
    role_is_new: bool
    role_is_dropped: bool
    relation_is_new: bool
    relation_is_dropped: bool
    columns_are_new: bool
    columns_are_dropped: bool


def difference(before: Access, after: Access, *, most_paths: int = 5) -> tuple[AccessChange, ...]:
    """Give what roles gained and lost between two states of one database.

    Roles and objects are matched by oid. Of the ways that explain a change `most_paths` are kept.
    """
    was, now = ((a.security, a.views, a.functions) for a in (before, after))
    if was == now:
        return ()
    old, new = _Side(before), _Side(after)
    roles = {**old.roles, **new.roles}
    return tuple(
        change
        for role in sorted(roles.values(), key=lambda role: role.name)
        for pair in _pairs(role, old, new)
        for change in pair.changes(most_paths)
    )


class _Side:
    """One state, and what is asked of it."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.roles = {role.oid: role for role in access.graph.subjects}
        self._paths = Paths(access)

    def held(self, role: Role) -> dict[int, Held]:
        return self.access.held(role.oid) if role.oid in self.roles else {}

    def ways(self, role: Role, thing: Thing, key: Key, beyond: Grades) -> tuple[Path, ...]:
        """Give the ways that are worth more than something, or all if none is."""
        found = self._paths.find(role.oid, thing.oid, *key)
        more = (path for path in found if exceeds(frozenset([path.grade]), beyond))
        return tuple(more) or found


class _Half(NamedTuple):
    """What one role holds of one thing in one state."""

    side: _Side
    thing: Thing | None
    held: Held

    @property
    def numbers(self) -> tuple[int, ...]:
        return self.thing.column_numbers if isinstance(self.thing, SecuredRelation) else ()

    def lacks(self, number: int) -> bool:
        """Say whether the relation is there, and the column is not."""
        return number > 0 and self.thing is not None and number not in self.numbers


class _What(NamedTuple):
    """What columns must have in common to be one row."""

    change: str
    privilege: str
    before: Grades
    after: Grades
    paths: tuple[Path, ...]
    are_new: bool
    are_dropped: bool


def _pairs(role: Role, old: _Side, new: _Side) -> Iterator["_Pair"]:
    held, holds = old.held(role), new.held(role)
    pairs = (
        _Pair(
            role,
            _Half(old, old.access.objects.get(oid), held.get(oid, {})),
            _Half(new, new.access.objects.get(oid), holds.get(oid, {})),
        )
        for oid in sorted(held.keys() | holds.keys())  # of two with one name, the older first
    )
    yield from sorted((pair for pair in pairs if pair.may_differ), key=lambda pair: pair.subject)


class _Pair:
    """One role and one thing, before and after."""

    def __init__(self, role: Role, old: _Half, new: _Half) -> None:
        self._role = role
        self._old = old
        self._new = new

    @property
    def subject(self) -> str:
        thing = self._new.thing or self._old.thing
        return thing.subject if thing else ""

    @property
    def may_differ(self) -> bool:
        old, new = self._old, self._new
        same = old.held is new.held or old.held == new.held
        return not same or old.numbers != new.numbers or self._is_rewritten

    def changes(self, most_paths: int) -> Iterator[AccessChange]:
        found: dict[_What, list[int]] = {}
        ways: dict[tuple[Key, Grades], tuple[Path, ...]] = {}
        was, now = (spread(half.held, half.thing) for half in (self._old, self._new))
        for key in sorted(was.keys() | now.keys(), key=order):
            before, after = was.get(key, NO_ACCESS), now.get(key, NO_ACCESS)
            change = self._word(key[0], before, after)
            if change is None:
                continue
            half, beyond = (self._new, before) if change in _GAINS else (self._old, after)
            # Columns that are held with the whole relation are held in the same way.
            way = (key if key in half.held else (key[0], 0), beyond)
            if way not in ways and half.thing is not None:
                ways[way] = half.side.ways(self._role, half.thing, *way)[:most_paths]
            are_new, are_dropped = self._old.lacks(key[1]), self._new.lacks(key[1])
            what = _What(change, key[0], before, after, ways[way], are_new, are_dropped)
            found.setdefault(what, []).append(key[1])
        yield from (self._row(what, numbers) for what, numbers in found.items())

    def _row(self, what: _What, numbers: list[int]) -> AccessChange:
        half = self._new if what.change in _GAINS else self._old
        worth = what.after if what.change in _GAINS else what.before
        assert half.thing is not None  # noqa: S101 - what is gained or lost is of that state
        return AccessChange(
            change=what.change,
            cells=cells(half.side.access, self._role, half.thing, what.privilege, worth, numbers),
            before=what.before,
            after=what.after,
            paths=what.paths,
            role_is_new=self._role.oid not in self._old.side.roles,
            role_is_dropped=self._role.oid not in self._new.side.roles,
            relation_is_new=self._old.thing is None,
            relation_is_dropped=self._new.thing is None,
            columns_are_new=what.are_new,
            columns_are_dropped=what.are_dropped,
        )

    def _word(self, privilege: str, before: Grades, after: Grades) -> str | None:
        change = change_word(before, after)
        if change is None and self._is_rewritten:
            return "widened" if privilege == UNTRACED and after else None
        return change

    @property
    def _is_rewritten(self) -> bool:
        """Say whether a function or view may show something else now."""
        old, new = self._old.thing, self._new.thing
        if old is None or new is None:
            return False
        return (old.owner_oid, old.fingerprint) != (new.owner_oid, new.fingerprint)
