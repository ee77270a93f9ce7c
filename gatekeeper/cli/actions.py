"""What the commands do otherwise under GitHub Actions: what is compared, and what the log obeys."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatekeeper.git import Repository
    from gatekeeper.github.event import Event


@dataclass(frozen=True, slots=True)
class Compared:
    """What the head is compared with, the commit whose policies hold, and the branch of the base.

    None: what the commands do by themselves.
    """

    base: str | None = None
    config_from: str | None = None
    branch: str | None = None  # where the head does not hold all of it


def is_actions(environ: Mapping[str, str] = os.environ) -> bool:
    return environ.get("GITHUB_ACTIONS") == "true"


@contextmanager
def log_guarded(*, data: bool = False) -> Iterator[None]:
    """Keep the runner from obeying what is printed meanwhile; elsewhere nothing is done.

    Both streams become one: the runner reads them apart, and what comes on the other might overtake
    the words that stop it. Not where standard output is `data` for another program.
    """
    if not is_actions():
        yield
        return
    from gatekeeper.github.annotations import commands_stopped

    sys.stdout.flush()
    sys.stderr.flush()
    if not data:
        os.dup2(1, 2)

    def write(text: str) -> None:
        sys.stdout.flush()
        sys.stderr.write(text)
        sys.stderr.flush()

    with commands_stopped(write):
        yield


def with_event(base: str | None, config_from: str | None) -> Compared:
    """Fill in, under GitHub Actions, what the command line does not say, from the event.

    Raises GatekeeperError where the pull request's code must not run: it would get a token.
    """
    if not is_actions():
        return Compared(base, config_from)
    from pathlib import Path

    from gatekeeper.git import Repository
    from gatekeeper.github.event import read_event, read_run, refuse_privileged

    refuse_privileged(os.environ)
    if base is not None:
        return Compared(base, config_from or base)
    event, run = read_event(os.environ), read_run(os.environ)
    found = compared(event, run.sha, Repository(Path.cwd()))
    return replace(found, config_from=config_from or found.config_from)


def compared(event: "Event", sha: str, repository: "Repository") -> Compared:
    """Give what an event is to be compared with.

    `sha` is the commit that GitHub runs the workflow for. For a pull request that is a merge of its
    head into the base, made by GitHub, whose first parent is the base's newest commit; the payload
    may name an older one. Policies are those of the base's tip, never of where the branch began.
    Raises GitError when this clone lacks the commits.
    """
    from gatekeeper.github.event import MergeGroup, PullRequest, Push

    match event:
        case PullRequest():
            here = repository.commit("HEAD")
            parents = repository.parents(here) if here == sha else ()
            if len(parents) == 2 and parents[1] == event.head_sha:  # noqa: PLR2004 - a merge
                return Compared(parents[0], parents[0])
            tip = repository.commit(event.base_sha)
            branch = _named(repository, f"origin/{event.base_ref}", tip)
            return Compared(repository.merge_base(tip, here), tip, branch)
        case MergeGroup():
            base = repository.commit(event.base_sha)
            return Compared(base, base)
        case Push() if event.base_sha:
            base = repository.commit(event.base_sha)
            return Compared(base, base)
        case _:
            return Compared()


def _named(repository: "Repository", name: str, commit: str) -> str:
    """Give the name for a commit if this clone knows it by that."""
    from gatekeeper.errors import GitError

    try:
        return name if repository.commit(name) == commit else commit
    except GitError:
        return commit
