"""What is waived is in every format, with its reason, and nothing in it can be injected."""

import json
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, Draft202012Validator
from rich.console import Console

import gatekeeper.report
from gatekeeper.policy.model import Finding, Waiver
from gatekeeper.report.json import render_json
from gatekeeper.report.links import Links
from gatekeeper.report.markdown import Frame, render_markdown
from gatekeeper.report.outcome import alone
from gatekeeper.report.sarif import render_sarif
from gatekeeper.report.terminal import print_terminal
from gatekeeper.report.view import headline
from tests.report.documents import HOSTILE, MARKDOWN, shape

WHY = "nobody reads it any more"
FILE = Waiver(
    "p", "*", WHY, "file", "ann", date(2027, 3, 1), file="9f2c1e7a1b2c:gatekeeper.yml", line=3
)
COMMENT = Waiver("p", "", WHY, "comment", file="m/2.py", line=9, operation=(10, 12))
APPROVAL = Waiver(
    "p", "x", WHY, "approval", "bob",
    url="https://github.com/acme/shop/pull/7#pullrequestreview-5",
)  # fmt: skip
_SCHEMA = Path(gatekeeper.report.__file__).parent / "report.schema.json"


@pytest.fixture
def waived(finding: Any) -> Any:
    def make(waiver: Waiver, policy: Any = "column-dropped", *names: str) -> Finding:
        return replace(finding(policy, *names), waiver=waiver)

    return make


def test_the_first_line_counts_what_is_waived(outcome: Any, finding: Any, waived: Any) -> None:
    one, warning = waived(FILE), finding("unindexed-foreign-key")
    assert headline(outcome(one)) == "passed, 1 error waived"
    assert headline(outcome(warning, one, one)) == "passed with 1 warning; 2 errors waived"
    assert headline(outcome(finding("table-dropped"), one, waived(FILE, "unindexed-foreign-key"))) == (
        "blocked by 1 error; 1 error, 1 warning waived"
    )  # fmt: skip


def test_the_comment_lists_what_is_waived_and_nowhere_else(outcome: Any, waived: Any) -> None:
    found = [waived(w, "column-dropped", f"t.{w.kind}") for w in (FILE, COMMENT, APPROVAL)]
    text = render_markdown(outcome(*found), frame=Frame(Links("https://github.com/a/b/blob/c")))
    table = text.partition("<summary>Waived</summary>")[2].partition("</details>")[0]
    assert table.strip().splitlines()[2:] == [
        f"| `column-dropped`<br>(error) | `t.file` | `{WHY}` | `ann`, until 2027-03-01 |"
        " `9f2c1e7a1b2c:gatekeeper.yml:3` |",
        f"| `column-dropped`<br>(error) | `t.comment` | `{WHY}` | not known (a comment) |"
        " [`2.py:9`](https://github.com/a/b/blob/c/m/2.py#L9) |",
        f"| `column-dropped`<br>(error) | `t.approval` | `{WHY}` | `bob` | [review]({APPROVAL.url}) |",
    ]
    assert text.count("`t.file`") == 1
    assert "How to fix" not in text


def test_many_of_one_waiver_are_one_row(outcome: Any, waived: Any) -> None:
    found = [waived(FILE, "column-dropped", f"t.c{i}") for i in range(9)]
    found += [waived(COMMENT, "column-dropped", "t.d")]
    text = render_markdown(outcome(*found))
    assert "| `t.c0`, `t.c1`, `t.c2` and 6 more |" in text
    assert "| `t.d` |" in text


def test_what_there_is_no_room_for_is_counted(outcome: Any, waived: Any) -> None:
    found = [
        waived(replace(FILE, line=i), "column-dropped", f"{'t' * 150}.c{i}") for i in range(300)
    ]
    text = render_markdown(outcome(*found), limit=60_000)
    assert len(text.encode()) <= 60_000
    assert "200 more rows are in the full report" in text
    assert "300 errors waived" in text
    assert "300 more rows are in the full report" in render_markdown(outcome(*found), limit=3_000)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", ["file", "comment", "approval"])
