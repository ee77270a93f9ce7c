"""How the commands that judge print their report."""

from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli.session import write_whole

if TYPE_CHECKING:
    from gatekeeper.report.markdown import OwnTemplate
    from gatekeeper.report.outcome import Reviews


class Format(StrEnum):
    """How to print a report."""

    terminal = "terminal"
    json = "json"
    markdown = "markdown"
    sarif = "sarif"
    html = "html"


ReportFormat = Annotated[Format, typer.Option("--format", "-f", help="How to print the report.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write the report to this file as well as the verdict to the terminal.",
        show_default=False,
    ),
]


def is_data(format_: Format, output: Path | None) -> bool:
    """Say whether standard output is for another program."""
    return format_ is not Format.terminal and output is None


def show(
    reviews: "Reviews", format_: Format, output: Path | None, template: "OwnTemplate | None" = None
) -> None:
    """Print the report, or write it to a file and print the terminal's."""
    text = rendered(reviews, format_, template)
    if text is not None and output is None:
        typer.echo(text, nl=False)
        return
    from rich.console import Console

    from gatekeeper.report.terminal import print_reviews

    if output is not None:
        written = StringIO()
        if text is None:
            print_reviews(reviews, Console(file=written, width=100))
        write_whole(output, text or written.getvalue())
    print_reviews(reviews, Console(highlight=False))


def rendered(
    reviews: "Reviews", format_: Format, template: "OwnTemplate | None" = None
) -> str | None:
    """Give the report as text; None for the terminal's, which depends on its width.

    `template` is the project's own, for Markdown.
    """
    match format_:
        case Format.json:
            from gatekeeper.report.json import render_json

            return render_json(reviews)
        case Format.markdown:
            from gatekeeper.report.joint import render_reviews

            return render_reviews(reviews, template=template)
        case Format.sarif:
            from gatekeeper.report.sarif import render_sarif

            return render_sarif(reviews)
        case Format.html:
            from gatekeeper.report.html import render_html

            return render_html(reviews)
        case Format.terminal:
            return None
