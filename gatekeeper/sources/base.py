"""What every source of migrations can do."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import psycopg

from gatekeeper.model.evidence import Drift, Failure, Statement, Undone
from gatekeeper.model.plan import Plan
from gatekeeper.scratch.base import Address


class MigrationFailed(Exception):
    """The migrations did not run to their end.

    `statements` are those that were sent, the failed one last.
    """

    def __init__(self, failure: Failure, statements: tuple[Statement, ...] = ()) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.statements = statements


class RestartNeeded(Exception):
    """The source found out what it lacked; restart() and a fresh database will do."""


Ran = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Made:
    """What a base was made of, and what its source must know of it; plain values, kept as JSON.

    `files` are paths from the tree's root, or absolute ones, with the SHA-256 digests of their
    content. `tools` stands for the interpreter and its packages.
    """

    revisions: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    tools: str
    version_tables: tuple[tuple[str | None, str], ...]


class Source(Protocol):
    """A history of migrations that can build the base and then go on to the head."""

    def prepare(self) -> Plan:
        """Find out what is to be compared. Needs no database; may run code of the project."""

    def build_base(self, database: Address) -> None:
        """Bring an empty database to the base's schema. Raises MigrationFailed."""

    def apply(self, database: Address, ran: Ran) -> tuple[Statement, ...]:
        """Run what is new on the base's schema. Raises MigrationFailed.

        Calls `ran` with the number of each statement when it has run, and waits for it.
        """

    def version_tables(self, connection: psycopg.Connection[Any]) -> tuple[tuple[str, str], ...]:
        """Name the (schema, table) pairs of the database in which the tool keeps its own state."""

    def confirm(self, connection: psycopg.Connection[Any]) -> None:
        """Check that the database is where the head says. Raises MigrationFailed."""

    def restart(self) -> Plan:
        """Forget what was done to a database, so that it can be done to another."""

    def close(self) -> None:
        """End every process of the source."""


@runtime_checkable
class Modelled(Source, Protocol):
    """A history that comes with models of what it should lead to."""

    models_changed: bool
    """Without new migrations: files changed that may be models, and prepare() loaded the head."""

    def drifts(self, database: Address) -> tuple[Drift, ...]:
        """Compare the head's models with the head's database. Raises GatekeeperError."""

    def base_drifts(self, database: Address, *, is_empty: bool) -> tuple[Drift, ...]:
        """Compare the base's models with the base's schema, which is built first if `is_empty`.

        Raises GatekeeperError.
        """


@runtime_checkable
class Undoable(Source, Protocol):
    """A history whose new migrations say how they are undone."""

    def undo(self, database: Address) -> tuple[Undone, ...]:
        """Undo the new migrations, the newest first, as far as they say how; give those.

        Raises MigrationFailed, with the revision that cannot be undone; GatekeeperError where
        nothing can be said of the migrations.
        """

    def redo(self, database: Address) -> None:
        """Run again what undo() undid. Raises MigrationFailed, GatekeeperError."""


@runtime_checkable
class Keepable(Source, Protocol):
    """A history whose base, once built, can stand in for building it again."""

    took: float
    """The seconds that the base's migrations ran, without loading the application."""

    def made(self) -> Made | str | None:
        """Say what the base that was just built is made of, or why nobody can; None: none was."""

    def fits(self, made: Made) -> str | None:
        """After prepare(): say why this is not what the base would be made of; None: it is.

        It may be an earlier base, on which build_base() then goes on.
        """

    def go_on(self, made: Made) -> None:
        """Say that the database that build_base() gets next is made of this already."""


class Stepwise(Source, Protocol):
    """A history whose new migrations run one at a time."""

    def steps(self) -> Iterator[Plan]:
        """Give a plan for each migration, in their order, in which only that one is new.

        Until the next is asked for, apply() and confirm() are about the one that was given last.
        """


def not_compared(why: str) -> str:
    """Give the note for models of which nothing is known."""
    return f"the models were not compared with the database: {why}"


def missing_role(failure: Failure) -> str | None:
    """Name the role that the server missed, when that is why the migrations failed."""
    match = re.search(r'^role "(.+)" does not exist', failure.message)
    return match[1] if match and failure.sqlstate in ("42704", "28000") else None
