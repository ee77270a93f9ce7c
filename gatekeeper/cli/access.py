"""gatekeeper access: who can do what with which data, and through what."""

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
from gatekeeper.cli.session import errors_reported, read_config, write_whole
from gatekeeper.cli.take import with_arguments
from gatekeeper.errors import GatekeeperError

if TYPE_CHECKING:
    from gatekeeper.report.access import AccessReport


class Format(StrEnum):
    """How to print access."""

    terminal = "terminal"
    json = "json"
    markdown = "markdown"


def access(
    side: Annotated[
        str | None,
        typer.Argument(
            help="A file or folder of SQL, the URL of a PostgreSQL database, or a git revision."
            " Default: the Alembic project, uncommitted files included.",
            show_default=False,
        ),
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(help="Only roles like this; public is everybody.", show_default=False),
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option(
            help="Only tables, views and functions like this: people, billing.*.",
            show_default=False,
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="Only columns like this: email, public.people.*.", show_default=False),
    ] = None,
    class_: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            help="Only columns of tables that are of this class: pii.",
            show_default=False,
        ),
    ] = None,
    privilege: Annotated[
        list[str] | None,
        typer.Option(help="Only this privilege: select, execute …", show_default=False),
    ] = None,
    columns: Annotated[bool, typer.Option("--columns", help="Name the columns.")] = False,
    paths: Annotated[
        bool, typer.Option("--paths", help="Say through what; names the columns, too.")
    ] = False,
    changed: Annotated[
        bool,
        typer.Option("--changed", help="Only what the new migrations give and take."),
    ] = False,
    base: Annotated[
        str | None,
        typer.Option(
            help="With --changed: compare with this commit. Default: where the work left the"
            " default branch.",
            show_default=False,
        ),
    ] = None,
    expect: Annotated[
        Path | None,
        typer.Option(help="Compare with this file, and fail if it differs.", show_default=False),
    ] = None,
    write: Annotated[
        Path | None, typer.Option(help="Write the file for --expect.", show_default=False)
    ] = None,
    config: AlembicConfig = None,
    project: Project = None,
    python: Python = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    config_from: ConfigFrom = None,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="How to print it.")
    ] = Format.terminal,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write it to this file as well as to the terminal.",
            show_default=False,
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Say which role can do what with which table, column and function, and through what.

    The migrations run on a scratch database; of a URL only the catalog is read, in a read-only
    transaction. Counted are grants, PUBLIC, groups, owners, row security, and what views and
    functions with SECURITY DEFINER show, traced to the columns of tables. What cannot be traced is
    listed as UNTRACED or untraced. Superusers are named, but not listed cell by cell. Functions
    that run as their caller are listed with --privilege execute.

    Options that filter take globs and may be repeated. With --expect and --write they say what the
    file is about: give the same ones to both.

    Exit status 0. 1: access is not as the file of --expect says. 2: something must be put right
    first.

    \b
    gatekeeper access --class pii --privilege select --paths    who can read personal data, and why
    gatekeeper access --changed                what this branch gives and takes
    gatekeeper access --write access.yml       commit this file …
    gatekeeper access --expect access.yml      … and fail when access drifts from it
    """
    with errors_reported():
        _refuse_mixtures(base, changed=changed, expect=expect, write=write)
        from gatekeeper.access.expected import read_expected
        from gatekeeper.access.wanted import Wanted
        from gatekeeper.cli.access_report import Reader, known_classes, known_privileges

        settings = with_arguments(read_config(config_file, config_from), config, python)
        if project or side is None:
            settings = settings.only(project)
        wanted = Wanted(
            roles=tuple(role or ()),
            things=tuple(table or ()),
            columns=tuple(column or ()),
            classes=known_classes(settings, class_ or ()),
            privileges=known_privileges(privilege or ()),
            ways=paths,
        )
        expected = read_expected(expect) if expect is not None else None
        reader = Reader(settings, wanted, database_url, quiet=quiet)
        report = reader.changes(side, base) if changed else reader.matrix(side, expected, write)
        named = columns or paths or wanted.some_columns
        _show(report, format_, output, named=named, ways=paths)
    raise typer.Exit(1 if report.drift else 0)


def _refuse_mixtures(
    base: str | None,
    *,
    changed: bool,
    expect: Path | None,
    write: Path | None,
) -> None:
    if expect is not None and write is not None:
        raise GatekeeperError(
            "--expect and --write do not go together", "Write first, then compare."
        )
    if changed and (expect is not None or write is not None):
        raise GatekeeperError(
            "--changed is about a difference, a file about a whole matrix",
            "Leave --changed out.",
        )
    if base is not None and not changed:
        raise GatekeeperError("--base needs --changed", "gatekeeper access --changed --base v1.4")


def _show(
    report: "AccessReport", format_: Format, output: Path | None, *, named: bool, ways: bool
) -> None:
    from rich.console import Console

    from gatekeeper.report.access import render_access
    from gatekeeper.report.access_text import print_access, render_access_markdown

    text = None
    if format_ is Format.json:
        text = render_access(report)
    elif format_ is Format.markdown:
        text = render_access_markdown(report, named=named, ways=ways)
    if output is not None:
        written = StringIO()
        print_access(report, Console(file=written, width=100), named=named, ways=ways)
        write_whole(output, text or written.getvalue())
    if text is None or output is not None:
        print_access(report, Console(highlight=False), named=named, ways=ways)
    else:
        typer.echo(text, nl=False)
