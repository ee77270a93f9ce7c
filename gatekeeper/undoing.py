"""Up, down, up: what does not come back when the new migrations are undone.

Nothing that keeps them from being undone keeps them from being judged: it is a finding, or a note.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql

from gatekeeper.access.attach import with_security
from gatekeeper.catalog.read import read_schema
from gatekeeper.catalog.security import read_security
from gatekeeper.diff.undone import leftovers
from gatekeeper.errors import GatekeeperError
from gatekeeper.facts.downgrades import with_downgrades
from gatekeeper.model.evidence import Failure, Leftover, Undone
from gatekeeper.model.schema import Schema
from gatekeeper.policy.model import Policy
from gatekeeper.scratch.base import Address
from gatekeeper.snapshot import Snapshot
from gatekeeper.sources.base import MigrationFailed, Source, Undoable, missing_role
from gatekeeper.witness.read import end_holders, uninstall

_LONGEST_WAIT = "10s"  # for a lock: nobody else works here, so it will not come
# What the server lacks, or has too little of; that a lock is not to be had.
_OF_THE_SERVER = ("08", "28", "40", "53", "55006", "55P03", "57", "58")
# A decision, or something that the application lacks.
_OF_THE_APPLICATION = (
    "NotImplementedError", "ModuleNotFoundError", "ImportError", "OperationalError",
    "InterfaceError", "KeyError",
)  # fmt: skip


def reads_downgrades(policies: tuple[Policy, ...]) -> bool:
    """Say whether a policy judges by what undoing leaves: without one nothing is undone."""
    return any("downgrades" in policy.reads for policy in policies)


def with_undoing(source: Source, snapshot: Snapshot, before: Schema, database: Address) -> Snapshot:
    """Add what the new migrations, which `database` has, leave when they are undone.

    `before` is the base's schema, with who may do what. Afterwards the database is at the head
    again, or wherever a migration failed.
    """
    new = snapshot.plan.new_revisions
    if not isinstance(source, Undoable) or snapshot.failure is not None or not new:
        return snapshot
    try:
        with _unattended(database):
            found = tuple(_undo(source, snapshot, before, database))
    except (GatekeeperError, psycopg.Error) as error:
        why = error.message if isinstance(error, GatekeeperError) else str(error).strip()
        notes = (*snapshot.plan.notes, f"nothing is known of the downgrades: {why}")
        return replace(snapshot, plan=replace(snapshot.plan, notes=notes))
    return replace(snapshot, facts=with_downgrades(snapshot.facts, found))


def _undo(
    source: Undoable, snapshot: Snapshot, before: Schema, database: Address
) -> Iterator[Leftover]:
    try:
        undone = source.undo(database)
    except MigrationFailed as error:
        yield _failed("fails", error.failure)
        return
    if not undone:
        return
    if len(undone) == len(snapshot.plan.new_revisions):
        statements = {s.number: s.revision for s in snapshot.statements}
        back = _look(source, database)
        yield from _placed(leftovers(before, back, snapshot.changes, statements), undone)
    try:
        source.redo(database)
    except MigrationFailed as error:
        yield from _placed([_failed("fails_again", error.failure)], undone)


def _placed(found: Iterable[Leftover], undone: tuple[Undone, ...]) -> Iterator[Leftover]:
    """Give what is left, where its revision is undone; if nobody made it, the newest."""
    places = {place.revision: place for place in undone}
    for one in found:
        place = places.get(one.revision or "", undone[0])
        yield replace(one, revision=place.revision, file=place.file, line=place.line)


def _failed(problem: str, failure: Failure) -> Leftover:
    """Give the row of a failure. Raises GatekeeperError when it is none of the migration's."""
    state = failure.sqlstate
    told = (
        failure.revision is not None and not failure.message.startswith(_OF_THE_APPLICATION)
        if state is None
        else not state.startswith(_OF_THE_SERVER)
    )
    if not told or missing_role(failure) or "is not available" in failure.message:
        raise GatekeeperError(f"{failure.revision or failure.during}: {failure.message}")
    return Leftover(problem, failure.revision, failure.file, failure.line, message=failure.message)


@contextmanager
def _unattended(database: Address) -> Iterator[None]:
    """Take away what could stand in the way, and let nothing wait for ever."""
    name = sql.Identifier(database.database)
    with database.connect() as connection:
        end_holders(connection)
        uninstall(connection)
        _set(connection, sql.SQL("SET lock_timeout = {}").format(_LONGEST_WAIT), name)
    yield
    with database.connect() as connection:
        end_holders(connection)
        _set(connection, sql.SQL("RESET lock_timeout"), name)


def _set(connection: psycopg.Connection[Any], what: sql.Composable, name: sql.Identifier) -> None:
    connection.execute(sql.SQL("ALTER DATABASE {} {}").format(name, what))


def _look(source: Source, database: Address) -> Schema:
    """Read the schema, and who may do what."""
    with database.connect() as connection:
        end_holders(connection)
        ignored = source.version_tables(connection)
        schema = read_schema(connection, ignored_tables=ignored)
        return with_security(schema, read_security(connection))
