"""gatekeeper snapshot: the half of a review that runs the pull request's code."""

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.actions import log_guarded, with_event
from gatekeeper.cli.check import (
    Base,
    Cache,
    Head,
    Migrations,
    Schema,
    ShowTimings,
    Transaction,
    TransactionOption,
    sql_files,
)
from gatekeeper.cli.options import (
    AlembicConfig,
    ConfigFile,
    ConfigFrom,
    DatabaseUrl,
    Project,
    Python,
    Quiet,
)
from gatekeeper.cli.session import errors_reported, read_config, write_bytes
from gatekeeper.cli.take import Asked, Policies, take_all, with_arguments
from gatekeeper.cli.timings import Timings


def snapshot(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write.", show_default=False)
    ],
    migrations: Migrations = None,
    base: Base = None,
    head: Head = None,
    schema: Schema = None,
    transaction: TransactionOption = Transaction.single,
    config: AlembicConfig = None,
    project: Project = None,
    python: Python = None,
    database_url: DatabaseUrl = None,
    packs: Annotated[
        list[str] | None,
        typer.Option(
            help="Packs whose catalog queries are asked, instead of the configured ones.",
            show_default=False,
        ),
    ] = None,
    config_file: ConfigFile = None,
    config_from: ConfigFrom = None,
    cache: Cache = True,
    timings: ShowTimings = False,
    quiet: Quiet = False,
) -> None:
    """Run the new migrations on a scratch database and write down what happened.

    The file is judged by `gatekeeper judge`, or by `gatekeeper publish` under GitHub Actions: in a
    job that runs none of the pull request's code, and may therefore have a token.

    Exit status 0: written, also when a migration failed; that is for the judge to say. 2: something
    must be put right first.
    """
    with log_guarded(), errors_reported():
        steps = Timings()
        found = with_event(base, config_from)
        settings = with_arguments(
            read_config(config_file, found.config_from), config, python, packs
        )
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
            timings=steps,
        )
        taken = take_all(settings, Policies(settings), asked)
        steps("writing the snapshot")
        from gatekeeper.snapshot_file import write_snapshots

        write_bytes(output, write_snapshots(taken))
        for one in taken:
            count = len(one.plan.new_revisions)
            failed = "; they failed" if one.failure else ""
            of = f"{one.project}: " if one.project else ""
            typer.echo(f"{of}{count} new migration{'s' if count != 1 else ''}{failed}: {output}")
        if timings:
            steps.show()
