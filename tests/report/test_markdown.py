"""The review comment: what it says, that nothing in it can be injected, and that it fits."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.policy.model import Finding, Policy
from gatekeeper.report.markdown import LIMIT, render_markdown
from gatekeeper.report.view import instead
from tests.report.documents import HOSTILE, MARKDOWN, many, shape


def _balanced(text: str) -> bool:
    kinds = [(t.type, t.content) for t in MARKDOWN.parse(text)]
    opened = sum(c.count("<details") for k, c in kinds if k == "html_block")
    closed = sum(c.count("</details>") for k, c in kinds if k == "html_block")
    return opened == closed and kinds[-1] == ("html_block", "</details>\n")


def test_the_first_line_gives_verdict_and_counts(outcome: Any, finding: Any) -> None:
    findings = (
        finding("table-dropped"),
        finding("column-dropped"),
        finding("unindexed-foreign-key"),
        finding("type-changed", severity="notice"),
    )
    first = render_markdown(outcome(*findings)).splitlines()[0]
    assert first == "### ❌ Gatekeeper: blocked by 2 errors, 1 warning, 1 notice"


def test_without_findings_it_passed(outcome: Any) -> None:
    text = render_markdown(outcome())
    assert text.startswith("### ✅ Gatekeeper: passed\n")
    assert "1 new migration, 1 statement, 2 schema changes on PostgreSQL 18.1" in text
    assert "judged by 15 policies" in text
    assert "| Policy |" not in text


def test_warnings_alone_pass(outcome: Any, finding: Any) -> None:
    text = render_markdown(outcome(finding("unindexed-foreign-key")))
    assert text.startswith("### ✅ Gatekeeper: passed with 1 warning\n")
    assert "<details open>" not in text


def test_a_policy_on_trial_does_not_block(
    outcome: Any, finding: Any, policies: Mapping[str, Policy]
) -> None:
    trial = replace(policies["table-dropped"], mode="dry-run")
    text = render_markdown(outcome(finding(trial)))
    assert text.startswith("### ✅ Gatekeeper: passed with 1 error of policies on trial\n")
    assert "`table-dropped` (on trial)" in text


def test_a_row_names_policy_object_event_and_place(outcome: Any, finding: Any) -> None:
    text = render_markdown(outcome(finding("table-dropped", file="m/0002.py", takes_along=None)))
    assert (
        "| ❌ | `table-dropped` | `public.orders`<br>`m/0002.py:12` |"
        " The table `public.orders` is dropped. |\n"
    ) in text


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_in_every_value_of_every_finding_add_nothing(
    outcome: Any, finding: Any, policies: Mapping[str, Policy], name: str
) -> None:
    def text(word: str) -> str:
        review = outcome(*(finding(key, word) for key in policies), name=word)
        return render_markdown(review, limit=10_000_000)  # the same rendering, however long

    assert shape(text(name)) == shape(text("orders"))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_failure_adds_nothing(failed: Any, name: str) -> None:
    assert shape(render_markdown(failed(name))) == shape(render_markdown(failed()))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_adds_nothing_where_many_findings_share_a_row(
    outcome: Any, finding: Any, name: str
) -> None:
    def text(word: str) -> str:
        return render_markdown(outcome(*[finding("table-dropped", word)] * 7, name=word))

    assert shape(text(name)) == shape(text("orders"))


@pytest.mark.parametrize("ticks", ["`", "``", "```"])
@pytest.mark.parametrize(
    "message",
    ["{{ table_name }}{{ comment }} is gone.", "Gone: `{{ table_name }} of {{ comment }}`."],
)
def test_a_house_policy_that_places_values_badly_is_harmless(
    outcome: Any, finding: Any, policies: Mapping[str, Policy], message: str, ticks: str
) -> None:
    house = replace(policies["table-dropped"], message=message)
    hostile = f"{ticks} <img src=x onerror=alert(1)>"
    text = render_markdown(outcome(finding(house, "orders", comment=hostile)))
    assert not [kind for kind in shape(text) if "onerror" in kind]


def test_the_same_review_gives_the_same_bytes(
    outcome: Any, finding: Any, policies: Mapping[str, Policy]
) -> None:
    def text() -> str:
        return render_markdown(outcome(*(finding(key) for key in policies)))

    assert text() == text()


def test_five_findings_of_a_policy_are_five_rows(outcome: Any, finding: Any) -> None:
    text = render_markdown(outcome(*(finding("table-dropped", f"t{i}") for i in range(5))))
    assert text.count("| ❌ | `table-dropped` |") == 5


def test_more_than_five_findings_of_a_policy_are_one_row(outcome: Any, finding: Any) -> None:
    text = render_markdown(outcome(*(finding("table-dropped", f"t{i}") for i in range(9))))
    rows = [line for line in text.splitlines() if line.startswith("| ❌ | `table-dropped` |")]
    title = "A table is dropped, with every row in it"
    assert rows == [f"| ❌ | `table-dropped` | `t0`, `t1`, `t2` and 6 more<br>`t0:12` | {title} |"]
    assert "**table-dropped** · `t0` and 8 more · `GK-" in text


def test_advice_quotes_names_that_need_it(finding: Any) -> None:
    dropped = finding("table-dropped", 'public."Order"', table_name="Order")
    assert 'RENAME TO "Order_unused";' in instead(dropped)
    key = finding("unindexed-foreign-key", "public.orders.fk", column_names="customerId")
    assert '("customerId")' in instead(key)


def test_advice_for_alembic_keeps_a_name_inside_its_string(finding: Any) -> None:
    found = finding("required-column-added", "public.orders.x", table_name='a"); evil("')
    assert 'a"); evil(' not in instead(found, alembic=True)


def test_an_undecided_finding_names_what_is_unknown(outcome: Any, finding: Any) -> None:
    found = finding(
        "lossy-type-change",
        severity="warning",
        undecided=True,
        unknown=("conversion",),
    )
    assert "(Undecided: `conversion` is unknown.)" in render_markdown(outcome(found))


def test_a_failure_says_where_and_what_to_do(failed: Any) -> None:
    text = render_markdown(failed(message="relation does not exist", file="m/1.py", hint="Add it."))
    first, *_ = text.splitlines()
    assert first == "### ❌ Gatekeeper: undecided: the migrations did not run to their end"
    assert "**Where:** `m/1.py:7`, revision `boom`" in text
    assert "```\nrelation does not exist\n```" in text
    assert "**What to do:**\n\n```\nAdd it.\n```" in text


def test_a_place_without_a_line_is_the_file_alone(outcome: Any, finding: Any, failed: Any) -> None:
    assert ":None" not in render_markdown(outcome(finding("table-dropped", line=None)))
    assert ":None" not in render_markdown(failed(line=None))


def test_a_statement_of_no_file_has_no_place(outcome: Any) -> None:
    made = outcome()
    made.facts.head["statements"][0].update(file=None, line=None)
    assert "None" not in render_markdown(made)


def test_a_small_review_is_rendered_in_full(outcome: Any, finding: Any) -> None:
    text = render_markdown(outcome(finding("table-dropped")))
    for part in ("How to fix what blocks", "Locks and rewrites", "```diff", "```mermaid", "Notes"):
        assert part in text
    assert _balanced(text)


def test_the_richest_rendering_that_fits_is_taken(
    outcome: Any, finding: Any, policies: Mapping[str, Policy]
) -> None:
    made = outcome(*(finding(replace(policies["table-dropped"], id=f"p{i}")) for i in range(30)))
    full = render_markdown(made)
    size = len(full.encode())
    assert render_markdown(made, limit=size) == full
    compact = render_markdown(made, limit=size - 1)
    assert full.count("GK-") == 30
    assert compact.count("GK-") == 20
    assert "```mermaid" not in compact
    assert "Locks and rewrites" not in compact
    assert "10 more rows are in the full report." in compact
    assert "```diff" in compact
    minimal = render_markdown(made, limit=len(compact.encode()) - 1)
    assert "30 more rows are in the full report." in minimal
    assert "```diff" not in minimal
    assert "How to fix" not in minimal
    assert all(map(_balanced, (full, compact, minimal)))
    assert len({text.splitlines()[0] for text in (full, compact, minimal)}) == 1


@pytest.mark.parametrize(("count", "rows"), [(30, 30), (150, 20), (5_000, 20)])
def test_a_huge_review_fits_and_is_cut_nowhere(
    outcome: Any, finding: Any, policies: Mapping[str, Policy], count: int, rows: int
) -> None:
    text = render_markdown(many(outcome, finding, policies, count))
    assert len(text.encode()) <= LIMIT
    assert text.count("| `policy-") == rows
    assert _balanced(text)


def test_long_names_everywhere_still_fit(
    outcome: Any, finding: Any, policies: Mapping[str, Policy]
) -> None:
    name = "\U0001f600`" * 2_000
    findings = [finding(replace(p, id=f"{k}-{i}"), name) for k, p in policies.items() for i in "ab"]
    text = render_markdown(outcome(*findings, name=name))
    assert len(text.encode()) <= LIMIT
    assert _balanced(text)


@pytest.mark.parametrize("part", ["message", "detail", "hint", "sql"])
def test_a_failure_of_any_length_fits(failed: Any, part: str) -> None:
    text = render_markdown(failed(**{part: "tuple out of range\n" * 10_000}))
    assert len(text.encode()) <= LIMIT
    assert _balanced(text)


def test_any_number_of_notes_fits(outcome: Any) -> None:
    text = render_markdown(outcome(notes=tuple(f"note {i}: {'x' * 100}" for i in range(2_000))))
    assert len(text.encode()) <= LIMIT
    assert _balanced(text)


def test_names_that_are_no_utf8_are_rendered(outcome: Any, finding: Any) -> None:
    found: Finding = finding("table-dropped", file="m\udcff.py")
    assert b"\\udcff" in render_markdown(outcome(found)).encode()
