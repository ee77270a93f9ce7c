"""The application's processes: starts them, loads revisions in them, and upgrades."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from gatekeeper.errors import SourceError
from gatekeeper.model.evidence import Statement
from gatekeeper.scratch.base import Address
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.sources.alembic.baseline import made_of_models
from gatekeeper.sources.alembic.child import DEAD_URL, Child, ProbeFailed, Report
from gatekeeper.sources.alembic.failure import (
    explain_load,
    failure_of,
    missing_url_setting,
    refuse_old,
)
from gatekeeper.sources.alembic.hygiene import explain_refusal
from gatekeeper.sources.alembic.interpreter import find_interpreter
from gatekeeper.sources.alembic.locate import Location
from gatekeeper.sources.alembic.revisions import AlembicOptions, statement_of, text_of
from gatekeeper.sources.alembic.unseen import refuse_unseen
from gatekeeper.sources.base import MigrationFailed, Ran, RestartNeeded

_MOST_ASSUMED = 3


class Children:
    """All processes of one run, and what is known of the application from running them.

    `ahead` is one that was started before anything was known. `assumed` are settings that the
    application demanded and got a placeholder for; with `imports_own` each tree imports its own
    modules, also where the application is installed as editable.
    """

    def __init__(
        self, run: RunDirectory, root: Path, options: AlembicOptions, ahead: Child | None = None
    ) -> None:
        self._run = run
        self._root = root
        self._options = options
        self._running: list[Child] = [] if ahead is None else [ahead]
        self._ahead = ahead
        self.tables: list[tuple[str | None, str]] = []  # of versions, as env.py configured them
        self.built: Report | None = None  # what the probe said of the last upgrade without a look
        self._environment = dict(options.env or {})
        self.assumed: list[str] = []
        self.imports_own = made_of_models(options.baseline)

    def inspect(
        self, tree: Path, where: Location, head: Path | None = None
    ) -> tuple[Child, Report]:
        """Start a process on a tree and load its revisions; give both.

        `head` comes with the base's tree; its prelude serves where that has none. Raises
        SourceError, BrokenChain.
        """
        project = self._project(tree, where) | self._prelude(tree, head or tree)
        directory = tree / where.directory
        interpreter = find_interpreter(
            self._options.python, self._root / where.directory, self._root
        )
        child = self._started(interpreter, directory)
        child.send("inspect", **project)
        try:
            refuse_old(child.expect("started"), interpreter)
            seen = child.expect("inspected")
        except ProbeFailed as error:
            if self._assume(error):
                return self.inspect(tree, where, head)
            broken = explain_refusal(error, tree, where.script or where.directory)
            raise broken or explain_load(error, interpreter, [tree, head or tree]) from error
        if head is None and not seen["revisions"]:
            refuse_unseen(Path(seen["script"]), (tree / where.config).resolve())
        return child, seen

    def _started(self, interpreter: Path, directory: Path) -> Child:
        """Give a process, the one that was started ahead if it is as this one would be."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.started_as == (interpreter, self._environment):
            return ahead
        child = Child(
            self._run,
            interpreter,
            directory,
            environment=self._environment,
            timeout=self._options.timeout,
            only=self._options.database,
        )
        self._running.append(child)
        return child

    def upgrade(
        self,
        child: Child,
        database: Address,
        targets: list[str],
        during: str,
        trees: Sequence[Path],
        ran: Ran | None = None,
        first: dict[str, Any] | None = None,
    ) -> tuple[Statement, ...]:
        """Upgrade a database; the head's tree is the first of `trees`.

        Raises MigrationFailed, and RestartNeeded when a setting was missing that is there now.
        """
        statements: list[Statement] = []

        def collect(report: Report) -> None:
            if report["kind"] == "ran" and ran is not None:
                ran(report["number"])
                child.send("go on")
            elif report["kind"] == "statement":
                statements.append(statement_of(report, trees[0]))

        child.connect(database)
        child.send("upgrade", targets=targets, step_by_step=ran is not None, **(first or {}))
        try:
            done = child.expect("upgraded", collect)
        except ProbeFailed as error:
            if self._assume(error):
                raise RestartNeeded from error
            failure = failure_of(error, trees, during=during)
            raise MigrationFailed(failure, tuple(statements)) from error
        self.built = done if ran is None else self.built
        for schema, table in done["version_tables"]:
            if (schema, table) not in self.tables:
                self.tables.append((schema, table))
        return tuple(statements)

    def version_tables(self, connection: psycopg.Connection[Any]) -> tuple[tuple[str, str], ...]:
        """Name the version tables that exist; one without a schema is where env.py's path led."""
        found: list[tuple[str, str]] = []
        for schema, table in self.tables:
            rows = connection.execute(
                "SELECT schemaname, tablename FROM pg_tables WHERE tablename = %s"
                " AND schemaname = coalesce(%s, schemaname) ORDER BY 1",
                [table, schema],
            )
            found += [(place, name) for place, name in rows]
        return tuple(found)

    def stamped(self, connection: psycopg.Connection[Any]) -> set[str]:
        """Give what the version tables hold."""
        found: set[str] = set()
        for schema, table in self.version_tables(connection):
            query = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(schema, table))
            found |= {version for (version,) in connection.execute(query)}
        return found

    def close(self) -> None:
        """End all processes."""
        for child in self._running:
            child.close()
        self._running = []

    def restart(self) -> None:
        """Forget all but the settings: another database is begun."""
        self.close()
        self.tables = []
        self.built = None

    def _project(self, tree: Path, where: Location) -> dict[str, Any]:
        """Say to the probe which project it is to load, and how."""
        config = tree / where.config
        toml = config if config.name == "pyproject.toml" else config.with_name("pyproject.toml")
        return {
            "directory": str(tree / where.directory),
            "config": str(config.with_name("alembic.ini") if config == toml else config),
            "toml": str(toml) if "[tool.alembic" in text_of(toml) else None,
            "section": where.section,
            "script": str(tree / where.script) if where.script else None,
            "bare": self._options.bare,
            "x": list(self._options.x),
            "moved": [str(self._root), str(tree)] if self.imports_own else None,
        }

    def _prelude(self, tree: Path, head: Path) -> dict[str, Any]:
        """Name the script that makes ready. Raises SourceError when it is nowhere."""
        given = self._options.prelude
        if given is None:
            return {}
        for path in (tree / given, head / given):
            if path.is_file():
                return {"prelude": str(path)}
        raise SourceError(
            f"migrations.prelude of gatekeeper.yml: there is no file {given}",
            "Give the path of a Python script of the repository, from the folder of"
            " gatekeeper.yml; it must be committed where the head is a commit.",
        )

    def _assume(self, error: ProbeFailed) -> bool:
        """Fill in a database URL that the application demands; where it points is moot."""
        name = missing_url_setting(error, {*os.environ, *self._environment})
        if name is None or len(self.assumed) >= _MOST_ASSUMED:
            return False
        self._environment[name] = DEAD_URL
        self.assumed.append(name)
        return True
