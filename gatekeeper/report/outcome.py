"""Everything that a report may show about one review."""

from dataclasses import dataclass, field

from gatekeeper.facts.build import Facts
from gatekeeper.model.change import Change
from gatekeeper.model.evidence import Failure, Revision, Statement
from gatekeeper.model.schema import Schema
from gatekeeper.policy.coverage import Coverage
from gatekeeper.policy.model import Finding

EXIT_STATUS = {"passed": 0, "blocked": 1, "undecided": 2}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One review. A `failure` means that nothing could be judged: the verdict is undecided.

    `project` is empty where the repository has only one.
    """

    verdict: str
    base: str
    head: str
    findings: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()
    revisions: tuple[Revision, ...] = ()
    statements: tuple[Statement, ...] = ()
    facts: Facts = field(default_factory=Facts)
    after: Schema = field(default_factory=Schema)
    failure: Failure | None = None
    not_run: Failure | None = None  # why only some of the policies could judge, which blocked
    notes: tuple[str, ...] = ()
    policy_count: int = 0
    server_version: str = ""
    project: str = ""
    coverage: Coverage = field(default_factory=Coverage)

    @property
    def new_revisions(self) -> tuple[Revision, ...]:
        return tuple(r for r in self.revisions if r.is_new)

    @property
    def open_findings(self) -> tuple[Finding, ...]:
        """The findings that nobody waived."""
        return tuple(f for f in self.findings if f.waiver is None)

    @property
    def waived_findings(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.waiver is not None)


@dataclass(frozen=True, slots=True)
class Reviews:
    """The outcomes for all projects of a repository, in their order; mostly one, without a name."""

    parts: tuple[Outcome, ...]

    @property
    def verdict(self) -> str:
        """Give blocked if any is, otherwise undecided if any is: the rest may not be reassuring."""
        found = {part.verdict for part in self.parts}
        return next(v for v in ("blocked", "undecided", "passed") if v in found)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(f for part in self.parts for f in part.findings)

    @property
    def open_findings(self) -> tuple[Finding, ...]:
        """The findings that nobody waived."""
        return tuple(f for part in self.parts for f in part.open_findings)


def alone(outcome: Outcome) -> Reviews:
    """Give the only outcome as all that there are."""
    return Reviews((outcome,))
