"""Runs migrations on a database and says what happened: both states, and what came between them.

Everything with an effect (source, database) comes in as an argument; the rest is pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg

from gatekeeper.access.attach import with_security
from gatekeeper.access.difference import difference
from gatekeeper.access.effective import Access
from gatekeeper.catalog.access import read_state
from gatekeeper.catalog.ask import CatalogQueries, ask
from gatekeeper.catalog.conversion import classify_conversions
from gatekeeper.config_data import DataConfig
from gatekeeper.config_database import ProductionRole
from gatekeeper.diff.attribute import attribute
from gatekeeper.diff.attribute_access import attribute_access
from gatekeeper.diff.compare import compare
from gatekeeper.facts.build import FactRows, build_facts
from gatekeeper.facts.reach import Reach
from gatekeeper.model.evidence import Evidence
from gatekeeper.model.plan import Plan
from gatekeeper.model.schema import Schema
from gatekeeper.scratch.base import Address
from gatekeeper.snapshot import Snapshot
from gatekeeper.sources.base import MigrationFailed, Source
from gatekeeper.sources.sql_files import SqlText
from gatekeeper.stats import Statistics
from gatekeeper.undoing import with_undoing
from gatekeeper.witness.read import LockWatch, end_holders, install, read_events, uninstall

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Setup:
    """What the scratch database holds before the first migration, and what is asked of it.

    `data` says of which class columns are, and who may read them;
    `statistics` say how large the tables are in production, where that is known; `undoes`: what is
    new is undone in the end, and run again.
    """

    roles: tuple[ProductionRole, ...] = ()
    bootstrap: tuple[SqlText, ...] = ()
    queries: CatalogQueries = field(default_factory=dict)
    statistics: Statistics | None = None
    data: DataConfig = field(default_factory=DataConfig)
    undoes: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """A database between two runs: what is there, who can do what, and what its catalog answers."""

    schema: Schema
    access: Access
    asked: FactRows


def observe(
    source: Source,
    plan: Plan,
    database: Address,
    setup: Setup,
    progress: Progress = lambda _: None,
) -> Snapshot:
    """Build the base in an empty database, run what is new, and say what happened.

    Raises MigrationFailed as run_new() does.
    """
    build(source, database, progress)
    snapshot, before = run_on_base(source, plan, database, setup, progress)
    return with_undoing(source, snapshot, before.schema, database) if setup.undoes else snapshot


def build(source: Source, database: Address, progress: Progress) -> None:
    progress("building the base schema")
    source.build_base(database)


def run_on_base(
    source: Source, plan: Plan, database: Address, setup: Setup, progress: Progress
) -> tuple[Snapshot, State]:
    """Run what is new on the base; give what happened, and the base's state."""
    progress("reading the base schema")
    with database.connect() as connection:
        before = look(connection, source, setup)
        count = len(plan.new_revisions)
        progress(f"running {count} new migration{'s' if count != 1 else ''}")
        snapshot, _ = run_new(source, plan, database, connection, before, setup, progress)
    return snapshot, before


def look(connection: psycopg.Connection[Any], source: Source, setup: Setup) -> State:
    """Read a database, and install the witness in it.

    The witness makes a schema, upon which the server forgets its plans: after it they are kept.
    """
    answers = ask(connection, setup.queries)
    install(connection)
    schema, access = _state(connection, source)
    return State(schema, access, answers)


def run_new(
    source: Source,
    plan: Plan,
    database: Address,
    connection: psycopg.Connection[Any],
    before: State,
    setup: Setup,
    progress: Progress = lambda _: None,
    *,
    more_follow: bool = False,
) -> tuple[Snapshot, State]:
    """Run what is new on a database that is as `before`; say what happened, and what is there now.

    The witness is there already. If `more_follow`, nothing of this run is left in the way of the
    next, which has a witness of its own. Raises MigrationFailed,
    except for a statement that the server refused for where it stood (SQLSTATE class 25): that is
    a fact, which policies may know.
    """
    was = before.schema
    row_counts = setup.statistics.rows if setup.statistics else None
    watch = LockWatch(connection)
    try:
        statements = source.apply(database, watch.look)
        source.confirm(connection)
    except MigrationFailed as error:
        if not (error.failure.sqlstate or "").startswith("25") or not error.statements:
            raise
        return _refused(plan, error, was, row_counts), before
    progress("comparing")
    events = read_events(connection)
    now, can = _state(connection, source)
    changes = attribute(compare(was, now), events, was)
    changes = attribute_access(changes, statements)
    conversions = classify_conversions(connection, changes, was)
    if more_follow:
        end_holders(connection)
    if setup.queries or more_follow:
        uninstall(connection)
    after = State(now, can, ask(connection, setup.queries))
    if more_follow:
        install(connection)
    evidence = Evidence(plan.revisions, statements, events, watch.seen)
    reach = Reach(difference(before.access, can), setup.data)
    facts = build_facts(was, now, changes, evidence, conversions, row_counts, reach)
    facts = replace(facts, asked_base=before.asked, asked_head=after.asked)
    return Snapshot(plan, facts, changes, statements, now), after


def _refused(
    plan: Plan, error: MigrationFailed, was: Schema, row_counts: Mapping[str, int | None] | None
) -> Snapshot:
    """Say what can be said when the server refused the last statement."""
    evidence = Evidence(plan.revisions, error.statements, refused=error.failure.sqlstate)
    facts = build_facts(was, was, (), evidence, row_counts=row_counts)
    return Snapshot(plan, facts, (), error.statements, was, error.failure)


def _state(connection: psycopg.Connection[Any], source: Source) -> tuple[Schema, Access]:
    """Read the schema as it is now, and who can do what in it."""
    ignored = source.version_tables(connection)
    schema, access = read_state(connection, ignored_tables=ignored, again=True)
    return with_security(schema, access.security), access
