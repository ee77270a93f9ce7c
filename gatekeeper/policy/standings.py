"""Tells how each object stands to a policy, from what the policy finds in base and head. Pure."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from gatekeeper.facts.build import IDENT
from gatekeeper.facts.store import FactStore
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.policy.coverage import Coverage, Standing
from gatekeeper.policy.model import Covers, Finding, Policy, Rule

Found = Iterable[tuple[Finding, str | None]]


class _Counted(NamedTuple):
    """An object that a policy is about, in one schema."""

    subject: str
    ident: str
    table: str
    change: str | None
    covered: bool


class Tally:
    """Takes the standings of one policy after the other."""

    def __init__(self, *, has_base: bool) -> None:
        self._has_base = has_base
        self._standings: list[Standing] = []

    @property
    def coverage(self) -> Coverage:
        ordered = sorted(self._standings, key=lambda one: (one.policy.id, one.subject))
        return Coverage(tuple(ordered), has_base=self._has_base)

    def add(
        self, policy: Policy, head: FactStore, found: Found, base: FactStore, old: Found
    ) -> None:
        """Count what a policy with `covers` is about; `found` and `old` are what it finds there."""
        before = _counted(policy, base, old)
        by_ident = {one.ident: one for one in before}
        by_subject = {one.subject: one for one in before}
        left = {(one.ident, one.subject): one for one in before}
        for one in _counted(policy, head, found):
            former = by_ident.get(one.ident)
            if former is None and one.change != "added":  # made anew in passing
                former = by_subject.get(one.subject)
            if former is not None:
                left.pop((former.ident, former.subject), None)
            self._standings.append(self._standing(policy, one, former))
        self._standings += [
            Standing(policy, one.subject, one.table, one.covered, None, touched=False)
            for one in left.values()
        ]

    def _standing(self, policy: Policy, one: _Counted, former: _Counted | None) -> Standing:
        was = None if former is None else former.covered
        touched = self._has_base and (one.change is not None or was != one.covered)
        return Standing(policy, one.subject, one.table, was, one.covered, touched)


def _counted(policy: Policy, store: FactStore, found: Found) -> list[_Counted]:
    covers = policy.covers
    if covers is None:
        return []
    idents, subjects = _violating(policy, found)
    rows = store.tuples(_query(covers), dict(policy.params), tables=[covers.table])
    return [
        _Counted(
            subject,
            ident,
            table,
            change,
            bool(holds) if covers.parts else ident not in idents and subject not in subjects,
        )
        for subject, ident, change, table, holds in rows
        if not policy.scope or any(fnmatchcase(subject, glob) for glob in policy.scope)
    ]


def _violating(policy: Policy, found: Found) -> tuple[set[str], set[str]]:
    """Give the identities and names of what a policy finds.

    A rule's rows have their identity; of what a query gives the name is all that is sure.
    """
    pairs = list(found)
    idents = {ident for _, ident in pairs if ident is not None}
    named = not isinstance(policy.judge, Rule)
    return idents, {finding.subject for finding, _ in pairs} if named else set()


def _query(covers: Covers) -> str:
    """Give the SELECT of the rows that count; one of which that is unknown does not."""
    holds = " AND ".join(f"coalesce(({part.sql}) <> 0, 0)" for part in covers.parts) or "NULL"
    where = f"({covers.where.sql})" if covers.where else "1"
    table = "coalesce(table_subject, '')" if TABLES[covers.table].column("table_subject") else "''"
    return (
        f'SELECT subject, "{IDENT}", change, {table} AS _table, {holds} AS _holds'  # noqa: S608
        f" FROM \"{covers.table}\" WHERE {where} AND change IS NOT 'dropped' ORDER BY rowid"
    )
