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
from gatekeeper.report.outcome import Outcome, alone
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
            _row(privilege="UPDATE", column_name="id"),
            _row(privilege="UPDATE"),
            _row(privilege="INSERT"),
            _row(role_name="ann", exposure="derived", rows="some", needs_set_role=True),
        )
    )
    assert [(g.role, g.thing, g.privileges, g.columns) for g in found] == [
        ("joe", "public.users", ["SELECT", "UPDATE"], ["id", "email"]),
        ("joe", "public.users", ["INSERT"], ["email"]),
        ("ann", "public.users", ["SELECT"], ["email"]),
    ]
    assert found[2].limits == (
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
        {"rows": "none"},
        {"via_kind": "predefined role", "object_is_new": True},
    ],
)
def test_what_nobody_gained_is_left_out(values: dict[str, Any]) -> None:
    assert gains(_outcome(_row(**values))) == []


def test_several_columns_of_a_view_or_grant_are_one_line() -> None:
    via = "grant on public.people → view public.people ({}) as app"
    found = gains(
        _outcome(
            _row(column_name="id", via=via.format("id")),
            _row(via=via.format('"E (mail)"')),
            _row(role_name="ann", via=via.format("contact")),
            _row(role_name="bob", column_name="id", via="grant on public.users (id)"),
            _row(role_name="bob", via="grant on public.users (email)"),
        )
    )
    assert [(g.role, g.columns, g.via) for g in found] == [
        ("joe", ["id", "email"], "grant on public.people → view public.people as app"),
        ("ann", ["email"], via.format("contact")),
        ("bob", ["id", "email"], "grant on public.users"),
    ]


def test_columns_are_named_unless_it_is_all_of_them() -> None:
    columns = [
        {"table_subject": "public.users", "column_name": name, "change": change}
        for name, change in (("id", None), ("email", "added"), ("old", "dropped"))
    ]
    rows = [_row(column_name="id"), _row(), _row(role_name="ann")]
    outcome = Outcome("passed", "b", "h", facts=Facts(head={"access": rows, "columns": columns}))
    assert [(g.role, g.columns) for g in gains(outcome)] == [("joe", []), ("ann", ["email"])]


@pytest.mark.parametrize(
    ("values", "change", "told"),
    [
        ({"via": "SET ROLE joe → grant on public.users", "needs_set_role": True}, None, ["joe"]),
        ({"via": "member of joe → grant on public.users"}, None, ["joe"]),
        ({"via": "member of joe → grant on public.users"}, "added", ["joe", "ann"]),
        ({"via": "member of staff → grant on public.users"}, None, ["joe", "ann"]),
        ({"via": "grant on public.users"}, None, ["joe", "ann"]),
    ],
)
def test_what_a_group_gains_is_told_of_the_group(
    values: dict[str, Any], change: str | None, told: list[str]
) -> None:
    rows = [_row(), _row(role_name="ann", **values)]
    members = [{"role_name": "joe", "member": "ann", "change": change}]
    outcome = Outcome(
        "passed", "b", "h", facts=Facts(head={"access": rows, "memberships": members})
    )
    assert [gain.role for gain in gains(outcome)] == told


def test_what_everybody_gains_is_told_of_public() -> None:
    via = "grant to PUBLIC on public.users"
    found = gains(_outcome(_row(via=via), _row(role_name="public", via=via)))
    assert [gain.role for gain in found] == ["public"]


def test_the_terminal_says_it_with_names_made_visible() -> None:
    out = StringIO()
    print_terminal(_outcome(_row(role_name="a\x1b[31m\nb")), Console(file=out, width=100))
    text = out.getvalue()
    assert "Who can do more after this" in text
    assert "SELECT on public.users (email), by grant on public.users" in text
    assert "\x1b" not in text


def test_json_has_every_row() -> None:
    rows = json.loads(render_json(alone(_outcome(_row(), _row(change="lost")))))["access"]
    assert [row["change"] for row in rows] == ["gained", "lost"]


def test_the_comment_has_a_section_with_names_as_code() -> None:
    text = render_markdown(_outcome(_row(role_name="a|b"), _row(exposure="derived")))
    assert "<summary>Who can do more after this</summary>" in text
    (row,) = [line for line in text.splitlines() if line.startswith("|") and "u007cb" in line]
    assert "SELECT" in row
    assert "`grant on public.users`" in row
    assert "(computed from it)" in text
    assert "Who can do more" not in render_markdown(_outcome())
