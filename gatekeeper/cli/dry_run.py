"""gatekeeper dry-run: policies tried on merged migrations, before they block anyone."""

from dataclasses import replace
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli.check import Migrations, Schema, Transaction, TransactionOption
from gatekeeper.cli.options import (
    AlembicConfig,
    ConfigFile,
    DatabaseUrl,
    Packs,
    Project,
    Python,
    Quiet,
)
from gatekeeper.cli.output import Output
from gatekeeper.cli.session import (
    USAGE_ERROR,
    errors_reported,
    progress_shown,
    read_config,
    run_directory,
    server_starter,
    today,
    write_whole,
)
from gatekeeper.cli.take import alembic_options, setup_of, with_arguments
from gatekeeper.errors import GatekeeperError

if TYPE_CHECKING:
    from gatekeeper.config import Config
    from gatekeeper.policy.model import Policy
    from gatekeeper.report.dry_run import DryRun
    from gatekeeper.scratch.rundir import RunDirectory
    from gatekeeper.sources.base import Stepwise

_LAST = 20


class Format(StrEnum):
    """How to print a dry run."""

    terminal = "terminal"
    json = "json"
    markdown = "markdown"


def dry_run(
    migrations: Migrations = None,
    last: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"Replay so many of the newest revisions. Default: {_LAST}; of SQL files, all.",
            show_default=False,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="REVISION",
            help="Replay all that a database at this revision does not have: the id of an Alembic"
            " revision, or its beginning.",
            show_default=False,
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(
            help="Replay the migrations of this commit. Default: the working tree.",
            show_default=False,
        ),
    ] = None,
    policies: Annotated[
        list[Path] | None,
        typer.Option(
            help="Try the policies of this file or folder as well; may be repeated.",
            show_default=False,
        ),
    ] = None,
    packs: Packs = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID", help="Judge by this policy alone; may be repeated.", show_default=False
        ),
    ] = None,
    schema: Schema = None,
    transaction: TransactionOption = Transaction.single,
    config: AlembicConfig = None,
    project: Project = None,
    python: Python = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="How to print the report.")
    ] = Format.terminal,
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """Replay merged migrations one by one, and say which policies would have fired, and where.

    All run on one scratch database, in alembic's order. Each is judged alone, as `check` would have
    judged it. Nothing is blocked.

    Exit status 0, whatever was found. 2: it could not run, or not to the end.

    \b
    gatekeeper dry-run                            the newest 20 revisions
    gatekeeper dry-run --last 100 --policies new.yml --only our-rule    a policy on its own past
    gatekeeper dry-run --schema before.sql 001.sql 002.sql    plain SQL, file by file
    """
    with errors_reported():
        settings = with_arguments(read_config(config_file), config, python, packs)
        files = _sql_files(schema, migrations, since, head)
        if project or files is None:
            settings = settings.only(project)
        if last is not None and since is not None:
            raise GatekeeperError("--last and --since do not go together", "Give one of them.")
        chosen, tried = _policies(settings, policies or [], only or [])
        with run_directory() as run, progress_shown(quiet=quiet) as progress:
            from gatekeeper.policy.waivers import file_waivers, of_project
            from gatekeeper.replay import replay

            if files is not None:
                from gatekeeper.sources.sql_steps import SqlSteps

                source: Stepwise = SqlSteps(*files, transaction=transaction.value, last=last)
            else:
                source = _history(settings, run, head=head, last=last or _LAST, since=since)
            start = server_starter(run, settings, database_url)
            try:
                found = replay(
                    source,
                    start,
                    chosen,
                    setup_of(settings, chosen),
                    progress,
                    waivers=of_project(file_waivers(settings.waivers), settings.project),
                    today=today(),
                )
            finally:
                source.close()
        _show(replace(found, tried=tried), format_, output)
    raise typer.Exit(USAGE_ERROR if found.failure is not None else 0)


def _sql_files(
    schema: Path | None, migrations: list[Path] | None, since: str | None, head: str | None
) -> tuple[Path, list[Path]] | None:
    """Give what --schema and the arguments name; None: the Alembic project is meant."""
    if schema is None and not migrations:
        return None
    if schema is None or not migrations:
        raise GatekeeperError(
            "SQL files need --schema, the script before them, and --schema needs such files",
            "gatekeeper dry-run --schema before.sql 001.sql 002.sql (an empty file for nothing)",
        )
    if since is not None or head is not None:
        raise GatekeeperError(
            "--since and --head are about an Alembic project, and SQL files were given",
            "Leave them out; --last N replays the last N of the files.",
        )
    return schema, migrations


def _history(
    config: "Config", run: "RunDirectory", *, head: str | None, last: int, since: str | None
) -> "Stepwise":
    from gatekeeper.git import Repository
    from gatekeeper.sources.alembic.history import History

    repository = Repository(Path.cwd())
    options = alembic_options(config, repository.root)
    return History(repository, run, head=head, last=last, since=since, options=options)


def _policies(
    config: "Config", paths: list[Path], only: list[str]
) -> "tuple[tuple[Policy, ...], frozenset[str]]":
    """Load what is judged by, and name those of it that `paths` bring."""
    from gatekeeper.policy.load import load_files, load_policies, pack_files
    from gatekeeper.yaml_reader import did_you_mean

    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise GatekeeperError(
                f"{path}: there is no such file or folder", "--policies takes packs in YAML."
            )
        files += pack_files(path) if path.is_dir() else [path]
    tried = {policy.id for policy in load_files(files)}
    named = tuple(str(path.resolve()) for path in files)
    found = load_policies(replace(config, packs=(*config.packs, *named)))
    for name in only:
        if all(policy.id != name for policy in found):
            near = did_you_mean(name, [policy.id for policy in found])
            raise GatekeeperError(
                f"no policy {name!r} is in use{near}", "`gatekeeper policy list` shows which are."
            )
    chosen = tuple(policy for policy in found if not only or policy.id in only)
    return chosen, frozenset(tried | set(only))


def _show(run: "DryRun", format_: Format, output: Path | None) -> None:
    from rich.console import Console

    from gatekeeper.report.dry_run import render_dry_run
    from gatekeeper.report.dry_run_text import print_dry_run, render_dry_run_markdown

    text = None
    if format_ is Format.json:
        text = render_dry_run(run)
    elif format_ is Format.markdown:
        text = render_dry_run_markdown(run)
    if output is not None:
        written = StringIO()
        print_dry_run(run, Console(file=written, width=100))
        write_whole(output, text or written.getvalue())
    if text is None or output is not None:
        print_dry_run(run, Console(highlight=False))
    else:
        typer.echo(text, nl=False)
