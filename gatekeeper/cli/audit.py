"""gatekeeper audit: the whole schema, and what of its debt is new."""

import os
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli.actions import is_actions, log_guarded
from gatekeeper.cli.options import (
    AlembicConfig,
    CatalogUrl,
    ConfigFile,
    ConfigFrom,
    DatabaseUrl,
    Packs,
    Project,
    Python,
    Quiet,
    SchemaFiles,
)
from gatekeeper.cli.output import Format, Output, ReportFormat, is_data
from gatekeeper.cli.session import (
    errors_reported,
    read_config,
    write_whole,
)
from gatekeeper.cli.take import with_arguments
from gatekeeper.errors import GatekeeperError

if TYPE_CHECKING:
    from gatekeeper.cli.audit_report import Asked
    from gatekeeper.report.audit import Audit


class FailOn(StrEnum):
    """What makes an audit fail."""

    error = "error"
    warning = "warning"
    none = "none"


def audit(
    schema: SchemaFiles = None,
    url: CatalogUrl = None,
    head: Annotated[
        str | None,
        typer.Option(
            help="The Alembic project of this commit. Default: the working tree, uncommitted files"
            " included.",
            show_default=False,
        ),
    ] = None,
    packs: Packs = None,
    write_baseline: Annotated[
        bool,
        typer.Option(
            "--write-baseline",
            help="Write what is found into .gatekeeper/baseline.json, beside gatekeeper.yml: it is"
            " known from then on.",
        ),
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Take what is fixed out of that file.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="List what is known as well.")] = False,
    fail_on: Annotated[
        FailOn, typer.Option(help="The least severity of what is new that makes it fail.")
    ] = FailOn.error,
    config: AlembicConfig = None,
    project: Project = None,
    python: Python = None,
    database_url: DatabaseUrl = None,
    config_file: ConfigFile = None,
    config_from: ConfigFrom = None,
    format_: ReportFormat = Format.terminal,
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """Judge the whole schema, not only what is new: by policy and table, the worst first.

    All migrations run once on a scratch database. Policies about what a migration does find
    nothing here. Waivers of gatekeeper.yml count; those that have ended, and those that nothing
    needs, are findings themselves.

    A project with a past writes a baseline and commits it. From then on only growth fails. It
    changes nothing for `gatekeeper check`, which judges only what is new anyway.

    Exit status 0: passed. 1: something is found that --fail-on names. 2: something must be put
    right first.

    \b
    gatekeeper audit                        what is wrong with the schema?
    gatekeeper audit --write-baseline       accept that for now
    gatekeeper audit                        has it grown since?
    gatekeeper audit --prune                forget what has been fixed
    gatekeeper audit --url postgresql://monitor@replica/shop    what production has
    """
    with log_guarded(data=is_data(format_, output)), errors_reported():
        from gatekeeper.cli.audit_report import Asked, perform

        asked = Asked(
            tuple(schema or ()),
            url,
            head,
            bool(packs),
            fail_on.value,
            write_baseline,
            prune,
            database_url,
            quiet,
        )
        _refuse_mixtures(asked, config_from)
        settings = with_arguments(read_config(config_file, config_from), config, python, packs)
        if project or not (url or schema):
            settings = settings.only(project)
        found = perform(settings, asked)
        if isinstance(found, str):
            typer.echo(found)
            return
        _show(found, format_, output, everything=everything)
    raise typer.Exit(1 if found.verdict == "blocked" else 0)


def _refuse_mixtures(asked: "Asked", config_from: str | None) -> None:
    sides = {"--schema": asked.schema, "--url": asked.url, "--head": asked.head}
    given = [name for name, value in sides.items() if value]
    if len(given) > 1:
        raise GatekeeperError(
            f"{' and '.join(given)} do not go together", "An audit is of one schema."
        )
    if asked.write and asked.prune:
        raise GatekeeperError(
            "--write-baseline and --prune do not go together",
            "--write-baseline knows nothing any more of what is fixed.",
        )
    if config_from is not None and (asked.write or asked.prune):
        raise GatekeeperError(
            "a baseline is written into the working tree, and --config-from reads another one",
            "Leave --config-from out.",
        )
    if is_actions() and asked.url is None:
        from gatekeeper.github.event import refuse_privileged

        refuse_privileged(os.environ)


def _show(found: "Audit", format_: Format, output: Path | None, *, everything: bool) -> None:
    from rich.console import Console

    from gatekeeper.report.audit_text import print_audit

    text = _rendered(found, format_, everything=everything)
    if output is not None:
        written = StringIO()
        if text is None:
            print_audit(found, Console(file=written, width=100), everything=everything)
        write_whole(output, text or written.getvalue())
    if text is None or output is not None:
        print_audit(found, Console(highlight=False), everything=everything)
    else:
        typer.echo(text, nl=False)


def _rendered(found: "Audit", format_: Format, *, everything: bool) -> str | None:
    """Give the report as text; None for the terminal's, which depends on its width."""
    match format_:
        case Format.json:
            from gatekeeper.report.audit import render_audit

            return render_audit(found)
        case Format.markdown:
            from gatekeeper.report.audit_text import render_audit_markdown

            return render_audit_markdown(found, everything=everything)
        case Format.sarif:
            from gatekeeper.report.audit_sarif import render_audit_sarif

            return render_audit_sarif(found, everything=everything)
        case Format.html:
            from gatekeeper.report.html_audit import render_audit_html

            return render_audit_html(found, everything=everything)
        case Format.terminal:
            return None
