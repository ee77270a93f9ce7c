"""The report of access: phrases, and names that are their reader's enemy's choice."""

import json
from io import StringIO

import pytest
from rich.console import Console

from gatekeeper.access.expected import Drift
from gatekeeper.access.listed import Changed, Entry
from gatekeeper.report.access import AccessReport, drift_text, render_access, said
from gatekeeper.report.access_text import print_access, render_access_markdown

SOME = Entry(
    "billing",
    "public.t",
    "table",
    "SELECT",
    ("some-rows",),
    ("a", "b"),
    ("a", "b", "c"),
    through=True,
)
WHOLE = Entry("billing", "public.t", "table", "SELECT", (), ("a", "b"), ("a", "b"))
DELETE = Entry("billing", "public.t", "table", "DELETE", ("set-role",), ())


@pytest.mark.parametrize(
    ("entry", "named", "phrase"),
    [
        (SOME, False, "SELECT (2 of 3 columns; some-rows; through)"),
        (SOME, True, "SELECT (a, b; some-rows; through)"),
        (WHOLE, False, "SELECT"),
        (WHOLE, True, "SELECT (a, b)"),
        (DELETE, True, "DELETE (set-role)"),
    ],
)
def test_what_can_be_done_in_one_phrase(entry, named, phrase):
    assert said(entry, named=named) == phrase


def test_a_difference_in_one_line():
    drift = Drift("missing", "a", "public.t", "select derived", ("x", "y"), 3)
    assert drift_text(drift) == "a cannot SELECT (x, y; derived) on public.t"
    assert drift_text(Drift("unexpected", "a", "", "superuser", None)) == "a is a superuser"
    assert drift_text(Drift("missing", "a", "", "superuser", None)) == "a is no superuser"


EVIL = '"x\u202e\x1b[31m`|\n<b>"'


def _reports():
    entry = Entry(EVIL, EVIL, "table", "SELECT", (), (EVIL,), (EVIL, "b"), ways=(EVIL,) * 7)
    yield AccessReport(EVIL, (EVIL,), (entry,), notes=(EVIL,))
    yield AccessReport(EVIL, base=EVIL, changes=(Changed("gained", entry),), notes=(EVIL,))
    drift = Drift("unexpected", EVIL, EVIL, "select", (EVIL,), 2, (EVIL,))
    yield AccessReport(EVIL, expected=EVIL, drift=(drift,))


def markdown(report):
    return render_access_markdown(report, named=True, ways=True)


@pytest.mark.parametrize("report", list(_reports()))
def test_hostile_names_do_no_harm(report):
    out = StringIO()
    print_access(report, Console(file=out, width=80), named=True, ways=True)
    for text in (out.getvalue(), markdown(report)):
        assert "\u202e" not in text
        assert "\x1b" not in text
        assert "\\u202e" in text
        assert "\n<b>" not in text
    # A name neither ends its cell nor its code: the row has as many bars as its heading.
    table = [line for line in markdown(report).splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert json.loads(render_access(report))["version"] == 1


def test_many_ways_are_counted():
    entry = Entry("a", "public.t", "table", "DELETE", (), (), ways=tuple("1234567"))
    out = StringIO()
    print_access(AccessReport("x", entries=(entry,)), Console(file=out), named=True, ways=True)
    assert "      5\n      and 2 more\n" in out.getvalue()
