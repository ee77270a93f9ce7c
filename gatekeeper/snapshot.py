"""What running migrations showed, and the file that carries it from one CI job to another.

Judging a snapshot needs no database and runs none of the pull request's code. The file may come
from a job that ran such code, so it is read as data: capped in size, strictly by the types below.
"""

from dataclasses import dataclass, field

from gatekeeper.facts.build import Facts, build_facts
from gatekeeper.model.change import Change
from gatekeeper.model.evidence import Evidence, Failure, Statement
from gatekeeper.model.plan import Plan
from gatekeeper.model.schema import Schema


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What running the migrations showed.

    With a `failure` they did not run to their end. Only where a statement was refused for where it
    stood are there facts to judge nevertheless, beside those of the files.
    """

    plan: Plan
    facts: Facts = field(default_factory=Facts)
    changes: tuple[Change, ...] = ()
    statements: tuple[Statement, ...] = ()
    after: Schema = field(default_factory=Schema)
    failure: Failure | None = None
    project: str = ""  # of several of a repository


def not_run(plan: Plan, failure: Failure | None = None) -> Snapshot:
    """Give what is known without running anything: what the files of the migrations say."""
    nothing = Schema()
    return Snapshot(
        plan, build_facts(nothing, nothing, (), Evidence(plan.revisions)), failure=failure
    )
