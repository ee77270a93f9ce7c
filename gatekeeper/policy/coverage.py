"""Schema coverage: of the objects that policies are about, how many satisfy them. Pure.

What is counted are pairs of a policy that has the key `coverage:` and an object that it is about,
in the base, in the head, and among what the pull request touches. An object is covered unless the
policy finds it; where a fact is unknown the policy does, so unknown is not covered. Waived is not
covered either: a reason does not put a foreign key there. It is counted beside, because a minimum
(`coverage:` of gatekeeper.yml) takes it for covered: nobody has to give the same reason twice.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from gatekeeper.policy.model import Finding, Policy, Waiver
from gatekeeper.policy.waivers import apply_waivers

By = Literal["group", "pack", "policy", "table"]


@dataclass(frozen=True, slots=True)
class Count:
    """So many of `total` objects are covered; of those that are not, `waived` have a waiver."""

    covered: int = 0
    total: int = 0
    waived: int = 0

    @property
    def percent(self) -> float | None:
        """Give the share that is covered; None: there is nothing to cover."""
        return 100 * self.covered / self.total if self.total else None

    @property
    def accepted(self) -> float | None:
        """Give the share that is covered or waived, which a minimum asks for."""
        return 100 * (self.covered + self.waived) / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Standing:
    """How one object stands to one policy.

    `was` says whether it satisfied it in the base, `now` whether it does in the head; None: it is
    not there, or the policy is not about it. `touched`: the pull request added or altered it, or
    it stands otherwise than before. `table` is empty for what belongs to none.
    """

    policy: Policy
    subject: str
    table: str
    was: bool | None
    now: bool | None
    touched: bool
    waived: bool = False

    @property
    def is_missing(self) -> bool:
        return self.now is False


@dataclass(frozen=True, slots=True)
class Line:
    """What standings come to. `kept` is the base without what the head has no more.

    `base` to `head` is the difference that people see; `kept` to `head` is the part of it that does
    not come from dropping what was well covered, or badly.
    """

    name: str
    base: Count
    kept: Count
    head: Count
    patch: Count


@dataclass(frozen=True, slots=True)
class Coverage:
    """All standings, sorted by policy and object. `has_base`: it is of a pull request."""

    standings: tuple[Standing, ...] = ()
    has_base: bool = True

    @property
    def total(self) -> Line:
        return _line("total", self.standings)

    def lines(self, by: By = "group") -> tuple[Line, ...]:
        """Give a line for each group, pack, policy or table, sorted by name."""
        name = _NAMES[by]
        parts: dict[str, list[Standing]] = {}
        for one in self.standings:
            parts.setdefault(name(one), []).append(one)
        return tuple(_line(key, parts[key]) for key in sorted(parts))

    @property
    def missing(self) -> tuple[Standing, ...]:
        """What the head does not cover."""
        return tuple(one for one in self.standings if one.is_missing)


_NAMES: dict[By, Callable[[Standing], str]] = {
    "group": lambda one: one.policy.covers.group if one.policy.covers else "",
    "pack": lambda one: one.policy.pack,
    "policy": lambda one: one.policy.id,
    "table": lambda one: one.table,
}


def _line(name: str, standings: Iterable[Standing]) -> Line:
    found = list(standings)
    return Line(
        name,
        base=_count((one.was, one.waived) for one in found),
        kept=_count((one.was, one.waived) for one in found if one.now is not None),
        head=_count((one.now, one.waived) for one in found),
        patch=_count((one.now, one.waived) for one in found if one.touched),
    )


def _count(states: Iterable[tuple[bool | None, bool]]) -> Count:
    covered = total = waived = 0
    for state, is_waived in states:
        if state is not None:
            total += 1
            covered += state
            waived += is_waived and not state
    return Count(covered, total, waived)


def with_waivers(
    coverage: Coverage,
    findings: Iterable[Finding],
    waivers: Iterable[Waiver] = (),
    today: date = date.max,
) -> Coverage:
    """Mark what is waived: what is found and was waived, and old debt that a waiver is for."""
    counted = {one.policy.id for one in coverage.standings}
    ours = [waiver for waiver in waivers if waiver.policy in counted]
    old = [
        Finding(one.policy, one.subject, one.policy.severity, {})
        for one in (coverage.standings if ours else ())
        if False in {one.was, one.now}
    ]
    waived = apply_waivers(old, ours, today, ()).findings
    given = {(f.policy.id, f.subject) for f in (*findings, *waived) if f.waiver is not None}
    if not given:
        return coverage
    standings = (
        replace(one, waived=True) if (one.policy.id, one.subject) in given else one
        for one in coverage.standings
    )
    return replace(coverage, standings=tuple(standings))


def percent_text(count: Count) -> str:
    """Give the share as reports write it: 87.5 %; a dash where there is nothing to cover."""
    return "—" if count.percent is None else f"{floored(count.percent)} %"


def floored(percent: float) -> str:
    """Write a share with one decimal, rounded down: what is not all is never 100."""
    tenths = math.floor(percent * 10 + 1e-9)
    return f"{tenths // 10}.{tenths % 10}" if tenths % 10 else str(tenths // 10)
