"""What is waived: by the configuration or a comment, until its day, never against its approvers."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from gatekeeper.facts.build import Facts
from gatekeeper.model.allowance import Allowance
from gatekeeper.model.evidence import Revision
from gatekeeper.policy.evaluate import Judgement, judge
from gatekeeper.policy.model import Waiver
from gatekeeper.policy.waivers import comment_waivers, ranked

TODAY = date(2026, 6, 30)
WHY = "the parent is in another database"
FILE = Waiver("house", "public.*", WHY, "file", "ann", file="gatekeeper.yml", line=3)
COMMENT = Waiver("house", "", WHY, "comment", file="m.py", line=9, operation=(10, 12))


@pytest.fixture
def judged(policy: Any, row: Any) -> Any:
    """Judge tables without a primary key, each with the line that made it, of m.py."""

    def make(
        tables: dict[str, int | None], *waivers: Waiver, today: date = TODAY, **keys: Any
    ) -> Judgement:
        made = policy(for_="tables", require="has_primary_key", **keys)
        rows = [row("tables", name, file="m.py", line=line) for name, line in tables.items()]
        return judge(Facts(head={"tables": rows}), [made], waivers, today)

    return make


def _waived(judgement: Judgement) -> list[str]:
    return [f.subject for f in judgement.findings if f.waiver is not None]


def test_a_waived_finding_keeps_its_severity_and_does_not_block(judged: Any) -> None:
    judgement = judged({"public.t": 10}, FILE)
    (finding,) = judgement.findings
    assert (judgement.verdict, judgement.notes) == ("passed", ())
    assert (finding.severity, finding.blocks, finding.waiver) == ("error", False, FILE)
    (before,) = judged({"public.t": 10}).findings
    assert before.blocks
    assert finding.fingerprint == before.fingerprint


@pytest.mark.parametrize(
    ("subject", "matches"),
    [
        ("public.t", True),
        ("public.*", True),
        ("*", True),
        ("public.?", True),
        ("public.T", False),
        ("public", False),
        ("t", False),
        ("*.tt", False),
    ],
)
def test_the_subject_is_a_glob(judged: Any, subject: str, matches: bool) -> None:
    waiver = Waiver("house", subject, WHY, "file")
    assert bool(_waived(judged({"public.t": 10}, waiver))) is matches


def test_a_name_is_itself_whatever_it_means_as_a_glob(judged: Any) -> None:
    waiver = Waiver("house", "public.f(integer[])", WHY, "file")
    assert _waived(judged({"public.f(integer[])": 1, "public.f(integeri)": 1}, waiver)) == [
        "public.f(integer[])"
    ]


def test_a_waiver_is_for_one_policy(judged: Any) -> None:
    other = Waiver("other", "public.t", WHY, "file")
    judgement = judged({"public.t": 10}, other)
    assert (judgement.verdict, judgement.notes) == ("blocked", ())


def test_what_blocks_comes_first_and_what_is_waived_last(judged: Any) -> None:
    (error,) = judged({"a.x": 1}, Waiver("house", "a.x", WHY, "file")).findings
    (warning,) = judged({"b.x": 1}, severity="warning").findings
    assert ranked([error, warning]) == (warning, error)
    judgement = judged({"a.x": 1, "b.x": 2, "c.x": 3}, Waiver("house", "a.x", WHY, "file"))
    assert [f.subject for f in judgement.findings] == ["b.x", "c.x", "a.x"]
    assert judgement.verdict == "blocked"


@pytest.mark.parametrize(
    ("until", "why"),
    [
        (date(2026, 7, 10), ""),
        (
            date(2026, 7, 11),
            "its until is 2026-07-11, and waiver_days of gatekeeper.yml lets it last until"
            " 2026-07-10 at most",
        ),
        (
            None,
            "it has no until, and waiver_days of gatekeeper.yml lets it last until 2026-07-10 at"
            " most",
        ),
        (date(2026, 6, 29), "it ended on 2026-06-29, so the finding is back"),
    ],
)
def test_a_waiver_that_lasts_too_long(judged: Any, until: date | None, why: str) -> None:
    waiver = replace(FILE, until=until, most_days=10)
    judgement = judged({"public.t": 10}, waiver)
    told = f"gatekeeper.yml:3: the waiver of house for public.* does not count: {why}"
    assert judgement.notes == ((told,) if why else ())
    assert judgement.verdict == ("blocked" if why else "passed")
    assert judged({"other.t": 10}, waiver).notes == ()  # no news to whom it is nothing to


def test_a_comment_has_no_last_day_and_needs_none(judged: Any) -> None:
    """Its migration runs once."""
    assert judged({"public.t": 10}, replace(COMMENT, operation=(10, 10))).verdict == "passed"


@pytest.mark.parametrize(("day", "counts"), [(29, False), (30, True)])
def test_a_waiver_counts_until_its_last_day(judged: Any, day: int, counts: bool) -> None:
    waiver = Waiver(
        "house", "public.t", WHY, "file", until=date(2026, 6, day), file="g.yml", line=3
    )
    judgement = judged({"public.t": 10}, waiver)
    assert bool(_waived(judgement)) is counts
    ended = (
        "g.yml:3: the waiver of house for public.t does not count: it ended on 2026-06-29, so the"
        " finding is back"
    )
    assert judgement.notes == (() if counts else (ended,))


def test_without_a_day_nothing_that_ends_counts(judged: Any) -> None:
    waiver = Waiver("house", "public.t", WHY, "file", until=date(2999, 1, 1))
    assert _waived(judged({"public.t": 10}, waiver, today=date.max)) == []
    assert _waived(judged({"public.t": 10}, FILE, today=date.max)) == ["public.t"]


def test_another_waiver_takes_the_place_of_an_ended_one(judged: Any) -> None:
    ended = Waiver("house", "public.t", WHY, "file", until=date(2000, 1, 1), file="g.yml", line=1)
    judgement = judged({"public.t": 10}, ended, COMMENT)
    assert judgement.verdict == "passed"
    assert [f.waiver for f in judgement.findings] == [COMMENT]


def test_what_is_not_touched_needs_its_waiver_still(judged: Any) -> None:
    ended = Waiver("house", "public.u", WHY, "file", until=date(2000, 1, 1))
    assert judged({"public.t": 10}, ended, FILE, Waiver("house", "x", WHY, "file")).notes == ()


@pytest.mark.parametrize(
    ("line", "covered"), [(9, False), (10, True), (12, True), (13, False), (None, False)]
)
def test_a_comment_is_for_the_operation_below(judged: Any, line: int, covered: bool) -> None:
    judgement = judged({"public.t": line}, COMMENT)
    assert bool(_waived(judgement)) is covered
    unused = (
        "m.py:9: the waiver of house is not needed: nothing at the operation below it was found"
        " that it is for"
    )
    assert judgement.notes == (() if covered else (unused,))


def test_a_comment_is_for_its_own_file(judged: Any) -> None:
    other = Waiver("house", "", WHY, "comment", file="n.py", line=9, operation=(10, 12))
    assert _waived(judged({"public.t": 10}, other)) == []


def test_a_comment_may_name_the_object(judged: Any) -> None:
    named = Waiver("house", "public.t", WHY, "comment", file="m.py", line=9, operation=(10, 12))
    assert _waived(judged({"public.t": 10, "public.u": 10}, named)) == ["public.t"]


def test_a_waiver_that_is_there_twice_is_no_waste(judged: Any) -> None:
    assert judged({"public.t": 10}, FILE, COMMENT).notes == ()


def test_a_comment_for_a_policy_that_there_is_not(judged: Any) -> None:
    wrong = Waiver("hous", "", WHY, "comment", file="m.py", line=9, operation=(10, 12))
    assert judged({"public.t": 10}, wrong).notes == (
        "m.py:9: the waiver of hous does not count: no policy of that name judged;"
        " did you mean house?",
    )


@pytest.mark.parametrize("waiver", [FILE, COMMENT])
def test_where_people_must_approve_nothing_else_counts(judged: Any, waiver: Waiver) -> None:
    judgement = judged({"public.t": 10}, waiver, approvers="[ann, acme/dba]")
    assert judgement.verdict == "blocked"
    (note,) = judgement.notes
    assert note.startswith(f"{waiver.place}: the waiver of house")
    assert note.endswith("does not count: only an approving review by ann, acme/dba waives this")
    approval = Waiver("house", "public.t", WHY, "approval", "ann", url="https://x")
    assert judged({"public.t": 10}, approval, approvers="[ann]").verdict == "passed"


def test_a_warning_can_be_waived_and_a_policy_on_trial_stays_on_trial(judged: Any) -> None:
    (warning,) = judged({"public.t": 10}, FILE, severity="warning").findings
    assert (warning.severity, warning.waiver) == ("warning", FILE)
    (trial,) = judged({"public.t": 10}, mode="dry-run").findings
    assert (trial.is_on_trial, trial.blocks) == (True, False)
    (waived,) = judged({"public.t": 10}, FILE).findings
    assert not waived.is_on_trial


def _revision(is_new: bool, *said: Allowance) -> Revision:
    return Revision("r", "m.py", is_new=is_new, allowances=said)


def test_comments_come_from_new_revisions() -> None:
    said = Allowance("house", "", WHY, "m.py", 9, 10, 12)
    assert comment_waivers([_revision(True, said), _revision(False, said)]) == (COMMENT,)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"because": "todo"}, "'todo' is no reason: say why this is right here"),
        ({"because": "it is ok"}, "'it is ok' is no reason: it takes 10 characters to say why"),
        ({"because": ""}, "the reason is empty"),
        ({"mistake": "no operation follows"}, "no operation follows"),
    ],
)
def test_a_comment_that_is_refused_says_why(judged: Any, changed: Any, why: str) -> None:
    values = {"policy": "house", "subject": "", "because": WHY, "file": "m.py", "written": 9}
    said = Allowance(**values | {"line": 10, "last_line": 12} | changed)
    judgement = judged({"public.t": 10}, *comment_waivers([_revision(True, said)]))
    assert judgement.verdict == "blocked"
    assert judgement.notes == (f"m.py:9: the waiver of house does not count: {why}",)
