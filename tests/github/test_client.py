"""What is tried again, how long is waited, and that nothing hangs or tells the token."""

import socket
import time as real_time
import traceback

import pytest

from gatekeeper.errors import GatekeeperError
from gatekeeper.github.client import Budget, Client, Task, within
from gatekeeper.github.errors import PublishError, UnsureError
from tests.github.conftest import MakeClient, Time
from tests.github.fake import ACTIONS, Answer, FakeGitHub, Fault

_TASK = Task("read the comments", "pull-requests: write")
_PATH = "/issues/7/comments"
_INTEGRATION: Answer = (403, {}, {"message": "Resource not accessible by integration"})
_SECONDARY = {
    "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
}
_PRIMARY = {"message": "API rate limit exceeded for installation ID 7."}


def _read(client: Client) -> list[object]:
    return list(client.pages(_TASK, _PATH))


def test_one_call_is_one_request(github: FakeGitHub, client: MakeClient) -> None:
    made = client()
    made.post(_TASK, _PATH, {"body": "x"})
    _read(made)
    assert github.requests == [f"POST /repos/acme/shop{_PATH}", f"GET /repos/acme/shop{_PATH}"]
    assert made.calls == 2


def test_all_pages_are_read(github: FakeGitHub, client: MakeClient) -> None:
    for number in range(250):
        github.has_comment(str(number), "somebody")
    made = client()
    assert len(_read(made)) == 250
    assert made.calls == 3


def test_a_list_that_was_not_read_to_its_end_is_no_list(
    github: FakeGitHub, client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatekeeper.github.client._MOST_PAGES", 2)
    for number in range(201):
        github.has_comment(str(number), "somebody")
    with pytest.raises(PublishError, match="there are more than 200"):
        _read(client())


@pytest.mark.parametrize("github", ["/api/v3"], indirect=True)
def test_a_server_of_ones_own(github: FakeGitHub, client: MakeClient) -> None:
    made = client()
    made.post(_TASK, _PATH, {"body": "x"})
    assert len(_read(made)) == 1
    assert made.login() == "github-actions"


@pytest.mark.parametrize(
    ("answer", "waits"),
    [
        ((502, {}, None), [1.0]),
        ((503, {}, {"message": "Unicorn"}), [1.0]),
        ((403, {"Retry-After": "17"}, _SECONDARY), [17.0]),
        ((403, {}, _SECONDARY), [60.0]),
        ((429, {"Retry-After": "5"}, _SECONDARY), [5.0]),
        ((429, {}, {"message": "Too many requests"}), [60.0]),
        ((403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1000030"}, _PRIMARY), [31.0]),
        ((403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "999999"}, _PRIMARY), [1.0]),
    ],
)
def test_what_passes_is_waited_for(
    github: FakeGitHub, client: MakeClient, time: Time, answer: Answer, waits: list[float]
) -> None:
    github.faults = [Fault(answer=answer)]
    assert _read(client()) == []
    assert time.waits == waits


def test_a_limit_an_hour_away_is_not_waited_for(
    github: FakeGitHub, client: MakeClient, time: Time
) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.now) + 3_600)}
    github.faults = [Fault(answer=(403, headers, _PRIMARY))]
    with pytest.raises(PublishError, match=r"API rate limit exceeded.*wait 60 minutes"):
        _read(client())
    assert time.waits == []


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_who_may_not_write_is_told_what_it_takes(
    github: FakeGitHub, client: MakeClient, time: Time, verb: str
) -> None:
    github.faults = [Fault(answer=_INTEGRATION)]
    made = client()
    with pytest.raises(
        PublishError, match="could not read the comments: GitHub answered 403"
    ) as it:
        made.post(_TASK, _PATH, {"body": "x"}) if verb == "POST" else _read(made)
    assert "pull-requests: write" in it.value.hint
    assert "fork" in it.value.hint
    assert (made.calls, time.waits) == (1, [])


def test_a_token_that_is_none(client: MakeClient) -> None:
    with pytest.raises(PublishError, match="GitHub answered 401: Bad credentials") as caught:
        _read(client("ghs_madeUp"))
    assert "github-token" in caught.value.hint


def test_trouble_that_stays_ends_after_four_tries(
    github: FakeGitHub, client: MakeClient, time: Time
) -> None:
    github.faults = [Fault(times=99, answer=(500, {}, None))]
    made = client()
    with pytest.raises(PublishError, match="GitHub answered 500"):
        _read(made)
    assert (made.calls, time.waits) == (4, [1.0, 2.0, 4.0])


