"""What a run is asked for, and running it: what `check` does, and all that begin with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.cli.session import (
    in_background,
    progress_shown,
    run_directory,
    server_starter,
    today,
)
from gatekeeper.errors import GatekeeperError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from gatekeeper.bases import Bases
    from gatekeeper.cli.timings import Timings
    from gatekeeper.config import Config
    from gatekeeper.git import Repository
    from gatekeeper.observe import Setup
    from gatekeeper.policy.model import Policy
    from gatekeeper.report.outcome import Reviews
    from gatekeeper.scratch.rundir import RunDirectory
    from gatekeeper.snapshot import Snapshot
    from gatekeeper.sources.alembic.child import Child
    from gatekeeper.sources.alembic.revisions import AlembicOptions
    from gatekeeper.sources.base import Source


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of one run; `sql` are --schema and the files after it."""

    base: str | None = None
    branch: str | None = None
    head: str | None = None
    sql: tuple[Path, list[Path]] | None = None
    transaction: str = "single"
    database_url: str | None = None
    quiet: bool = False
    project: str | None = None
    cache: bool = True
    timings: "Timings | None" = None

    def step(self, text: str) -> None:
        """Note that a step of the run begins."""
        if self.timings is not None:
            self.timings(text)


class Policies:
    """The configured policies; loading them may begin long before they are asked for."""

    def __init__(self, config: "Config") -> None:
        self._config = config
        self._loading: Future[tuple[Policy, ...]] | None = None

    def begin(self) -> None:
        """Load them in another thread, if nobody does yet."""
        if self._loading is None:
            from concurrent.futures import ThreadPoolExecutor

            pool = ThreadPoolExecutor(max_workers=1)
            self._loading = pool.submit(self._load)
            pool.shutdown(wait=False)

    def __call__(self) -> "tuple[Policy, ...]":
        self.begin()
        assert self._loading is not None  # noqa: S101 - begin() sees to it
        return self._loading.result()

    def _load(self) -> "tuple[Policy, ...]":
        from gatekeeper.policy.load import load_policies

        return load_policies(self._config)


def perform(config: "Config", asked: Asked) -> "Reviews":
    """Put the reviews of all projects that are asked for together, and run them."""
    policies = Policies(config)
    snapshots = take_all(config, policies, asked)
    asked.step("judging")
    from gatekeeper.judge import judge_snapshots
    from gatekeeper.policy.waivers import file_waivers

    return judge_snapshots(snapshots, policies(), file_waivers(config.waivers), today())


def take_all(config: "Config", policies: Policies, asked: Asked) -> "tuple[Snapshot, ...]":
    """Run what is new in each project that is asked for, and give what happened."""
    plain = asked.sql is not None and asked.project is None  # files belong to no project
    chosen = (config,) if plain else config.chosen(asked.project)
    return tuple(replace(_take(one, policies, asked), project=one.project) for one in chosen)


def _take(config: "Config", policies: Policies, asked: Asked) -> "Snapshot":
    """Run one project.

    The processes are started first: while they get ready we import what the rest takes.
    """
    with (
        run_directory() as run,
        progress_shown(quiet=asked.quiet, about=config.project) as shown,
    ):

        def progress(text: str) -> None:
            asked.step(text)
            shown(text)

        progress("starting the scratch server and the application")
        with _begun(config, asked, run) as begun:
            bases = begun.bases(asked) if begun is not None else None
            start = (
                bases.start
                if bases
                else server_starter(run, config, asked.database_url, cache=asked.cache)
            )
            with in_background(start) as server:
                policies.begin()
                source = begun.source(policies, asked) if begun else _sql(asked)
                from gatekeeper.review import take_snapshot

                try:
                    return take_snapshot(
                        source, server, lambda: setup_of(config, policies()), progress, bases
                    )
                finally:
                    source.close()
                    if bases is not None and asked.timings is not None:
                        asked.timings.notes.append(f"the base's database: {bases.told}")


def _sql(asked: Asked) -> "Source":
    from gatekeeper.sources.sql_files import SqlFiles

    assert asked.sql is not None  # noqa: S101 - the caller looked
    return SqlFiles(*asked.sql, transaction=asked.transaction)


