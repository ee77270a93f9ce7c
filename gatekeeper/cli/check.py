"""gatekeeper check: the main job."""

from dataclasses import replace
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli.options import AlembicConfig, ConfigFile, DatabaseUrl, Python, Quiet
from gatekeeper.cli.session import (
    errors_reported,
    progress_shown,
    read_config,
    run_directory,
    server_starter,
    write_whole,
)
from gatekeeper.errors import GatekeeperError

if TYPE_CHECKING:
    from gatekeeper.config import Config
    from gatekeeper.report.outcome import Outcome
    from gatekeeper.sources.alembic.revisions import AlembicOptions


class Format(StrEnum):
    """How to print a report."""

    terminal = "terminal"
    json = "json"
    markdown = "markdown"


class Transaction(StrEnum):
    """How plain SQL files are run."""

    single = "single"
    none = "none"


def check(
    migrations: Annotated[
        list[Path] | None,
        typer.Argument(
            help="SQL migration files, with --schema. Without: the Alembic project.",
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="Compare with this commit. Default: where the work left the default branch.",
            show_default=False,
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(
            help="Judge this commit. Default: the working tree, uncommitted files included.",
            show_default=False,
        ),
    ] = None,
    schema: Annotated[
        Path | None,
        typer.Option(
            help="Plain SQL: the script that builds the schema before the migrations.",
            show_default=False,
        ),
    ] = None,
    transaction: Annotated[
        Transaction,
        typer.Option(
            help="Plain SQL: run each file in a single transaction, or every statement alone."
        ),
    ] = Transaction.single,
    config: AlembicConfig = None,
    python: Python = None,
    database_url: DatabaseUrl = None,
    packs: Annotated[
        list[str] | None,
        typer.Option(
            help="Packs to judge by, instead of the configured ones; may be repeated.",
            show_default=False,
        ),
    ] = None,
    config_file: ConfigFile = None,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="How to print the report.")
    ] = Format.terminal,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write the report to this file as well as the verdict to the terminal.",
            show_default=False,
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Run the new migrations on a scratch database and judge what happened.

    Exit status 0: passed. 1: blocked. 2: undecided, or something must be put right first.

    \b
    gatekeeper check                        what this branch adds, against the default branch
    gatekeeper check --base v1.4            against a tag, branch or commit
    gatekeeper check --schema now.sql new.sql    plain SQL, without git or Alembic
    """
    with errors_reported():
        from gatekeeper.report.outcome import EXIT_STATUS

        settings = with_arguments(read_config(config_file), config, python, packs)
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
        outcome = perform(
            settings,
            base=base,
            head=head,
            sql=(schema, migrations) if schema is not None and migrations else None,
            transaction=transaction.value,
            database_url=database_url,
            quiet=quiet,
        )
        show(outcome, format_, output)
    raise typer.Exit(EXIT_STATUS[outcome.verdict])


def perform(
    config: "Config",
    *,
    base: str | None = None,
    head: str | None = None,
    sql: tuple[Path, list[Path]] | None = None,
    transaction: str = "single",
    database_url: str | None = None,
    quiet: bool = False,
) -> "Outcome":
    """Put a review together from the configuration, and run it."""
    from gatekeeper.policy.load import load_policies
    from gatekeeper.review import Setup, review
    from gatekeeper.sources.base import Source
    from gatekeeper.stats import read_statistics

    policies = load_policies(config)
    setup = Setup(
        roles=config.database.roles,
        bootstrap=tuple(config.root / path for path in config.database.bootstrap),
        data=config.data,
        statistics=read_statistics(config.root, config.stats) if config.stats else None,
    )
    with run_directory() as run, progress_shown(quiet=quiet) as progress:
        source: Source
        if sql is not None:
            from gatekeeper.sources.sql_files import SqlFiles

            source = SqlFiles(sql[0], sql[1], transaction=transaction)
        else:
            from gatekeeper.git import Repository
            from gatekeeper.sources.alembic.source import AlembicSource

            repository = Repository(Path.cwd())
            source = AlembicSource(
                repository,
                run,
                base=base,
                head=head,
                options=alembic_options(config, repository.root),
            )
        try:
            return review(
                source, server_starter(run, config, database_url), policies, setup, progress
            )
        finally:
            source.close()


def show(outcome: "Outcome", format_: Format, output: Path | None) -> None:
    """Print the report, or write it to a file and print the terminal's."""
    from rich.console import Console

    from gatekeeper.report.terminal import print_terminal

    text = _rendered(outcome, format_)
    if output is not None:
        written = StringIO()
        if text is None:
            print_terminal(outcome, Console(file=written, width=100))
        write_whole(output, text or written.getvalue())
    if text is None or output is not None:
        print_terminal(outcome, Console(highlight=False))
    else:
        typer.echo(text, nl=False)


def _rendered(outcome: "Outcome", format_: Format) -> str | None:
    if format_ is Format.json:
        from gatekeeper.report.json import render_json

        return render_json(outcome)
    if format_ is Format.markdown:
        from gatekeeper.report.markdown import render_markdown

        return render_markdown(outcome)
    return None


def with_arguments(
    settings: "Config",
    config: str | None,
    python: str | None,
    packs: list[str] | None = None,
) -> "Config":
    """Let the command line override gatekeeper.yml; its paths are relative to where we are."""
    migrations = settings.migrations
    if config is not None:
        migrations = replace(migrations, config=str(Path(config).resolve()))
    if python is not None:
        path = Path(python).expanduser()
        migrations = replace(migrations, python=str(path.absolute()) if "/" in python else python)
    settings = replace(settings, migrations=migrations)
    return replace(settings, packs=tuple(packs)) if packs else settings


def alembic_options(config: "Config", root: Path) -> "AlembicOptions":
    """Give what the configuration says of the Alembic project in the repository at `root`."""
    from gatekeeper.sources.alembic.revisions import AlembicOptions

    return AlembicOptions(
        config=_from_root(config, root),
        section=config.migrations.section,
        python=_python(config),
        env=config.migrations.env,
        x=config.migrations.x,
        timeout=config.migrations.timeout,
    )


def _from_root(config: "Config", root: Path) -> str | None:
    """Give the path of alembic.ini relative to the repository's root."""
    given = config.migrations.config
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
