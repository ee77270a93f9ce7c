"""What is examined, and other ways to run it that gatekeeper.yml has a line for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from gatekeeper.config_database import ProductionRole
from gatekeeper.git import Repository
from gatekeeper.scratch.base import ScratchServer
from gatekeeper.scratch.local import start_local
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.setup.remedy import UNAVAILABLE, several_databases
from gatekeeper.setup.trial import BASE, ENV, Run
from gatekeeper.sources.alembic.baseline import PROPOSED, Start, made_of_models
from gatekeeper.sources.alembic.revisions import AlembicOptions
from gatekeeper.sources.base import MigrationFailed
from gatekeeper.sources.sql_files import SqlText


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined, and with what; see gatekeeper.yml.

    `embedded`: the server is the one that Gatekeeper brings.
    """

    repository: Repository
    options: AlembicOptions
    start: Callable[[], ScratchServer]
    base: str | None = None
    branch: str | None = None
    roles: tuple[ProductionRole, ...] = ()
    bootstrap: tuple[SqlText, ...] = ()
    embedded: bool = True


class Way(Enum):
    """Another way to run a project: why it works, and the lines of gatekeeper.yml."""

    bare = ("The version files run without the project's env.py.", "migrations", "env_py: bare")
    models = (
        "The history does not start from nothing; it runs on what the models say.",
        "database",
        "baseline: metadata",
    )
    local = ("This machine's own PostgreSQL has it.", "database", "server: local")

    def __init__(self, why: str, section: str, line: str) -> None:
        self.why = why
        self.section = section
        self.line = line

    @property
    def advice(self) -> str:
        return f"{self.why} In gatekeeper.yml:\n  {self.section}:\n    {self.line}"


def another_way(run: Run, subject: Subject) -> Way | None:
    """Give what may do where a run failed; it remains to be tried."""
    error, options = run.error, subject.options
    if not isinstance(error, MigrationFailed) or several_databases(error):
        return None
    if subject.embedded and UNAVAILABLE.search(error.failure.message):
        return Way.local
    if run.failed == ENV and not options.bare and not made_of_models(options.baseline):
        return Way.bare
    if run.failed == BASE and not options.bare and PROPOSED in (error.failure.hint or ""):
        return Way.models
    return None


def gone(subject: Subject, way: Way, run: RunDirectory) -> Subject:
    """Give the subject as it is examined when gatekeeper.yml has the lines of `way`."""
    if way is Way.local:
        return replace(subject, start=lambda: start_local(run), embedded=False)
    options = subject.options
    if way is Way.bare:
        return replace(subject, options=replace(options, bare=True))
    return replace(subject, options=replace(options, baseline=Start()))
