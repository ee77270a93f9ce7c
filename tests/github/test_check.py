"""The check run: every annotation once, and an end whatever happens."""

from typing import Any

import pytest

from gatekeeper.github.annotations import Annotation
from gatekeeper.github.check import Check, publish_check
from gatekeeper.github.errors import PublishError
from tests.github.conftest import MakeClient, Time
from tests.github.fake import FakeGitHub, Fault

_SHA = "a" * 40


def _check(count: int, verdict: str = "blocked") -> Check:
    made = [
        Annotation(f"m/{n}.py", n, ("error", "warning", "notice")[n % 3], f"title {n}", "text", "x")
        for n in range(1, count + 1)
    ]
    return Check("Gatekeeper report", "10-1-default", _SHA, verdict, "title", "summary", "", made)


def _paths(github: FakeGitHub) -> list[str]:
    (run,) = github.checks
    return [a["path"] for a in github.annotations[run["id"]]]


@pytest.mark.parametrize(
    ("count", "calls"), [(0, 1), (1, 1), (50, 1), (51, 2), (120, 3), (500, 10)]
)
def test_fifty_annotations_a_request(
    github: FakeGitHub, client: MakeClient, count: int, calls: int
) -> None:
    made = client()
    url = publish_check(made, _check(count))
    assert made.calls == calls
    assert _paths(github) == [f"m/{n}.py" for n in range(1, count + 1)]
    (run,) = github.checks
    assert (run["status"], run["conclusion"], run["external_id"]) == (
        "completed", "failure", "10-1-default",
    )  # fmt: skip
    assert url == run["html_url"]


@pytest.mark.parametrize(
    ("verdict", "conclusion"),
    [("passed", "success"), ("blocked", "failure"), ("undecided", "failure")],
)
def test_what_is_undecided_fails(
    github: FakeGitHub, client: MakeClient, verdict: str, conclusion: str
) -> None:
    publish_check(client(), _check(60, verdict))
    assert github.checks[0]["conclusion"] == conclusion


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize("cut", [True, False])
def test_a_lost_answer_makes_no_second_check_run(
    github: FakeGitHub, client: MakeClient, late: bool, cut: bool
) -> None:
    github.faults = [Fault("POST", answer=(502, {}, None), late=late, cut=cut)]
    publish_check(client(), _check(70))
    assert _paths(github) == [f"m/{n}.py" for n in range(1, 71)]


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize("which", [1, 2])
def test_a_lost_answer_repeats_no_annotation(
    github: FakeGitHub, client: MakeClient, late: bool, which: int
) -> None:
    passing = Fault("PATCH", times=which - 1, answer=(429, {"Retry-After": "1"}, None))
    github.faults = [passing, Fault("PATCH", answer=(502, {}, None), late=late)]
    publish_check(client(), _check(170))
    assert _paths(github) == [f"m/{n}.py" for n in range(1, 171)]
    assert github.checks[0]["conclusion"] == "failure"


def test_another_run_of_the_same_name_is_not_ours(github: FakeGitHub, client: MakeClient) -> None:
    other = _check(1)
    publish_check(client(), Check(other.name, "9-1-default", _SHA, "passed", "t", "s"))
    github.faults = [Fault("POST", answer=(502, {}, None))]
    publish_check(client(), _check(1))
    assert [run["external_id"] for run in github.checks] == ["9-1-default", "10-1-default"]


def test_a_check_run_that_breaks_off_still_ends(
    github: FakeGitHub, client: MakeClient, time: Time
) -> None:
    refused: dict[str, Any] = {"message": "Validation Failed"}
    github.faults = [Fault("PATCH", answer=(422, {}, refused))]
    with pytest.raises(PublishError, match="could not add annotations to the check run"):
        publish_check(client(), _check(60))
    assert (github.checks[0]["status"], github.checks[0]["conclusion"]) == ("completed", "failure")
    assert len(_paths(github)) == 50


def test_updates_that_are_lost_again_and_again_are_told(
    github: FakeGitHub, client: MakeClient, time: Time
) -> None:
    github.faults = [Fault("PATCH", answer=(502, {}, None), times=3)]
    with pytest.raises(PublishError, match="GitHub answered 502"):
        publish_check(client(), _check(60))
    assert github.checks[0]["conclusion"] == "failure"
    assert sum(time.waits) < 90


def test_a_fork_is_told_what_it_takes(github: FakeGitHub, client: MakeClient) -> None:
    github.read_only = True
    with pytest.raises(PublishError, match="could not create the check run") as caught:
        publish_check(client(), _check(1))
    assert "checks: write" in caught.value.hint
