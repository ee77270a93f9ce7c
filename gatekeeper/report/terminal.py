"""The report for a terminal, with Rich. Colour is the console's business."""

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from gatekeeper.model.evidence import Failure
from gatekeeper.report.escape import shortened, visible, visible_lines
from gatekeeper.report.outcome import Outcome
from gatekeeper.report.view import Item, headline, instead, items, message, place, summary

_STYLES = {"error": "bold red", "warning": "yellow", "notice": "cyan"}
_VERDICT_STYLES = {"passed": "bold green", "blocked": "bold red", "undecided": "bold red"}


def print_terminal(outcome: Outcome, console: Console) -> None:
    """Print the whole report."""
    if outcome.failure is not None:
        console.print(_failure(outcome.failure))
    explained: set[str] = set()
    for item in items(outcome.findings):
        console.print(_item(item, explain=item.policy.id not in explained))
        explained.add(item.policy.id)
    for note in outcome.notes:
        console.print(Text(f"note: {visible(note)}", style="dim"))
    line = Text()
    line.append(_sentence(headline(outcome)), style=_VERDICT_STYLES[outcome.verdict])
    console.print(line)
    if outcome.failure is None:
        server = f" on PostgreSQL {outcome.server_version}" if outcome.server_version else ""
        against = (
            f"{summary(outcome)}{server}; {visible(outcome.head)} against {visible(outcome.base)}"
        )
        console.print(Text(against, style="dim"))


def _item(item: Item, *, explain: bool) -> RenderableType:
    finding = item.first
    head = Text()
    head.append(finding.severity, style=_STYLES[finding.severity])
    if finding.severity == "error" and not finding.blocks:
        head.append(" (on trial)", style="dim")
    head.append(f" {item.policy.id}", style="bold")
    subjects = ", ".join(shortened(visible(f.subject)) for f in item.findings[:3])
    more = f" and {len(item.findings) - 3} more" if len(item.findings) > 3 else ""  # noqa: PLR2004
    head.append(f"  {subjects}{more}")
    body: list[RenderableType] = []
    where = place(finding)
    if where is not None:
        body.append(Text(visible(where), style="blue"))
    body.append(Text(message(finding, visible)))
    if explain:
        body.append(Text(item.policy.why, style="dim"))
        for text in (instead(finding), instead(finding, alembic=True)):
            if text:
                body.append(Padding(Text(text, style="green"), (0, 0, 0, 2)))
    return Group(head, Padding(Group(*body), (0, 0, 1, 2)))


def _failure(failure: Failure) -> RenderableType:
    head = Text()
    head.append("error", style="bold red")
    head.append(f" in the {failure.during}", style="bold")
    if failure.revision:
        head.append(f"  revision {visible(failure.revision)}")
    body: list[RenderableType] = []
    if failure.file:
        body.append(Text(visible(f"{failure.file}:{failure.line}"), style="blue"))
    body.append(Text(visible_lines(failure.message)))
    if failure.detail:
        body.append(Text(visible_lines(failure.detail), style="dim"))
    if failure.sql:
        body.append(Padding(Text(visible_lines(shortened(failure.sql, 1500))), (0, 0, 0, 2)))
    if failure.hint:
        body.append(Text(visible_lines(failure.hint), style="green"))
    return Group(head, Padding(Group(*body), (0, 0, 1, 2)))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
