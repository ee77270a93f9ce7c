"""The pipeline: migrations run on a scratch database, and policies judge what happened.

Everything with an effect (source, server) comes in as an argument; the rest is pure.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic

from gatekeeper.bases import Bases, Found
from gatekeeper.config_database import ProductionRole
from gatekeeper.judge import judge_snapshot
from gatekeeper.model.plan import Plan
from gatekeeper.modelled import compare_models, keep_base, models_alone, with_models
from gatekeeper.observe import Progress, Setup, build, run_on_base
from gatekeeper.policy.catalog_query import catalog_queries
from gatekeeper.policy.model import Policy
from gatekeeper.report.outcome import Outcome
from gatekeeper.scratch.base import Address, ScratchServer, lost_server_explained
from gatekeeper.snapshot import Snapshot, not_run
from gatekeeper.sources.base import MigrationFailed, Source
from gatekeeper.sources.retry import with_missing_roles
from gatekeeper.sources.sql_files import run_scripts
from gatekeeper.undoing import reads_downgrades, with_undoing


def review(
    source: Source,
    start_server: Callable[[], ScratchServer],
    policies: tuple[Policy, ...],
    setup: Setup,
    progress: Progress = lambda _: None,
) -> Outcome:
    """Run what is new on a scratch database and judge it.

    Raises GatekeeperError for what the user must put right first. Migrations that fail are an
    outcome: verdict undecided.
    """
    setup = replace(setup, queries=catalog_queries(policies), undoes=reads_downgrades(policies))
    return judge_snapshot(take_snapshot(source, start_server, lambda: setup, progress), policies)


def take_snapshot(
    source: Source,
    start_server: Callable[[], ScratchServer],
    setup: Callable[[], Setup],
    progress: Progress = lambda _: None,
    bases: Bases | None = None,
) -> Snapshot:
    """Run what is new on a scratch database; say what happened.

    `setup` is asked for when the migrations are loaded: it may take its time until then. With
    `bases`, which has started the server, a base that was kept is not built again. Raises
    GatekeeperError for what the user must put right first. Migrations that fail are in the
    snapshot.
    """
    with lost_server_explained():
        plan, server = prepared(source, start_server, progress)
        try:
            return _Review(source, server, setup(), progress, bases).of(plan)
        finally:
            server.close()


def prepared(
    source: Source, start_server: Callable[[], ScratchServer], progress: Progress
) -> tuple[Plan, ScratchServer]:
    """Load the migrations and start the server, both at once."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        starting = pool.submit(start_server)  # while the application is imported
        try:
            progress("loading the migrations")
            plan = source.prepare()
        finally:
            progress("waiting for the scratch server")
            server = starting.result()
    return plan, server


@dataclass(slots=True)
class _Review:
    """One review; roles that turn out to be missing make it run again."""

    source: Source
    server: ScratchServer
    setup: Setup
    progress: Progress
    bases: Bases | None

    def of(self, plan: Plan) -> Snapshot:
        try:
            if plan.failure is not None:
                return not_run(plan, plan.failure)
            if not plan.new_revisions:
                note = f"no migration is new against {plan.base}; --base REF compares with another"
                plan = replace(plan, notes=(*plan.notes, note))
                return models_alone(self.source, plan, partial(self._run, plan))
            return self._run(plan)
        except MigrationFailed as error:
            return not_run(plan, error.failure)

    def _run(self, plan: Plan) -> Snapshot:
        """Run the migrations; a role that they grant to and that nobody created is created."""
        roles = list(self.setup.roles)
        plans = [plan]
        found = [self.bases.find(self.source) if self.bases is not None else None]
        if found[0] is not None:
            roles += [role for role in found[0].roles if role not in roles]

        def attempt(database: Address) -> Snapshot:
            return self._run_once(plans[-1], database, tuple(roles), found[-1])

        def restart() -> None:
            plans.append(self.source.restart())
            found.append(None)

        there = found[0].database if found[0] is not None else None
        return with_missing_roles(
            self.server, roles, attempt, restart, self.progress, database=there
        )

    def _run_once(
        self,
        plan: Plan,
        database: Address,
        roles: tuple[ProductionRole, ...],
        found: Found | None,
    ) -> Snapshot:
        source, server, setup = self.source, self.server, self.setup
        if found is None:
            run_scripts(setup.bootstrap, database)
        begun = monotonic()
        build(source, database, self.progress)
        seconds = monotonic() - begun
        if self.bases is not None:
            self.bases.keep(source, database, roles, found, self.progress)
        if self.bases is not None and self.bases.holds:
            kept = None
        else:
            took = seconds + (found.seconds if found else 0.0)
            kept = keep_base(source, server, database, took)
        snapshot, before = run_on_base(source, plan, database, setup, self.progress)
        notes = (*plan.notes, *notes_of_run(server, database, setup, roles))
        snapshot = replace(snapshot, plan=replace(snapshot.plan, notes=notes))
        # Undoing may leave the database anywhere, and for the base's models it is made anew.
        self.progress("comparing the models")
        snapshot, drifts = compare_models(source, snapshot, database)
        if setup.undoes:
            self.progress("undoing the new migrations")
            snapshot = with_undoing(source, snapshot, before.schema, database)

        def held() -> Address | None:
            self.progress("comparing the base's models")
            if not plan.new_revisions:
                return database
            return kept or (self.bases.again() if self.bases is not None else None)

        return with_models(source, snapshot, drifts, server, database, setup.bootstrap, roles, held)


def notes_of_run(
    server: ScratchServer, database: Address, setup: Setup, roles: tuple[ProductionRole, ...]
) -> list[str]:
    """Say what stood in for something of production's."""
    notes = [
        f"the role {role.name} was created for this run; nothing in the history creates it"
        for role in roles
        if role not in setup.roles
    ]
    notes += [
        f"a stand-in was used for the extension {name}" for name in server.stand_ins(database)
    ]
    counted = setup.statistics
    if counted:  # the day and not the age, which would change the report of tomorrow
        notes.append(f"row counts are those of {counted.taken}, from {counted.file}")
    return notes
