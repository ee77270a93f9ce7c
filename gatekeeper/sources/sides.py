"""The two sides of a comparison: what each argument is, and how its schema is read."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from gatekeeper.access.effective import Access
from gatekeeper.catalog.access import read_access
from gatekeeper.catalog.ask import CatalogQueries, Row, ask
from gatekeeper.catalog.live import look_live, read_live
from gatekeeper.catalog.read import read_schema
from gatekeeper.catalog.security import read_security
from gatekeeper.catalog.url import read_url
from gatekeeper.config_database import ProductionRole
from gatekeeper.errors import GitError, ScratchError, SourceError
from gatekeeper.git import WORKING_TREE, Repository
from gatekeeper.model.evidence import Failure
from gatekeeper.model.schema import Schema
from gatekeeper.scratch.base import Address, ScratchServer
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.sources.alembic.revisions import AlembicOptions
from gatekeeper.sources.alembic.whole import WholeHistory
from gatekeeper.sources.base import MigrationFailed
from gatekeeper.sources.retry import MOST_ROLES, with_missing_roles
from gatekeeper.sources.sql_files import SqlText, read_script, run_scripts

_POSTGRESQL = re.compile(r"postgres(ql)?(\+\w+)?://")

VersionTables = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Scripts:
    """SQL files, run in their order."""

    name: str
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Server:
    """A database that exists. Its `name` holds no password."""

    name: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Commit:
    """The Alembic project of a commit, or of the working tree."""

    name: str
    repository: Repository
    commit: str


Side = Scripts | Server | Commit


@dataclass(frozen=True, slots=True)
class SideSchema:
    """What was read; `version_tables` are those of the migration tool, still in the schema.

    `access` is traced through views and functions if the reader was told to; `asked` are the
    answers to its queries.
    """

    name: str
    schema: Schema
    access: Access
    version_tables: VersionTables = ()
    notes: tuple[str, ...] = ()
    asked: dict[str, list[Row]] = field(default_factory=dict)


def working_tree() -> Commit:
    """Give the side that is the project around the current folder, uncommitted files included.

    Raises GitError where there is no repository.
    """
    return Commit("the working tree", Repository(Path.cwd()), WORKING_TREE)


def find_side(given: str) -> Side:
    """Say what an argument means. An existing file or folder wins over a git revision.

    Raises SourceError when it is nothing of all that.
    """
    if _POSTGRESQL.match(given):
        parameters = read_url(given, "the URL")
        user = f"{parameters['user']}@" if parameters.get("user") else ""
        port = f":{parameters['port']}" if parameters.get("port") else ""
        place = f"{parameters.get('host') or ''}{port}/{parameters.get('dbname') or ''}"
        return Server(f"postgresql://{user}{place}", given)
    if "://" in given:
        scheme = given.partition(":")[0]
        raise SourceError(
            f"{scheme}:// is no URL of a PostgreSQL database",
            "It looks like postgresql://user@host:5432/database",
        )
    path = Path(given)
    if path.is_dir():
        scripts = sorted(path.glob("*.sql"), key=lambda found: _natural(found.name))
        if not scripts:
            raise SourceError(
                f"{given} is a folder without *.sql files",
                f"If a git branch is meant: refs/heads/{given}",
            )
        return Scripts(given, tuple(scripts))
    if path.exists():
        return Scripts(given, (path,))
    try:
        repository = Repository(Path.cwd())
        commit = repository.commit(given)
    except GitError as error:
        raise SourceError(
            f"{given} is neither a file or folder nor a git revision: {error.message}",
            error.hint,
        ) from error
    return Commit(
        given if commit.startswith(given) else f"{given} ({commit[:12]})", repository, commit
    )


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort V2 before V10: numbers by value, the rest as text."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)
    ]


class SideReader:
    """Reads sides; all that need a scratch database get one on the same server."""

    def __init__(
        self,
        run: RunDirectory,
        start_server: Callable[[], ScratchServer],
        options: Callable[[Repository], AlembicOptions],
        *,
        roles: tuple[ProductionRole, ...] = (),
        bootstrap: tuple[SqlText, ...] = (),
        traced: bool = False,
        queries: CatalogQueries | None = None,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._run = run
        self._start_server = start_server
        self._options = options
        self._roles = list(roles)
        self._most_roles = MOST_ROLES + len(roles)
        self._bootstrap = bootstrap
        self._traced = traced
        self._queries = queries or {}
        self._progress = progress
        self._server: ScratchServer | None = None
        self._commits: dict[str, SideSchema] = {}

    def close(self) -> None:
        """Stop the scratch server, if one was needed."""
        if self._server is not None:
            self._server.close()

    def read(self, side: Side) -> SideSchema:
        """Read a side's schema. Raises GatekeeperError for what the user must put right."""
        self._progress(f"reading {side.name}")
        try:
            match side:
                case Server():
                    schema = read_live(side.url, side.name)
                    access = look_live(side.url, side.name, self._access)
                    asked = {}
                    if self._queries:
                        asked = look_live(side.url, side.name, lambda c: ask(c, self._queries))
                    return SideSchema(side.name, schema, access, asked=asked)
                case Scripts():
                    scripts = [read_script(path) for path in side.paths]
                    return self._built(side.name, lambda database: _ran(scripts, database))
                case Commit():
                    if side.commit not in self._commits:
                        self._commits[side.commit] = self._migrated(side)
                    return self._commits[side.commit]
        except psycopg.OperationalError as error:
            raise ScratchError(
                f"the scratch database went away: {str(error).strip()}", "Run the command again."
            ) from error

    def _migrated(self, side: Commit) -> SideSchema:
        options = self._options(side.repository)
        source = WholeHistory(side.repository, self._run, side.commit, options)

        def build(database: Address) -> VersionTables:
            run_scripts(self._bootstrap, database)
            source.build_base(database)
            with database.connect() as connection:
                return source.version_tables(connection)

        try:
            return self._built(side.name, build, lambda: source.placeholders)
        finally:
            source.close()

    def _built(
        self,
        name: str,
        build: Callable[[Address], VersionTables],
        placeholders: Callable[[], tuple[str, ...]] = tuple,
    ) -> SideSchema:
        """Build in an empty database; a role that is granted to and that nobody made is made."""
        if self._server is None:
            self._server = self._start_server()
        server = self._server

        def attempt(database: Address) -> SideSchema:
            try:
                return self._read_built(name, server, database, build, placeholders)
            finally:
                server.drop_database(database.database)

        try:
            return with_missing_roles(server, self._roles, attempt, most=self._most_roles)
        except MigrationFailed as error:
            raise explained(name, error.failure) from error

    def _access(self, connection: psycopg.Connection[Any]) -> Access:
        return read_access(connection) if self._traced else Access(read_security(connection))

    def _read_built(
        self,
        name: str,
        server: ScratchServer,
        database: Address,
        build: Callable[[Address], VersionTables],
        placeholders: Callable[[], tuple[str, ...]],
    ) -> SideSchema:
        tables = build(database)
        with database.connect() as connection:
            schema = read_schema(connection)
            access = self._access(connection)
            asked = ask(connection, self._queries)
        notes = [
            f"{name}: a stand-in was used for the extension {extension}"
            for extension in server.stand_ins(database)
        ]
        notes += [
            f"{name}: the setting {setting} was missing; a placeholder stood in"
            for setting in placeholders()
        ]
        return SideSchema(name, schema, access, tables, tuple(notes), asked)


def _ran(scripts: list[SqlText], database: Address) -> VersionTables:
    run_scripts(scripts, database)
    return ()  # plain SQL has no tables of a migration tool


def explained(name: str, failure: Failure) -> SourceError:
    """Give the error for migrations that failed; `name` is what was to be read."""
    where = f"{failure.file}:{failure.line}" if failure.file and failure.line else failure.file
    words = [where if where and where.startswith(name) else name]
    if where and where not in words:
        words.append(where)
    detail = f"\n{failure.detail}" if failure.detail else ""
    return SourceError(": ".join([*words, failure.message]) + detail, failure.hint or "")
