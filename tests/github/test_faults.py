"""Whatever GitHub does: never two comments, never another verdict, never a hang."""

import copy
from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.github.client import Budget, Client
from gatekeeper.github.publish import publish_remotely
from tests.github.conftest import HEAD as _HEAD
from tests.github.conftest import MakeClient, MakeReport, Time
from tests.github.fake import ACTIONS, Answer, FakeGitHub, Fault

_SECONDARY = {"message": "You have exceeded a secondary rate limit."}
_LIMIT_IN_AN_HOUR = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1003600"}
_ANSWERS: dict[str, Answer] = {
    "integration": (403, {}, {"message": "Resource not accessible by integration"}),
    "secondary": (403, {}, _SECONDARY),
    "secondary-after": (403, {"Retry-After": "30"}, _SECONDARY),
    "secondary-long-after": (403, {"Retry-After": "3600"}, _SECONDARY),
    "primary": (403, _LIMIT_IN_AN_HOUR, {"message": "API rate limit exceeded"}),
    "too-many": (429, {}, {"message": "Too many requests"}),
    "bad-gateway": (502, {}, None),
    "too-long": (422, {}, {"message": "Body is too long (maximum is 65536 characters)"}),
    "locked": (403, {}, {"message": "Unable to create comment because issue is locked."}),
    "unauthorised": (401, {}, {"message": "Bad credentials"}),
    "gone": (410, {}, {"message": "Issues are disabled"}),
    "no-json": (200, {}, "<html>"),
    "cut": (0, {}, None),
}


_CASES = [
    (a, verb, False, n) for a in _ANSWERS for verb in ("GET", "POST", "PATCH") for n in (1, 99)
]
_CASES += [  # GitHub did what it was asked for, and the answer is lost
    (a, verb, True, n)
    for a in ("bad-gateway", "no-json", "cut")
    for verb in ("POST", "PATCH")
    for n in (1, 99)
]


@pytest.mark.parametrize(("answer", "verb", "late", "times"), _CASES)
def test_no_fault_makes_two_comments_or_a_wrong_verdict_or_hangs(
    github: FakeGitHub,
    client: MakeClient,
    report: MakeReport,
    finding: Any,
    time: Time,
    answer: str,
    verb: str,
    late: bool,
    times: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gatekeeper.github.check._BATCH", 3)
    github.has_file("m/2.py", "@@ -0,0 +12,1 @@\n+x", _HEAD)
    fault = Fault(verb, answer=_ANSWERS[answer], cut=answer == "cut", late=late, times=times)
    found = [finding("table-dropped", f"t{n}", file="m/2.py") for n in range(8)]
    made = report(*found, inline_comments=True, check_run=True)
    before, begun = copy.deepcopy(made.reviews), time.now
    for _ in range(2):
        github.faults = [replace(fault)]
        publish_remotely(made, ACTIONS, client())
    assert made.reviews == before
    assert len(github.comments) <= 1
    assert len(github.reviews) <= 1
    for run in github.checks:
        titles = [a["title"] for a in github.annotations[run["id"]]]
        assert len(titles) == len(set(titles))
    assert time.now - begun <= 2 * 90
    github.faults = []
    assert publish_remotely(made, ACTIONS, client()).problems == []
    assert len(github.comments) == len(github.reviews) == 1


def test_nobody_listens(report: MakeReport, time: Time) -> None:
    budget = Budget(90, clock=time.clock, sleep=time.sleep, wall=time.clock)
    made = Client("acme/shop", ACTIONS, "http://127.0.0.1:1", budget)
    (problem,) = publish_remotely(report(comment="always"), ACTIONS, made).problems
    assert "GitHub cannot be reached" in problem.message


def test_a_server_that_drips(
    github: FakeGitHub, client: MakeClient, report: MakeReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatekeeper.github.client._GRACE", 0.0)
    github.faults = [Fault(drip=0.02, times=9)]
    (problem,) = publish_remotely(report(comment="always"), ACTIONS, client(seconds=0.2)).problems
    assert "GitHub did not answer within" in problem.message
