"""gatekeeper coverage: how much of the schema satisfies the policies that count."""

import os
from dataclasses import dataclass
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
from gatekeeper.cli.output import Output
from gatekeeper.cli.session import errors_reported, read_config, write_whole
from gatekeeper.cli.take import with_arguments
from gatekeeper.errors import GatekeeperError

if TYPE_CHECKING:
    from gatekeeper.config import Config
    from gatekeeper.policy.coverage import By, Coverage


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line says of what to look at."""

    schema: tuple[Path, ...]
    url: str | None
    base: str | None
    head: str | None
    project: str | None
    database_url: str | None
    quiet: bool


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the command line says of the report."""

    format: "CoverageFormat"
    output: Path | None
    by: "CoverageBy"
    missing: bool


class CoverageFormat(StrEnum):
    """How to print the coverage."""

    terminal = "terminal"
    json = "json"
    markdown = "markdown"


class CoverageBy(StrEnum):
    """What a line of the table is."""

    group = "group"
    pack = "pack"
    policy = "policy"
    table = "table"


def coverage(
    base: Annotated[
        str | None,
        typer.Option(
            help="Compare with this commit: before, after, and of what is touched since.",
            show_default=False,
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(help="The commit to look at. Default: the working tree.", show_default=False),
    ] = None,
    schema: SchemaFiles = None,
    url: CatalogUrl = None,
    by: Annotated[CoverageBy, typer.Option(help="What a line is.")] = CoverageBy.group,
    missing: Annotated[
        bool, typer.Option("--missing", help="List what is not covered; JSON always does.")
    ] = False,
    fail_under: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=100,
            metavar="PERCENT",
            help="Fail when less of the schema is covered. Default: coverage.minimum of"
            " gatekeeper.yml.",
            show_default=False,
        ),
    ] = None,
    badge: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write a badge with the share: an SVG.", show_default=False
        ),
    ] = None,
    packs: Packs = None,
    config: AlembicConfig = None,
    python: Python = None,
    database_url: DatabaseUrl = None,
    project: Project = None,
    config_file: ConfigFile = None,
    config_from: ConfigFrom = None,
    format_: Annotated[
        CoverageFormat, typer.Option("--format", "-f", help="How to print it.")
    ] = CoverageFormat.terminal,
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """Say how much of the schema satisfies the policies that count: keys, references and so on.

    As test coverage does for code. A policy counts that has the key `coverage:`; `gatekeeper
    explain POLICY` shows what is counted. What a waiver is for is not covered, but --fail-under
    lets it pass.

    Exit status 0: enough, or nothing counts. 1: less than --fail-under. 2: something must be put
    right first.

    \b
    gatekeeper coverage --missing           what does nothing protect?
    gatekeeper coverage --base main         what does this branch make of it?
    gatekeeper coverage --fail-under 80 --badge coverage.svg
    """
    data = format_ is not CoverageFormat.terminal and output is None
    with log_guarded(data=data), errors_reported():
        asked = _Asked(tuple(schema or ()), url, base, head, project, database_url, quiet)
        _refuse_mixtures(asked)
        settings = with_arguments(read_config(config_file, config_from), config, python, packs)
        if project or not (url or schema):
            settings = settings.only(project)
        found, name = _of_review(settings, asked) if base else _of_schema(settings, asked)
        if badge is not None:
            from gatekeeper.report.badge import render_badge

            write_whole(badge, render_badge(found))
        _show(found, name, _Shown(format_, output, by, missing))
        least = settings.coverage.minimum if fail_under is None else fail_under
        enough = _is_enough(found, least)
    raise typer.Exit(0 if enough else 1)


def _refuse_mixtures(asked: _Asked) -> None:
    commits = {"--base": asked.base, "--head": asked.head}
    given = [
        name for name, value in {"--schema": asked.schema, "--url": asked.url}.items() if value
    ]
    also = [name for name, value in commits.items() if value]
    if len(given) > 1 or (given and also):
        raise GatekeeperError(
            f"{' and '.join([*given, *also])} do not go together",
            "The coverage is of one schema; --base and --head are commits of an Alembic project.",
        )
    if is_actions() and asked.url is None:
        from gatekeeper.github.event import refuse_privileged

        refuse_privileged(os.environ)


def _of_schema(config: "Config", asked: _Asked) -> "tuple[Coverage, str]":
    """Give the coverage of a whole schema, and its name."""
    from gatekeeper.cli.audit_report import Asked, perform

    whole = Asked(
        schema=asked.schema,
        url=asked.url,
        head=asked.head,
        packs=False,
        fail_on="none",
        write=False,
        prune=False,
        database_url=asked.database_url,
        quiet=asked.quiet,
    )
    found = perform(config, whole)
    assert not isinstance(found, str)  # noqa: S101 - it writes no baseline
    return found.coverage, found.head


def _of_review(config: "Config", asked: _Asked) -> "tuple[Coverage, str]":
    """Give what a pull request makes of the coverage, and the names of both sides."""
    from gatekeeper.cli.take import Asked, perform

    review = Asked(
        base=asked.base, head=asked.head, database_url=asked.database_url, quiet=asked.quiet
    )
    (outcome,) = perform(config, review).parts
    if outcome.failure is not None:
        raise GatekeeperError(outcome.failure.message, outcome.failure.hint or "")
    return outcome.coverage, f"{outcome.head} against {outcome.base}"


def _show(found: "Coverage", name: str, shown: _Shown) -> None:
    """Print the report, or write it to a file and print the terminal's."""
    from rich.console import Console

    from gatekeeper.report.coverage_text import (
        print_coverage,
        render_coverage,
        render_coverage_markdown,
    )

    by: By = shown.by.value
    missing = shown.missing
    written = StringIO()
    match shown.format:
        case CoverageFormat.json:
            written.write(render_coverage(found, name))
        case CoverageFormat.markdown:
            written.write(render_coverage_markdown(found, name, by, missing=missing))
        case CoverageFormat.terminal if shown.output is not None:
            print_coverage(found, name, Console(file=written, width=100), by, missing=missing)
        case CoverageFormat.terminal:
            pass  # it depends on the terminal's width
    if shown.output is not None:
        write_whole(shown.output, written.getvalue())
    if shown.output is not None or shown.format is CoverageFormat.terminal:
        print_coverage(found, name, Console(highlight=False), by, missing=missing)
    else:
        typer.echo(written.getvalue(), nl=False)


def _is_enough(found: "Coverage", least: float | None) -> bool:
    """Compare with a minimum, and say so when it is not reached."""
    share = found.total.head.accepted
    if least is None or share is None or share >= least:
        return True
    from gatekeeper.cli.session import error_console
    from gatekeeper.policy.coverage import floored

    error_console().print(f"below the minimum: {floored(share)} % of {floored(least)} %")
    return False
