"""Models beside migrations: what they say of the database that the migrations made.

Nothing that keeps them from being compared keeps the migrations from being judged: it is a note.
"""

from collections.abc import Callable
from dataclasses import replace

from gatekeeper.config_database import ProductionRole
from gatekeeper.errors import GatekeeperError
from gatekeeper.facts.drifts import with_drifts
from gatekeeper.model.evidence import Drift
from gatekeeper.model.plan import Plan
from gatekeeper.scratch.base import Address, ScratchServer
from gatekeeper.snapshot import Snapshot, not_run
from gatekeeper.sources.base import MigrationFailed, Modelled, Source, not_compared
from gatekeeper.sources.sql_files import SqlText, run_scripts

_LONG = 2.0  # seconds; a copy costs a tenth of one


def models_alone(source: Source, plan: Plan, run: Callable[[], Snapshot]) -> Snapshot:
    """Give the snapshot of a plan without new migrations.

    It is run only for models that may have changed. That the base cannot be built is no fault of
    what did not touch it.
    """
    if not isinstance(source, Modelled) or not source.models_changed:
        return not_run(plan)
    try:
        return run()
    except (MigrationFailed, GatekeeperError) as error:
        why = error.failure.message if isinstance(error, MigrationFailed) else error.message
        return not_run(replace(plan, notes=(*plan.notes, not_compared(why))))


def keep_base(
    source: Source, server: ScratchServer, database: Address, seconds: float
) -> Address | None:
    """Copy the base's database where building it took long: its models may be compared with it."""
    if not isinstance(source, Modelled) or seconds < _LONG:
        return None
    return server.copy_database(database)


def compare_models(
    source: Source, snapshot: Snapshot, database: Address
) -> tuple[Snapshot, tuple[Drift, ...]]:
    """Give where the models differ from `database`, as the migrations left it.

    The snapshot has a note where nothing can be said.
    """
    if not isinstance(source, Modelled) or snapshot.failure is not None:
        return snapshot, ()
    try:
        return snapshot, source.drifts(database)
    except (MigrationFailed, GatekeeperError) as error:
        return _with_note(snapshot, error), ()


def with_models(
    source: Source,
    snapshot: Snapshot,
    head: tuple[Drift, ...],
    server: ScratchServer,
    database: Address,
    bootstrap: tuple[SqlText, ...],
    roles: tuple[ProductionRole, ...],
    held: Callable[[], Address | None],
) -> Snapshot:
    """Add where the models differ from the head's database, which compare_models() told.

    What differed in the base is no news. `held` gives a database that holds the base; where there
    is none the base's history is run once more, and the roles that it makes are the cluster's. Then
    `database` is gone after this.
    """
    if not isinstance(source, Modelled) or not head:
        return snapshot
    try:
        there = held()
        if there is None:
            server.drop_database(database.database)
            server.drop_new_roles()
            server.create_roles(roles)
            database = server.create_database()
            run_scripts(bootstrap, database)
        base = source.base_drifts(there or database, is_empty=there is None)
    except (MigrationFailed, GatekeeperError) as error:
        return _with_note(snapshot, error)
    return replace(snapshot, facts=with_drifts(snapshot.facts, head, base, snapshot.after))


def _with_note(snapshot: Snapshot, error: MigrationFailed | GatekeeperError) -> Snapshot:
    why = error.failure.message if isinstance(error, MigrationFailed) else error.message
    notes = (*snapshot.plan.notes, not_compared(why))
    return replace(snapshot, plan=replace(snapshot.plan, notes=notes))
