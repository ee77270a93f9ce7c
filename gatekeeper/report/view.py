"""Prepares findings for every format: messages filled in, like ones gathered."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gatekeeper.model.names import quoted
from gatekeeper.policy.model import Finding, Policy
from gatekeeper.policy.template import Escape, fill
from gatekeeper.report.escape import visible
from gatekeeper.report.outcome import Outcome

_GATHER_ABOVE = 5  # so many findings of one policy keep a row each
_PLURALS = {"index": "indexes", "policy": "policies"}
# Columns of facts that hold a bare name: in SQL it may need quotes.
_NAMES = {"name", "column_name", "table_name", "schema_name", "renamed_from", "type_name"}


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
    groups: dict[tuple[str, str, bool], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.policy.id, finding.severity, finding.undecided), []).append(
            finding
        )
    found: list[Item] = []
    for group in groups.values():
        if len(group) > _GATHER_ABOVE:
            found.append(Item(tuple(group)))
        else:
            found += [Item((finding,)) for finding in group]
    return found


def message(finding: Finding, escape: Escape) -> str:
    """Fill in the finding's message, on one line."""
    text = " ".join(fill(finding.policy.message, finding.values, escape).split())
    if finding.undecided:
        unknown = ", ".join(
            name for _, values in finding.failed for name, value in values.items() if value is None
        )
        text += f" (Undecided: {unknown or 'a value'} is unknown.)"
    return text


def instead(finding: Finding, *, alembic: bool = False) -> str:
    """Fill in what to write instead; it is code, so names stand as they are."""
    template = finding.policy.instead_alembic if alembic else finding.policy.instead
    if not template:
        return ""
    values = finding.values
    if not alembic:
        values = {k: quoted(v) if k in _NAMES and v else v for k, v in values.items()}
    return fill(template, values, visible)


def place(finding: Finding) -> str | None:
    """Give file:line, where the statement is known."""
    file, line = finding.values.get("file"), finding.values.get("line")
    return f"{file}:{line}" if file else None


def headline(outcome: Outcome) -> str:
    """Say the verdict and the counts in one line."""
    if outcome.failure is not None:
        return "undecided: the migrations did not run to their end"
    errors = [f for f in outcome.findings if f.severity == "error"]
    counts = Counter(f.severity for f in outcome.findings)
    listed = ", ".join(
        counted(counts[severity], severity)
        for severity in ("error", "warning", "notice")
        if counts[severity]
    )
    if outcome.verdict == "blocked":
        return f"blocked by {listed}"
    if errors:
        return f"passed with {listed} of policies on trial"
    return f"passed with {listed}" if listed else "passed"


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
