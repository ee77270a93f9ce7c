"""One comment on a pull request, whatever happens on the way to it."""

from dataclasses import replace

import pytest

from gatekeeper.github.comment import Draft, publish_comment
from gatekeeper.github.errors import PublishError
from gatekeeper.github.marker import Marker
from tests.github.conftest import MakeClient, Time
from tests.github.fake import APP, PERSON, Answer, FakeGitHub, Fault

_ACTIONS = ("github-actions[bot]", "Bot")
_ONE, _OTHER = "GK-0000000001", "GK-0000000002"
_SECONDARY: Answer = (403, {}, {"message": "You have exceeded a secondary rate limit."})


def _draft(
    text: str = "Blocked.",
    *,
    run: int = 10,
    attempt: int = 1,
    findings: tuple[str, ...] = (_ONE,),
    key: str = "default",
    wanted: bool = True,
) -> Draft:
    def render(resolved: tuple[str, ...], limit: int) -> str:
        said = text + (f" Resolved: {', '.join(resolved)}." if resolved else "")
        return said[:limit]

    marker = Marker(key, run, attempt, "a" * 40, "blocked" if findings else "passed", findings)
    return Draft(marker, render, f"<sub>run {run}</sub>", wanted)


def _said(github: FakeGitHub) -> list[str]:
    """Give what people see of each comment, without the marker."""
    return [body.partition("\n")[2].strip() for body in github.bodies()]


def test_the_first_comment_takes_two_requests(github: FakeGitHub, client: MakeClient) -> None:
    made = client()
    done = publish_comment(made, 7, _draft())
    assert done.action == "created"
    assert (
        done.url == f"https://github.com/acme/shop/pull/7#issuecomment-{github.comments[0]['id']}"
    )
    assert github.requests == [
        "GET /repos/acme/shop/issues/7/comments",
        "POST /repos/acme/shop/issues/7/comments",
    ]
    assert _said(github) == ["Blocked.\n\n<sub>run 10</sub>"]
    assert github.bodies()[0].startswith("<!-- gatekeeper:v1 ")


def test_a_changed_report_takes_two_requests(github: FakeGitHub, client: MakeClient) -> None:
    publish_comment(client(), 7, _draft())
    made = client()
    assert publish_comment(made, 7, _draft("Blocked twice.", run=11)).action == "updated"
    assert made.calls == 2
    assert _said(github) == ["Blocked twice.\n\n<sub>run 11</sub>"]


def test_an_unchanged_report_takes_one_request(github: FakeGitHub, client: MakeClient) -> None:
    publish_comment(client(), 7, _draft())
    made = client()
    assert publish_comment(made, 7, _draft(run=11)).action == "unchanged"
    assert made.calls == 1
    assert _said(github) == ["Blocked.\n\n<sub>run 10</sub>"]


def test_a_report_that_somebody_edited_is_put_right(github: FakeGitHub, client: MakeClient) -> None:
    publish_comment(client(), 7, _draft())
    github.comments[0]["body"] = github.bodies()[0].replace("Blocked.", "Passed!")
    assert publish_comment(client(), 7, _draft(run=11)).action == "updated"
    assert _said(github)[0].startswith("Blocked.")


def test_line_ends_of_windows_are_no_change(github: FakeGitHub, client: MakeClient) -> None:
    publish_comment(client(), 7, _draft("one\n\ntwo"))
    github.comments[0]["body"] = github.bodies()[0].replace("\n", "\r\n")
    assert publish_comment(client(), 7, _draft("one\n\ntwo")).action == "unchanged"


def test_a_clean_pull_request_gets_no_comment(github: FakeGitHub, client: MakeClient) -> None:
    made = client()
    assert publish_comment(made, 7, _draft(findings=(), wanted=False)).action == "unneeded"
    assert (made.calls, github.comments) == (1, [])


def test_what_is_resolved_is_said_and_stays_said(github: FakeGitHub, client: MakeClient) -> None:
    publish_comment(client(), 7, _draft(findings=(_ONE, _OTHER)))
    clean = _draft("Passed.", run=11, findings=(), wanted=False)
    assert publish_comment(client(), 7, clean).action == "updated"
    assert _said(github)[0].startswith(f"Passed. Resolved: {_ONE}, {_OTHER}.")
    again = replace(clean, marker=replace(clean.marker, run=12))
    assert publish_comment(client(), 7, again).action == "unchanged"
    back = _draft("Blocked.", run=13, findings=(_OTHER,))
    publish_comment(client(), 7, back)
    assert _said(github)[0].startswith(f"Blocked. Resolved: {_ONE}.")


