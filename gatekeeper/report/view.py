"""Prepares findings for every format: messages filled in, like ones gathered."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gatekeeper.model.names import quoted
from gatekeeper.policy.model import Finding, Policy, Waiver
from gatekeeper.policy.template import Escape, fill
from gatekeeper.report.escape import code, visible
from gatekeeper.report.outcome import Outcome, Reviews

_GATHER_ABOVE = 5  # so many findings of one policy keep a row each
_PLURALS = {"index": "indexes", "policy": "policies"}
# Columns of facts that hold a bare name: in SQL it may need quotes.
_NAME_LISTS = {"column_names", "references_columns"}
_MARKED = re.compile("\ue000(.*?)\ue001")
_NAMES = {
    "name", "column_name", "table_name", "schema_name", "renamed_from", "type_name", "role_name",
    "grantee", "member", "owner",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a report: a finding, or many of one policy gathered into one."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        return self.findings[0]

    @property
    def policy(self) -> Policy:
        return self.first.policy

    @property
    def others(self) -> int:
        return len(self.findings) - 1


def items(findings: Iterable[Finding]) -> list[Item]:
    """Gather the findings of a policy into one item where there are many."""
    groups: dict[tuple[str, str, bool, Waiver | None], list[Finding]] = {}
    for finding in findings:
        key = (finding.policy.id, finding.severity, finding.undecided, finding.waiver)
        groups.setdefault(key, []).append(finding)
    found: list[Item] = []
    for group in groups.values():
        if len(group) > _GATHER_ABOVE:
            found.append(Item(tuple(group)))
        else:
            found += [Item((finding,)) for finding in group]
    return found


def message(finding: Finding) -> str:
    """Fill in the finding's message as plain text, on one line."""
    return _message(finding, visible)


def message_markdown(finding: Finding) -> str:
    """Fill in the finding's message as Markdown, on one line, every value a code span.

    The template may put two values side by side, or write backticks of its own; either would join
    spans into something else. So values are marked first and made code when all text is known.
    """
    text = ""
    for i, part in enumerate(message_parts(finding)):
        if i % 2 == 0:
            text += part.replace("`", "\\`")
        else:
            text += (" " if text.endswith("`") else "") + code(part)
    return text


def message_parts(finding: Finding) -> list[str]:
    """Give the finding's message in parts: text of the policy and values, in turn."""
    return _MARKED.split(_message(finding, _mark))


def _message(finding: Finding, escape: Escape) -> str:
    text = " ".join(fill(finding.policy.message, finding.values, escape).split())
    if finding.undecided:
        listed = ", ".join(escape(name) for name in finding.unknown)
        text += f" (Undecided: {listed} is unknown.)"
    return text


def _mark(value: str) -> str:
    return f"\ue000{visible(value).replace(chr(0xE000), '').replace(chr(0xE001), '')}\ue001"


def instead(finding: Finding, *, alembic: bool = False) -> str:
    """Fill in what to write instead.

    It is code, so a name is written as its language needs it: quoted for SQL where it must be,
    escaped within a Python string.
    """
    template = finding.policy.instead_alembic if alembic else finding.policy.instead
    if not template:
        return ""
    if alembic:
        return fill(template, finding.values, _python_text)
    values = {k: _sql_name(k, v) for k, v in finding.values.items()}
    return fill(template, values, visible)


def _sql_name(key: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    if key in _NAMES:
        return quoted(value)
    if key in _NAME_LISTS:
        names = value.split(", ")
        return ", ".join(name if name.startswith("(") else quoted(name) for name in names)
    return value


def _python_text(value: str) -> str:
    return visible(value).replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")


def place(file: object, line: object) -> str | None:
    """Give file:line as far as they are known."""
    if not file:
        return None
    return f"{file}:{line}" if line is not None else str(file)


def place_of(finding: Finding) -> str | None:
    """Give file:line of the statement behind a finding, where it is known."""
    return place(finding.values.get("file"), finding.values.get("line"))


def headline(outcome: Outcome) -> str:
    """Say the verdict and the counts in one line."""
    if outcome.failure is not None:
        return "undecided: the migrations did not run to their end"
    return _verdict(outcome.verdict, outcome.open_findings, outcome.waived_findings)


def joint_headline(reviews: Reviews) -> str:
    """Say the verdict of all projects and the counts of all in one line."""
    if len(reviews.parts) == 1:
        return headline(reviews.parts[0])
    failed = [part.project for part in reviews.parts if part.failure is not None]
    what = f"the migrations of {', '.join(failed)} did not run to their end"
    if reviews.verdict == "undecided":
        return f"undecided: {what}"
    waived = [f for part in reviews.parts for f in part.waived_findings]
    said = _verdict(reviews.verdict, reviews.open_findings, waived)
    return f"{said}; {what}" if failed else said


def _verdict(verdict: str, open_findings: Sequence[Finding], waived_ones: Sequence[Finding]) -> str:
    listed, waived = _counts(open_findings), _counts(waived_ones)
    if verdict == "blocked":
        said = f"blocked by {listed}"
    elif any(f.severity == "error" for f in open_findings):
        said = f"passed with {listed} of policies on trial"
    else:
        said = f"passed with {listed}" if listed else "passed"
    return f"{said}{'; ' if listed else ', '}{waived} waived" if waived else said


def _counts(findings: Iterable[Finding]) -> str:
    """Count findings by severity: 1 error, 2 warnings."""
    counts = Counter(f.severity for f in findings)
    return ", ".join(
        counted(counts[severity], severity)
        for severity in ("error", "warning", "notice")
        if counts[severity]
    )


def to_approve(finding: Finding) -> str:
    """Give the line of a review that waives a finding; empty where no review can."""
    if not finding.policy.approvers or not finding.blocks:
        return ""
    return f"gatekeeper: allow {finding.policy.id} {visible(finding.subject)} because …"


def by_whom(waiver: Waiver) -> str:
    """Say who waived, as far as that can be told."""
    if waiver.by:
        return waiver.by
    return "not known (a comment)" if waiver.kind == "comment" else "not said"


def counted(count: int, noun: str) -> str:
    """Give "1 table", "2 tables"."""
    return f"{count} {noun if count == 1 else _PLURALS.get(noun, noun + 's')}"


def summary(outcome: Outcome) -> str:
    """Say how much was looked at."""
    changes = [c for c in outcome.changes if c.part_of is None]
    return ", ".join(
        (
            counted(len(outcome.new_revisions), "new migration"),
            counted(len(outcome.statements), "statement"),
            counted(len(changes), "schema change"),
        )
    )


def change_counts(kinds: Sequence[str]) -> str:
    """Count changes for a heading: 1 table added, 2 columns dropped."""
    counts = Counter(kinds)
    parts = []
    for kind, count in counts.items():
        noun, _, verb = kind.partition(".")
        parts.append(f"{counted(count, noun.replace('_', ' '))} {verb.replace('_', ' ')}")
    return ", ".join(parts)
