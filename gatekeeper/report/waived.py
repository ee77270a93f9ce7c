"""What is waived, and who could waive what blocks, for the comment on the pull request."""

import re
from typing import Any

from gatekeeper.policy.model import Waiver
from gatekeeper.report.escape import Markup, cell, code
from gatekeeper.report.links import Links
from gatekeeper.report.view import Item, by_whom, to_approve

_LONGEST_REASON = 300
_MOST_LINES = 10
_REVIEW = re.compile(r"https?://[\w.:/-]+#pullrequestreview-\d+", re.ASCII)


def waived_row(item: Item, links: Links) -> dict[str, Any]:
    """Give a row of the table of what is waived: one waiver, and what it is for."""
    waiver = item.first.waiver
    assert waiver is not None  # noqa: S101 - the caller chose what is waived
    by = code(waiver.by) if waiver.by else by_whom(waiver)
    return {
        "policy": Markup(code(item.policy.id)),
        "severity": Markup(item.first.severity),
        "subject": Markup(cell(subjects(item))),
        "because": Markup(code(waiver.because, _LONGEST_REASON)),
        "by": Markup(f"{by}, until {waiver.until}" if waiver.until else by),
        "place": _place(waiver, links),
    }


def subjects(item: Item) -> str:
    """Name the first three objects of a row, as Markdown."""
    named = ", ".join(code(f.subject) for f in item.findings[:3])
    more = len(item.findings) - 3
    return f"{named} and {more} more" if more > 0 else named


def approval(item: Item) -> dict[str, Any]:
    """Say what to write in a review to waive a row, and who may; empty where no review can."""
    lines = [line for f in item.findings[:_MOST_LINES] if (line := to_approve(f))]
    return {"approve": "\n".join(lines), "approvers": item.policy.approvers if lines else ()}


def _place(waiver: Waiver, links: Links) -> Markup | None:
    if waiver.kind == "comment":
        return links.place(waiver.file, waiver.line)
    if is_review(waiver.url):
        return Markup(f"[review]({waiver.url})")
    return Markup(code(waiver.place))


def is_review(url: str) -> bool:
    """Say whether an address is that of a review, and nothing else."""
    return _REVIEW.fullmatch(url) is not None
