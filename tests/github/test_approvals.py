"""Approving reviews that waive: whose, of which commit, and what they must say."""

from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.github.approvals import approvals
from gatekeeper.github.errors import PublishError
from gatekeeper.judge import with_approvals
from gatekeeper.report.markdown import render_markdown
from tests.github.conftest import NEXT, PULL
from tests.github.fake import APP, FakeGitHub, Fault

NAME = "public.orders"
LINE = f"gatekeeper: allow column-dropped {NAME} because nobody reads it any more"


@pytest.fixture
def guarded(policies: Any, finding: Any) -> Any:
    """Make a finding that blocks, of a policy that people may approve."""

    def make(
        name: str = NAME, approvers: tuple[str, ...] = ("ann", "acme/dba"), **more: Any
    ) -> Any:
        policy = replace(policies["column-dropped"], approvers=approvers)
        return finding(policy, name, **more)

    return make


@pytest.fixture
def given(github: FakeGitHub, client: Any, guarded: Any) -> Any:
    """Ask for the approvals of some findings; without any, of one of `NAME`."""

    def ask(*findings: Any, token: str = APP, **options: Any) -> Any:
        found = findings or (guarded(**options),)
        return approvals(client(token), PULL, found, [f.policy for f in found])

    return ask


def _counting(waivers: Any) -> list[tuple[str, str, str]]:
    return [(w.by, w.subject, w.because) for w in waivers if not w.refused]


def _refusals(waivers: Any) -> list[str]:
    return [w.refused for w in waivers if w.refused]


def test_a_line_of_an_approving_review_waives(github: FakeGitHub, given: Any) -> None:
    made = github.has_review("Ann", f"Looks right.\n\n{LINE}\n\nThanks!")
    (waiver,) = given()
    assert _counting([waiver]) == [("Ann", NAME, "nobody reads it any more")]
    assert (waiver.kind, waiver.place) == ("approval", made["html_url"])


def test_the_outcome_passes_and_lists_it(
    github: FakeGitHub, given: Any, guarded: Any, outcome: Any
) -> None:
    github.has_review("ann", LINE)
    found = guarded()
    judged = with_approvals(outcome(found), given(found))
    assert judged.verdict == "passed"
    text = render_markdown(judged)
    assert text.startswith("### ✅ Gatekeeper: passed, 1 error waived\n")
    assert "`nobody reads it any more` | `ann` | [review](https://github.com/acme/shop/" in text


def test_the_line_that_the_report_shows_is_the_one_to_write(
    github: FakeGitHub, given: Any, guarded: Any, outcome: Any
) -> None:
    name = 'public."a because ""b"" | c".x'
    found = guarded(name)
    text = render_markdown(outcome(found))
    assert "by `ann` or `acme/dba`, not by the pull request's author" in text
    (line,) = [x for x in text.splitlines() if x.startswith("gatekeeper: allow")]
    assert line.endswith("because …")
    github.has_review("ann", line)
    assert _refusals(given(found)) == ["the reason is empty"]
    github.reviews.clear()
    github.has_review("ann", line.replace("…", "it was a mistake"))
    assert _counting(given(found)) == [("ann", name, "it was a mistake")]


@pytest.mark.parametrize(
    "options", [{"approvers": ()}, {"severity": "warning"}, {"approvers": (), "severity": "notice"}]
)
def test_nothing_is_asked_where_nothing_can_be_approved(
    github: FakeGitHub, given: Any, options: Any
) -> None:
    github.has_review("ann", LINE)
    assert given(**options) == ()
    assert github.requests == []


@pytest.mark.parametrize(
    ("review", "why"),
    [
        ({"login": "OctoCat"}, "the author of a pull request cannot approve what is in it"),
        ({"commit": NEXT}, f"the review is of commit {NEXT[:12]} and not of the head"),
        ({"state": "CHANGES_REQUESTED"}, "the newest review of ann does not approve"),
        ({"state": "DISMISSED"}, "the newest review of ann does not approve"),
        ({"login": "bob"}, "bob is none of the approvers"),
        (
            {"body": "gatekeeper: allow column-dropped because nobody reads it"},
            "it names no object",
        ),
        ({"body": f"gatekeeper: allow column-dropped {NAME}"}, "it gives no reason"),
        ({"body": f"gatekeeper: allow column-dropped {NAME} because tbd"}, "'tbd' is no reason"),
        ({"body": LINE.replace("orders", "order?")}, "nothing of that name was found"),
        ({"body": LINE.replace("public.", "")}, "nothing of that name was found"),
    ],
)
def test_what_does_not_count_says_why(
    github: FakeGitHub, given: Any, review: Any, why: str
) -> None:
    github.has_review(**{"login": "ann", "body": LINE} | review)
    waivers = given(approvers=("ann", "octocat"))
    assert _counting(waivers) == []
    (said,) = _refusals(waivers)
    assert said.startswith(why)


@pytest.mark.parametrize(
    ("later", "counts"),
    [("COMMENTED", True), ("CHANGES_REQUESTED", False), ("DISMISSED", False), ("APPROVED", False)],
)
def test_the_newest_review_that_is_more_than_a_comment_counts(
    github: FakeGitHub, given: Any, later: str, counts: bool
) -> None:
    github.has_review("ann", LINE)
    github.has_review("ANN", "On second thoughts …", later)
    assert bool(_counting(given())) is counts


