"""Waivers: what a policy finds and somebody says may be. Pure; what day it is, is an argument."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from gatekeeper.config_waivers import FileWaiver, reason_mistake, too_long
from gatekeeper.model.allowance import Allowance
from gatekeeper.model.evidence import Revision
from gatekeeper.policy.model import Finding, Policy, Waiver
from gatekeeper.yaml_reader import Problems, did_you_mean

_ORDER = {"error": 0, "warning": 1, "notice": 2}


@dataclass(frozen=True, slots=True)
class Waived:
    """All findings, the waived ones with their waiver. `notes` name waivers without effect."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


def file_waivers(entries: Iterable[FileWaiver]) -> tuple[Waiver, ...]:
    """Give what gatekeeper.yml waives."""
    return tuple(
        Waiver(
            policy=e.policy,
            subject=e.subject,
            because=e.because,
            kind="file",
            by=e.owner,
            until=e.until,
            file=e.file,
            line=e.line,
            project=e.project,
            most_days=e.most_days,
        )
        for e in entries
    )


def of_project(waivers: Iterable[Waiver], project: str) -> tuple[Waiver, ...]:
    """Give the waivers that are for this project: its own and those for all.

    `project` is empty for what belongs to none, such as a schema in plain SQL.
    """
    return tuple(waiver for waiver in waivers if waiver.project in ("", project))


def comment_waivers(revisions: Iterable[Revision]) -> tuple[Waiver, ...]:
    """Give what the comments in new migrations waive. Nobody can tell who wrote them.

    They have no last day, and `waiver_days:` is not about them: such a migration runs once.
    """
    return tuple(_of_comment(a) for r in revisions if r.is_new for a in r.allowances)


def _of_comment(said: Allowance) -> Waiver:
    return Waiver(
        policy=said.policy,
        subject=said.subject,
        because=said.because,
        kind="comment",
        file=said.file,
        line=said.written,
        operation=(said.line, said.last_line),
        refused=said.mistake or reason_mistake(said.because),
    )


def check_waivers(
    entries: Iterable[FileWaiver], known: Collection[str], problems: Problems
) -> None:
    """Record every waiver of gatekeeper.yml for a policy that there is not."""
    for entry in entries:
        if entry.policy not in known:
            near = did_you_mean(entry.policy, known)
            problems.add(entry.file, entry.line, f"there is no policy {entry.policy!r}{near}")


def apply_waivers(
    findings: Iterable[Finding], waivers: Iterable[Waiver], today: date, known: Collection[str]
) -> Waived:
    """Give each finding the first waiver that counts for it.

    `known` are the ids of the policies that judged. Of waivers in gatekeeper.yml that match nothing
    nobody speaks: what they are for need not be touched by this change.
    """
    given = tuple(dict.fromkeys(waivers))
    used: dict[Waiver, str] = {}  # those that match something; why they do not count, if so
    done = []
    for finding in findings:
        matching = [w for w in given if matches(w, finding)]
        used |= {w: _why_not(w, finding.policy, today) for w in matching}
        counting = [w for w in matching if not used[w]]
        if counting and finding.waiver is None:
            finding = replace(finding, waiver=counting[0])
        done.append(finding)
    notes = [_note(w, used.get(w), known) for w in given]
    return Waived(ranked(done), tuple(note for note in notes if note))


def verdict_of(findings: Iterable[Finding]) -> str:
    return "blocked" if any(f.blocks for f in findings) else "passed"


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings: what blocks first, what is waived last."""
    return tuple(sorted(findings, key=_rank))


def _rank(finding: Finding) -> tuple[Any, ...]:
    return (
        finding.waiver is not None,
        not finding.blocks,
        _ORDER[finding.severity],
        finding.policy.id,
        finding.subject,
        finding.values.get("line") or 0,
    )


def matches(waiver: Waiver, finding: Finding) -> bool:
    """Say whether a waiver is for a finding, whether or not it counts."""
    if waiver.policy != finding.policy.id:
        return False
    if waiver.kind == "comment":
        first, last = waiver.operation
        line = finding.values.get("line")
        if finding.values.get("file") != waiver.file or not isinstance(line, int):
            return False
        if not first <= line <= last:
            return False
    if not waiver.subject and waiver.kind == "comment":
        return True
    # A name may hold what means something in a glob: public.f(integer[]).
    is_glob = waiver.kind != "approval"
    return finding.subject == waiver.subject or (
        is_glob and fnmatchcase(finding.subject, waiver.subject)
    )


def _why_not(waiver: Waiver, policy: Policy, today: date) -> str:
    """Say why a waiver that matches does not count; empty: it does."""
    if waiver.refused:
        return waiver.refused
    if policy.approvers and waiver.kind != "approval":
        return f"only an approving review by {', '.join(policy.approvers)} waives this"
    if waiver.until is not None and waiver.until < today:
        return f"it ended on {waiver.until}, so the finding is back"
    return too_long(waiver.until, waiver.most_days, today)


def _note(waiver: Waiver, why_not: str | None, known: Collection[str]) -> str:
    """Say what a reader must know about a waiver; empty: nothing."""
    what = f"{waiver.place}: the waiver"
    what += f" of {waiver.policy}" if waiver.policy else ""
    what += f" for {waiver.subject}" if waiver.subject else ""
    if waiver.refused or why_not:
        return f"{what} does not count: {waiver.refused or why_not}"
    if why_not is not None or waiver.kind == "file":
        return ""
    if waiver.policy not in known:
        near = did_you_mean(waiver.policy, known)
        return f"{what} does not count: no policy of that name judged{near}"
    where = " at the operation below it" if waiver.kind == "comment" else ""
    return f"{what} is not needed: nothing{where} was found that it is for"
