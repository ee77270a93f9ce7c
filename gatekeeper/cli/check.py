"""gatekeeper check: the main job."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli.actions import log_guarded, with_event
from gatekeeper.cli.options import (
    AlembicConfig,
    ConfigFile,
    ConfigFrom,
    DatabaseUrl,
    Packs,
    Project,
    Python,
    Quiet,
)
from gatekeeper.cli.output import Format, Output, ReportFormat, is_data, show
from gatekeeper.cli.session import (
    errors_reported,
    own_template,
    progress_shown,
    read_config,
    run_directory,
    server_starter,
    today,
)
from gatekeeper.errors import GatekeeperError

if TYPE_CHECKING:
    from gatekeeper.config import Config
    from gatekeeper.policy.model import Policy
    from gatekeeper.report.outcome import Reviews
    from gatekeeper.review import Setup
    from gatekeeper.snapshot import Snapshot
    from gatekeeper.sources.alembic.revisions import AlembicOptions


class Transaction(StrEnum):
    """How plain SQL files are run."""

    single = "single"
    none = "none"


Migrations = Annotated[
    list[Path] | None,
    typer.Argument(
        help="SQL migration files, with --schema. Without: the Alembic project.",
        show_default=False,
    ),
]
Base = Annotated[
    str | None,
    typer.Option(
        help="Compare with this commit. Default: where the work left the default branch; under"
        " GitHub Actions what the event says.",
        show_default=False,
    ),
]
Head = Annotated[
    str | None,
    typer.Option(
        help="Judge this commit. Default: the working tree, uncommitted files included.",
        show_default=False,
    ),
]
Schema = Annotated[
    Path | None,
    typer.Option(
        help="Plain SQL: the script that builds the schema before the migrations.",
        show_default=False,
    ),
]
TransactionOption = Annotated[
    Transaction,
    typer.Option(
        help="Plain SQL: run each file in a single transaction, or every statement alone."
    ),
]


def check(
    migrations: Migrations = None,
    base: Base = None,
    head: Head = None,
    schema: Schema = None,
    transaction: TransactionOption = Transaction.single,
    config: AlembicConfig = None,
    project: Project = None,
    python: Python = None,
    database_url: DatabaseUrl = None,
    packs: Packs = None,
    config_file: ConfigFile = None,
    config_from: ConfigFrom = None,
    format_: ReportFormat = Format.terminal,
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """Run the new migrations on a scratch database and judge what happened.

    Exit status 0: passed. 1: blocked. 2: undecided, or something must be put right first.

    \b
    gatekeeper check                        what this branch adds, against the default branch
    gatekeeper check --base v1.4            against a tag, branch or commit
    gatekeeper check --schema now.sql new.sql    plain SQL, without git or Alembic
    """
    with log_guarded(data=is_data(format_, output)), errors_reported():
        from gatekeeper.report.outcome import EXIT_STATUS

        found = with_event(base, config_from)
        settings = with_arguments(
            read_config(config_file, found.config_from), config, python, packs
        )
        template = own_template(settings) if format_ is Format.markdown else None
        asked = Asked(
            base=found.base,
            branch=found.branch,
            head=head,
            sql=sql_files(schema, migrations),
            transaction=transaction.value,
            database_url=database_url,
            quiet=quiet,
            project=project,
        )
        reviews = perform(settings, asked)
        show(reviews, format_, output, template)
    raise typer.Exit(EXIT_STATUS[reviews.verdict])


def sql_files(schema: Path | None, migrations: list[Path] | None) -> tuple[Path, list[Path]] | None:
    """Give what --schema and the arguments name; None: the Alembic project is meant."""
    if migrations and schema is None:
        raise GatekeeperError(
            "migration files need --schema, the script that builds what they change",
            "gatekeeper check --schema before.sql migration.sql (an empty file for nothing)",
        )
    if schema is not None and not migrations:
        raise GatekeeperError(
            "--schema needs at least one migration file",
            "gatekeeper check --schema before.sql migration.sql",
        )
    return (schema, migrations) if schema is not None and migrations else None


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


def perform(config: "Config", asked: Asked) -> "Reviews":
    """Put the reviews of all projects that are asked for together, and run them."""
    from gatekeeper.judge import judge_snapshots
    from gatekeeper.policy.load import load_policies
    from gatekeeper.policy.waivers import file_waivers

    policies = load_policies(config)
    snapshots = take_all(config, policies, asked)
    return judge_snapshots(snapshots, policies, file_waivers(config.waivers), today())


def take_all(
    config: "Config", policies: "tuple[Policy, ...]", asked: Asked
) -> "tuple[Snapshot, ...]":
    """Run what is new in each project that is asked for, and give what happened."""
    plain = asked.sql is not None and asked.project is None  # files belong to no project
    chosen = (config,) if plain else config.chosen(asked.project)
    return tuple(replace(_take(one, policies, asked), project=one.project) for one in chosen)


def _take(config: "Config", policies: "tuple[Policy, ...]", asked: Asked) -> "Snapshot":
    from gatekeeper.review import take_snapshot
    from gatekeeper.sources.base import Source

    setup = setup_of(config, policies)
    with (
        run_directory() as run,
        progress_shown(quiet=asked.quiet, about=config.project) as progress,
    ):
        source: Source
        if asked.sql is not None:
            from gatekeeper.sources.sql_files import SqlFiles

            source = SqlFiles(*asked.sql, transaction=asked.transaction)
        else:
            from gatekeeper.git import Repository
            from gatekeeper.sources.alembic.downgrade import UndoableSource
            from gatekeeper.sources.alembic.drift import ModelledSource

            repository = Repository(Path.cwd())
            compares = any("drifts" in policy.reads for policy in policies)
            source = (ModelledSource if compares else UndoableSource)(
                repository,
                run,
                base=asked.base,
                branch=asked.branch,
                head=asked.head,
                options=alembic_options(config, repository.root),
            )
        try:
            start = server_starter(run, config, asked.database_url)
            return take_snapshot(source, start, setup, progress)
        finally:
            source.close()


def setup_of(config: "Config", policies: "tuple[Policy, ...]") -> "Setup":
    """Give what the configuration says that the scratch database holds and is asked."""
    from gatekeeper.policy.catalog_query import catalog_queries
    from gatekeeper.review import Setup
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
