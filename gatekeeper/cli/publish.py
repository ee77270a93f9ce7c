"""gatekeeper publish: judges a snapshot under GitHub Actions, and says so on GitHub."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.actions import log_guarded
from gatekeeper.cli.options import ConfigFile, ConfigFrom, Packs, Project
from gatekeeper.cli.session import errors_reported


class Comment(StrEnum):
    """When to comment on the pull request."""

    always = "always"
    on_findings = "on-findings"
    off = "off"


def publish(
    snapshot: Annotated[
        Path | None,
        typer.Argument(
            help="What `gatekeeper snapshot` wrote. Not under workflow_run: there it is that of the"
            " other run.",
            show_default=False,
        ),
    ] = None,
    comment: Annotated[
        Comment,
        typer.Option(help="Comment on the pull request; on-findings: not if there never were any."),
    ] = Comment.on_findings,
    inline_comments: Annotated[
        bool, typer.Option("--inline-comments", help="Comment on lines of the diff, too.")
    ] = False,
    check_run: Annotated[
        bool,
        typer.Option("--check-run", help="Make a check run with all annotations, too."),
    ] = False,
    key: Annotated[
        str, typer.Option(help="Tells the comments of several databases of a repository apart.")
    ] = "default",
    json: Annotated[
        Path | None, typer.Option(help="Write the report as JSON.", show_default=False)
    ] = None,
    sarif: Annotated[
        Path | None, typer.Option(help="Write the report as SARIF.", show_default=False)
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the report as a page of HTML.", show_default=False)
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Publish nothing, and end with exit status 0.")
    ] = False,
    project: Project = None,
    packs: Packs = None,
    config_file: ConfigFile = None,
    config_from: ConfigFrom = None,
    workflow: Annotated[
        str,
        typer.Option(help="Under workflow_run: the file of the workflow that makes the snapshot."),
    ] = ".github/workflows/gatekeeper.yml",
    artifact: Annotated[
        str, typer.Option(help="Under workflow_run: the artifact that holds the snapshot.")
    ] = "gatekeeper-snapshot",
) -> None:
    """Judge a snapshot by the policies of the base, and publish it on the pull request.

    Runs under GitHub Actions, and none of the pull request's code. The token is GITHUB_TOKEN, with
    pull-requests: write for comments; without it the verdict is the same, and the step's summary
    has the report.

    Exit status as of `gatekeeper check`, whatever publishing comes to; under workflow_run 0 when
    all was published, 2 otherwise.
    """
    commands: list[str] = []  # lines that the runner is to obey
    token = os.environ.pop("GITHUB_TOKEN", "")  # none of our children needs it
    try:
        with log_guarded(), errors_reported():
            from gatekeeper.cli.publishing import Wanted, publish_all
            from gatekeeper.github.publish import Options

            status = publish_all(
                Wanted(
                    snapshot=snapshot,
                    options=Options(comment.value, inline_comments, check_run, key),
                    json=json,
                    sarif=sarif,
                    html=html,
                    dry_run=dry_run,
                    packs=tuple(packs or ()),
                    project=project,
                    config_file=config_file,
                    config_from=config_from,
                    workflow=workflow,
                    artifact=artifact,
                ),
                token,
                commands.append,
            )
    finally:
        sys.stdout.write("".join(commands))
        sys.stdout.flush()
    raise typer.Exit(status)
