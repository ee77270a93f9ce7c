"""Puts `gatekeeper publish` together: event, snapshot, policies of the base, report."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from os.path import normpath
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.cli.actions import compared
from gatekeeper.cli.judge import of_projects, read_file
from gatekeeper.cli.output import Format, rendered
from gatekeeper.cli.session import error_console, own_template, read_config, today, write_whole
from gatekeeper.config import FILE_NAMES, Config
from gatekeeper.errors import ConfigError, GatekeeperError, GitError
from gatekeeper.git import Repository
from gatekeeper.github.annotations import warning
from gatekeeper.github.errors import PublishError
from gatekeeper.github.event import (
    Event,
    MergeGroup,
    PullRequest,
    Run,
    WorkflowRun,
    read_event,
    read_run,
)
from gatekeeper.github.publish import (
    Options,
    Publication,
    Report,
    publish_locally,
    publish_remotely,
    touched_alerts,
)
from gatekeeper.github.runner import write_outputs
from gatekeeper.judge import approved, judge_snapshots, unasked
from gatekeeper.policy.load import load_policies
from gatekeeper.policy.model import Policy, Waiver
from gatekeeper.policy.waivers import file_waivers
from gatekeeper.report.escape import Markup, code, visible_lines
from gatekeeper.report.markdown import OwnTemplate
from gatekeeper.report.outcome import EXIT_STATUS, Reviews
from gatekeeper.report.preview import preview
from gatekeeper.report.terminal import print_reviews
from gatekeeper.snapshot import Snapshot
from gatekeeper.snapshot_file import read_snapshots

if TYPE_CHECKING:
    from gatekeeper.github.client import Client


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says."""

    snapshot: Path | None
    options: Options = field(default_factory=Options)
    json: Path | None = None
    sarif: Path | None = None
    html: Path | None = None
    dry_run: bool = False
    packs: tuple[str, ...] = ()
    project: str | None = None
    config_file: Path | None = None
    config_from: str | None = None
    workflow: str = ""
    artifact: str = ""


@dataclass(frozen=True, slots=True)
class _Case:
    """What is to be judged: for which event and run, from which commit, with which changes."""

    snapshots: tuple[Snapshot, ...]
    event: Event
    run: Run
    config_from: str | None
    files: frozenset[str]
    own: str | None  # the commit with the pull request's own version of the policies
    client: "Client | None" = None
    approvals: tuple[Waiver, ...] = ()


def publish_all(wanted: Wanted, token: str, write: Callable[[str], object]) -> int:
    """Judge and publish; give the exit status. `write` gets lines that the runner is to obey.

    Raises GatekeeperError for what the user must put right first.
    """
    from rich.console import Console

    event, run = read_event(os.environ), read_run(os.environ)
    remote = isinstance(event, WorkflowRun)
    case = _of_other_run(wanted, event, run, token) if isinstance(event, WorkflowRun) else None
    case = case or _of_this_run(wanted, event, run)
    config = _config(wanted, case.config_from)
    policies = load_policies(config)
    name = str(wanted.snapshot or f"the artifact {wanted.artifact}")
    case = replace(case, snapshots=of_projects(case.snapshots, config, wanted.project, name))
    reviews = _judged(case, policies, config)
    publication = Publication()
    case = _with_reviews(case, reviews, policies, token, publication)
    reviews = approved(reviews, case.approvals)
    options = replace(wanted.options, template=_template(config, publication))
    report = Report(reviews, case.event, case.run, options, _alerts(case, config, wanted, reviews))
    _write_files(wanted, report)
    print_reviews(reviews, Console(highlight=False))
    _add(publication, publish_locally(report, os.environ, write))
    if not wanted.dry_run and _wants_token(report):
        _add(publication, publish_remotely(report, token, case.client))
    _tell(publication, write)
    if wanted.dry_run:
        return 0
    if remote:  # the verdict is the other run's; here it counts whether it was said
        return EXIT_STATUS["undecided"] if publication.problems else 0
    return EXIT_STATUS[reviews.verdict]


def _of_this_run(wanted: Wanted, event: Event, run: Run) -> _Case:
    if wanted.snapshot is None:
        raise GatekeeperError(
            f"under {run.event} the snapshot must be given",
            "gatekeeper snapshot --output snapshot.json, then gatekeeper publish snapshot.json",
        )
    snapshots = read_file(wanted.snapshot)
    repository = Repository(Path.cwd())
    found = compared(event, run.sha, repository)
    here = repository.commit("HEAD")
    if found.base is None:
        return _Case(_of_commit(snapshots, here), event, run, None, frozenset(), None)
    files = repository.changed(found.base, here, []).all
    head = event.head_sha or here
    return _Case(_of_commit(snapshots, head), event, run, found.config_from, files, here)


def _of_other_run(wanted: Wanted, other: WorkflowRun, run: Run, token: str) -> _Case:
    """Take the snapshot of a run that had no token; what it was for, GitHub says."""
    from gatekeeper.github.client import Budget, Client
    from gatekeeper.github.other_run import changed_files, download_snapshot, pull_request_of

    client = Client(run.repository, token, run.api_url, Budget())
    pull = pull_request_of(client, run, other, wanted.workflow)
    data = download_snapshot(client, other.id, wanted.artifact)
    snapshots = read_snapshots(data, f"the artifact {wanted.artifact}")
    files = frozenset(changed_files(client, pull.number))
    base = Repository(Path.cwd()).commit(pull.base_sha)
    run = replace(run, id=other.id, attempt=other.attempt)
    return _Case(_of_commit(snapshots, pull.head_sha), pull, run, base, files, None, client)


