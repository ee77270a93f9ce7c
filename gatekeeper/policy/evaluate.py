"""Evaluates policies on the facts of base and head; only what is new in the head counts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from gatekeeper.facts.build import IDENT, FactRows, Facts
from gatekeeper.facts.store import FactStore
from gatekeeper.policy.catalog_query import bind
from gatekeeper.policy.coverage import Coverage, with_waivers
from gatekeeper.policy.minimum import below_minimum
from gatekeeper.policy.model import (
    CatalogQuery,
    Conjunct,
    Finding,
    Minimum,
    Policy,
    Query,
    Rule,
    Waiver,
)
from gatekeeper.policy.standings import Tally
from gatekeeper.policy.waivers import apply_waivers, ranked, verdict_of


@dataclass(frozen=True, slots=True)
class Judgement:
    """All findings of a pull request. `verdict`: passed, blocked. `notes` are about waivers."""

    verdict: str
    findings: tuple[Finding, ...]
    policies: tuple[Policy, ...]
    notes: tuple[str, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)


_PLACE = ("revision", "file", "line", "statement")
_PLACE_OF = (
    f"SELECT {', '.join(_PLACE)} FROM changes WHERE subject = :subject"  # noqa: S608 - our names
    " ORDER BY line IS NULL, rowid DESC LIMIT 1"
)


def judge(
    facts: Facts,
    policies: Iterable[Policy],
    waivers: Iterable[Waiver] = (),
    today: date = date.max,
) -> Judgement:
    """Give the verdict and the findings that the base did not have, waived ones among them.

    Who gives waivers says what day it is: without, none that ends counts.
    """
    chosen, given = tuple(policies), tuple(waivers)
    known = {policy.id for policy in chosen}
    tally = Tally(has_base=bool(facts.base))
    found = new_findings(facts, chosen, tally)
    waived = apply_waivers(found, given, today, known)
    coverage = with_waivers(tally.coverage, waived.findings, given, today)
    low = below_minimum(chosen, coverage)
    if low:
        waived = apply_waivers((*found, *low), given, today, known)
    return Judgement(verdict_of(waived.findings), waived.findings, chosen, waived.notes, coverage)


def new_findings(
    facts: Facts, policies: Iterable[Policy], tally: Tally | None = None
) -> tuple[Finding, ...]:
    """Evaluate each policy on head and base; sorted by severity, policy and subject.

    A `tally` is told what satisfies them, for the schema coverage.
    """
    head, base = FactStore(facts.head), FactStore(facts.base)
    origins = _Origins(facts)
    found: list[Finding] = []
    try:
        for policy in policies:
            in_head = list(_evaluate(policy, head, facts.asked_head))
            counts = tally is not None and policy.covers is not None
            if not in_head and not counts:
                continue
            in_base = list(_evaluate(policy, base, facts.asked_base))
            if tally is not None:
                tally.add(policy, head, in_head, base, in_base)
            known = {
                (key, finding.undecided)
                for finding, ident in in_base
                for key in (ident, finding.subject)
            }
            found += [
                replace(finding, origin=origins.of(finding, ident))
                for finding, ident in in_head
                if (origins.key(finding, ident), finding.undecided) not in known
            ]
    finally:
        head.close()
        base.close()
    return ranked(found)


def _evaluate(
    policy: Policy, store: FactStore, asked: FactRows
) -> Iterator[tuple[Finding, str | None]]:
    match policy.judge:
        case Rule() as rule:
            results = _run_rule(policy, rule, store)
        case Query() as query:
            results = _run_query(policy, query, store)
        case CatalogQuery() as query:
            results = _answered(policy, store, asked.get(bind(query, policy.params), []))
        case Minimum():  # judges the coverage, which is known when all others have judged
            return
    for finding, ident in results:
        if policy.scope and not any(fnmatchcase(finding.subject, glob) for glob in policy.scope):
            continue
        yield finding, ident


def _run_rule(policy: Policy, rule: Rule, store: FactStore) -> Iterator[tuple[Finding, str | None]]:
    where = rule.where.sql if rule.where else "1"
    parts = "".join(f", ({part.sql}) AS _part{i}" for i, part in enumerate(rule.parts))
    query = (
        f'SELECT *, ({where}) AS _where{parts} FROM "{rule.table}"'  # noqa: S608 - compiled
        f" WHERE ({where}) IS NOT 0 AND ({_may_fail(rule)}) ORDER BY rowid"
    )
    for row in store.select(query, dict(policy.params), tables=[rule.table]):
        outcome = _outcome(rule, row)
        if outcome is None:
            continue
        violated, failed = outcome
        undecided = not violated or row["_where"] is None
        if undecided and policy.on_unknown == "ignore":
            continue
        values = {k: v for k, v in row.items() if not k.startswith("_")} | policy.params
        yield (
            Finding(
                policy=policy,
                subject=str(row["subject"]),
                severity=policy.severity_of(undecided=undecided),
                values=values,
                failed=tuple((part.source, _read(part, row)) for part in failed),
                undecided=undecided,
                unknown=_unknown(rule, failed, row) if undecided else (),
            ),
            row[IDENT],
        )


def _may_fail(rule: Rule) -> str:
    """Give the SQL condition of rows of which _outcome() says something: most rows are well."""
    if rule.forbids:
        return " AND ".join(f"({part.sql}) IS NOT 0" for part in rule.parts)
    return " OR ".join(f"coalesce(({part.sql}) = 0, 1)" for part in rule.parts)


def _outcome(rule: Rule, row: dict[str, Any]) -> tuple[bool, list[Conjunct]] | None:
    """Give (violated or only unknown, the parts that say so), or None when all is well."""
    values = [row[f"_part{i}"] for i in range(len(rule.parts))]
    if rule.forbids:
        if any(value == 0 for value in values):
            return None
        unknown = [p for p, value in zip(rule.parts, values, strict=True) if value is None]
        return (False, unknown) if unknown else (True, list(rule.parts))
    failed = [p for p, value in zip(rule.parts, values, strict=True) if value == 0]
    if failed:
        return True, failed
    unknown = [p for p, value in zip(rule.parts, values, strict=True) if value is None]
    return (False, unknown) if unknown else None


def _unknown(rule: Rule, failed: list[Conjunct], row: dict[str, Any]) -> tuple[str, ...]:
    parts = [*failed, *([rule.where] if rule.where and row["_where"] is None else [])]
    names = (name for part in parts for name in part.unknown if row[name] is None)
    return tuple(dict.fromkeys(names))


def _read(part: Conjunct, row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in part.columns}


def _run_query(
    policy: Policy, query: Query, store: FactStore
) -> Iterator[tuple[Finding, str | None]]:
    for row in store.select(query.sql, dict(policy.params), tables=query.tables):
        ident = row.pop(IDENT, None)
        yield Finding(policy, str(row["subject"]), policy.severity, row | policy.params), ident


def _answered(
    policy: Policy, store: FactStore, rows: list[dict[str, Any]]
) -> Iterator[tuple[Finding, str | None]]:
    """Give what the database answered; the place is that of a change of the same subject."""
    for row in rows:
        subject = str(row["subject"])
        places = store.select(_PLACE_OF, {"subject": subject}, tables=["changes"])
        place = places[0] if places else dict.fromkeys(_PLACE)
        yield Finding(policy, subject, policy.severity, place | row | policy.params), None


class _Origins:
    """What objects were called in the base."""

    def __init__(self, facts: Facts) -> None:
        self._by_ident: dict[str, str] = {}
        for name, rows in facts.base.items():
            if name not in ("changes", "statements", "revisions"):
                self._by_ident.update({row[IDENT]: row["subject"] for row in rows})
        self._by_subject = {
            row["subject"]: self._by_ident[row[IDENT]]
            for name, rows in facts.head.items()
            if name not in ("changes", "statements", "revisions")
            for row in rows
            if row[IDENT] in self._by_ident and row["change"] != "dropped"
        }

    def key(self, finding: Finding, ident: str | None) -> str:
        """Name the object of a finding as the base would: by identity, or else by its name there.

        What is new under an old name has an identity that the base does not know and counts as
        new; what a statement made anew in passing does not.
        """
        if ident is not None and (
            ident in self._by_ident or finding.values.get("change") == "added"
        ):
            return ident
        return self._by_subject.get(finding.subject, finding.subject)

    def of(self, finding: Finding, ident: str | None) -> str:
        if ident is not None and ident in self._by_ident:
            return self._by_ident[ident]
        return self._by_subject.get(finding.subject, finding.subject)
