"""The difference of two schemas, in a form for people and one for programs; all names are hostile."""

import json
from io import StringIO
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

import gatekeeper.report
from gatekeeper.diff.compare import compare
from gatekeeper.model.schema import Column, Function, Other, Schema, Table
from gatekeeper.report.difference import VERSION, Difference, difference_values, render_difference
from gatekeeper.report.difference_text import print_difference

SCHEMA = json.loads((Path(gatekeeper.report.__file__).parent / "diff.schema.json").read_text())
EVIL = "x\x1b[31m\u202e\n+ table fake\r`|<!--"


def _difference(before, after, **fields):
    changes = compare(before, after, by_name=True)
    return Difference("a", "b", "18.6", "18.6", changes, **fields)


def _text(difference):
    out = StringIO()
    print_difference(difference, Console(file=out, width=100))
    return out.getvalue()


def _function(body):
    return Schema(functions=(Function(1, "public", "f", body=body),))


def test_the_schema_is_strict_and_of_this_version():
    assert SCHEMA["properties"]["version"]["const"] == VERSION
    for part in (SCHEMA, *(d for d in SCHEMA["$defs"].values() if "properties" in d)):
        assert part["additionalProperties"] is False
        assert set(part["required"]) == set(part["properties"])
        assert all(p.get("description") or p.get("$ref") for p in part["properties"].values())


@pytest.mark.parametrize(
    ("key", "value"), [("same", 1), ("version", 2), ("notes", [1]), ("changes", [{}]), ("extra", 1)]
)
def test_the_schema_refuses_what_is_no_difference(key, value):
    values = difference_values(_difference(Schema(), Schema()))
    assert Draft202012Validator(SCHEMA).is_valid(values)
    assert not Draft202012Validator(SCHEMA).is_valid(values | {key: value})


def test_hostile_names_and_values_print_as_what_they_are():
    table = Table(1, EVIL, EVIL, comment=EVIL)
    column = Column(1, 1, EVIL, EVIL, EVIL, 1, data_type="text", default=EVIL, comment=EVIL)
    other = Other("pg_statistic_ext", 3, "statistics", None, EVIL, EVIL, definition=EVIL)
    before = Schema(tables=(Table(1, EVIL, EVIL),), others=(other,))
    after = Schema(tables=(table,), columns=(column,))
    found = _difference(before, after, notes=(EVIL,))
    lines = _text(found).splitlines()
    assert not [line for line in lines if line.startswith("+ table fake")]
    assert not set(_text(found)) & {"\x1b", "\u202e", "\r"}
    values = json.loads(render_difference(found))
    assert list(Draft202012Validator(SCHEMA).iter_errors(values)) == []
    assert {c["subject"] for c in values["changes"]} >= {EVIL, table.subject, column.subject}


def test_names_that_are_no_utf8_can_be_written():
    found = Difference("m\udcff.sql", "b", "18.6", "18.6")
    assert b'"m\\udcff.sql"' in render_difference(found).encode()
    assert "m\\udcff.sql" in _text(found)


def test_long_texts_are_compared_line_by_line():
    body = [f"line {number}" for number in range(40)]
    changed = [*body[:20], "another line", *body[21:]]
    text = _text(_difference(_function("\n".join(body)), _function("\n".join(changed))))
    assert text.splitlines()[3:-2] == [
        "~ function public.f()  body:",
        "    @@ -19,5 +19,5 @@",
        "      line 18",
        "      line 19",
        "    - line 20",
        "    + another line",
        "      line 21",
        "      line 22",
    ]


def test_a_long_line_is_shown_before_and_after():
    text = _text(_difference(_function("x" * 70), _function("y" * 70)))
    assert text.splitlines()[3:-2] == [
        "~ function public.f()  body:",
        f"    - {'x' * 70}",
        f"    + {'y' * 70}",
    ]


def test_what_went_with_its_owner_is_counted():
    columns = tuple(Column(1, 1, "public", "t", f"c{i}", i, data_type="int") for i in range(2))
    text = _text(_difference(Schema(tables=(Table(1, "public", "t"),), columns=columns), Schema()))
    assert text.splitlines()[3:] == [
        "- table public.t  (with 2 columns)",
        "",
        "1 difference: 1 dropped",
    ]


def test_the_same_difference_gives_the_same_bytes():
    found = _difference(_function("a"), _function("b"))
    assert render_difference(found) == render_difference(found)
