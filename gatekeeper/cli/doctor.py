"""gatekeeper doctor: every step from git to the newest revision, and what to do where one fails."""

from enum import StrEnum
from typing import Annotated

import typer

from gatekeeper.cli.actions import log_guarded
from gatekeeper.cli.check import Base
from gatekeeper.cli.options import (
    AlembicConfig,
    ConfigFile,
    ConfigFrom,
    DatabaseUrl,
    Project,
    Python,
    Quiet,
)
from gatekeeper.cli.session import (
    USAGE_ERROR,
    errors_reported,
    progress_shown,
    read_config,
    run_directory,
)
from gatekeeper.cli.take import with_arguments


class Format(StrEnum):
    """How to print a check-up."""

    terminal = "terminal"
    json = "json"


def doctor(
    base: Base = None,
    config: AlembicConfig = None,
    project: Project = None,
    python: Python = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    config_from: ConfigFrom = None,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="How to print it.")
    ] = Format.terminal,
    quiet: Quiet = False,
) -> None:
    """Go through every step of a check, show what works, and say what to do about the rest.

    Git, the base, gatekeeper.yml, policies, waivers, the interpreter, the scratch database, env.py,
    the whole history and what is new in it: everything is really tried, nothing is judged. What
    needs a step that failed is not tried. GitHub is not asked anything. Where gatekeeper.yml has
    several projects, each is gone through in turn.

    Exit status 0: all works. 2: something must be put right first.
    """
    with log_guarded(data=format_ is Format.json), errors_reported():
        from gatekeeper.cli.doctor_steps import examine, print_steps, steps_json

        with progress_shown(quiet=quiet) as progress:
            checkup = examine(
                run_directory,
                base=base,
                config_from=config_from,
                settings=lambda commit: with_arguments(
                    read_config(config_file, commit), config, python
                ),
                project=project,
                database_url=database_url,
                progress=progress,
            )
        if format_ is Format.json:
            typer.echo(steps_json(checkup), nl=False)
        else:
            print_steps(checkup)
    raise typer.Exit(0 if checkup.works else USAGE_ERROR)
