"""gatekeeper init: from nothing to a first verdict."""

from typing import Annotated

import typer

from gatekeeper.cli.options import DatabaseUrl, Python, Quiet
from gatekeeper.cli.session import (
    USAGE_ERROR,
    errors_reported,
    progress_shown,
)


def init(
    config: Annotated[
        str | None,
        typer.Option(
            help="Path of alembic.ini or pyproject.toml, when there are several and one is meant:"
            " it gets a configuration of its own.",
            show_default=False,
        ),
    ] = None,
    python: Python = None,
    database_url: DatabaseUrl = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Look at this repository, and write gatekeeper.yml, a first house policy, and the workflow.

    Nothing is asked. The whole history is run on a scratch database to find out what it needs:
    settings that the application demands get a stand-in, roles that production creates are named.
    Files that exist stay as they are, unless --force. Several Alembic projects become projects of
    one gatekeeper.yml at the repository's root, with one workflow.

    Exit status 0: `gatekeeper check` works. 2: something must be put right first; it is said what.

    \b
    gatekeeper init --config backend/alembic.ini      one of several projects
    """
    with errors_reported():
        from gatekeeper.cli.init_files import adopt

        with progress_shown(quiet=quiet) as progress:
            adopted = adopt(
                config=config,
                python=python,
                database_url=database_url,
                force=force,
                write=not dry_run,
                progress=progress,
            )
        for line in adopted.lines:
            typer.echo(line)
    raise typer.Exit(0 if adopted.works else USAGE_ERROR)
