"""The report for a terminal, with Rich. Colour is the console's business.

Prose is wrapped to the width of the terminal; places and code are never broken, so that they can be
clicked and copied.
"""

import textwrap

from rich.console import Console
from rich.text import Text

from gatekeeper.model.evidence import Failure
from gatekeeper.report.coverage import coverage_sentence
from gatekeeper.report.escape import shortened, visible, visible_lines
from gatekeeper.report.outcome import Outcome, Reviews
from gatekeeper.report.printer import Printer
from gatekeeper.report.reach import Gain, gains
from gatekeeper.report.view import (
    Item,
    by_whom,
    headline,
    instead,
    items,
    joint_headline,
    message,
    place,
    place_of,
    summary,
    to_approve,
)

_STYLES = {"error": "bold red", "warning": "yellow", "notice": "cyan"}
_VERDICT_STYLES = {"passed": "bold green", "blocked": "bold red", "undecided": "bold red"}
_MOST_GAINS = 10


def print_terminal(outcome: Outcome, console: Console) -> None:
    """Print the whole report."""
    printer = _Printer(console)
    if outcome.failure is not None:
        printer.failure(outcome.failure)
    explained: set[str] = set()
    for item in items(outcome.open_findings):
        printer.item(item, explain=item.policy.id not in explained)
        explained.add(item.policy.id)
    printer.waived(items(outcome.waived_findings))
    printer.gains(gains(outcome))
    for note in outcome.notes:
        printer.prose(f"note: {visible(note)}", "dim", indent="")
    if said := coverage_sentence(outcome.coverage):
        printer.prose(said, "dim", indent="")
    verdict = headline(outcome)
    printer.line(Text(verdict[:1].upper() + verdict[1:], style=_VERDICT_STYLES[outcome.verdict]))
    if outcome.failure is None:
        server = f" on PostgreSQL {outcome.server_version}" if outcome.server_version else ""
        against = f"{visible(outcome.head)} against {visible(outcome.base)}"
        printer.prose(f"{summary(outcome)}{server}; {against}", "dim", indent="")


def print_reviews(reviews: Reviews, console: Console) -> None:
    """Print the reports one after the other, and the verdict of all."""
    for part in reviews.parts:
        if part.project:
            console.rule(Text(part.project, style="bold"), align="left")
        print_terminal(part, console)
    if len(reviews.parts) > 1:
        console.rule()
        text = joint_headline(reviews)
        console.print(Text(text[:1].upper() + text[1:], style="bold"), soft_wrap=True)


def _subjects(item: Item) -> str:
    subjects = ", ".join(shortened(visible(f.subject)) for f in item.findings[:3])
    more = len(item.findings) - 3
    return f"{subjects} and {more} more" if more > 0 else subjects


class _Printer(Printer):
    def block(self, text: str, style: str, indent: str = "    ") -> None:
        self.line(Text(textwrap.indent(visible_lines(text), indent), style=style))

    def item(self, item: Item, *, explain: bool) -> None:
        finding = item.first
        head = Text()
        head.append(finding.severity, style=_STYLES[finding.severity])
        if finding.is_on_trial:
            head.append(" (on trial)", style="dim")
        head.append(f" {item.policy.id}", style="bold")
        head.append(f"  {_subjects(item)}")
        self.line(head)
        where = place_of(finding)
        if where is not None:
            self.line(Text(f"  {visible(where)}", style="blue"))
        self.prose(message(finding))
        if explain:
            self.prose(item.policy.why, "dim")
            self._advice("Instead:", instead(finding))
            self._advice("With Alembic:", instead(finding, alembic=True))
        if line := to_approve(finding):
            who = ", ".join(item.policy.approvers)
            self._advice(f"Or an approving review by one of {who}, with the line:", line)
        self.line(Text())

    def waived(self, found: list[Item]) -> None:
        """Say what does not block because somebody waived it."""
        if not found:
            return
        self.line(Text("Waived", style="bold"))
        for item in found:
            waiver = item.first.waiver
            if waiver is not None:
                self.line(Text(f"  {item.first.severity} {item.policy.id}  {_subjects(item)}"))
                until = f", until {waiver.until}" if waiver.until else ""
                by = f"{by_whom(waiver)}{until}; {waiver.place}"
                self.prose(visible(f"{shortened(waiver.because, 400)} ({by})"), "dim", "    ")
        self.line(Text())

    def gains(self, found: list[Gain]) -> None:
        """Say who can do more than before."""
        if not found:
            return
        self.line(Text("Who can do more after this", style="bold"))
        for gain in found[:_MOST_GAINS]:
            what = ", ".join(gain.privileges)
            columns = f" ({', '.join(gain.columns)})" if gain.columns else ""
            limits = f" [{'; '.join(gain.limits)}]" if gain.limits else ""
            text = f"{gain.role}: {what} on {gain.thing}{columns}{limits}, by {gain.via}"
            self.prose(visible(shortened(text, 400)))
        if len(found) > _MOST_GAINS:
            self.prose(f"and {len(found) - _MOST_GAINS} more; --format json has all", "dim")
        self.line(Text())

    def failure(self, failure: Failure) -> None:
        head = Text()
        head.append("error", style="bold red")
        head.append(f" in the {failure.during}", style="bold")
        if failure.revision:
            head.append(f"  revision {visible(failure.revision)}")
        self.line(head)
        where = place(failure.file, failure.line)
        if where is not None:
            self.line(Text(f"  {visible(where)}", style="blue"))
        self.block(failure.message, "", "  ")
        if failure.detail:
            self.block(failure.detail, "dim", "  ")
        if failure.sql:
            self.block(shortened(failure.sql, 1500), "")
        if failure.hint:
            self.block(failure.hint, "green", "  ")
        self.line(Text())

    def _advice(self, title: str, text: str) -> None:
        if text:
            self.line(Text(f"  {title}", style="dim"))
            self.block(text, "green")
