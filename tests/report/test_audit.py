"""The report of an audit: its published schemas, what comes first, and names that are hostile."""

import json
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from jsonschema import Draft4Validator, Draft202012Validator
from rich.console import Console

import gatekeeper.report
from gatekeeper.baseline import Entry
from gatekeeper.policy.model import Waiver
from gatekeeper.report.audit import (
    VERSION,
    Audit,
    Audited,
    Debt,
    IdleWaiver,
    groups,
    headline,
    render_audit,
)
from gatekeeper.report.audit_sarif import render_audit_sarif
from gatekeeper.report.audit_text import print_audit, render_audit_markdown
from tests.report.documents import HOSTILE, shape

_FOLDER = Path(gatekeeper.report.__file__).parent
_SCHEMA = json.loads((_FOLDER / "audit.schema.json").read_text("utf-8"))
_SARIF = json.loads(Path(__file__).with_name("sarif-2.1.0.schema.json").read_text("utf-8"))


@pytest.fixture
def audit(finding):
    """Make an audit with one of everything; every name in it is `name`."""

    def make(name: str = "public.orders", **options) -> Audit:
        waived = Waiver("json-not-jsonb", name, name, "file", name, date(2030, 1, 1), "g.yml", 3)
        entry = Entry(name, name, name)
        idle = Waiver("column-dropped", name, name, "file", file="g.yml", line=7)
        values = {
            "head": name,
            "findings": (
                Audited(finding("float-money", name), name),
                Audited(finding("missing-primary-key", name, severity="error"), name),
                Audited(finding("naive-timestamp", name, severity="notice"), "", known=True),
                Audited(replace(finding("json-not-jsonb", name), waiver=waived), name),
            ),
            "idle": (IdleWaiver("unused", idle, name),),
            "debt": Debt("b.json", 1, (entry,), (entry,)),
            "notes": (name,),
            "policy_count": 3,
            "table_count": 1,
            "server_version": "18.0",
            "file": "now.sql",
        }
        return Audit(**values | options)

    return make


def text_of(audit, **options):
    out = StringIO()
    print_audit(audit, Console(file=out, width=100), **options)
    return out.getvalue()


@pytest.mark.parametrize("name", ["public.orders", *HOSTILE])
def test_the_json_keeps_to_its_published_schema(audit, name):
    Draft202012Validator.check_schema(_SCHEMA)
    values = json.loads(render_audit(audit(name)))
    assert [e.message for e in Draft202012Validator(_SCHEMA).iter_errors(values)] == []
    values = json.loads(render_audit(audit(name, debt=None, idle=())))
    assert [e.message for e in Draft202012Validator(_SCHEMA).iter_errors(values)] == []
    assert _SCHEMA["properties"]["version"]["const"] == VERSION


@pytest.mark.parametrize("name", ["public.orders", *HOSTILE])
def test_sarif_keeps_to_its_schema_and_every_result_has_a_place(audit, name):
    values = json.loads(render_audit_sarif(audit(name), everything=True))
    assert [e.message for e in Draft4Validator(_SARIF).iter_errors(values)] == []
    (run,) = values["runs"]
    results = run["results"]
    rules = [run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] for r in results]
    assert rules == [r["ruleId"] for r in results]
    assert rules[-1] == "waiver-without-effect"
    places = [
        (p["artifactLocation"]["uri"], p["region"]["startLine"])
        for p in (r["locations"][0]["physicalLocation"] for r in results)
    ]
    assert places[-1] == ("g.yml", 7)
    assert [r.get("baselineState") for r in results] == ["new", "new", "unchanged", "new", None]
    assert [bool(r["suppressions"]) for r in results] == [False, False, False, True, False]
    assert [r["properties"]["blocks"] for r in results[:-1]] == [False, True, False, False]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_changes_the_shape_of_the_markdown(audit, name):
    plain, hostile = (render_audit_markdown(audit(n), everything=True) for n in ("orders", name))
    marks = {"text": 0}

    def parts(text):
        return {
            k: v for k, v in shape(text).items() if not k.startswith(("text", "code_inline"))
        } | marks

    assert parts(hostile) == parts(plain)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_sends_a_terminal_anything_but_text(audit, name):
    text = text_of(audit(name), everything=True)
    assert not set("\x00\x1b\r\u202e\u200b") & set(text)


def test_the_worst_comes_first_and_of_the_same_severity_the_most(finding, audit):
    def made(policy, count, severity, table="public.t"):
        return [
            Audited(finding(policy, f"public.t.c{i}", severity=severity), table)
            for i in range(count)
        ]

    listed = (
        *made("float-money", 2, "warning"), *made("json-not-jsonb", 1, "warning", "public.b"),
        *made("json-not-jsonb", 2, "warning", "public.a"), *made("wide-table", 9, "notice"),
        *made("missing-primary-key", 1, "error"),
    )  # fmt: skip
    found = groups(listed)
    assert [(g.policy.id, g.count) for g in found] == [
        ("missing-primary-key", 1), ("json-not-jsonb", 3), ("float-money", 2), ("wide-table", 9),
    ]  # fmt: skip
    assert [(name, len(rows)) for name, rows in found[1].tables] == [
        ("public.a", 2),
        ("public.b", 1),
    ]
    assert found[1].counts == "3 findings in 2 tables"
    text = text_of(audit(findings=listed))
    assert "and 6 more\n" in text
    assert (
        text.index("missing-primary-key")
        < text.index("json-not-jsonb  3")
        < text.index("wide-table")
    )


def test_what_is_known_is_listed_only_when_asked_for(audit):
    for render in (text_of, render_audit_markdown, render_audit_sarif):
        assert "naive-timestamp" not in render(audit())
        assert "naive-timestamp" in render(audit(), everything=True)
    assert "naive-timestamp" in render_audit(audit())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {},
            "blocked by 1 new error, 1 new warning; 1 warning waived; 1 known finding left; 1 fixed",
        ),
        ({"debt": None}, "blocked by 1 error, 1 warning; 1 warning waived"),
        ({"fail_on": "none", "debt": None}, "passed with 1 error, 1 warning; 1 warning waived"),
        ({"findings": (), "fail_on": "warning", "debt": None}, "blocked by waivers without effect"),
        ({"findings": (), "debt": Debt("b", 2)}, "passed; 2 known findings left"),
    ],
)
def test_the_headline(audit, options, said):
    assert headline(audit(**options)) == said


def test_a_large_audit_fits_and_says_what_it_leaves_out(finding, audit):
    listed = tuple(
        Audited(finding("float-money", f"public.t{i}.c"), f"public.t{i}") for i in range(3000)
    )
    text = render_audit_markdown(audit(findings=listed), limit=60_000)
    assert len(text.encode()) <= 60_000
    assert "| 3000 | 3000 |" in text
    assert "2950 more are in the JSON report." in text


def test_the_same_audit_gives_the_same_bytes(audit):
    assert render_audit(audit()) == render_audit(audit())
    assert render_audit_markdown(audit()) == render_audit_markdown(audit())
