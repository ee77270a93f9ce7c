"""Conditions: what is refused when they are compiled, and what they are true of."""

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.facts.store import FactStore
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.policy.condition import compile_condition
from gatekeeper.policy.model import Conjunct, whole
from gatekeeper.yaml_reader import Node, Problems

_PARAMS = {"limit": 10, "word": "added", "broken": "["}


def _compile(text: str, table: str = "columns") -> tuple[tuple[Conjunct, ...], list[str]]:
    """Compile a condition that stands in line 1; give its parts, or its mistakes."""
    problems = Problems()
    scalar = yaml.ScalarNode("!", text, yaml.Mark("f.yml", 0, 0, 0, None, 0), None, '"')
    parts = compile_condition(Node(scalar, "f.yml", problems), TABLES[table], dict(_PARAMS))
    return parts, [message for _, _, message in problems.found]


def _value(row: dict[str, Any], text: str, table: str = "columns") -> object:
    """Evaluate a condition on one row."""
    parts, found = _compile(text, table)
    assert found == []
    joined = whole(parts)
    assert joined is not None
    store = FactStore({table: [row]})
    try:
        (result,) = store.select(
            f"select {joined.sql} as value from {table}", dict(_PARAMS), tables=[table]
        )
        return result["value"]
    finally:
        store.close()


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("is_nulable", "columns has no column 'is_nulable'; did you mean is_nullable?"),
        ("zzz = 1", "columns has no column 'zzz'"),
        ("Change = 'added'", "columns has no column 'Change'; did you mean change?"),
        ('subject = "xyzzy"', "columns has no column 'xyzzy'; texts stand in single quotes"),
        ("columns.change = 'added'", "write change without columns."),
        ("taged(tags, 'x')", "unknown function taged(); did you mean tagged?"),
        ("load_extension('x')", "unknown function load_extension()"),
        ("tagged(tags)", "tagged() takes 2 arguments"),
        ("matches(subject, '[')", "not a regular expression: unterminated character set"),
        ("line > :limt", "unknown parameter :limt; did you mean limit?"),
        ("line > 'x'", "a text is compared with a number: line > 'x'"),
        ("line = '5'", "a text is compared with a number: line = '5'"),
        ("subject = 5", "a text is compared with a number: subject = 5"),
        ("subject in ('a', 5)", "a text is compared with a number: subject IN ('a', 5)"),
        ("line between 1 and 'x'", "a text is compared with a number"),
        ("is_nullable = 'yes'", "a text is compared with a number"),
        ("subject = :limit", "a text is compared with a number"),
        ("length(subject) = 'x'", "a text is compared with a number"),
        ("exists (select 1)", "a condition cannot hold a subquery; use query: for that"),
        ("subject in (select subject from tables)", "a condition cannot hold a subquery"),
        ("line = (select max(line) from tables)", "a condition cannot hold a subquery"),
        ("", "the condition is empty"),
        ("  \n ", "the condition is empty"),
        ("change = ", "this is not a condition that SQL understands"),
        ("change == = 'x'", "this is not a condition that SQL understands"),
        ("(change = 'added'", "this is not a condition that SQL understands"),
        ("change = 'added", "this is not a condition that SQL understands"),
        ("count(*) > 1", "count is not allowed in a condition"),
        ("cast(line as text) = '1'", "cast is not allowed in a condition"),
        ("? = 1", "unknown parameter :"),
    ],
)
def test_a_mistake_is_found_when_it_is_compiled(text: str, mistake: str) -> None:
    parts, found = _compile(text)
    assert parts == ()
    assert found[0].startswith(mistake)


@pytest.mark.parametrize(
    "text",
    ["select 1", "drop table columns", "pragma x", "-- nothing", ";", "values (1)",
     "cascaded; drop table columns", "cascaded as x", "cascaded, rewritten", "change in change"],
)  # fmt: skip
def test_what_is_no_condition_is_refused(text: str) -> None:
    parts, found = _compile(text)
    assert parts == ()
    assert found


@pytest.mark.parametrize(
    "text",
    ["change = 'droped'", "'droped' = change", "change <> 'droped'", "change in ('droped')",
     "not change = 'droped'", "change is 'droped'", "(change) = 'droped'", "change = ('droped')",
     "cascaded or change = 'droped'"],
)  # fmt: skip
def test_a_word_outside_a_closed_vocabulary_is_refused(text: str) -> None:
    _, found = _compile(text)
    (mistake,) = found
    assert mistake.startswith("change is never 'droped'; did you mean dropped? (it is one of added")


def test_every_mistake_of_a_condition_is_found() -> None:
    _, found = _compile("chnge = 'x' and line > 'y' or taged(tags, 'z')")
    assert len(found) == 3


@pytest.mark.parametrize("text", ["change", "cascaded and dropped_with", "not subject", "'x'"])
def test_a_text_is_no_condition(text: str) -> None:
    parts, found = _compile(text)
    assert (parts, len(found)) == ((), 1)


