"""gatekeeper check: the main job."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

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
from gatekeeper.cli.session import errors_reported, own_template, read_config
from gatekeeper.cli.take import Asked, perform, with_arguments
from gatekeeper.cli.timings import Timings
from gatekeeper.errors import GatekeeperError


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


Cache = Annotated[
    bool,
    typer.Option(
        "--cache/--no-cache",
        help="Keep the base's database between runs, and use it while nothing that it is made of"
        " has changed; and the empty cluster that it begins with.",
    ),
]
ShowTimings = Annotated[bool, typer.Option("--timings", help="Say in the end where the time went.")]


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
    cache: Cache = True,
    timings: ShowTimings = False,
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
        taken = Timings()
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
            cache=cache,
            timings=taken,
        )
        reviews = perform(settings, asked)
        taken("writing the report")
        show(reviews, format_, output, template)
        if timings:
            taken.show()
    from gatekeeper.report.outcome import EXIT_STATUS

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
