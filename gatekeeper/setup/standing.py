"""The steps of a check-up that need neither a database nor the application."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from gatekeeper.config import Config
from gatekeeper.config_waivers import FileWaiver, too_long
from gatekeeper.git import Repository
from gatekeeper.github.event import MergeGroup, PullRequest, read_event, refuse_privileged
from gatekeeper.model.evidence import Failure
from gatekeeper.policy.load import load_policies, pack_files, shipped_folder
from gatekeeper.report.markdown import OwnTemplate, render_markdown
from gatekeeper.report.outcome import Outcome
from gatekeeper.scratch.store import Store
from gatekeeper.setup.steps import Found, Trouble, counted
from gatekeeper.stats import read_statistics
from gatekeeper.tree import FolderTree

_OLD = 90  # days; tables have grown since
_TOKENS = ("GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
_MOST_NAMED = 3


def git(repository: Repository) -> Found:
    """Say where the repository is, and whether git has all of it."""
    if not repository.has_commits():
        return Found(f"{repository.root}, without a commit")
    here = f"{repository.root} at {repository.commit('HEAD')[:12]}"
    if repository.is_shallow():
        return Found(
            f"{here}, a shallow clone",
            "Older commits are missing: git fetch --unshallow, or fetch-depth: 0 for"
            " actions/checkout.",
        )
    return Found(here)


def actions(environ: Mapping[str, str] = os.environ) -> Found:
    """Look at the event and at tokens. Nothing is asked of GitHub. Raises GatekeeperError."""
    refuse_privileged(environ)
    event = read_event(environ)
    about = environ.get("GITHUB_EVENT_NAME", "")
    if isinstance(event, PullRequest):
        about = f"pull request #{event.number}{' from a fork' if event.is_fork else ''}"
    elif isinstance(event, MergeGroup):
        about = f"merge queue of {event.base_ref}"
    if tokens := [name for name in _TOKENS if environ.get(name)]:
        raise Trouble(
            f"{about}; {' and '.join(tokens)} in the environment of a step that runs migrations",
            "Migrations are code of the pull request. Take the token out of this step's env: (and"
            " id-token: write out of permissions:); `gatekeeper publish` runs in another step.",
        )
    return Found(f"{about}; no token in this step, as it should be: migrations run here")


def cache(folder: Path | None) -> Found:
    """Say what is kept between runs, and where; nowhere if there is no folder."""
    if folder is None:
        return Found("nothing is kept between runs here", none=True)
    sizes = Store(folder).sizes()
    kept = f"{counted(len(sizes), 'scratch cluster')}, {sum(sizes) / 1e6:.0f} MB"
    return Found(f"{folder}: {kept}")


def policies(config: Config) -> Found:
    """Load the policies and count them. Raises ConfigError."""
    found = load_policies(config)
    shipped = {FolderTree(path.parent).display(path.name) for path in pack_files(shipped_folder())}
    house = sum(policy.file not in shipped for policy in found)
    by = Counter(policy.severity for policy in found)
    text = (
        f"{counted(len(found), 'policy').replace('policys', 'policies')} on, {house} of the house"
    )
    levels = ", ".join(f"{by[level]} {level}" for level in ("error", "warning", "notice"))
    return Found(f"{text} ({levels})")


def waivers(config: Config, today: date) -> Found:
    """Count the waivers of gatekeeper.yml, and name those that have ended."""
    if not config.waivers:
        return Found("none", none=True)
    ended = [w for w in config.waivers if w.until is not None and w.until < today]
    long = [w for w in config.waivers if too_long(w.until, config.waiver_days, today)]
    text = counted(len(config.waivers), "waiver")
    if not ended and not long:
        return Found(text)
    parts = [f"{text}, {len(ended)} ended: {_named(ended)}"] if ended else [text]
    parts += [f"{len(long)} last longer than waiver_days: {_named(long)}"] if long else []
    return Found(
        ", ".join(parts),
        "What they were for is a finding again. Remove them, or give them another until:.",
    )


def _named(found: Sequence[FileWaiver]) -> str:
    places = ", ".join(f"{w.file}:{w.line} {w.policy}" for w in found[:_MOST_NAMED])
    return f"{places} and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else places


def statistics(config: Config, today: date) -> Found:
    """Read the file of row counts, and say how old it is. Raises ConfigError."""
    if config.stats is None:
        return Found("no file; large tables are not known", none=True)
    found = read_statistics(config.tree, config.stats)
    days = (today - date.fromisoformat(found.taken)).days
    unknown = sum(rows is None for rows in found.rows.values())
    text = f"{config.stats} of {found.taken}: {counted(len(found.rows), 'table')}"
    text += f", {unknown} of unknown size" if unknown else ""
    if days <= _OLD:
        return Found(text)
    advice = f"gatekeeper stats --url REPLICA --output {config.stats}"
    return Found(f"{text}, {days} days old", advice)


def template(own: OwnTemplate | None) -> Found:
    """Render the project's template with a report that passed and one that failed."""
    if own is None:
        return Found("Gatekeeper's own", none=True)
    passed = Outcome(verdict="passed", base="main", head="the working tree")
    failed = Outcome(
        verdict="undecided",
        base="main",
        head="the working tree",
        failure=Failure("an example of a failure", hint="what to do"),
    )
    for outcome in (passed, failed):
        render_markdown(outcome, template=own)
    return Found(f"{own.name} renders")