def _of_commit(snapshots: tuple[Snapshot, ...], commit: str) -> tuple[Snapshot, ...]:
    """Call the head by the commit that GitHub shows, and not by the merge that was checked out."""
    head = f"commit {commit[:12]}"
    return tuple(replace(one, plan=replace(one.plan, head=head)) for one in snapshots)


def _config(wanted: Wanted, config_from: str | None) -> Config:
    config = read_config(wanted.config_file, wanted.config_from or config_from)
    return replace(config, packs=wanted.packs) if wanted.packs else config


def _judged(case: _Case, policies: tuple[Policy, ...], config: Config) -> Reviews:
    return judge_snapshots(case.snapshots, policies, file_waivers(config.waivers), today())


def _with_reviews(
    case: _Case,
    reviews: Reviews,
    policies: tuple[Policy, ...],
    token: str,
    publication: Publication,
) -> _Case:
    """Read what reviews waive, where they could. What cannot be read waives nothing."""
    event = case.event
    blocking = (f for f in reviews.findings if f.blocks)
    if not any(f.policy.approvers for f in blocking):
        return case
    if not isinstance(event, PullRequest | MergeGroup):
        return case
    from gatekeeper.github.approvals import approvals
    from gatekeeper.github.client import Budget, Client, within
    from gatekeeper.github.other_run import queued_pull

    def given_to(client: Client) -> tuple[Waiver, ...]:
        pull = event
        if isinstance(pull, MergeGroup):
            pull = queued_pull(client, case.run, pull)
        return approvals(client, pull, reviews.findings, policies)

    try:
        client = case.client or Client(case.run.repository, token, case.run.api_url, Budget())
        given = within(client.budget.seconds, lambda: given_to(client))
    except PublishError as problem:
        publication.problems.append(problem)
        return case
    return replace(case, client=client, approvals=given)


def _alerts(case: _Case, config: Config, wanted: Wanted, reviews: Reviews) -> tuple[str, ...]:
    """Say what of that which judges the pull request changes, and what that would come to."""
    named = [f for f in case.files if f.rpartition("/")[2] in FILE_NAMES]
    alerts = touched_alerts(case.files, [*named, *_guarded(config)])
    if not alerts or case.own is None:
        return alerts
    try:
        own = _config(wanted, case.own)
        policies = load_policies(own)
    except (ConfigError, GitError) as error:
        lines = visible_lines(error.message).splitlines()
        return (*alerts, Markup(f"Its own version cannot be used: {code(lines[0])}"))
    missing = {name for one in case.snapshots for name in unasked(one, policies)}
    asked = tuple(p for p in policies if p.id not in missing)
    counting = [waiver for waiver in case.approvals if not waiver.refused]
    return (*alerts, preview(reviews, approved(_judged(case, asked, own), counting)))


def _template(config: Config, publication: Publication) -> OwnTemplate | None:
    """Read the project's own template; that it cannot be read changes no verdict."""
    try:
        return own_template(config)
    except ConfigError as problem:
        publication.problems.append(problem)
        return None


def _add(publication: Publication, more: Publication) -> None:
    publication.done += more.done
    publication.problems += [p for p in more.problems if p.message not in _said(publication)]


def _said(publication: Publication) -> set[str]:
    return {problem.message for problem in publication.problems}


def _guarded(config: Config) -> list[str]:
    """Give the paths, from the repository's root, of all that gatekeeper.yml names for judging."""
    named = [*config.packs, *config.database.bootstrap]
    named += [path for path in (config.stats, config.template) if path]
    root = Repository(Path.cwd()).root
    # Links are not followed: they may be the pull request's.
    folder = config.root.relative_to(root) if config.root.is_relative_to(root) else Path()
    paths = [normpath(folder / path) for path in named]
    return [*paths, *(f"{path}/" for path in paths)]


def _write_files(wanted: Wanted, report: Report) -> None:
    reviews, files = report.reviews, {"json": wanted.json, "sarif": wanted.sarif}
    for name, path in files.items():
        if path is not None:
            write_whole(path, rendered(reviews, Format(name)) or "")
    if wanted.html is not None:
        from gatekeeper.report.html import render_html

        write_whole(wanted.html, render_html(reviews, links=report.frame().links))
    outputs = {
        "verdict": reviews.verdict,
        "findings": str(len(reviews.open_findings)),
        "html": str(wanted.html or ""),
        **{name: str(path or "") for name, path in files.items()},
    }
    write_outputs(os.environ, outputs)


def _wants_token(report: Report) -> bool:
    options = report.options
    on_pull = isinstance(report.event, PullRequest)
    return options.check_run or (on_pull and (options.comment != "off" or options.inline_comments))


def _tell(publication: Publication, write: Callable[[str], object]) -> None:
    console = error_console()
    for done in publication.done:
        console.print(done)
    for problem in publication.problems:
        console.print(f"warning: {visible_lines(problem.message)}")
        if problem.hint:
            console.print(visible_lines(problem.hint))
        write(warning(f"{problem.message} {problem.hint}".strip()) + "\n")
