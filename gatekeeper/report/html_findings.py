"""Findings for a page: one card a policy, with all that it finds."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gatekeeper.config import SEVERITIES
from gatekeeper.model.names import qualified
from gatekeeper.policy.model import Finding, Policy, Waiver
from gatekeeper.report.links import Links
from gatekeeper.report.view import by_whom, counted, instead, message_parts, place, to_approve
from gatekeeper.report.waived import is_review

_MOST = 3000  # findings on a page
_MOST_ADVICE = 12  # findings of a policy that say each what to write instead
_MOST_OPEN = 12  # findings of a card that is open from the start


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, the table that it is about (empty: none), and whether a baseline knows it."""

    finding: Finding
    table: str = ""
    known: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """A policy, at one severity, and what it found."""

    policy: Policy
    severity: str
    on_trial: bool
    entries: tuple[dict[str, Any], ...]
    is_open: bool
    counts: str


def table_of(finding: Finding) -> str:
    """Name the table that a finding of a review is about; empty where it is about none."""
    values = finding.values
    for key in ("table_subject", "object_subject", "held_table", "locked_table", "writes_table"):
        if values.get(key):
            return str(values[key])
    if values.get("schema_name") and values.get("table_name"):
        return qualified(str(values["schema_name"]), str(values["table_name"]))
    return finding.subject if finding.policy.reads == {"tables"} else ""


def cards(found: Iterable[Found], links: Links, *, alembic: bool = True) -> list[Card]:
    """Give the cards: the worst first, of the same severity in the order of what was found."""
    groups: dict[tuple[str, str], list[Found]] = {}
    for one in list(found)[:_MOST]:
        groups.setdefault((one.finding.policy.id, one.finding.severity), []).append(one)
    order = sorted(
        groups.values(),
        key=lambda g: (SEVERITIES.index(g[0].finding.severity), g[0].finding.is_on_trial),
    )
    return [_card(group, links, alembic=alembic) for group in order]


def _card(group: list[Found], links: Links, *, alembic: bool) -> Card:
    first = group[0].finding
    entries = (
        _entry(one, links, alembic=alembic, advises=i < _MOST_ADVICE) for i, one in enumerate(group)
    )
    tables = len({one.table for one in group if one.table})
    counts = counted(len(group), "finding")
    return Card(
        first.policy,
        first.severity,
        first.is_on_trial,
        tuple(entries),
        len(group) <= _MOST_OPEN,
        f"{counts} in {counted(tables, 'table')}" if tables > 1 else counts,
    )


def _entry(one: Found, links: Links, *, alembic: bool, advises: bool) -> dict[str, Any]:
    finding = one.finding
    file, line = finding.values.get("file"), finding.values.get("line")
    return {
        "subject": finding.subject,
        "table": one.table,
        "known": one.known,
        "parts": message_parts(finding),
        "place": place(file, line),
        "url": links.address(file, line),
        "sql": instead(finding) if advises else "",
        "alembic": instead(finding, alembic=True) if advises and alembic else "",
        "fingerprint": finding.fingerprint,
        "approve": to_approve(finding),
        "approvers": finding.policy.approvers,
    }


def filters(shown: Sequence[Card]) -> dict[str, list[tuple[str, int]]]:
    """Give what can be chosen, with the count of each: severities, policies, packs, tables."""
    counts: dict[str, Counter[str]] = {
        name: Counter() for name in ("severity", "pack", "policy", "table")
    }
    for card in shown:
        size = len(card.entries)
        counts["severity"][card.severity] += size
        counts["pack"][card.policy.pack] += size
        counts["policy"][card.policy.id] += size
        for entry in card.entries:
            if entry["table"]:
                counts["table"][entry["table"]] += 1
    found = {name: sorted(counter.items()) for name, counter in counts.items()}
    found["severity"].sort(key=lambda item: SEVERITIES.index(item[0]))
    return found


def hidden(found: Sequence[Found]) -> int:
    """Count the findings that a page has no room for."""
    return max(0, len(found) - _MOST)


def waived_rows(found: Iterable[Finding], links: Links) -> list[dict[str, Any]]:
    """Give a row for each finding that somebody waived."""
    rows = []
    for finding in found:
        waiver = finding.waiver
        assert waiver is not None  # noqa: S101 - the caller chose what is waived
        rows.append(
            {
                "policy": finding.policy.id,
                "severity": finding.severity,
                "subject": finding.subject,
                "because": waiver.because,
                "by": by_whom(waiver),
                "until": waiver.until,
                "place": waiver.place,
                "url": _address(waiver, links),
            }
        )
    return rows


def _address(waiver: Waiver, links: Links) -> str | None:
    if waiver.kind == "comment":
        return links.address(waiver.file, waiver.line)
    return waiver.url if is_review(waiver.url) else None
