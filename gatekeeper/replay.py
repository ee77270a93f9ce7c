"""The rehearsal: merged migrations run one by one on one scratch database, each judged alone.

What is there after a revision is what the next one meets, so it is read once, and N revisions cost
N reviews without their N imports of the application and N times the history.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date

from gatekeeper.config_database import ProductionRole
from gatekeeper.judge import judge_snapshot
from gatekeeper.model.evidence import Failure
from gatekeeper.model.plan import Plan
from gatekeeper.observe import Progress, Setup, look, run_new
from gatekeeper.policy.catalog_query import catalog_queries
from gatekeeper.policy.model import Policy, Waiver
from gatekeeper.report.dry_run import DryRun, Replayed
from gatekeeper.review import notes_of_run, prepared
from gatekeeper.scratch.base import Address, ScratchServer, lost_server_explained
from gatekeeper.sources.base import MigrationFailed, Stepwise
from gatekeeper.sources.retry import with_missing_roles
from gatekeeper.sources.sql_files import run_scripts


def replay(
    source: Stepwise,
    start_server: Callable[[], ScratchServer],
    policies: tuple[Policy, ...],
    setup: Setup,
    progress: Progress = lambda _: None,
    *,
    waivers: tuple[Waiver, ...] = (),
    today: date = date.max,
) -> DryRun:
    """Run what is new one migration at a time, and judge each.

    `waivers` are those of gatekeeper.yml, which count as they would `today`. Raises GatekeeperError
    for what the user must put right first. A migration that fails ends the run: what comes after it
    would run on another schema than it was written for. It is in the result, with all that came
    before.
    """
    with lost_server_explained():
        plan, server = prepared(source, start_server, progress)
        try:
            if not plan.new_revisions:
                note = f"there is no revision after {plan.base}"
                return _result(plan, policies, [], (*plan.notes, note))
            setup = replace(setup, queries=catalog_queries(policies))
            rehearsal = _Replay(source, plan, server, policies, setup, progress, waivers, today)
            return rehearsal.run()
        finally:
            server.close()


@dataclass(slots=True)
class _Replay:
    """One rehearsal; it begins anew when a role turns out to be missing."""

    source: Stepwise
    plan: Plan
    server: ScratchServer
    policies: tuple[Policy, ...]
    setup: Setup
    progress: Progress
    waivers: tuple[Waiver, ...]
    today: date
    done: list[Replayed] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)  # in order, each once
    server_version: str = ""

    def run(self) -> DryRun:
        roles = list(self.setup.roles)
        failure: Failure | None = None
        try:
            with_missing_roles(
                self.server,
                roles,
                lambda database: self._attempt(database, roles),
                self._restart,
                self.progress,
            )
        except MigrationFailed as error:
            failure = error.failure
        result = _result(self.plan, self.policies, self.done, (*self.plan.notes, *self.notes))
        return replace(result, failure=failure, server_version=self.server_version)

    def _restart(self) -> None:
        self.plan = self.source.restart()

    def _attempt(self, database: Address, roles: list[ProductionRole]) -> None:
        self.done.clear()
        self.notes.clear()
        run_scripts(self.setup.bootstrap, database)
        self.progress("building the history before")
        self.source.build_base(database)
        try:
            self._run_steps(database)
        finally:
            stood_in = notes_of_run(self.server, database, self.setup, tuple(roles))
            self.notes = dict.fromkeys(stood_in) | self.notes

    def _run_steps(self, database: Address) -> None:
        count = len(self.plan.new_revisions)
        with database.connect() as connection:
            state = look(connection, self.source, self.setup)
            self.server_version = state.schema.server_version
            for step in self.source.steps():
                (revision,) = step.new_revisions
                self.progress(f"{len(self.done) + 1} of {count}: {revision.id}")
                snapshot, state = run_new(
                    self.source, step, database, connection, state, self.setup, more_follow=True
                )
                outcome = judge_snapshot(snapshot, self.policies, self.waivers, self.today)
                self.notes |= dict.fromkeys(outcome.notes)
                self.done.append(Replayed(revision, outcome.verdict, outcome.findings))
                if snapshot.failure is not None:
                    raise MigrationFailed(snapshot.failure, snapshot.statements)


def _result(
    plan: Plan, policies: tuple[Policy, ...], done: list[Replayed], notes: tuple[str, ...]
) -> DryRun:
    return DryRun(
        head=plan.head,
        base=plan.base,
        count=len(plan.new_revisions),
        policies=policies,
        replayed=tuple(done),
        notes=notes,
    )
