"""What GitHub says this run is about: the runner's environment and the event's payload.

The payload is GitHub's own, but much in it is the choice of whoever opened the pull request. What
is not as GitHub documents it is refused; nothing is guessed.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from gatekeeper.errors import GatekeeperError

# What strangers can cause and what runs with the rights of the repository itself: a workflow that
# runs their code there hands them its token.
PRIVILEGED = frozenset(
    {"pull_request_target", "workflow_run", "issue_comment", "issues", "discussion"}
    | {"discussion_comment", "fork", "watch", "gollum"}
)
_LARGEST = 26_214_400  # GitHub caps payloads at 25 MiB
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_REPOSITORY = re.compile(r"(?!\.{1,2}/)[\w.-]{1,100}/(?!\.{1,2}$)[\w.-]{1,100}", re.ASCII)
_LOGIN = re.compile(r"[\w-]{1,100}(\[bot\])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,18}")
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*/?")
_SERVER = "https://github.com"
_API = "https://api.github.com"
_NOWHERE = "Run it as a step of a GitHub Actions workflow, which sets it."


class EventError(GatekeeperError):
    """The run was not started as it must be, or its payload is none that GitHub sends."""


@dataclass(frozen=True, slots=True)
class Run:
    """The workflow run that we are part of."""

    repository: str
    id: int
    attempt: int
    event: str
    sha: str
    server_url: str = _SERVER
    api_url: str = _API

    @property
    def url(self) -> str:
        return f"{self.server_url}/{self.repository}/actions/runs/{self.id}/attempts/{self.attempt}"

    def blob_url(self, commit: str) -> str:
        """Give the address below which the files of a commit are shown."""
        return f"{self.server_url}/{self.repository}/blob/{commit}"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request; `head_repository` is empty when the fork is gone."""

    repository: str
    number: int
    base_sha: str
    head_sha: str
    base_ref: str
    head_ref: str
    head_repository: str
    author: str
    draft: bool

    @property
    def is_fork(self) -> bool:
        return self.head_repository.lower() != self.repository.lower()


@dataclass(frozen=True, slots=True)
class MergeGroup:
    """What the merge queue would put on the base branch next."""

    repository: str
    base_sha: str
    head_sha: str
    base_ref: str
    head_ref: str


@dataclass(frozen=True, slots=True)
class Push:
    """A branch or tag that moved; a commit is empty where the ref is created or deleted."""

    repository: str
    ref: str
    base_sha: str
    head_sha: str


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A run that someone started by hand."""

    repository: str
    ref: str
    head_sha: str
    inputs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """Another run that has ended; all of it but `id` is to be asked of GitHub again."""

    repository: str
    id: int
    attempt: int
    event: str
    conclusion: str
    path: str
    head_sha: str
    head_ref: str
    head_repository: str


Event = PullRequest | MergeGroup | Push | Dispatch | WorkflowRun


def refuse_privileged(environ: Mapping[str, str]) -> None:
    """Raise EventError where migrations must not run: a stranger's code would get a token."""
    event = environ.get("GITHUB_EVENT_NAME", "")
    if event in PRIVILEGED:
        raise EventError(
            f"migrations do not run under the event {event}: it has the repository's own token, and"
            " they are code of whoever opened the pull request",
            "Run them under pull_request; a second workflow under workflow_run may publish the"
            " snapshot that the first one made.",
        )


def read_run(environ: Mapping[str, str]) -> Run:
    """Read which run this is. Raises EventError outside of GitHub Actions."""
    return Run(
        repository=_matched(environ, "GITHUB_REPOSITORY", _REPOSITORY),
        id=int(_matched(environ, "GITHUB_RUN_ID", _NUMBER)),
        attempt=int(_matched(environ, "GITHUB_RUN_ATTEMPT", _NUMBER, "1")),
        event=_matched(environ, "GITHUB_EVENT_NAME", re.compile(r"[a-z_]{1,50}")),
        sha=_matched(environ, "GITHUB_SHA", _SHA),
        server_url=_matched(environ, "GITHUB_SERVER_URL", _URL, _SERVER).rstrip("/"),
        api_url=_matched(environ, "GITHUB_API_URL", _URL, _API).rstrip("/"),
    )


def read_event(environ: Mapping[str, str]) -> Event:
    """Read what the run is about. Raises EventError for an event that is none of ours."""
    run = read_run(environ)
    path = environ.get("GITHUB_EVENT_PATH", "")
    if not path:
        raise EventError("GITHUB_EVENT_PATH is not set", _NOWHERE)
    return parse_event(run, _payload(Path(path)))


