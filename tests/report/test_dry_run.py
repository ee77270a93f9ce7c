"""The report of a dry run: its published schema, what counts, and names that are hostile."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from rich.console import Console

import gatekeeper.report
from gatekeeper.config import SEVERITIES
from gatekeeper.model.evidence import Failure, Revision
from gatekeeper.policy.model import Waiver
from gatekeeper.report.dry_run import VERSION, DryRun, Replayed, fired, headline, render_dry_run
from gatekeeper.report.dry_run_text import print_dry_run, render_dry_run_markdown

_SCHEMA = json.loads(
    (Path(gatekeeper.report.__file__).parent / "dry-run.schema.json").read_text("utf-8")
)
HOSTILE = "a|b`c`<img src=x>\x1b[2J\n\n# h\n@team"


@pytest.fixture
def run(policies, finding):
    """Make a run of two revisions; every name in it is `name`."""

    def make(name: str = "orders", **options) -> DryRun:
        dropped = finding("column-dropped", name, file=name)
        hint = finding("naive-timestamp", name, file=name, severity="warning", undecided=True)
        chosen = tuple(policies[k] for k in ("column-dropped", "naive-timestamp", "table-dropped"))
        first = Revision(name, name, title=name, is_new=True)
        return DryRun(
            **{
                "head": name,
                "base": name,
                "count": 2,
                "policies": chosen,
                "replayed": (
                    Replayed(first, "blocked", (dropped, dropped, hint)),
                    Replayed(replace(first, id="r2"), "passed", (hint,)),
                ),
                "notes": (name,),
            }
            | options
        )

    return make


def terminal(run: DryRun) -> str:
    out = StringIO()
    print_dry_run(run, Console(file=out, width=100))
    return out.getvalue()


def test_the_schema_is_strict_and_knows_the_words_of_the_code() -> None:
    Draft202012Validator.check_schema(_SCHEMA)
    for schema in (_SCHEMA, *(d for d in _SCHEMA["$defs"].values() if "properties" in d)):
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) == set(schema["properties"])
        assert all(value.get("description") for value in schema["properties"].values())
    assert _SCHEMA["properties"]["version"]["const"] == VERSION
    severity = _SCHEMA["$defs"]["finding"]["properties"]["severity"]["enum"]
    assert tuple(severity) == SEVERITIES


@pytest.mark.parametrize("name", ["orders", HOSTILE, "\udcff"])
@pytest.mark.parametrize("failure", [None, Failure("no", revision="r3", file="f.py", line=3)])
def test_json_keeps_to_the_schema(run, name, failure) -> None:
    text = render_dry_run(run(name, failure=failure))
    values = json.loads(text.encode())
    assert [e.message for e in Draft202012Validator(_SCHEMA).iter_errors(values)] == []
    assert (values["count"], values["replayed"], values["blocked"]) == (2, 2, 1)


def test_counts_by_policy_what_blocked_most_first(run) -> None:
    found = [(f.policy.id, f.revisions, f.findings, f.blocked, f.uncertain) for f in fired(run())]
    assert found == [
        ("column-dropped", 1, 2, 1, 0),
        ("naive-timestamp", 2, 2, 0, 2),
        ("table-dropped", 0, 0, 0, 0),
    ]


def test_a_policy_on_trial_blocks_nothing(run, policies, finding) -> None:
    trial = replace(policies["column-dropped"], mode="dry-run")
    one = Replayed(Revision("r", "r.py"), "passed", (finding(trial, "t"),))
    made = run(policies=(trial,), replayed=(one,), count=1)
    assert [(f.severity, f.blocked) for f in fired(made)] == [("error (on trial)", 0)]
    assert headline(made) == "0 of 1 revision would have been blocked"
    assert "error (on trial) column-dropped" in terminal(made)


def test_what_is_waived_is_said_so(run, finding) -> None:
    waiver = Waiver("column-dropped", "*", "nobody reads it any more", "file")
    one = replace(finding("column-dropped", "t"), waiver=waiver)
    made = run(replayed=(Replayed(Revision("r", "r.py"), "passed", (one,)),), count=1)
    assert next((f.blocked, f.waived) for f in fired(made)) == (0, 1)
    assert "error (waived) column-dropped" in terminal(made)
    assert "`column-dropped` (waived)" in render_dry_run_markdown(made)


def test_the_table_has_what_fired_and_what_was_tried(run) -> None:
    for shown in (terminal(run()), render_dry_run_markdown(run())):
        assert "table-dropped" not in shown
        assert "1 policy of 3 fired nowhere" in shown
    tried = run(tried=frozenset({"table-dropped"}))
    assert "table-dropped" in terminal(tried)
    assert "table-dropped" in render_dry_run_markdown(tried)


def test_how_far_it_came(run) -> None:
    made = run(
        count=5, failure=Failure("it broke", revision="r3", file="v/r3.py", line=7, hint="mend")
    )
    assert headline(made) == "1 of the first 2 revisions of 5 would have been blocked"
    for shown in (terminal(made), render_dry_run_markdown(made)):
        for word in ("r3", "v/r3.py:7", "it broke", "mend"):
            assert word in shown


def test_hostile_names_stay_text(run) -> None:
    made = run(HOSTILE, failure=Failure(HOSTILE, file=HOSTILE, revision=HOSTILE, hint=HOSTILE))
    assert "\x1b" not in terminal(made)
    text = render_dry_run_markdown(made)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    flat = [t for token in tokens for t in [token, *(token.children or ())]]
    assert [t.content for t in flat if t.type == "html_inline" and t.content != "<br>"] == []
    assert all("<img" not in t.content for t in flat if t.type == "html_block")
    assert all("@team" not in t.content for t in flat if t.type == "text")
    assert [t.tag for t in flat if t.type == "heading_open"] == ["h3"]


def test_findings_are_left_out_before_it_gets_too_long(run) -> None:
    made = run("x" * 100)
    whole = render_dry_run_markdown(made)
    short = render_dry_run_markdown(made, limit=len(whole.encode()) - 1)
    assert len(short) < len(whole)
    assert "more are in the JSON report" in short
    assert "column-dropped" in short