@pytest.mark.parametrize(
    "text",
    ["tagged(tags, 5)", "tagged(line, 'x')", "matches(subject, line)", "matches(subject, 5)",
     "like_any(subject, 1)", "tagged(tags, :limit)", "matches(subject, :broken)"],
)  # fmt: skip
def test_arguments_that_would_fail_on_a_row_are_refused(text: str) -> None:
    parts, found = _compile(text)
    assert (parts, len(found)) == ((), 1)


@pytest.mark.parametrize(
    "text", ["(" * 2_000 + "cascaded" + ")" * 2_000, "cascaded or " * 5_000 + "cascaded"]
)
def test_a_condition_too_deep_to_read_is_refused(text: str) -> None:
    parts, found = _compile(text)
    assert (parts, len(found)) == ((), 1)


_PIECES = st.sampled_from(
    ["change", "line", "cascaded", "row_count", " = ", " <> ", "'added'", "'", "(", ")", " and ",
     " or ", " not ", " is null", " in ", ",", ":limit", ":word", "1", "tagged(", "matches(",
     "case when ", " then ", " end", " between ", " like ", "select ", " from ", ";", "--", "/*",
     '"', "||", "*", "\0", "replace("]
)  # fmt: skip


@settings(max_examples=700, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(st.lists(_PIECES, max_size=9).map("".join), st.text(max_size=12)))
def test_any_text_is_compiled_or_refused_and_never_fails_on_a_row(row: Any, text: str) -> None:
    parts, found = _compile(text, "tables")
    assert bool(parts) != bool(found)
    if parts:
        _value(row("tables", "public.orders"), text, "tables")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("change = 'dropped'", 0),
        ("change <> 'dropped'", 1),
        ("not (change = 'dropped')", 1),
        ("not change = 'dropped'", 1),
        ("change is null", 1),
        ("change is not null", 0),
        ("change in ('added', 'dropped')", 0),
        ("change not in ('added', 'dropped')", 1),
        ("change like 'add%'", 0),
        ("not change like 'add%'", 1),
        ("line > 5", 0),
        ("not (line > 5)", 1),
        ("line between 1 and 5", 0),
        ("not tagged(tags, 'x')", 1),
        ("matches(comment, 'x')", 0),
        ("not matches(comment, 'x')", 1),
        ("like_any(comment, '*')", 0),
        ("change = 'dropped' or cascaded", 0),
        ("not (change = 'dropped' and cascaded)", 1),
        ("coalesce(change, 'none') = 'none'", 1),
        ("case when change is null then 1 else 0 end = 1", 1),
    ],
)
def test_an_ordinary_null_is_a_value_like_any_other(row: Any, text: str, value: int) -> None:
    assert _value(row("columns", "public.orders.x"), text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("row_count > 5", None),
        ("not row_count > 5", None),
        ("row_count = 5", None),
        ("row_count <> 5", None),
        ("row_count in (1, 2)", None),
        ("row_count between 1 and 2", None),
        ("row_count > 5 or has_primary_key", 1),
        ("row_count > 5 or cascaded", None),
        ("row_count > 5 and cascaded", 0),
        ("row_count > 5 and has_primary_key", None),
        ("row_count is null", 1),
        ("coalesce(row_count, 0) > 5", 0),
    ],
)
def test_an_unknown_value_makes_only_what_needs_it_unknown(
    row: Any, text: str, value: int | None
) -> None:
    made = row("tables", "public.orders", has_primary_key=True)
    assert _value(made, text, "tables") == value


@pytest.mark.parametrize(
    "text",
    ["line > :limit", "change = :word", "tagged(tags, 'NO-fk')", "matches(subject, '^public[.]')",
     "like_any(subject, 'a.* public.*')", "instr(subject, 'orders') > 0", "subject glob 'public.*'",
     "upper(substr(subject, 1, 6)) || '!' = 'PUBLIC!'", "cascaded = false", "subject like 'pub%'",
     "'x.orders.id' = replace(subject, 'public', 'x')", "line = 12 -- a remark",
     "iif(cascaded, 1, 2) = 2", "nullif(change, 'added') is null", "trim(subject) == subject",
     "abs(-line) + 1 = 13"],
)  # fmt: skip
def test_what_a_condition_may_say(row: Any, text: str) -> None:
    made = row("columns", "public.orders.id", change="added", line=12, tags=" no-fk ")
    assert _value(made, text) == 1


@pytest.mark.parametrize("table", TABLES)
def test_every_column_can_be_read_wherever_it_stands(row: Any, table: str) -> None:
    made = row(table, "x")
    for column in TABLES[table].columns:
        expected = int(made[column.name] is None)
        assert _value(made, f"{column.name} is null", table) == expected, column.name
        assert _value(made, f"subject is null or {column.name} is null", table) == expected


def test_conjuncts_are_told_apart_and_know_what_they_read() -> None:
    text = "row_count > 5 and (change = 'added' and line > 1) and (cascaded or rewritten)"
    parts, _ = _compile(text, "tables")
    assert [(p.source, p.columns, p.unknown) for p in parts] == [
        ("row_count > 5", ("row_count",), ("row_count",)),
        ("change = 'added'", ("change",), ()),
        ("line > 1", ("line",), ()),
        ("(cascaded OR rewritten)", ("cascaded", "rewritten"), ()),
    ]


def test_whole_of_nothing_is_nothing() -> None:
    assert whole(()) is None