@pytest.mark.parametrize(("run", "attempt"), [(9, 1), (9, 5), (10, 1)])
def test_a_newer_run_wins(github: FakeGitHub, client: MakeClient, run: int, attempt: int) -> None:
    publish_comment(client(), 7, _draft("Of run 10, attempt 2.", attempt=2))
    late = _draft("Of a run before.", run=run, attempt=attempt)
    assert publish_comment(client(), 7, late).action == "outdated"
    assert _said(github)[0].startswith("Of run 10")


def test_each_database_has_a_comment_of_its_own(github: FakeGitHub, client: MakeClient) -> None:
    publish_comment(client(), 7, _draft("Of one."))
    publish_comment(client(), 7, _draft("Of two.", key="billing"))
    publish_comment(client(), 7, _draft("Of one, again.", run=11))
    assert [said.partition("\n")[0] for said in _said(github)] == ["Of one, again.", "Of two."]


def test_the_comment_is_found_on_the_third_page(github: FakeGitHub, client: MakeClient) -> None:
    for number in range(230):
        github.has_comment(f"Chat {number}", "somebody")
    publish_comment(client(), 7, _draft())
    made = client()
    assert publish_comment(made, 7, _draft("New.", run=11)).action == "updated"
    assert made.calls == 4
    assert len(github.comments) == 231


@pytest.mark.parametrize("kind", ["User", "Bot"])
def test_a_strangers_comment_with_our_marker_is_left_alone(
    github: FakeGitHub, client: MakeClient, kind: str
) -> None:
    theirs = f"{_draft().marker.line()}\nPassed!"
    github.has_comment(theirs, "mallory" + ("[bot]" if kind == "Bot" else ""), kind)
    assert publish_comment(client(), 7, _draft(run=1)).action == "created"
    assert github.bodies()[0] == theirs
    assert len(github.comments) == 2


@pytest.mark.parametrize("body", ["Look:\n{}", "> {}", " {}", "{} x", "<p>{}"])
def test_a_marker_counts_on_line_one_alone(
    github: FakeGitHub, client: MakeClient, body: str
) -> None:
    github.has_comment(body.format(_draft().marker.line()), *_ACTIONS)
    assert publish_comment(client(), 7, _draft()).action == "created"


def test_with_the_workflows_own_token_nobody_is_asked_who_we_are(
    github: FakeGitHub, client: MakeClient
) -> None:
    github.has_comment(f"{_draft().marker.line()}\nPassed!", "mallory")
    publish_comment(client(), 7, _draft())
    publish_comment(client(), 7, _draft("New.", run=11))
    assert not [r for r in github.requests if "graphql" in r]


@pytest.mark.parametrize("token", [APP, PERSON])
def test_another_token_finds_its_own_comment(
    github: FakeGitHub, client: MakeClient, token: str
) -> None:
    github.has_comment(f"{_draft().marker.line()}\nPassed!", "mallory")
    made = client(token)
    assert publish_comment(made, 7, _draft()).action == "created"
    made = client(token)
    assert publish_comment(made, 7, _draft("New.", run=11)).action == "updated"
    assert made.calls == 3
    assert len(github.comments) == 2


def test_a_person_called_like_our_app_is_a_stranger(github: FakeGitHub, client: MakeClient) -> None:
    github.has_comment(f"{_draft().marker.line()}\nPassed!", "acme-review")
    assert publish_comment(client(APP), 7, _draft()).action == "created"


def test_two_of_our_own_become_one(github: FakeGitHub, client: MakeClient) -> None:
    for number in (9, 8, 7):
        marker = replace(_draft().marker, run=number, findings=(f"GK-000000000{number}",))
        github.has_comment(f"{marker.line()}\nRun {number}.", *_ACTIONS)
    oldest = github.comments[0]["id"]
    made = client()
    done = publish_comment(made, 7, _draft(findings=()))
    assert (done.action, done.problems, made.calls) == ("updated", (), 4)
    assert [c["id"] for c in github.comments] == [oldest]
    assert "Resolved: GK-0000000009, GK-0000000008, GK-0000000007." in github.bodies()[0]


