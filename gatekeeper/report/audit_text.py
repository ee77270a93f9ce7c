"""An audit for a terminal (with Rich) and as Markdown."""

import textwrap
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.text import Text

from gatekeeper.report.audit import (
    Audit,
    Audited,
    Debt,
    Group,
    by_severity,
    groups,
    headline,
    scope,
)
from gatekeeper.report.coverage import coverage_sentence, markdown_rows
from gatekeeper.report.escape import Markup, cell, code, shortened, visible, visible_lines
from gatekeeper.report.markdown import ICONS, environment
from gatekeeper.report.printer import Printer
from gatekeeper.report.view import by_whom, counted, instead, message, message_markdown

LIMIT = 900_000  # bytes; a job summary of GitHub Actions holds 1 MiB
_MOST_FINDINGS = (1000, 50, 5, 0)  # of a policy, in the first rendering that fits
_MOST_TABLES = 10  # of a policy, on a terminal
_MOST_OF_A_TABLE = 3
_MOST_LISTED = 20  # waivers, and entries that are fixed
_LONGEST_REASON = 300
_STYLES = {"error": "bold red", "warning": "yellow", "notice": "cyan"}


def chosen(audit: Audit, *, everything: bool) -> tuple[Audited, ...]:
    """Give what a person wants to see: what is new; with `everything` what is known as well."""
    if not everything:
        return audit.news
    return tuple(one for one in audit.findings if one.finding.waiver is None)


def print_audit(audit: Audit, console: Console, *, everything: bool = False) -> None:
    """Print the findings by policy and table, what is waived, what is fixed, and the verdict."""
    printer = _Printer(console)
    for group in groups(chosen(audit, everything=everything)):
        printer.group(group)
    printer.waived(audit)
    printer.idle(audit)
    printer.debt(audit)
    for note in audit.notes:
        printer.prose(f"note: {visible(note)}", "dim", "")
    if said := coverage_sentence(audit.coverage):
        printer.prose(said, "dim", "")
    text = headline(audit)
    style = "bold red" if audit.verdict == "blocked" else "bold green"
    printer.line(text[0].upper() + text[1:], style)
    printer.prose(f"{scope(audit)}; {visible(audit.head)}", "dim", "")


class _Printer(Printer):
    def group(self, group: Group) -> None:
        head = Text(group.severity, style=_STYLES[group.severity])
        if group.first.is_on_trial:
            head.append(" (on trial)", style="dim")
        head.append(f" {group.policy.id}", style="bold")
        head.append(f"  {group.counts}")
        self.line(head)
        self.prose(group.policy.why, "dim")
        for name, found in group.tables[:_MOST_TABLES]:
            self.table(name, found)
        hidden = group.tables[_MOST_TABLES:]
        if hidden:
            more = counted(sum(len(found) for _, found in hidden), "finding")
            self.line(f"  and {more} elsewhere; --format json has all", "dim")
        if advice := instead(group.first):
            of = f" of {visible(group.first.subject)}" if group.count > 1 else ""
            self.line(f"  Instead{of}:", "dim")
            self.line(textwrap.indent(visible_lines(advice), "    "), "green")
        self.line()

    def table(self, name: str, found: tuple[Audited, ...]) -> None:
        if name:
            count = f"  {len(found)}" if len(found) > 1 else ""
            self.line(f"  {shortened(visible(name))}{count}", "blue")
        for one in found[:_MOST_OF_A_TABLE]:
            known = " (known)" if one.known else ""
            self.prose(message(one.finding) + known, indent="    ")
        if len(found) > _MOST_OF_A_TABLE:
            self.line(f"    and {len(found) - _MOST_OF_A_TABLE} more", "dim")

    def waived(self, audit: Audit) -> None:
        if not audit.waived:
            return
        self.line("Waived", "bold")
        for one in audit.waived[:_MOST_LISTED]:
            finding = one.finding
            self.line(f"  {finding.severity} {finding.policy.id}  {visible(finding.subject)}")
            self.prose(visible(_because(one)), "dim", "    ")
        self.more(len(audit.waived))
        self.line()

    def idle(self, audit: Audit) -> None:
        if not audit.idle:
            return
        self.line("Waivers without effect", "bold")
        for idle in audit.idle[:_MOST_LISTED]:
            row = Text("  ")
            row.append(idle.severity, style=_STYLES[idle.severity])
            row.append(f" {visible(idle.message)}")
            self.line(row)
        self.more(len(audit.idle))
        self.line()

    def debt(self, audit: Audit) -> None:
        if audit.debt is None or not audit.debt.fixed:
            return
        self.line(fixed_title(audit.debt), "bold")
        for entry in audit.debt.fixed[:_MOST_LISTED]:
            self.line(f"  {visible(entry.policy)}  {visible(entry.subject)}", "green")
        self.more(len(audit.debt.fixed))
        self.line()

    def more(self, count: int) -> None:
        if count > _MOST_LISTED:
            self.line(f"  and {count - _MOST_LISTED} more; --format json has all", "dim")


