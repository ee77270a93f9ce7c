"""Models beside migrations: what they say of the database that the migrations made.

Nothing that keeps them from being compared keeps the migrations from being judged: it is a note.
"""

from collections.abc import Callable
from dataclasses import replace

from gatekeeper.config import ProductionRole
from gatekeeper.errors import GatekeeperError
from gatekeeper.facts.drifts import with_drifts
from gatekeeper.model.plan import Plan
from gatekeeper.scratch.base import Address, ScratchServer
from gatekeeper.snapshot import Snapshot, not_run
from gatekeeper.sources.base import MigrationFailed, Modelled, Source, not_compared
from gatekeeper.sources.sql_files import SqlText, run_scripts


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


def with_models(
    source: Source,
    snapshot: Snapshot,
    server: ScratchServer,
    database: Address,
    bootstrap: tuple[SqlText, ...],
    roles: tuple[ProductionRole, ...],
) -> Snapshot:
    """Add where the models differ from `database`, as the migrations left it.

    What differed in the base is no news. After this the database may be gone: the base's history
    is run once more, and the roles that it makes are the cluster's.
    """
    if not isinstance(source, Modelled) or snapshot.failure is not None:
        return snapshot
    try:
        head = source.drifts(database)
        if not head:
            return snapshot
        is_empty = bool(snapshot.plan.new_revisions)
        if is_empty:
            server.drop_database(database.database)
            server.drop_new_roles()
            server.create_roles(roles)
            database = server.create_database()
            run_scripts(bootstrap, database)
        base = source.base_drifts(database, is_empty=is_empty)
    except (MigrationFailed, GatekeeperError) as error:
        why = error.failure.message if isinstance(error, MigrationFailed) else error.message
        notes = (*snapshot.plan.notes, not_compared(why))
        return replace(snapshot, plan=replace(snapshot.plan, notes=notes))
    return replace(snapshot, facts=with_drifts(snapshot.facts, head, base, snapshot.after))