def test_a_second_comment_that_cannot_be_deleted_is_told(
    github: FakeGitHub, client: MakeClient
) -> None:
    for _ in range(2):
        github.has_comment(f"{_draft(run=1).marker.line()}\nOld.", *_ACTIONS)
    github.faults = [Fault("DELETE", answer=(403, {}, {"message": "No."}))]
    done = publish_comment(client(), 7, _draft())
    assert done.action == "updated"
    assert [p.message for p in done.problems] == [
        "could not delete a second comment of ours: GitHub answered 403: No."
    ]


def test_a_second_comment_that_is_gone_already_is_no_problem(
    github: FakeGitHub, client: MakeClient
) -> None:
    for _ in range(2):
        github.has_comment(f"{_draft(run=1).marker.line()}\nOld.", *_ACTIONS)
    github.faults = [Fault("DELETE", answer=(502, {}, None), late=True)]
    assert publish_comment(client(), 7, _draft()).problems == ()
    assert len(github.comments) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", answer=(502, {}, None), late=True),
        Fault("POST", answer=(502, {}, None)),
        Fault("POST", cut=True, late=True),
        Fault("POST", cut=True),
        Fault("POST", answer=(201, {}, "<html>"), late=True),
        Fault("POST", answer=_SECONDARY),
        Fault("POST", answer=(429, {"Retry-After": "3"}, {"message": "Slow down"})),
        Fault("GET", answer=(503, {}, None), times=2),
        Fault("GET", cut=True),
    ],
)
def test_never_two_comments_when_the_first_one_goes_wrong(
    github: FakeGitHub, client: MakeClient, fault: Fault
) -> None:
    github.faults = [fault]
    assert publish_comment(client(), 7, _draft()).action == "created"
    assert len(github.comments) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault("PATCH", answer=(502, {}, None), late=True),
        Fault("PATCH", cut=True, late=True),
        Fault("PATCH", answer=_SECONDARY),
    ],
)
def test_never_two_comments_when_a_change_goes_wrong(
    github: FakeGitHub, client: MakeClient, fault: Fault
) -> None:
    publish_comment(client(), 7, _draft())
    github.faults = [fault]
    assert publish_comment(client(), 7, _draft("New.", run=11)).action == "updated"
    assert len(github.comments) == 1
    assert _said(github)[0].startswith("New.")


def test_a_write_that_is_lost_again_and_again_is_told(
    github: FakeGitHub, client: MakeClient, time: Time
) -> None:
    github.faults = [Fault("POST", answer=(502, {}, None), times=99)]
    with pytest.raises(
        PublishError, match="could not comment on the pull request: GitHub answered 502"
    ):
        publish_comment(client(), 7, _draft())
    assert github.comments == []
    assert sum(time.waits) < 90


def test_a_comment_that_was_deleted_a_moment_ago_is_made_anew(
    github: FakeGitHub, client: MakeClient
) -> None:
    publish_comment(client(), 7, _draft())
    gone: Answer = (404, {}, {"message": "Not Found"})
    github.faults = [Fault("PATCH", answer=gone, also=github.comments.clear)]
    assert publish_comment(client(), 7, _draft("New.", run=11)).action == "created"
    assert _said(github) == ["New.\n\n<sub>run 11</sub>"]


@pytest.mark.parametrize("longest", [20_000, 5_000])
def test_what_github_finds_too_long_is_said_shorter(
    github: FakeGitHub, client: MakeClient, longest: int
) -> None:
    github.longest = longest + 1_500
    assert publish_comment(client(), 7, _draft("x" * 100_000)).action == "created"
    assert len(github.bodies()[0]) <= github.longest


def test_no_length_is_short_enough(github: FakeGitHub, client: MakeClient) -> None:
    github.longest = 10
    with pytest.raises(PublishError, match="422: Validation Failed; Body is too long"):
        publish_comment(client(), 7, _draft())


def test_the_whole_comment_keeps_to_the_limit(github: FakeGitHub, client: MakeClient) -> None:
    many = tuple(f"GK-{number:010x}" for number in range(500))
    publish_comment(client(), 7, _draft("ä" * 30_000, findings=many))
    assert 50_000 < len(github.bodies()[0].encode()) <= 65_536
    publish_comment(client(), 7, _draft("x" * 100_000, run=11, findings=many[250:]))
    assert 59_000 < len(github.bodies()[0].encode()) <= 60_000


def test_without_the_permission_it_is_told(github: FakeGitHub, client: MakeClient) -> None:
    github.read_only = True
    with pytest.raises(PublishError, match="Resource not accessible") as caught:
        publish_comment(client(), 7, _draft())
    assert "pull-requests: write" in caught.value.hint
