"""Everything that a report may show about one review."""

from dataclasses import dataclass, field

from gatekeeper.facts.build import Facts
from gatekeeper.model.change import Change
from gatekeeper.model.evidence import Failure, Revision, Statement
from gatekeeper.model.schema import Schema
from gatekeeper.policy.model import Finding

EXIT_STATUS = {"passed": 0, "blocked": 1, "undecided": 2}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One review. A `failure` means that nothing could be judged: the verdict is undecided."""

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
