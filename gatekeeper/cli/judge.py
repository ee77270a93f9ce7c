"""gatekeeper judge: the half of a review that runs none of the pull request's code."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli.actions import log_guarded
from gatekeeper.cli.options import ConfigFile, ConfigFrom, Packs, Project
from gatekeeper.cli.output import Format, Output, ReportFormat, is_data, show
from gatekeeper.cli.session import errors_reported, own_template, read_config, today
from gatekeeper.errors import GatekeeperError

if TYPE_CHECKING:
    from gatekeeper.config import Config
    from gatekeeper.snapshot import Snapshot


def judge(
    snapshot: Annotated[
        Path,
        typer.Argument(help="What `gatekeeper snapshot` wrote.", show_default=False),
    ],
    project: Project = None,
    packs: Packs = None,
    config_file: ConfigFile = None,
    config_from: ConfigFrom = None,
    format_: ReportFormat = Format.terminal,
    output: Output = None,
) -> None:
    """Judge what running the migrations showed. Runs none of them, and needs no database.

    Exit status 0: passed. 1: blocked. 2: undecided, or something must be put right first.

    \b
    gatekeeper snapshot --output snapshot.json
    gatekeeper judge snapshot.json --format markdown
    """
    with log_guarded(data=is_data(format_, output)), errors_reported():
        from gatekeeper.judge import judge_snapshots
        from gatekeeper.policy.load import load_policies
        from gatekeeper.policy.waivers import file_waivers
        from gatekeeper.report.outcome import EXIT_STATUS

        settings = read_config(config_file, config_from)
        if packs:
            settings = replace(settings, packs=tuple(packs))
        policies = load_policies(settings)
        template = own_template(settings) if format_ is Format.markdown else None
        waivers = file_waivers(settings.waivers)
        found = of_projects(read_file(snapshot), settings, project, str(snapshot))
        reviews = judge_snapshots(found, policies, waivers, today())
        show(reviews, format_, output, template)
    raise typer.Exit(EXIT_STATUS[reviews.verdict])


def of_projects(
    snapshots: "tuple[Snapshot, ...]", config: "Config", project: str | None, name: str
) -> "tuple[Snapshot, ...]":
    """Give the snapshots of the projects that are to be judged, in the order of gatekeeper.yml.

    Raises GatekeeperError when one is missing: what nobody ran must not pass.
    """
    found = {snapshot.project: snapshot for snapshot in snapshots}
    wanted = [one.project for one in config.chosen(project)]
    if missing := [of for of in wanted if of not in found]:
        raise GatekeeperError(
            f"{name}: there is no snapshot of the project {', '.join(missing)}"
            if config.projects
            else f"{name}: it is of projects, and gatekeeper.yml has none",
            "Take the snapshot and judge it with the same configuration (--config-from).",
        )
    return tuple(found[of] for of in wanted)


def read_file(path: Path) -> "tuple[Snapshot, ...]":
    """Read a snapshot file. Raises GatekeeperError when it is none, or is not there."""
    from gatekeeper.snapshot_file import MOST_BYTES, read_snapshots

    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise GatekeeperError(
            f"{path}: cannot be read: {error.strerror}",
            "gatekeeper snapshot --output FILE writes one.",
        ) from error
    return read_snapshots(data, str(path))