def parse_event(run: Run, payload: Mapping[str, Any]) -> Event:
    """Read the payload of the run's event. Raises EventError when it is not as documented."""
    top = _Reader(payload, run.event)
    match run.event:
        case "pull_request" | "pull_request_target" | "pull_request_review":
            return _pull_request(run, top.inner("pull_request"))
        case "merge_group":
            group = top.inner("merge_group")
            return MergeGroup(
                repository=run.repository,
                base_sha=group.text("base_sha", _SHA),
                head_sha=group.text("head_sha", _SHA),
                base_ref=group.text("base_ref"),
                head_ref=group.text("head_ref"),
            )
        case "push":
            before, after = top.text("before", _SHA), top.text("after", _SHA)
            commits = ("" if set(sha) == {"0"} else sha for sha in (before, after))
            return Push(run.repository, top.text("ref"), *commits)
        case "workflow_dispatch":
            inputs = top.values.get("inputs") or {}
            if not isinstance(inputs, Mapping):
                raise EventError("the payload of workflow_dispatch has inputs that are no mapping")
            return Dispatch(
                run.repository, top.text("ref"), run.sha, {k: _word(v) for k, v in inputs.items()}
            )
        case "workflow_run":
            return _workflow_run(run, top.inner("workflow_run"))
    raise EventError(
        f"the event {run.event} is none that Gatekeeper knows",
        "It knows pull_request, merge_group, push, workflow_dispatch and workflow_run.",
    )


def _pull_request(run: Run, pull: "_Reader") -> PullRequest:
    head, base = pull.inner("head"), pull.inner("base")
    repository = base.inner("repo").text("full_name", _REPOSITORY)
    if repository.lower() != run.repository.lower():
        raise EventError(
            f"the pull request is one of {repository}, but the run is one of {run.repository}",
            "Is GITHUB_EVENT_PATH the payload of this run?",
        )
    gone = head.values.get("repo") is None
    return PullRequest(
        repository=run.repository,
        number=pull.number("number"),
        base_sha=base.text("sha", _SHA),
        head_sha=head.text("sha", _SHA),
        base_ref=base.text("ref"),
        head_ref=head.text("ref"),
        head_repository="" if gone else head.inner("repo").text("full_name", _REPOSITORY),
        author=pull.inner("user").text("login", _LOGIN),
        draft=pull.values.get("draft") is True,
    )


def _workflow_run(run: Run, other: "_Reader") -> WorkflowRun:
    gone = other.values.get("head_repository") is None
    head = "" if gone else other.inner("head_repository").text("full_name", _REPOSITORY)
    return WorkflowRun(
        repository=run.repository,
        id=other.number("id"),
        attempt=other.number("run_attempt"),
        event=other.text("event"),
        conclusion=str(other.values.get("conclusion") or ""),
        path=str(other.values.get("path") or ""),
        head_sha=other.text("head_sha", _SHA),
        head_ref=str(other.values.get("head_branch") or ""),
        head_repository=head,
    )


def _payload(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > _LARGEST:
            raise EventError(f"{path}: larger than any payload of GitHub")
        values = json.loads(path.read_bytes())
    except OSError as error:
        raise EventError(
            f"{path}: the payload cannot be read: {error.strerror}", _NOWHERE
        ) from error
    except (ValueError, RecursionError) as error:
        raise EventError(f"{path}: the payload is not JSON", _NOWHERE) from error
    if not isinstance(values, dict):
        raise EventError(f"{path}: the payload is no JSON object", _NOWHERE)
    return values


def _matched(
    environ: Mapping[str, str], name: str, pattern: re.Pattern[str], default: str = ""
) -> str:
    value = environ.get(name) or default
    if not value:
        raise EventError(f"{name} is not set", _NOWHERE)
    if not pattern.fullmatch(value):
        raise EventError(f"{name} is {value!r}, which GitHub would not say", _NOWHERE)
    return value


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class _Reader:
    """A part of the payload; `name` says where it is."""

    values: Mapping[str, Any]
    name: str

    def inner(self, key: str) -> Self:
        value = self.values.get(key)
        if not isinstance(value, Mapping):
            raise self._wrong(key)
        return type(self)(value, f"{self.name}.{key}")

    def text(self, key: str, pattern: re.Pattern[str] | None = None) -> str:
        value = self.values.get(key)
        if not isinstance(value, str) or not value or (pattern and not pattern.fullmatch(value)):
            raise self._wrong(key)
        return value

    def number(self, key: str) -> int:
        value = self.values.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self._wrong(key)
        return value

    def _wrong(self, key: str) -> EventError:
        return EventError(
            f"the payload of the event has no usable {self.name}.{key}",
            "Is GITHUB_EVENT_NAME the event of the payload in GITHUB_EVENT_PATH?",
        )
