"""What an audit found: values, and JSON with a published schema (audit.schema.json)."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gatekeeper.baseline import Entry
from gatekeeper.config import SEVERITIES
from gatekeeper.model.schema import Schema
from gatekeeper.policy.coverage import Coverage
from gatekeeper.policy.model import Finding, Policy, Waiver
from gatekeeper.report.coverage import coverage_values
from gatekeeper.report.escape import visible
from gatekeeper.report.json import encodable, waiver_values
from gatekeeper.report.view import counted, instead, message

VERSION = 1
FAIL_ON = ("error", "warning", "none")


@dataclass(frozen=True, slots=True)
class Audited:
    """A finding, the table that it is about (empty: none), and whether the baseline knows it."""

    finding: Finding
    table: str = ""
    known: bool = False

    @property
    def is_open(self) -> bool:
        """Say whether it is news: neither waived nor known."""
        return self.finding.waiver is None and not self.known


@dataclass(frozen=True, slots=True)
class IdleWaiver:
    """A waiver of gatekeeper.yml without effect. `kind`: expired, refused or unused."""

    kind: str
    waiver: Waiver
    message: str

    severity = "warning"


@dataclass(frozen=True, slots=True)
class Debt:
    """What a baseline comes to.

    `fixed` are entries of which nothing is found any more, `unjudged` those of policies that did
    not judge.
    """

    file: str
    remaining: int = 0
    fixed: tuple[Entry, ...] = ()
    unjudged: tuple[Entry, ...] = ()
    pruned: bool = False


@dataclass(frozen=True, slots=True)
class Audit:
    """A whole schema, judged. `file` is what formats point at that take no finding without one."""

    head: str
    findings: tuple[Audited, ...]
    idle: tuple[IdleWaiver, ...] = ()
    debt: Debt | None = None
    fail_on: str = "error"
    notes: tuple[str, ...] = ()
    policy_count: int = 0
    table_count: int = 0
    server_version: str = ""
    file: str = ""
    schema: Schema = field(default_factory=Schema)
    coverage: Coverage = field(default_factory=Coverage)

    @property
    def news(self) -> tuple[Audited, ...]:
        """The findings that nobody waived and no baseline knows."""
        return tuple(one for one in self.findings if one.is_open)

    @property
    def waived(self) -> tuple[Audited, ...]:
        return tuple(one for one in self.findings if one.finding.waiver is not None)

    def fails(self, one: Audited) -> bool:
        """Say whether a finding makes the audit fail."""
        if not one.is_open or one.finding.is_on_trial:
            return False
        return one.finding.severity in _severities(self.fail_on)

    @property
    def verdict(self) -> str:
        idle = self.idle if IdleWaiver.severity in _severities(self.fail_on) else ()
        return "blocked" if idle or any(map(self.fails, self.findings)) else "passed"


def _severities(fail_on: str) -> tuple[str, ...]:
    return {"error": ("error",), "warning": ("error", "warning")}.get(fail_on, ())


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one policy at one severity, by table."""

    policy: Policy
    severity: str
    tables: tuple[tuple[str, tuple[Audited, ...]], ...]

    @property
    def first(self) -> Finding:
        return self.tables[0][1][0].finding

    @property
    def count(self) -> int:
        return sum(len(found) for _, found in self.tables)

    @property
    def counts(self) -> str:
        """Say how many there are: 12 findings in 5 tables."""
        tables = sum(bool(name) for name, _ in self.tables)
        found = counted(self.count, "finding")
        return f"{found} in {counted(tables, 'table')}" if tables else found


def groups(findings: Iterable[Audited]) -> list[Group]:
    """Group findings by policy and table: the worst first, of the same severity the most."""
    by_policy: dict[tuple[str, str], dict[str, list[Audited]]] = {}
    for one in findings:
        tables = by_policy.setdefault((one.finding.policy.id, one.finding.severity), {})
        tables.setdefault(one.table, []).append(one)
    found = [_group(severity, tables) for (_, severity), tables in by_policy.items()]
    return sorted(
        found,
        key=lambda g: (
            SEVERITIES.index(g.severity),
            g.first.is_on_trial,
            -g.count,
            g.policy.id,
        ),
    )


