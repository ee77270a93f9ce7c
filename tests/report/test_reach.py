"""Who can do more after the pull request, in the reports."""

import json
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from gatekeeper.facts.build import Facts
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.report.json import render_json
from gatekeeper.report.markdown import render_markdown
from gatekeeper.report.outcome import Outcome
from gatekeeper.report.reach import gains
from gatekeeper.report.terminal import print_terminal


def _row(**values: Any) -> dict[str, Any]:
    row = {c.name: False if c.type == "boolean" else None for c in TABLES["access"].columns}
    known = {
        "role_name": "joe",
        "privilege": "SELECT",
        "object_subject": "public.users.email",
        "object_kind": "table",
        "schema_name": "public",
        "table_name": "users",
        "column_name": "email",
        "change": "gained",
        "via": "grant on public.users",
        "via_kind": "grant",
        "exposure": "copied",
        "rows": "all",
        "is_certain": True,
    }
    assert (known | values).keys() <= row.keys()
    return row | known | values


def _outcome(*rows: dict[str, Any]) -> Outcome:
    return Outcome("passed", "base", "head", facts=Facts(head={"access": list(rows)}))


def test_what_is_alike_is_one_line() -> None:
    found = gains(
        _outcome(
            _row(column_name="id"),
            _row(),
            _row(privilege="UPDATE"),
            _row(role_name="ann", exposure="derived", rows="some", needs_set_role=True),
        )
    )
    assert [(g.role, g.thing, g.privileges, g.columns) for g in found] == [
        ("joe", "public.users", ["SELECT", "UPDATE"], ["id", "email"]),
        ("ann", "public.users", ["SELECT"], ["email"]),
    ]
    assert found[1].limits == (
        "computed from it",
        "rows that policies let through",
        "after SET ROLE",
    )


@pytest.mark.parametrize(
    "values",
    [
        {"change": "lost"},
        {"change": "narrowed"},
        {"is_owner": True},
        {"object_kind": "view", "via_kind": "view"},
    ],
)
def test_what_nobody_gained_is_left_out(values: dict[str, Any]) -> None:
    assert gains(_outcome(_row(**values))) == []


def test_the_terminal_says_it_with_names_made_visible() -> None:
    out = StringIO()
    print_terminal(_outcome(_row(role_name="a\x1b[31m\nb")), Console(file=out, width=100))
    text = out.getvalue()
    assert "Who can do more after this" in text
    assert "SELECT on public.users (email), by grant on public.users" in text
    assert "\x1b" not in text


def test_json_has_every_row() -> None:
    rows = json.loads(render_json(_outcome(_row(), _row(change="lost"))))["access"]
    assert [row["change"] for row in rows] == ["gained", "lost"]


def test_the_comment_has_a_section_with_names_as_code() -> None:
    text = render_markdown(_outcome(_row(role_name="a|b"), _row(exposure="derived")))
    assert "<summary>Who can do more after this</summary>" in text
    (row,) = [line for line in text.splitlines() if line.startswith("|") and "u007cb" in line]
    assert "SELECT" in row
    assert "`grant on public.users`" in row
    assert "(computed from it)" in text
    assert "Who can do more" not in render_markdown(_outcome())
