"""Effective access before and after the new migrations: two states of one scratch database."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from gatekeeper.access.effective import Access
from gatekeeper.catalog.access import read_access
from gatekeeper.catalog.read import read_schema
from gatekeeper.config_database import ProductionRole
from gatekeeper.errors import ScratchError
from gatekeeper.model.plan import Plan
from gatekeeper.model.schema import Schema
from gatekeeper.scratch.base import Address, ScratchServer
from gatekeeper.sources.base import MigrationFailed, Source
from gatekeeper.sources.retry import with_missing_roles
from gatekeeper.sources.sides import VersionTables, explained
from gatekeeper.sources.sql_files import SqlText, run_scripts


@dataclass(frozen=True, slots=True)
class State:
    """A schema, and who can do what in it."""

    schema: Schema
    access: Access


@dataclass(frozen=True, slots=True)
class States:
    """Before and after, or None where no migration is new."""

    plan: Plan
    pair: tuple[State, State] | None
    version_tables: VersionTables = ()


def read_states(
    source: Source,
    server: Callable[[], ScratchServer],
    *,
    roles: tuple[ProductionRole, ...] = (),
    bootstrap: tuple[SqlText, ...] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> States:
    """Run the base's migrations and then the new ones, and look after each.

    Raises GatekeeperError for what the user must put right.
    """
    progress("loading the migrations")
    plan = source.prepare()
    if plan.failure is not None:
        raise explained(plan.head, plan.failure)
    if not plan.new_revisions:
        return States(plan, None)
    started = server()
    try:
        return _run(source, plan, started, list(roles), bootstrap, progress)
    except psycopg.OperationalError as error:
        raise ScratchError(
            f"the scratch database went away: {str(error).strip()}", "Run the command again."
        ) from error
    finally:
        started.close()


def _run(
    source: Source,
    plan: Plan,
    server: ScratchServer,
    roles: list[ProductionRole],
    bootstrap: tuple[SqlText, ...],
    progress: Callable[[str], None],
) -> States:
    """Run the migrations; a role that they grant to and that nobody created is created."""
    plans = [plan]
    try:
        return with_missing_roles(
            server,
            roles,
            lambda database: _run_once(source, plans[-1], database, bootstrap, progress),
            lambda: plans.append(source.restart()),
        )
    except MigrationFailed as error:
        raise explained(plan.head, error.failure) from error


def _run_once(
    source: Source,
    plan: Plan,
    database: Address,
    bootstrap: tuple[SqlText, ...],
    progress: Callable[[str], None],
) -> States:
    run_scripts(bootstrap, database)
    progress("building the base schema")
    source.build_base(database)
    with database.connect() as connection:
        before = _look(connection)
        progress("running the new migrations")
        source.apply(database, lambda _: None)
        source.confirm(connection)
        return States(plan, (before, _look(connection)), source.version_tables(connection))


def _look(connection: psycopg.Connection[Any]) -> State:
    return State(read_schema(connection), read_access(connection))