def _group(severity: str, tables: dict[str, list[Audited]]) -> Group:
    ordered = sorted(tables.items(), key=lambda item: (-len(item[1]), item[0]))
    kept = tuple(
        (name, tuple(sorted(found, key=lambda one: one.finding.subject))) for name, found in ordered
    )
    return Group(kept[0][1][0].finding.policy, severity, kept)


def headline(audit: Audit) -> str:
    """Say the verdict and the counts in one line."""
    new = "new " if audit.debt is not None else ""
    listed = by_severity((one.finding for one in audit.news), new)
    if audit.verdict == "blocked":
        failing = Counter(one.finding.severity for one in audit.news if audit.fails(one))
        said = f"blocked by {listed}" if failing else "blocked by waivers without effect"
    else:
        said = f"passed with {listed}" if listed else "passed"
    rest = []
    if waived := by_severity(one.finding for one in audit.waived):
        rest.append(f"{waived} waived")
    if audit.debt is not None:
        rest.append(f"{counted(audit.debt.remaining, 'known finding')} left")
        if audit.debt.fixed:
            rest.append(f"{len(audit.debt.fixed)} fixed")
    return "; ".join([said, *rest])


def by_severity(findings: Iterable[Finding], adjective: str = "") -> str:
    """Count findings by severity: 1 new error, 2 new warnings."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(
        f"{counts[word]} {adjective}{word}{'s' if counts[word] != 1 else ''}"
        for word in SEVERITIES
        if counts[word]
    )


def scope(audit: Audit) -> str:
    """Say how much was judged, in words of ours alone."""
    server = f" on PostgreSQL {visible(audit.server_version)}" if audit.server_version else ""
    tables, policies = counted(audit.table_count, "table"), counted(audit.policy_count, "policy")
    return f"{tables} by {policies}{server}"


def render_audit(audit: Audit) -> str:
    """Give the JSON; the same schema gives the same bytes."""
    values = {
        "version": VERSION,
        "verdict": audit.verdict,
        "fail_on": audit.fail_on,
        "head": audit.head,
        "server_version": audit.server_version,
        "policies": audit.policy_count,
        "tables": audit.table_count,
        "groups": [_group_values(group) for group in groups(audit.findings)],
        "findings": [_finding(one, audit) for one in audit.findings],
        "waivers": [_idle(idle) for idle in audit.idle],
        "baseline": None if audit.debt is None else _debt(audit.debt),
        "coverage": coverage_values(audit.coverage),
        "notes": list(audit.notes),
    }
    return encodable(json.dumps(values, indent=2, ensure_ascii=False)) + "\n"


def _group_values(group: Group) -> dict[str, Any]:
    return {
        "policy": group.policy.id,
        "pack": group.policy.pack,
        "severity": group.severity,
        "title": group.policy.title,
        "why": group.policy.why,
        "findings": group.count,
        "tables": [{"table": name or None, "findings": len(found)} for name, found in group.tables],
    }


def _finding(one: Audited, audit: Audit) -> dict[str, Any]:
    finding = one.finding
    return {
        "policy": finding.policy.id,
        "severity": finding.severity,
        "blocks": audit.fails(one),
        "known": one.known,
        "subject": finding.subject,
        "table": one.table or None,
        "message": message(finding),
        "instead": instead(finding) or None,
        "certain": not finding.undecided,
        "fingerprint": finding.fingerprint,
        "waiver": None if finding.waiver is None else waiver_values(finding.waiver),
    }


def _idle(idle: IdleWaiver) -> dict[str, Any]:
    waiver = idle.waiver
    return {
        "kind": idle.kind,
        "severity": idle.severity,
        "policy": waiver.policy,
        "subject": waiver.subject,
        "file": waiver.file,
        "line": waiver.line,
        "message": idle.message,
    }


def _debt(debt: Debt) -> dict[str, Any]:
    return {
        "file": debt.file,
        "remaining": debt.remaining,
        "fixed": [_entry(entry) for entry in debt.fixed],
        "unjudged": [_entry(entry) for entry in debt.unjudged],
    }


def _entry(entry: Entry) -> dict[str, str]:
    return {"policy": entry.policy, "subject": entry.subject, "fingerprint": entry.fingerprint}
