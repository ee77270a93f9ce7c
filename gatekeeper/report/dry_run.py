"""What a dry run found: values, and JSON with a published schema (dry-run.schema.json)."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gatekeeper.config import SEVERITIES
from gatekeeper.model.evidence import Failure, Revision
from gatekeeper.policy.model import Finding, Policy
from gatekeeper.report.escape import visible
from gatekeeper.report.json import encodable, failure_values
from gatekeeper.report.view import counted, message

VERSION = 1


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the policies say of one revision on its own."""

    revision: Revision
    verdict: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class DryRun:
    """What policies would have said of merged revisions, in the order in which they ran.

    `count` revisions were to be replayed; with a `failure` it went only so far. `tried` are the
    ids of policies that are not in use yet.
    """

    head: str
    base: str
    count: int
    policies: tuple[Policy, ...]
    replayed: tuple[Replayed, ...] = ()
    tried: frozenset[str] = frozenset()
    failure: Failure | None = None
    notes: tuple[str, ...] = ()
    server_version: str = ""

    @property
    def blocked(self) -> int:
        """How many revisions would have been blocked."""
        return sum(one.verdict == "blocked" for one in self.replayed)


@dataclass(frozen=True, slots=True)
class Fired:
    """How often one policy would have fired: in how many revisions, with how many findings."""

    policy: Policy
    revisions: int = 0
    findings: int = 0
    blocked: int = 0
    uncertain: int = 0
    waived: int = 0

    @property
    def severity(self) -> str:
        """Say how severe it is, and whether it is on trial."""
        trial = self.policy.severity == "error" and self.policy.mode != "enforce"
        return "error (on trial)" if trial else self.policy.severity


def fired(run: DryRun) -> list[Fired]:
    """Count for every policy; what would have blocked most comes first."""
    found = [_fired(run, policy) for policy in run.policies]
    return sorted(found, key=lambda f: (-f.blocked, -f.revisions, -f.findings, f.policy.id))


def shown(run: DryRun) -> list[Fired]:
    """Give those that a person wants to see: what fired, and what was tried."""
    return [f for f in fired(run) if f.findings or f.policy.id in run.tried]


def _fired(run: DryRun, policy: Policy) -> Fired:
    by_revision = [[f for f in one.findings if f.policy.id == policy.id] for one in run.replayed]
    every = [finding for findings in by_revision for finding in findings]
    return Fired(
        policy,
        revisions=sum(bool(findings) for findings in by_revision),
        findings=len(every),
        blocked=sum(any(f.blocks for f in findings) for findings in by_revision),
        uncertain=sum(f.undecided for f in every),
        waived=sum(f.waiver is not None for f in every),
    )


def headline(run: DryRun) -> str:
    """Say in one line how it went."""
    if not run.count:
        return "nothing to replay"
    if not run.replayed:
        return f"none of {counted(run.count, 'revision')} was replayed"
    done = counted(len(run.replayed), "revision")
    of = done if len(run.replayed) == run.count else f"the first {done} of {run.count}"
    return f"{run.blocked} of {of} would have been blocked"


def quiet_policies(run: DryRun) -> str:
    """Say how many policies fired nowhere."""
    silent = sum(not f.findings for f in fired(run))
    return f"{counted(silent, 'policy')} of {len(run.policies)} fired nowhere"


def render_dry_run(run: DryRun) -> str:
    """Give the JSON; the same commits give the same bytes."""
    values = {
        "version": VERSION,
        "head": run.head,
        "base": run.base,
        "server_version": run.server_version,
        "count": run.count,
        "replayed": len(run.replayed),
        "blocked": run.blocked,
        "failure": None if run.failure is None else failure_values(run.failure),
        "policies": [_policy(f, run) for f in fired(run)],
        "revisions": [
            {
                "id": one.revision.id,
                "file": one.revision.file,
                "title": one.revision.title,
                "verdict": one.verdict,
                "findings": [_finding(finding) for finding in one.findings],
            }
            for one in run.replayed
        ],
        "notes": list(run.notes),
    }
    return encodable(json.dumps(values, indent=2, ensure_ascii=False)) + "\n"


def _policy(counts: Fired, run: DryRun) -> dict[str, Any]:
    policy = counts.policy
    return {
        "policy": policy.id,
        "pack": policy.pack,
        "title": policy.title,
        "severity": policy.severity,
        "mode": policy.mode,
        "tried": policy.id in run.tried,
        "revisions": counts.revisions,
        "findings": counts.findings,
        "uncertain": counts.uncertain,
        "waived": counts.waived,
        "blocked": counts.blocked,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "policy": finding.policy.id,
        "severity": finding.severity,
        "blocks": finding.blocks,
        "subject": finding.subject,
        "message": message(finding),
        "file": finding.values.get("file"),
        "line": finding.values.get("line"),
        "certain": not finding.undecided,
        "waived": finding.waiver is not None,
        "fingerprint": finding.fingerprint,
    }


def telling(run: DryRun) -> Iterator[Replayed]:
    """Give the revisions that something is said about."""
    return (one for one in run.replayed if one.findings)


def severities(one: Replayed) -> str:
    """Count a revision's findings: 1 error, 2 warnings."""
    counts = Counter(finding.severity for finding in one.findings)
    known = (word for word in SEVERITIES if counts[word])
    return ", ".join(counted(counts[word], word) for word in known)


def name_of(one: Replayed) -> str:
    """Name a revision for a person: its id and what its author called it."""
    title = one.revision.title.strip().splitlines()[:1]
    return visible(" ".join([one.revision.id, *title]))
