"""A fake GitHub for each test, and clients whose time is not the real one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gatekeeper.github.client import Budget, Client
from gatekeeper.github.event import PullRequest, Run
from gatekeeper.github.publish import Options, Report
from gatekeeper.report.outcome import alone
from tests.github.fake import ACTIONS, FakeGitHub
from tests.report.conftest import failed, finding, outcome, policies  # noqa: F401 - fixtures

MakeClient = Callable[..., Client]
MakeReport = Callable[..., Report]
HEAD, NEXT, BASE = "a" * 40, "b" * 40, "c" * 40
RUN = Run("acme/shop", 10, 1, "pull_request", "d" * 40)
PULL = PullRequest("acme/shop", 7, BASE, HEAD, "main", "work", "acme/shop", "octocat", draft=False)


@dataclass
class Time:
    """A clock that moves only when somebody waits."""

    now: float = 1_000_000.0
    waits: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(params=[""])
def github(request: pytest.FixtureRequest) -> Iterator[FakeGitHub]:
    """A GitHub; nothing that is sent to it may differ from its description."""
    fake = FakeGitHub(request.param)
    fake.start()
    yield fake
    fake.stop()
    assert fake.mistakes == []


@pytest.fixture
def client(github: FakeGitHub, time: Time) -> MakeClient:
    def make(token: str = ACTIONS, seconds: float = 90, **options: float | str) -> Client:
        budget = Budget(seconds, clock=time.clock, sleep=time.sleep, wall=time.clock)
        url = str(options.pop("url", github.url))
        return Client("acme/shop", token, url, budget, pace=0, **options)

    return make


@pytest.fixture
def report(outcome: Any) -> MakeReport:  # noqa: F811 - that is how fixtures are used
    def make(*findings: Any, head: str = HEAD, run: int = 10, **options: Any) -> Report:
        event = options.pop("event", replace(PULL, head_sha=head))
        made = options.pop("made", None) or outcome(*findings, head=head[:12], base="main")
        return Report(alone(made), event, replace(RUN, id=run), Options(**options))

    return make