@pytest.mark.parametrize(
    "body",
    [
        "Fine by me.",
        "gatekeeper: allow table-dropped public.orders because it is about another policy",
        f"> {LINE}",
        f"Do not write {LINE}",
        LINE.replace("gatekeeper:", "gatekeeper"),
        LINE.replace("allow", "allowed"),
    ],
)
def test_what_is_no_such_line_is_nothing(github: FakeGitHub, given: Any, body: str) -> None:
    github.has_review("ann", body)
    assert given() == ()


def test_several_lines_of_several_people(github: FakeGitHub, given: Any, guarded: Any) -> None:
    names = ["public.f(integer[])", 'public."Order Lines".note', "public.orders.note"]
    lines = [f"`gatekeeper: Allow column-dropped {n} because of the move`" for n in names]
    github.has_review("ann", "\r\n".join(lines[:2]))
    github.has_review(None, LINE)
    github.has_review("bob", lines[2])
    found = given(*(guarded(n, approvers=("ann", "bob")) for n in names))
    assert [(by, name) for by, name, _ in _counting(found)] == [
        ("ann", names[0]), ("ann", names[1]), ("bob", names[2])
    ]  # fmt: skip


def test_a_glob_is_only_a_name(github: FakeGitHub, given: Any, guarded: Any, outcome: Any) -> None:
    github.has_review("ann", LINE.replace(NAME, "public.*"))
    both = (guarded("public.*"), guarded("public.orders"))
    judged = with_approvals(outcome(*both), given(*both))
    assert [f.subject for f in judged.waived_findings] == ["public.*"]
    assert judged.verdict == "blocked"


def test_a_name_that_goes_on_with_because(github: FakeGitHub, given: Any, guarded: Any) -> None:
    names = ("m/a", "m/a because of b")
    github.has_review("ann", f"gatekeeper: allow column-dropped {names[1]} because it was agreed")
    assert _counting(given(*map(guarded, names))) == [("ann", names[1], "it was agreed")]


def test_names_that_look_alike_are_not_guessed(
    github: FakeGitHub, given: Any, guarded: Any
) -> None:
    github.has_review("ann", "gatekeeper: allow column-dropped a\\u200bb because nobody reads it")
    waivers = given(guarded("a\u200bb"), guarded("a\\u200bb"))
    assert _refusals(waivers) == ["two objects have names that look like this; rename one of them"]


def test_members_of_a_team(github: FakeGitHub, given: Any) -> None:
    github.reads_teams = True
    github.teams = {"acme/dba": {"bob": "active", "new": "pending"}}
    for login in ("bob", "new", "eve"):
        github.has_review(login, LINE)
    waivers = given()
    assert _counting(waivers) == [("bob", NAME, "nobody reads it any more")]
    new, eve = _refusals(waivers)
    assert new == "new is none of the approvers"
    assert eve.startswith("eve is none of the approvers; that acme/dba has them was not told")


def test_a_token_that_cannot_read_teams_says_so(github: FakeGitHub, given: Any) -> None:
    github.has_review("bob", f"{LINE}\n{LINE}")
    (first, _) = _refusals(given())
    assert "acme/dba" in first
    assert "GITHUB_TOKEN never is" in first
    asked = "GET /orgs/acme/teams/dba/memberships/bob"
    assert github.requests == ["GET /repos/acme/shop/pulls/7/reviews", asked]


def test_teams_are_not_asked_about_whom_a_name_lets_in(github: FakeGitHub, given: Any) -> None:
    github.has_review("ann", LINE)
    assert len(_counting(given())) == 1
    assert github.requests == ["GET /repos/acme/shop/pulls/7/reviews", "POST /graphql"]


@pytest.mark.parametrize(("editor", "counts"), [("ann", True), ("octocat", False), (None, False)])
def test_words_that_another_put_into_a_review_do_not_count(
    github: FakeGitHub, given: Any, editor: str | None, counts: bool
) -> None:
    made = github.has_review("ann", LINE)
    github.editors[made["node_id"]] = editor
    waivers = given()
    assert bool(_counting(waivers)) is counts
    who = editor or "somebody"
    assert _refusals(waivers) == ([] if counts else [f"{who} edited the review of ann"])


def test_all_pages_are_read(github: FakeGitHub, given: Any) -> None:
    for number in range(250):
        github.has_review(f"passer-by-{number}", "Nice.")
    github.has_review("ann", LINE)
    assert len(_counting(given())) == 1
    assert github.requests.count("GET /repos/acme/shop/pulls/7/reviews") == 3


def test_strangers_cannot_flood_the_report(github: FakeGitHub, given: Any) -> None:
    for number in range(120):
        github.has_review(f"passer-by-{number}", f"{LINE}\n" * 3)
    github.has_review("ann", LINE)
    waivers = given(approvers=("ann",))
    assert len(_counting(waivers)) == 1
    assert len(_refusals(waivers)) == 10


@pytest.mark.parametrize("path", ["/reviews", "/memberships", "/graphql"])
def test_what_cannot_be_read_waives_nothing(github: FakeGitHub, given: Any, path: str) -> None:
    github.reads_teams = True
    github.teams = {"acme/dba": {"bob": "active"}}
    github.has_review("bob", LINE)
    github.faults.append(Fault(path=path, times=9, answer=(500, {}, {"message": "Oops"})))
    with pytest.raises(PublishError, match=r"could not read .* GitHub answered 500"):
        given()