@dataclass(frozen=True, slots=True)
class _Alembic:
    """A project whose process is started, which takes a while, before more is known of it."""

    run: "RunDirectory"
    config: "Config"
    repository: "Repository"
    ahead: "Child | None"

    @property
    def options(self) -> "AlembicOptions":
        return alembic_options(self.config, self.repository.root)

    def bases(self, asked: Asked) -> "Bases | None":
        """Give the bases that are kept, where the scratch server is our own."""
        uses_own = asked.database_url is None and self.config.database.url is None
        if not asked.cache or not uses_own:
            return None
        from gatekeeper.cli.cache import kept_bases

        return kept_bases(self.run, self.config, self.repository.root)

    def source(self, policies: Policies, asked: Asked) -> "Source":
        """Give the migrations."""
        from gatekeeper.sources.alembic.drift import ModelledSource

        source = ModelledSource(
            self.repository,
            self.run,
            base=asked.base,
            branch=asked.branch,
            head=asked.head,
            options=self.options,
            ahead=self.ahead,
        )
        source.compares = lambda: any("drifts" in policy.reads for policy in policies())
        return source


@contextmanager
def _begun(config: "Config", asked: Asked, run: "RunDirectory") -> "Iterator[_Alembic | None]":
    """Start the process of an Alembic project; None: SQL files are asked for."""
    if asked.sql is not None:
        yield None
        return
    from gatekeeper.git import Repository

    repository = Repository(Path.cwd())
    ahead = _started_ahead(config, run, repository.root)
    try:
        yield _Alembic(run, config, repository, ahead)
    finally:
        if ahead is not None:
            ahead.close()


def _started_ahead(config: "Config", run: "RunDirectory", root: Path) -> "Child | None":
    """Start the process of the application that will probably be needed."""
    from gatekeeper.sources.alembic.child import Child
    from gatekeeper.sources.alembic.interpreter import find_interpreter

    given = config.migrations.config
    folder = (config.root / given).resolve().parent if given else Path.cwd()
    try:
        interpreter = find_interpreter(_python(config), folder, root)
        return Child(
            run,
            interpreter,
            run.path,
            environment=config.migrations.env or {},
            timeout=config.migrations.timeout,
            only=config.migrations.database,
        )
    except GatekeeperError:  # told where it is needed
        return None


def setup_of(config: "Config", policies: "tuple[Policy, ...]") -> "Setup":
    """Give what the configuration says that the scratch database holds and is asked."""
    from gatekeeper.observe import Setup
    from gatekeeper.policy.catalog_query import catalog_queries
    from gatekeeper.sources.sql_files import bootstrap_scripts
    from gatekeeper.stats import read_statistics
    from gatekeeper.undoing import reads_downgrades

    return Setup(
        queries=catalog_queries(policies),
        undoes=reads_downgrades(policies),
        roles=config.database.roles,
        bootstrap=bootstrap_scripts(config),
        data=config.data,
        statistics=read_statistics(config.tree, config.stats) if config.stats else None,
    )


def with_arguments(
    settings: "Config",
    config: str | None,
    python: str | None,
    packs: list[str] | None = None,
) -> "Config":
    """Let the command line override gatekeeper.yml; its paths are relative to where we are.

    Who names a configuration of Alembic means that one, and none of the projects.
    """
    migrations = settings.migrations
    if config is not None:
        settings = replace(settings, projects=())
        migrations = replace(migrations, config=str(Path(config).resolve()))
    if python is not None:
        path = Path(python).expanduser()
        migrations = replace(migrations, python=str(path.absolute()) if "/" in python else python)
    projects = tuple(with_arguments(one, None, python) for one in settings.projects)
    settings = replace(settings, migrations=migrations, projects=projects)
    return replace(settings, packs=tuple(packs)) if packs else settings


def alembic_options(config: "Config", root: Path) -> "AlembicOptions":
    """Give what the configuration says of the Alembic project in the repository at `root`."""
    from gatekeeper.sources.alembic.baseline import read_start
    from gatekeeper.sources.alembic.revisions import AlembicOptions

    return AlembicOptions(
        config=_from_root(config, root, config.migrations.config),
        section=config.migrations.section,
        python=_python(config),
        env=config.migrations.env,
        x=config.migrations.x,
        timeout=config.migrations.timeout,
        database=config.migrations.database,
        baseline=read_start(config),
        prelude=_from_root(config, root, config.migrations.prelude),
        bare=config.migrations.env_py == "bare",
    )


def _from_root(config: "Config", root: Path, given: str | None) -> str | None:
    """Give a path of gatekeeper.yml relative to the repository's root."""
    if given is None:
        return None
    try:
        return str((config.root / given).resolve().relative_to(root.resolve()))
    except ValueError:
        raise GatekeeperError(
            f"{given} is not in the repository {root}",
            "Run the command from the repository that has it.",
        ) from None


def _python(config: "Config") -> str | None:
    given = config.migrations.python
    if given is None or "/" not in given:
        return given
    return str((config.root / Path(given).expanduser()).absolute())
