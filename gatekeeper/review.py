"""The pipeline: migrations run on a scratch database, and policies judge what happened.

Everything with an effect (source, server) comes in as an argument; the rest is pure.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from gatekeeper.access.attach import with_security
from gatekeeper.access.difference import difference
from gatekeeper.access.effective import Access
from gatekeeper.catalog.access import read_access
from gatekeeper.catalog.ask import CatalogQueries, ask
from gatekeeper.catalog.conversion import classify_conversions
from gatekeeper.catalog.read import read_schema
from gatekeeper.config import ProductionRole
from gatekeeper.config_data import DataConfig
from gatekeeper.diff.attribute import attribute
from gatekeeper.diff.attribute_access import attribute_access
from gatekeeper.diff.compare import compare
from gatekeeper.errors import ScratchError
from gatekeeper.facts.build import build_facts
from gatekeeper.facts.reach import Reach
from gatekeeper.judge import judge_snapshot
from gatekeeper.model.evidence import Evidence
from gatekeeper.model.plan import Plan
from gatekeeper.model.schema import Schema
from gatekeeper.policy.catalog_query import catalog_queries
from gatekeeper.policy.model import Policy
from gatekeeper.report.outcome import Outcome
from gatekeeper.scratch.base import Address, ScratchServer
from gatekeeper.snapshot import Snapshot
from gatekeeper.sources.base import MigrationFailed, Source
from gatekeeper.sources.retry import with_missing_roles
from gatekeeper.sources.sql_files import run_scripts
from gatekeeper.stats import Statistics
from gatekeeper.witness.read import LockWatch, install, read_events, uninstall

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Setup:
    """What the scratch database holds before the first migration, and what is asked of it.

    `data` says of which class columns are, and who may read them;
    `statistics` say how large the tables are in production, where that is known.
    """

    roles: tuple[ProductionRole, ...] = ()
    bootstrap: tuple[Path, ...] = ()
    queries: CatalogQueries = field(default_factory=dict)
    statistics: Statistics | None = None
    data: DataConfig = field(default_factory=DataConfig)


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
    setup = replace(setup, queries=catalog_queries(policies))
    return judge_snapshot(take_snapshot(source, start_server, setup, progress), policies)


def take_snapshot(
    source: Source,
    start_server: Callable[[], ScratchServer],
    setup: Setup,
    progress: Progress = lambda _: None,
) -> Snapshot:
    """Run what is new on a scratch database; say what happened.

    Raises GatekeeperError for what the user must put right first. Migrations that fail are in the
    snapshot.
    """
    try:
        return _take(source, start_server, setup, progress)
    except psycopg.OperationalError as error:
        raise ScratchError(
            f"the scratch database went away: {str(error).strip()}",
            "Run the command again; with --database-url, see why the server closed the connection.",
        ) from error


def _take(
    source: Source, start_server: Callable[[], ScratchServer], setup: Setup, progress: Progress
) -> Snapshot:
    with ThreadPoolExecutor(max_workers=1) as pool:
        starting = pool.submit(start_server)  # while the application is imported
        try:
            progress("loading the migrations")
            plan = source.prepare()
        finally:
            server = starting.result()
    try:
        if not plan.new_revisions:
            note = f"no migration is new against {plan.base}; --base REF compares with another"
            return Snapshot(replace(plan, notes=(*plan.notes, note)))
        return _run(source, plan, server, setup, progress)
    except MigrationFailed as error:
        return Snapshot(plan, failure=error.failure)
    finally:
        server.close()


def _run(
    source: Source, plan: Plan, server: ScratchServer, setup: Setup, progress: Progress
) -> Snapshot:
    """Run the migrations; a role that they grant to and that nobody created is created."""
    roles = list(setup.roles)
    plans = [plan]
    return with_missing_roles(
        server,
        roles,
        lambda database: _run_once(
            source, plans[-1], server, database, setup, tuple(roles), progress
        ),
        lambda: plans.append(source.restart()),
        progress,
    )


def _run_once(
    source: Source,
    plan: Plan,
    server: ScratchServer,
    database: Address,
    setup: Setup,
    roles: tuple[ProductionRole, ...],
    progress: Progress,
) -> Snapshot:
    run_scripts(setup.bootstrap, database)
    counted = setup.statistics
    snapshot = observe(source, plan, database, setup, progress)
    notes = [
        f"the role {role.name} was created for this run; nothing in the history creates it"
        for role in roles
        if role not in setup.roles
    ]
    notes += [
        f"a stand-in was used for the extension {name}" for name in server.stand_ins(database)
    ]
    if counted:  # the day and not the age, which would change the report of tomorrow
        notes.append(f"row counts are those of {counted.taken}, from {counted.file}")
    return replace(snapshot, plan=replace(snapshot.plan, notes=(*plan.notes, *notes)))


def observe(
    source: Source,
    plan: Plan,
    database: Address,
    setup: Setup,
    progress: Progress = lambda _: None,
) -> Snapshot:
    """Build the base in an empty database, run what is new, and say what happened.

    Raises MigrationFailed, except for a statement that the server refused for where it stood
    (SQLSTATE class 25): that is a fact, which policies may know.
    """
    progress("building the base schema")
    source.build_base(database)
    row_counts = setup.statistics.rows if setup.statistics else None
    with database.connect() as connection:
        before, could = _state(connection, source)
        asked_base = ask(connection, setup.queries)
        install(connection)
        count = len(plan.new_revisions)
        progress(f"running {count} new migration{'s' if count != 1 else ''}")
        watch = LockWatch(connection)
        try:
            statements = source.apply(database, watch.look)
            source.confirm(connection)
        except MigrationFailed as error:
            if not (error.failure.sqlstate or "").startswith("25") or not error.statements:
                raise
            evidence = Evidence(plan.revisions, error.statements, refused=error.failure.sqlstate)
            facts = build_facts(before, before, (), evidence, row_counts=row_counts)
            return Snapshot(plan, facts, (), error.statements, before, error.failure)
        progress("comparing")
        events = read_events(connection)
        after, can = _state(connection, source)
        changes = attribute(compare(before, after), events, before)
        changes = attribute_access(changes, statements)
        conversions = classify_conversions(connection, changes, before)
        if setup.queries:
            uninstall(connection)
        asked_head = ask(connection, setup.queries)
    evidence = Evidence(plan.revisions, statements, events, watch.seen)
    reach = Reach(difference(could, can), setup.data)
    facts = build_facts(before, after, changes, evidence, conversions, row_counts, reach)
    facts = replace(facts, asked_base=asked_base, asked_head=asked_head)
    return Snapshot(plan, facts, changes, statements, after)


def _state(connection: psycopg.Connection[Any], source: Source) -> tuple[Schema, Access]:
    """Read the schema as it is now, and who can do what in it."""
    schema = read_schema(connection, ignored_tables=source.version_tables(connection))
    access = read_access(connection)
    return with_security(schema, access.security), access