def test_the_budget_ends_all_waiting(github: FakeGitHub, client: MakeClient, time: Time) -> None:
    github.faults = [Fault(times=99, answer=(429, {}, None))]
    with pytest.raises(PublishError, match="wait 1 minute, which is too long"):
        _read(client())
    assert sum(time.waits) == 60


def test_without_time_nothing_is_sent(github: FakeGitHub, client: MakeClient) -> None:
    with pytest.raises(PublishError, match="no time is left"):
        _read(client(seconds=0))
    assert github.requests == []


@pytest.mark.parametrize(
    "fault",
    [Fault(answer=(502, {}, None)), Fault(cut=True), Fault(cut=True, late=True)],
)
def test_a_write_whose_answer_is_lost_is_not_repeated(
    github: FakeGitHub, client: MakeClient, time: Time, fault: Fault
) -> None:
    github.faults = [fault]
    made = client()
    with pytest.raises(UnsureError):
        made.post(_TASK, _PATH, {"body": "x"})
    assert (made.calls, time.waits) == (1, [])


def test_a_write_that_was_refused_for_its_pace_is_repeated(
    github: FakeGitHub, client: MakeClient, time: Time
) -> None:
    github.faults = [Fault("POST", answer=(403, {}, _SECONDARY))]
    client().post(_TASK, _PATH, {"body": "x"})
    assert (github.bodies(), time.waits) == (["x"], [60.0])


def test_a_change_is_repeated(github: FakeGitHub, client: MakeClient) -> None:
    comment = github.has_comment("old", "github-actions[bot]", "Bot")
    github.faults = [Fault("PATCH", cut=True, late=True)]
    client().patch(_TASK, f"/issues/comments/{comment['id']}", {"body": "new"})
    assert github.bodies() == ["new"]


def test_nobody_listens(client: MakeClient, time: Time) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(PublishError, match="GitHub cannot be reached") as caught:
            client(url=url).post(_TASK, _PATH, {"body": "x"})
    assert not isinstance(caught.value, UnsureError)
    assert time.waits == [1.0, 2.0, 4.0]


def test_a_server_that_says_nothing(client: MakeClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UnsureError, match="took too long"):
            client(url=url, timeout=1).post(_TASK, _PATH, {"body": "x"})


def test_a_server_that_drips_is_left_behind(
    github: FakeGitHub, client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatekeeper.github.client._GRACE", 0.1)
    github.faults = [Fault(drip=0.02, times=9)]
    begun = real_time.monotonic()
    with pytest.raises(PublishError, match="did not answer within"):
        within(0.1, lambda: _read(client()))
    assert real_time.monotonic() - begun < 2


def test_within_gives_the_result_or_the_error() -> None:
    assert within(1, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(1, lambda: 1 // 0)


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, {"message": "not a list"}),
        (200, {}, ["not an object"]),
        (200, {}, "<html>Sign in to the network</html>"),
        (200, {}, None),
        (307, {"Location": "http://127.0.0.1:1/"}, {"message": "Moved"}),
        (301, {"Location": "https://elsewhere.example/x"}, {"message": "Moved"}),
        (404, {}, ["a", "list"]),
    ],
)
def test_an_answer_that_github_would_not_give(
    github: FakeGitHub, client: MakeClient, answer: Answer
) -> None:
    github.faults = [Fault(times=9, answer=answer)]
    with pytest.raises(PublishError, match="could not read the comments"):
        _read(client())


def test_the_token_is_told_to_nobody(github: FakeGitHub, client: MakeClient) -> None:
    made = client()
    github.faults = [Fault(answer=(400, {}, {"message": f"bad header: token {ACTIONS}"}))]
    with pytest.raises(PublishError) as caught:
        _read(made)
    told = "".join(traceback.format_exception(caught.value)) + repr(made) + repr(vars(caught.value))
    assert ACTIONS not in told
    assert "bad header: token ***" in caught.value.message
    assert caught.value.__context__ is None


@pytest.mark.parametrize("url", ["http://github.example/api/v3", "ftp://x", "https:api"])
def test_the_token_is_not_sent_in_the_clear(client: MakeClient, url: str) -> None:
    with pytest.raises(GatekeeperError):
        client(url=url)


def test_there_must_be_a_token() -> None:
    with pytest.raises(PublishError, match="no token"):
        Client("acme/shop", "", "https://api.github.com", Budget())


def test_what_github_says_cannot_forge_lines(github: FakeGitHub, client: MakeClient) -> None:
    said = {"message": "x\n::error::forged", "errors": [{"message": "\x1b[2J"}, "y", 7]}
    github.faults = [Fault(answer=(422, {}, said))]
    with pytest.raises(PublishError) as caught:
        _read(client())
    assert caught.value.message.endswith("422: x\\u000a::error::forged; \\u001b[2J; y")
