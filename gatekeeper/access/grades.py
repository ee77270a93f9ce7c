"""How much a way of access gives, and which of two ways gives more."""

from enum import IntEnum
from functools import cache
from typing import NamedTuple


class Exposure(IntEnum):
    """What the reader sees of the column, from little to everything."""

    NOTHING = 0
    """Nothing: the right to call a function that is no way to data of others."""
    CONDITION = 1
    """The column decides which rows are there (WHERE, JOIN, ORDER BY)."""
    UNTRACED = 2
    """Unknown: the view or function could not be traced, and may show the column."""
    DERIVED = 3
    """An expression over the column."""
    COPIED = 4
    """The value itself."""


class Rows(IntEnum):
    """Which rows row security leaves (manual: Row Security Policies)."""

    NONE = 0
    """No permissive policy applies, so there is no row."""
    SOME = 1
    """Those that the policies let through. What their expressions say is not judged here."""
    ALL = 2
    """All: no row security, or the role is exempt."""


class Grade(NamedTuple):
    """One way's worth. `is_own` is False where the role must SET ROLE to another first."""

    exposure: Exposure
    rows: Rows
    is_own: bool

    def covers(self, other: "Grade") -> bool:
        """Say whether who has this gains nothing by the other."""
        return all(mine >= theirs for mine, theirs in zip(self, other, strict=True))


Grades = frozenset[Grade]
NO_ACCESS: Grades = frozenset()


@cache
def grades(exposure: Exposure, rows: Rows, *, is_own: bool = True) -> Grades:
    """Give what a single way is worth."""
    return frozenset([Grade(exposure, rows, is_own)])


@cache
def merged(one: Grades, other: Grades) -> Grades:
    """Give what both have, without what something else covers."""
    every = one | other
    return frozenset(g for g in every if not any(o.covers(g) for o in every - {g}))


@cache
def exceeds(one: Grades, other: Grades) -> bool:
    """Say whether `one` has something that nothing of `other` covers."""
    return any(not any(theirs.covers(mine) for theirs in other) for mine in one)


@cache
def borrowed(one: Grades) -> Grades:
    """Give what it is worth to somebody who must SET ROLE first."""
    found = NO_ACCESS
    for grade in one:
        found = merged(found, frozenset([grade._replace(is_own=False)]))
    return found


def change_word(before: Grades, after: Grades) -> str | None:
    """Say gained, lost, widened, narrowed, or None where nobody gains or loses anything."""
    if exceeds(after, before):
        return "widened" if before else "gained"
    if exceeds(before, after):
        return "narrowed" if after else "lost"
    return None
