"""Payloads as GitHub publishes them are read; what is not as documented is refused."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.cli.cache import cache_folder
from gatekeeper.github.event import (
    PRIVILEGED,
    Dispatch,
    EventError,
    MergeGroup,
    PullRequest,
    Push,
    WorkflowRun,
    read_event,
    read_run,
    refuse_privileged,
)

_PAYLOADS = json.loads(Path(__file__).with_name("payloads.json").read_text("utf-8"))
Environ = dict[str, str]
MakeEnviron = Callable[..., Environ]


@pytest.fixture
def environ(tmp_path: Path) -> MakeEnviron:
    def make(event: str, payload: Any = None, **more: str) -> Environ:
        path = tmp_path / "event.json"
        payload = _PAYLOADS[event] if payload is None else payload
        path.write_text(payload if isinstance(payload, str) else json.dumps(payload), "utf-8")
        known = isinstance(payload, dict) and isinstance(payload.get("repository"), dict)
        return {
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_REPOSITORY": payload["repository"]["full_name"] if known else "acme/shop",
            "GITHUB_RUN_ID": "30433642",
            "GITHUB_SHA": "a" * 40,
            **more,
        }

    return make


def _pull(**changed: Any) -> dict[str, Any]:
    payload = deepcopy(_PAYLOADS["pull_request"])
    for path, value in changed.items():
        at, *keys = payload["pull_request"], *path.split("__")
        for key in keys[:-1]:
            at = at[key]
        at[keys[-1]] = value
    return payload


@pytest.mark.parametrize(
    ("event", "changed", "trusted"),
    [
        ("push", None, True),
        ("pull_request", {}, True),
        ("pull_request", {"head__repo__full_name": "mallory/Hello-World"}, False),
        ("pull_request", {"head__repo": None}, False),
        ("merge_group", None, False),
        ("workflow_run", None, False),
    ],
)
def test_bases_are_kept_for_our_own_code_only(
    environ: MakeEnviron, event: str, changed: dict[str, Any] | None, trusted: bool
) -> None:
    payload = None if changed is None else _pull(**changed)
    given = environ(event, payload, GITHUB_ACTIONS="true", HOME="/home/runner")
    assert cache_folder(given) is None
    found = cache_folder(given | {"GATEKEEPER_CACHE_DIR": "/kept"})
    assert found == (Path("/kept") if trusted else None)


def test_a_pull_request(environ: MakeEnviron) -> None:
    event = read_event(environ("pull_request"))
    assert event == PullRequest(
        repository="Codertocat/Hello-World",
        number=2,
        base_sha="f95f852bd8fca8fcc58a9a2d6c842781e32a215e",
        head_sha="ec26c3e57ca3a959ca5aad62de7213c562f8c821",
        base_ref="master",
        head_ref="changes",
        head_repository="Codertocat/Hello-World",
        author="Codertocat",
        draft=False,
    )
    assert not event.is_fork


def test_a_fork(environ: MakeEnviron) -> None:
    event = read_event(environ("pull_request", _pull(head__repo__full_name="mallory/Hello-World")))
    assert isinstance(event, PullRequest)
    assert event.is_fork


def test_a_fork_that_is_gone(environ: MakeEnviron) -> None:
    event = read_event(environ("pull_request", _pull(head__repo=None)))
    assert isinstance(event, PullRequest)
    assert (event.is_fork, event.head_repository) == (True, "")


def test_a_draft(environ: MakeEnviron) -> None:
    event = read_event(environ("pull_request", _pull(draft=True)))
    assert isinstance(event, PullRequest)
    assert event.draft


def test_a_merge_group(environ: MakeEnviron) -> None:
    event = read_event(environ("merge_group"))
    assert isinstance(event, MergeGroup)
    assert event.head_ref.startswith("refs/heads/gh-readonly-queue/")
    assert event.base_ref == "refs/heads/main"
    assert len(event.base_sha) == len(event.head_sha) == 40


def test_a_push_and_a_ref_that_is_deleted(environ: MakeEnviron) -> None:
    event = read_event(environ("push"))
    assert event == Push(
        "Codertocat/Hello-World",
        "refs/tags/simple-tag",
        "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        "",
    )


def test_a_run_by_hand(environ: MakeEnviron) -> None:
    payload = _PAYLOADS["workflow_dispatch"] | {
        "inputs": {"last": 5, "all": True, "policies": None}
    }
    event = read_event(environ("workflow_dispatch", payload))
    assert event == Dispatch(
        "octo-org/octo-repo", payload["ref"], "a" * 40, {"last": "5", "all": "true", "policies": ""}
    )


def test_a_run_by_hand_without_inputs(environ: MakeEnviron) -> None:
    event = read_event(
        environ("workflow_dispatch", _PAYLOADS["workflow_dispatch"] | {"inputs": None})
    )
    assert isinstance(event, Dispatch)
    assert event.inputs == {}


def test_another_run_that_ended(environ: MakeEnviron) -> None:
    event = read_event(environ("workflow_run"))
    assert isinstance(event, WorkflowRun)
    assert (event.id, event.attempt, event.conclusion) == (289782451, 1, "action_required")
    assert event.path == ".github/workflows/test.yml"


@pytest.mark.parametrize("event", sorted(PRIVILEGED))
def test_migrations_do_not_run_where_strangers_would_get_a_token(event: str) -> None:
    with pytest.raises(EventError, match=f"do not run under the event {event}"):
        refuse_privileged({"GITHUB_EVENT_NAME": event})


@pytest.mark.parametrize("event", ["pull_request", "merge_group", "push", "workflow_dispatch", ""])
def test_migrations_run_elsewhere(event: str) -> None:
    refuse_privileged({"GITHUB_EVENT_NAME": event})


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"number": "2"}, "pull_request.number"),
        ({"number": True}, "pull_request.number"),
        ({"number": 0}, "pull_request.number"),
        ({"head__sha": "HEAD"}, "head.sha"),
        ({"head__sha": "a" * 39 + "\n"}, "head.sha"),
        ({"base__sha": "0123456789abcdef" * 3}, "base.sha"),
        ({"base__ref": ""}, "base.ref"),
        ({"head__repo__full_name": "a/b/c"}, "head.repo.full_name"),
        ({"head__repo__full_name": "../x"}, "head.repo.full_name"),
        ({"head__repo__full_name": "a/.."}, "head.repo.full_name"),
        ({"user": None}, "pull_request.user"),
        ({"user__login": "x](http://y"}, "user.login"),
        ({"head": []}, "pull_request.head"),
    ],
)
def test_a_payload_that_is_not_as_documented(
    environ: MakeEnviron, changed: dict[str, Any], named: str
) -> None:
    with pytest.raises(EventError, match=named.replace(".", r"\.")):
        read_event(environ("pull_request", _pull(**changed)))


@pytest.mark.parametrize(
    "text", ["", "[]", "7", "{", "\udcff".encode(errors="replace").decode(), "[" * 100_000]
)
def test_a_payload_that_is_no_json_object(environ: MakeEnviron, text: str) -> None:
    with pytest.raises(EventError, match="payload"):
        read_event(environ("pull_request", text))


def test_a_payload_that_is_not_there(environ: MakeEnviron) -> None:
    with pytest.raises(EventError, match="cannot be read: No such file"):
        read_event(environ("push", GITHUB_EVENT_PATH="/nowhere/event.json"))


def test_a_payload_larger_than_any(environ: MakeEnviron, tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(30_000_000)
    with pytest.raises(EventError, match="larger than any"):
        read_event(environ("push", GITHUB_EVENT_PATH=str(tmp_path / "large")))


def test_a_pull_request_of_another_repository(environ: MakeEnviron) -> None:
    with pytest.raises(
        EventError, match="one of Codertocat/Hello-World, but the run is one of a/b"
    ):
        read_event(environ("pull_request", GITHUB_REPOSITORY="a/b"))


def test_an_event_that_is_none_of_ours(environ: MakeEnviron) -> None:
    with pytest.raises(EventError, match="the event release is none") as caught:
        read_event(environ("release", {}))
    assert "merge_group" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_RUN_ID", ""),
        ("GITHUB_RUN_ID", "1" * 30),
        ("GITHUB_RUN_ATTEMPT", "x"),
        ("GITHUB_REPOSITORY", "a"),
        ("GITHUB_EVENT_NAME", "Pull Request"),
        ("GITHUB_SHA", "main"),
        ("GITHUB_SERVER_URL", "javascript:alert(1)"),
        ("GITHUB_SERVER_URL", "https://x/)[y]("),
        ("GITHUB_API_URL", "https://user:secret@x"),
        ("GITHUB_EVENT_PATH", ""),
    ],
)
def test_an_environment_that_is_none_of_github(environ: MakeEnviron, name: str, value: str) -> None:
    with pytest.raises(EventError, match=name):
        read_event(environ("push", **{name: value}))


def test_where_a_run_is_shown(environ: MakeEnviron) -> None:
    more = {"GITHUB_SERVER_URL": "https://git.acme.example", "GITHUB_RUN_ATTEMPT": "3"}
    run = read_run(environ("push", **more, GITHUB_API_URL="https://git.acme.example/api/v3/"))
    assert run.url.endswith("acme.example/Codertocat/Hello-World/actions/runs/30433642/attempts/3")
    assert run.blob_url("b" * 40).endswith(f"/Hello-World/blob/{'b' * 40}")
    assert run.api_url == "https://git.acme.example/api/v3"