def fixed_title(debt: Debt) -> str:
    """Say what becomes of what is fixed, in Markdown."""
    way_out = "taken out" if debt.pruned else "`gatekeeper audit --prune` takes it out"
    return f"Fixed, and {way_out} of the baseline"


def _because(one: Audited) -> str:
    waiver = one.finding.waiver
    assert waiver is not None  # noqa: S101 - who calls chose what is waived
    until = f", until {waiver.until}" if waiver.until else ""
    reason = shortened(waiver.because, _LONGEST_REASON)
    return f"{reason} ({by_whom(waiver)}{until}; {waiver.place})"


def render_audit_markdown(audit: Audit, *, everything: bool = False, limit: int = LIMIT) -> str:
    """Give the same as Markdown, with as many findings as fit into `limit` bytes."""
    template = environment().get_template("audit.md.j2")
    shown = groups(chosen(audit, everything=everything))
    for most in _MOST_FINDINGS:
        text = template.render(_values(audit, shown, most)).strip() + "\n"
        text = text.encode(errors="backslashreplace").decode()
        if len(text.encode()) <= limit:
            break
    return text


def _values(audit: Audit, shown: list[Group], most: int) -> dict[str, Any]:
    debt = audit.debt
    fixed = debt.fixed if debt else ()
    listed = max(most, _MOST_LISTED)
    return {
        "icon": Markup("❌" if audit.verdict == "blocked" else "✅"),
        "headline": Markup(headline(audit)),
        "scope": Markup(scope(audit)),
        "head": audit.head,
        "counts": [_counts(group) for group in shown],
        "groups": [_group(group, most) for group in shown] if most else [],
        "waived": [_waived(one) for one in audit.waived[:listed]],
        "hidden_waived": max(0, len(audit.waived) - listed),
        "waived_title": Markup(by_severity(one.finding for one in audit.waived)),
        "idle": [Markup(code(idle.message, _LONGEST_REASON)) for idle in audit.idle[:listed]],
        "hidden_idle": max(0, len(audit.idle) - listed),
        "fixed_title": Markup(fixed_title(debt) if debt else ""),
        "fixed": [{"policy": e.policy, "subject": e.subject} for e in fixed[:listed]],
        "hidden_fixed": max(0, len(fixed) - listed),
        "coverage": markdown_rows(audit.coverage),
        "coverage_title": Markup(coverage_sentence(audit.coverage)),
        "notes": audit.notes,
    }


def _counts(group: Group) -> dict[str, Any]:
    trial = " (on trial)" if group.first.is_on_trial else ""
    return {
        "icon": Markup(ICONS[group.severity]),
        "policy": Markup(code(group.policy.id) + trial),
        "title": Markup(cell(group.policy.title)),
        "findings": group.count,
        "tables": sum(bool(name) for name, _ in group.tables),
    }


def _group(group: Group, most: int) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for name, found in group.tables:
        rows += _rows(name, found)
    advice = instead(group.first)
    return {
        "id": Markup(group.policy.id),
        "severity": Markup(group.severity),
        "counts": Markup(group.counts),
        "why": Markup(" ".join(group.policy.why.split())),
        "rows": rows[:most],
        "hidden": max(0, len(rows) - most),
        "advice": advice,
        "subject": group.first.subject,
    }


def _rows(name: str, found: Iterable[Audited]) -> list[dict[str, Any]]:
    return [
        {
            "table": Markup(cell(code(name)) if name else "—"),
            "subject": Markup(cell(code(one.finding.subject))),
            "message": Markup(cell(message_markdown(one.finding))),
            "known": one.known,
        }
        for one in found
    ]


def _waived(one: Audited) -> dict[str, Any]:
    return {
        "policy": one.finding.policy.id,
        "severity": Markup(one.finding.severity),
        "subject": Markup(cell(code(one.finding.subject))),
        "because": Markup(cell(code(_because(one), 2 * _LONGEST_REASON))),
    }
