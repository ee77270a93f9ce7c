"""The comment about several projects: a table of all, a section where there is something to say."""

from dataclasses import replace

import pytest

from gatekeeper.model.evidence import Failure
from gatekeeper.report.joint import render_reviews
from gatekeeper.report.markdown import LIMIT, Frame, OwnTemplate
from gatekeeper.report.outcome import Outcome, Reviews
from gatekeeper.report.view import joint_headline
from tests.report.conftest import MakeFinding, MakeOutcome


def _reviews(outcome: MakeOutcome, finding: MakeFinding, count: int, findings: int) -> Reviews:
    found = [finding("table-dropped", f"public.t{n}", file=f"m/{n}.py") for n in range(findings)]
    parts = [replace(outcome(*found), project=f"p{n}", verdict="blocked") for n in range(count)]
    quiet = Outcome("passed", base="main", head="the working tree", project="quiet")
    return Reviews((*parts, quiet))


def test_a_quiet_project_is_in_the_table_only(outcome: MakeOutcome, finding: MakeFinding) -> None:
    text = render_reviews(_reviews(outcome, finding, 2, 1))
    assert text.startswith("### ❌ Gatekeeper: blocked by 2 errors\n")
    assert "| ✅ | `quiet` | passed | nothing new |" in text
    assert [line for line in text.splitlines() if line.startswith("####")] == [
        "#### ❌ `p0`: blocked by 1 error",
        "#### ❌ `p1`: blocked by 1 error",
    ]


@pytest.mark.parametrize("limit", [LIMIT, 20_000, 6_000])
@pytest.mark.parametrize("count", [2, 30])
def test_it_has_the_room_that_there_is(
    outcome: MakeOutcome, finding: MakeFinding, limit: int, count: int
) -> None:
    text = render_reviews(_reviews(outcome, finding, count, 40), limit=limit)
    assert len(text.encode()) <= limit
    assert text.count("```") % 2 == 0
    assert f"| ❌ | `p{count - 1}` |" in text
    told = sum(line.startswith("####") for line in text.splitlines())
    assert told == count or "The reports that have no room here are in the full report." in text


def test_what_is_said_first_is_said_once(outcome: MakeOutcome, finding: MakeFinding) -> None:
    frame = Frame(alerts=("the gate is touched",), resolved=("GK-0123456789",), base="origin/main")
    own = OwnTemplate(
        '{% extends "comment.md.j2" %}{% block run %}Ask #data.{% endblock %}', "own.md.j2"
    )
    text = render_reviews(_reviews(outcome, finding, 2, 1), frame=frame, template=own)
    assert text.count("the gate is touched") == 1
    assert text.count("GK-0123456789") == 1
    assert text.count("Ask #data.") == 2


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (("passed", "passed"), "passed"),
        (("blocked", "passed"), "blocked by 1 error"),
        (("passed", "undecided"), "undecided: the migrations of p1 did not run to their end"),
        (
            ("blocked", "undecided"),
            "blocked by 1 error; the migrations of p1 did not run to their end",
        ),
    ],
)
def test_the_headline(
    outcome: MakeOutcome, finding: MakeFinding, verdicts: tuple[str, ...], said: str
) -> None:
    parts = []
    for number, verdict in enumerate(verdicts):
        found = [finding("table-dropped")] if verdict == "blocked" else []
        part = replace(outcome(*found), project=f"p{number}", verdict=verdict)
        if verdict == "undecided":
            part = replace(part, failure=Failure("no such table"))
        parts.append(part)
    assert joint_headline(Reviews(tuple(parts))) == said
