"""Runs a project's whole history to see whether it does: what `check` does, told step by step."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from psycopg import sql

from gatekeeper.config_database import ProductionRole
from gatekeeper.errors import GatekeeperError
from gatekeeper.git import WORKING_TREE
from gatekeeper.model.plan import Plan
from gatekeeper.scratch.base import Address, ScratchServer
from gatekeeper.setup.steps import counted
from gatekeeper.sources.alembic.locate import Location, locate
from gatekeeper.sources.alembic.revisions import LoadedPlan
from gatekeeper.sources.alembic.source import AlembicSource
from gatekeeper.sources.base import MigrationFailed
from gatekeeper.sources.retry import with_missing_roles
from gatekeeper.sources.sql_files import SqlText, run_scripts

_TABLES = "SELECT schemaname, tablename FROM pg_tables"
_EXTENSIONS = "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1"


class Trial(AlembicSource):
    """A project that is loaded whatever changed, and whose env.py can be run alone."""

    def locate(self) -> Location:
        """Find the configuration. Raises SourceError."""
        tree = self._tree(self._head)
        return locate(
            self._repository, self._head, tree, self._options.config, self._options.section
        )

    def prepare(self) -> Plan:
        label = "the working tree" if self._head == WORKING_TREE else f"commit {self._head[:12]}"
        self._plan = LoadedPlan(self.locate(), Plan(base=self._compared.label, head=label))
        self._load_head()
        return self._plan.public

    def run_env(self, database: Address) -> None:
        """Run env.py with nothing to upgrade. Raises MigrationFailed.

        The version table that alembic makes all the same goes: a dump may bring its own.
        """
        with database.connect() as connection:
            before = set(connection.execute(_TABLES))
        self._upgrade(self._loaded().head_child, database, ["base"], "env.py")
        with database.connect() as connection:
            for place in set(self.version_tables(connection)) - before:
                connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(*place)))

    @property
    def env_found(self) -> str:
        """Say what a run of env.py shows."""
        if self._options.bare:
            return "one of Gatekeeper's, in place of the project's, as gatekeeper.yml says"
        return "imported, and connects to the database that it is given"

    @property
    def label(self) -> str:
        """Name what the head is compared with."""
        return self._compared.label

    @property
    def heads(self) -> tuple[str, ...]:
        return () if self._plan is None else self._plan.heads

    @property
    def assumed(self) -> tuple[str, ...]:
        """Name the settings for which a placeholder stands in."""
        return tuple(self._children.assumed)


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the run that came to its end."""

    name: str
    found: str
    seconds: float


@dataclass(slots=True)
class Run:
    """What a run came to: its phases, the one that failed with its error, and what was there."""

    phases: list[Phase] = field(default_factory=list)
    failed: str = ""
    seconds: float = 0.0  # of the failed one
    error: MigrationFailed | GatekeeperError | None = None
    roles: tuple[str, ...] = ()  # created for want of
    extensions: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = ()

    @contextmanager
    def phase(self, name: str, found: str) -> Iterator[None]:
        start = time.monotonic()
        self.failed = name
        try:
            yield
        finally:
            self.seconds = time.monotonic() - start
        self.phases.append(Phase(name, found, self.seconds))
        self.failed = ""


ENV, BOOTSTRAP, BASE, NEW = "env.py", "bootstrap", "base history", "new revisions"


def run_trial(
    source: Trial,
    plan: Plan,
    server: ScratchServer,
    roles: tuple[ProductionRole, ...],
    bootstrap: tuple[SqlText, ...],
    progress: Callable[[str], None] = lambda _: None,
) -> Run:
    """Run env.py, the base's history and what is new, as `check` would."""
    wanted, plans, runs = list(roles), [plan], [Run()]

    def attempt(database: Address) -> None:
        runs[-1] = Run()
        _attempt(source, plans[-1], database, bootstrap, runs[-1], progress)
        with database.connect() as connection:
            rows = connection.execute(_EXTENSIONS).fetchall()
        runs[-1].extensions = tuple(name for (name,) in rows)
        runs[-1].stand_ins = server.stand_ins(database)

    def restart() -> None:
        plans.append(source.restart())

    try:
        with_missing_roles(server, wanted, attempt, restart, progress)
    except (MigrationFailed, GatekeeperError) as error:
        runs[-1].error = error
    runs[-1].roles = tuple(role.name for role in wanted[len(roles) :])
    return runs[-1]


def _attempt(
    source: Trial,
    plan: Plan,
    database: Address,
    bootstrap: tuple[SqlText, ...],
    run: Run,
    progress: Callable[[str], None],
) -> None:
    new = len(plan.new_revisions)
    if bootstrap:
        with run.phase(BOOTSTRAP, ", ".join(script.file for script in bootstrap)):
            run_scripts(bootstrap, database)
    progress("importing env.py")
    with run.phase(ENV, source.env_found):
        source.run_env(database)
    progress("running the base's history")
    with run.phase(BASE, f"{counted(len(plan.revisions) - new, 'revision')} ran"):
        source.build_base(database)
    progress("running the new revisions")
    with run.phase(NEW, f"{counted(new, 'revision')} ran" if new else ""):
        source.apply(database, lambda _: None)
        with database.connect() as connection:
            source.confirm(connection)
