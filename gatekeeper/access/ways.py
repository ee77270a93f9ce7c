"""The vocabulary of ways: doors, what is behind them, and what lineage says of a query."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from gatekeeper.access.grades import NO_ACCESS, Exposure, Grades, Rows, grades, merged

VIEWS = ("view", "materialized_view")

Source = tuple[int, int, str]
"""A column as relation oid and number (0: all of them), and how it is shown: copied, derived,
condition, or untraced where that is not known."""

ANYTHING: Source = (0, 0, "untraced")
"""Something that is not known; what else is said is true, but may not be all."""

ViewSources = Mapping[tuple[int, int], tuple[Source, ...] | None]
"""By view oid and column number the columns *of the relations that its own query names*, other
views among them. A column that is not there, or is None, could not be traced."""

FunctionSources = Mapping[int, tuple[Source, ...] | None]
"""The same by function oid: what a call can show."""

EXPOSURES = {
    "condition": Exposure.CONDITION,
    "untraced": Exposure.UNTRACED,
    "derived": Exposure.DERIVED,
    "copied": Exposure.COPIED,
}


def is_traced(sources: tuple[Source, ...] | None) -> bool:
    """Say whether nothing but these is shown."""
    return sources is not None and all(how != "untraced" for _, _, how in sources)


class Hop(NamedTuple):
    """One door on the way: a view and its column, a function, or the parent of a table."""

    kind: str  # view, function, parent
    oid: int
    number: int = 0


class Reached(NamedTuple):
    """A column behind a door, and the doors after that one. Number 0 is the whole relation."""

    oid: int
    number: int
    exposure: Exposure
    rows: Rows
    trail: tuple[Hop, ...] = ()

    def behind(self, hop: Hop, exposure: Exposure) -> "Reached":
        """Give the same column as seen from in front of another door."""
        return self._replace(exposure=min(exposure, self.exposure), trail=(hop, *self.trail))


class Behind(dict[int, tuple[Reached, ...]]):
    """What is reached, by the column of the view that is asked for."""

    @cached_property
    def worth(self) -> dict[int, dict[int, Grades]]:
        """Give what all columns together are worth, by the oid and number of what is reached."""
        found: dict[int, dict[int, Grades]] = {}
        for ways in self.values():
            for way in ways:
                here = found.setdefault(way.oid, {})
                more = grades(way.exposure, way.rows)
                here[way.number] = merged(here.get(way.number, NO_ACCESS), more)
        return found


def best(found: Iterable[Reached]) -> tuple[Reached, ...]:
    """Keep for each column the ways that give most."""
    kept: dict[tuple[int, int], list[Reached]] = {}
    for new in found:
        ways = kept.setdefault((new.oid, new.number), [])
        if not any(w.exposure >= new.exposure and w.rows >= new.rows for w in ways):
            ways[:] = [w for w in ways if w.exposure > new.exposure or w.rows > new.rows]
            ways.append(new)
    return tuple(reached for ways in kept.values() for reached in ways)