def test_hostile_words_add_nothing(outcome: Any, waived: Any, name: str, kind: str) -> None:
    def text(word: str) -> str:
        url = word if kind == "approval" else ""
        waiver = Waiver(word, word, word, kind, word, file=word, line=3, url=url)
        return render_markdown(outcome(waived(waiver, "column-dropped", word), name=word))

    assert shape(text(name)) == shape(text("orders"))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_to_approve_add_nothing(
    outcome: Any, finding: Any, policies: Any, name: str
) -> None:
    def text(word: str, approver: str) -> str:
        policy = replace(policies["column-dropped"], approvers=(approver, "acme/dba"))
        return render_markdown(outcome(finding(policy, word), name=word))

    assert shape(text(name, name)) == shape(text("orders", "ann"))


def test_who_may_approve_and_what_to_write(outcome: Any, finding: Any, policies: Any) -> None:
    policy = replace(policies["column-dropped"], approvers=("ann", "bob", "acme/dba"))
    text = render_markdown(outcome(finding(policy, "public.t.a")))
    assert "by `ann`, `bob` or `acme/dba`, not by the pull request's author" in text
    blocks = [t.content for t in MARKDOWN.parse(text) if t.type == "fence"]
    assert "gatekeeper: allow column-dropped public.t.a because …\n" in blocks
    assert "in a comment directly above the operation" not in text
    many = render_markdown(outcome(*(finding(policy, f"public.t.c{i}") for i in range(20))))
    assert many.count("gatekeeper: allow column-dropped public.t.c") == 10
    assert "a line like this for each object" in many
    other = render_markdown(outcome(finding("column-dropped")))
    assert "in a comment directly above the operation" in other
    on_trial = replace(policy, mode="dry-run")
    assert "gatekeeper: allow" not in render_markdown(outcome(finding(on_trial)))


@pytest.mark.parametrize("waiver", [FILE, COMMENT, APPROVAL])
def test_json_is_valid_and_holds_all_of_it(
    outcome: Any, finding: Any, waived: Any, waiver: Waiver
) -> None:
    values = json.loads(render_json(alone(outcome(finding("table-dropped"), waived(waiver)))))
    Draft202012Validator(json.loads(_SCHEMA.read_text("utf-8"))).validate(values)
    blocking, found = values["findings"]
    assert blocking["waiver"] is None
    assert (found["severity"], found["blocks"]) == ("error", False)
    assert found["waiver"] == {
        "kind": waiver.kind,
        "by": waiver.by or None,
        "because": WHY,
        "until": "2027-03-01" if waiver is FILE else None,
        "place": waiver.place,
    }


def test_sarif_is_valid_and_suppresses(outcome: Any, finding: Any, waived: Any) -> None:
    found = [finding("table-dropped"), *(waived(w) for w in (FILE, COMMENT, APPROVAL))]
    values = json.loads(render_sarif(alone(outcome(*found))))
    schema = Path(__file__).with_name("sarif-2.1.0.schema.json").read_text("utf-8")
    Draft4Validator(json.loads(schema)).validate(values)
    results = values["runs"][0]["results"]
    assert [r["level"] for r in results] == ["error"] * 4
    none, file, comment, approval = (r["suppressions"] for r in results)
    assert none == []
    assert file == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": f"{WHY} (ann, until 2027-03-01)",
        }
    ]
    assert comment[0]["kind"] == "inSource"
    assert comment[0]["location"]["physicalLocation"] == {
        "artifactLocation": {"uri": "m/2.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 9},
    }
    assert approval[0]["justification"] == f"{WHY} (bob)"


def test_the_terminal_lists_it_with_names_made_visible(
    outcome: Any, waived: Any, finding: Any, policies: Any
) -> None:
    console = Console(record=True, width=100, file=StringIO())
    policy = replace(policies["table-dropped"], approvers=("ann", "acme/dba"))
    hostile = replace(FILE, because="x\x1b[31m\u202e", by="e\u200b")
    print_terminal(
        outcome(finding(policy, "t"), waived(hostile, "column-dropped", "a\u202e")), console
    )
    text = console.export_text()
    assert "  error column-dropped  a\\u202e\n" in text
    assert "    x\\u001b[31m\\u202e (e\\u200b, until 2027-03-01;" in text
    assert "Or an approving review by one of ann, acme/dba, with the line:" in text
    assert "    gatekeeper: allow table-dropped t because …\n" in text
