"""gatekeeper diff: how two schemas differ, wherever they come from."""

from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    errors_reported,
    progress_shown,
    read_config,
    run_directory,
    server_starter,
    write_whole,
)
from gatekeeper.cli.take import alembic_options, with_arguments

if TYPE_CHECKING:
    from gatekeeper.config import Config
    from gatekeeper.model.schema import Schema
    from gatekeeper.model.security import Security
    from gatekeeper.report.difference import Difference
    from gatekeeper.sources.sides import Side

_SIDE = "A file or folder of SQL, the URL of a PostgreSQL database, or a git revision."


class Format(StrEnum):
    """How to print a difference."""

    terminal = "terminal"
    json = "json"


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help=_SIDE)],
    after: Annotated[str, typer.Argument(metavar="B", help=_SIDE)],
    config: AlembicConfig = None,
    project: Project = None,
    python: Python = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    config_from: ConfigFrom = None,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="How to print the difference.")
    ] = Format.terminal,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write the difference to this file as well as to the terminal.",
            show_default=False,
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Say how the schema of B differs from that of A. Objects are matched by name.

    A and B are each one of: a file of SQL, or a folder of *.sql files, which run in the order of
    their names on a scratch database; the URL of a database, of which only the catalog is read, in
    a read-only transaction; a git revision, whose Alembic migrations run on a scratch database. An
    existing file or folder wins over a git revision. Grants and row policies are compared; roles,
    their memberships and owners are the cluster's, and are not.

    Exit status 0: the same. 1: different. 2: something must be put right first.

    \b
    gatekeeper diff main postgresql://monitor@replica/shop    has production drifted?
    gatekeeper diff v1.4 HEAD                 what the migrations since v1.4 come to
    gatekeeper diff schema.sql migrations/    does the dump say what the scripts do?
    """
    with errors_reported():
        from gatekeeper.sources.sides import Commit, find_side

        settings = with_arguments(read_config(config_file, config_from), config, python)
        sides = find_side(before), find_side(after)  # both, before anything runs
        if project or any(isinstance(side, Commit) for side in sides):
            settings = settings.only(project)
        difference = _compared(settings, sides, database_url, quiet=quiet)
        _show(difference, format_, output)
    raise typer.Exit(1 if difference.changes else 0)


def _compared(
    config: "Config", sides: "tuple[Side, Side]", database_url: str | None, *, quiet: bool
) -> "Difference":
    from gatekeeper.catalog.read import without_tables
    from gatekeeper.diff.compare import compare
    from gatekeeper.report.difference import Difference
    from gatekeeper.sources.sides import SideReader
    from gatekeeper.sources.sql_files import bootstrap_scripts

    with run_directory() as run, progress_shown(quiet=quiet) as progress:
        reader = SideReader(
            run,
            server_starter(run, config, database_url),
            lambda repository: alembic_options(config, repository.root),
            roles=config.database.roles,
            bootstrap=bootstrap_scripts(config),
            progress=progress,
        )
        try:
            old, new = (reader.read(side) for side in sides)
        finally:
            reader.close()
    # A database that was migrated has the tool's table; one made from SQL need not.
    kept = (*old.version_tables, *new.version_tables)
    one, other = (
        _secured(without_tables(side.schema, kept), side.access.security) for side in (old, new)
    )
    changes = compare(one, other, by_name=True)
    return Difference(
        before=old.name,
        after=new.name,
        before_version=old.schema.server_version,
        after_version=new.schema.server_version,
        changes=changes,
        notes=tuple(dict.fromkeys((*old.notes, *new.notes))),
    )


def _secured(schema: "Schema", security: "Security") -> "Schema":
    """Give a schema with its grants and row security; who has roles and owns things is not its."""
    from gatekeeper.access.attach import with_security, without_roles

    return without_roles(with_security(schema, security))


def _show(difference: "Difference", format_: Format, output: Path | None) -> None:
    from rich.console import Console

    from gatekeeper.report.difference import render_difference
    from gatekeeper.report.difference_text import print_difference

    text = render_difference(difference) if format_ is Format.json else None
    if output is not None:
        written = StringIO()
        print_difference(difference, Console(file=written, width=100))
        write_whole(output, text or written.getvalue())
    if text is None or output is not None:
        print_difference(difference, Console(highlight=False))
    else:
        typer.echo(text, nl=False)
