"""A dry run for a terminal (with Rich) and as Markdown."""

import re
from typing import Any

from rich.console import Console
from rich.text import Text

from gatekeeper.policy.model import Finding
from gatekeeper.report.dry_run import (
    DryRun,
    Replayed,
    headline,
    name_of,
    quiet_policies,
    severities,
    shown,
    telling,
)
from gatekeeper.report.escape import Markup, cell, code, shortened, visible, visible_lines
from gatekeeper.report.links import Links
from gatekeeper.report.markdown import ICONS, environment
from gatekeeper.report.printer import Printer
from gatekeeper.report.view import message_markdown, place, place_of

LIMIT = 900_000  # bytes; a job summary of GitHub Actions holds 1 MiB
_MOST_FINDINGS = (1000, 20, 3, 0)  # of a revision, in the first rendering that fits
_MOST_SHOWN = 20  # findings of a revision, on a terminal
_SAFE_ID = re.compile(r"\w{1,60}", re.ASCII)  # Markdown is not read in a summary; this is no HTML
_STYLES = {"error": "bold red", "warning": "yellow", "notice": "cyan"}
_COLUMNS = ("policy", "severity", "revisions", "findings", "would block")


def print_dry_run(run: DryRun, console: Console) -> None:
    """Print the revisions with findings, how often each policy fired, and what would have been."""
    printer = _Printer(console)
    for one in telling(run):
        printer.revision(one)
    if run.failure is not None:
        printer.failure(run)
    printer.table(run)
    for note in run.notes:
        printer.line(f"note: {visible(note)}", "dim")
    if run.replayed:
        printer.line(quiet_policies(run), "dim")
        server = f" on PostgreSQL {run.server_version}" if run.server_version else ""
        printer.line(f"{visible(run.head)}, after {visible(run.base)}{server}", "dim")
    text = headline(run)
    printer.line(text[0].upper() + text[1:], "bold red" if run.failure else "bold")


def _mark(finding: Finding) -> str:
    """Say why an error does not block."""
    if finding.waiver is not None:
        return " (waived)"
    return " (on trial)" if finding.is_on_trial else ""


def _where(finding: Finding, file: str) -> str:
    """Say where a finding comes from: the line alone, where the file was named above it."""
    line = finding.values.get("line")
    if finding.values.get("file") == file and line is not None:
        return f"line {line}"
    return place_of(finding) or ""


class _Printer(Printer):
    def revision(self, one: Replayed) -> None:
        head = Text(shortened(name_of(one)), style="bold")
        head.append(f"  {one.verdict}", style="red" if one.verdict != "passed" else "dim")
        self.line(head)
        if one.revision.file != one.revision.id:
            self.line(f"  {visible(one.revision.file)}", "blue")
        for finding in one.findings[:_MOST_SHOWN]:
            row = Text("  ")
            row.append(finding.severity, style=_STYLES[finding.severity])
            row.append(_mark(finding), style="dim")
            row.append(f" {finding.policy.id}  {shortened(visible(finding.subject))}")
            row.append("  " + visible(_where(finding, one.revision.file)), style="blue")
            self.line(row)
        more = len(one.findings) - _MOST_SHOWN
        if more > 0:
            self.line(f"  and {more} more; --format json has all", "dim")
        self.line()

    def failure(self, run: DryRun) -> None:
        failure = run.failure
        assert failure is not None  # noqa: S101 - who calls looks
        head = Text("stopped", style="bold red")
        head.append(f" in the {failure.during}", style="bold")
        if failure.revision:
            head.append(f"  revision {visible(failure.revision)}")
        self.line(head)
        where = place(failure.file, failure.line)
        if where is not None:
            self.line(f"  {visible(where)}", "blue")
        for text, style in (
            (failure.message, ""),
            (failure.detail, "dim"),
            (failure.hint, "green"),
        ):
            for row in visible_lines(text).splitlines() if text else ():
                self.line(f"  {row}", style)
        self.line()

    def table(self, run: DryRun) -> None:
        rows = [
            (f.policy.id, f.severity, str(f.revisions), str(f.findings), str(f.blocked))
            for f in shown(run)
        ]
        if not rows:
            return
        widths = [max(len(row[i]) for row in (_COLUMNS, *rows)) for i in range(len(_COLUMNS))]
        for number, row in enumerate((_COLUMNS, *rows)):
            names = [text.ljust(width) for text, width in zip(row[:2], widths[:2], strict=True)]
            counts = [text.rjust(width) for text, width in zip(row[2:], widths[2:], strict=True)]
            self.line("  ".join([*names, *counts]), "" if number else "bold")
        self.line()


def render_dry_run_markdown(run: DryRun, *, limit: int = LIMIT, links: Links | None = None) -> str:
    """Give the same as Markdown, with as many findings as fit into `limit` bytes."""
    template = environment().get_template("dry_run.md.j2")
    for most in _MOST_FINDINGS:
        text = template.render(_values(run, links or Links(), most)).strip() + "\n"
        if len(text.encode(errors="replace")) <= limit:
            break
    return text


def _values(run: DryRun, links: Links, most: int) -> dict[str, Any]:
    return {
        "headline": Markup(headline(run)),
        "head": run.head,
        "base": run.base,
        "server": Markup(visible(run.server_version)),
        "policies": [
            {
                "policy": f.policy.id,
                "severity": Markup(f.severity),
                "icon": Markup(ICONS[f.policy.severity]),
                "revisions": f.revisions,
                "findings": f.findings,
                "blocked": f.blocked,
            }
            for f in shown(run)
        ],
        "quiet": Markup(quiet_policies(run)) if run.replayed else None,
        "revisions": [_revision(one, links, most) for one in telling(run)],
        "failure": run.failure,
        "failure_place": links.place(run.failure.file, run.failure.line) if run.failure else None,
        "notes": run.notes,
    }


def _revision(one: Replayed, links: Links, most: int) -> dict[str, Any]:
    safe = _SAFE_ID.fullmatch(one.revision.id) is not None
    return {
        "id": Markup(one.revision.id) if safe else Markup("a revision"),
        "name": name_of(one),
        "verdict": Markup(one.verdict),
        "file": links.place(one.revision.file, None),
        "counts": Markup(severities(one)),
        "hidden": max(0, len(one.findings) - most),
        "findings": [
            {
                "icon": Markup(ICONS[f.severity]),
                "policy": Markup(code(f.policy.id) + _mark(f)),
                "subject": Markup(cell(code(f.subject))),
                "message": Markup(cell(message_markdown(f))),
                "place": links.place(f.values.get("file"), f.values.get("line")),
            }
            for f in one.findings[:most]
        ],
    }
