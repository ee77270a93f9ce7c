"""The JSON report keeps to its published schema, whatever the review holds."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import gatekeeper.report
from gatekeeper.config import SEVERITIES
from gatekeeper.model.evidence import LOCK_MODES
from gatekeeper.policy.model import Policy
from gatekeeper.report.json import VERSION, render_json, report_values
from gatekeeper.report.outcome import EXIT_STATUS, Outcome, alone

_SCHEMA = json.loads(
    (Path(gatekeeper.report.__file__).parent / "report.schema.json").read_text("utf-8")
)


def _check(outcome: Outcome) -> dict[str, Any]:
    values = json.loads(render_json(alone(outcome)))
    problems = [e.message for e in Draft202012Validator(_SCHEMA).iter_errors(values)]
    assert problems == []
    return values


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for value in schema.values():
            yield from _objects(value)


def test_the_schema_itself_is_valid_and_strict() -> None:
    Draft202012Validator.check_schema(_SCHEMA)
    found = list(_objects(_SCHEMA))
    assert len(found) == 14
    for schema in found:
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) == set(schema["properties"])
        assert all(value.get("description") for value in schema["properties"].values())


def test_the_schema_knows_the_words_of_the_code() -> None:
    properties, finding = _SCHEMA["properties"], _SCHEMA["$defs"]["finding"]["properties"]
    assert properties["version"]["const"] == VERSION
    assert tuple(properties["verdict"]["enum"]) == tuple(EXIT_STATUS)
    assert tuple(finding["severity"]["enum"]) == SEVERITIES
    modes = _SCHEMA["$defs"]["statement"]["properties"]["lock_mode"]["enum"]
    assert tuple(modes[1:]) == LOCK_MODES


def test_every_policys_finding_is_valid(
    outcome: Any, finding: Any, policies: Mapping[str, Policy]
) -> None:
    values = _check(outcome(*(finding(key) for key in policies)))
    assert [f["policy"] for f in values["findings"]] == list(policies)
    assert [r["id"] for r in values["revisions"]] == ["orders"]
    assert values["statements"][0]["lock_mode"] == "AccessExclusiveLock"
    assert [c["kind"] for c in values["changes"]] == [
        "table.added", "column.added", "foreign_key.added",
    ]  # fmt: skip


def test_an_empty_review_is_valid() -> None:
    values = _check(Outcome("passed", "main", "work"))
    assert (values["verdict"], values["findings"], values["failure"]) == ("passed", [], None)


def test_a_finding_holds_the_statement_and_what_failed(outcome: Any, finding: Any) -> None:
    found = finding(
        "missing-primary-key",
        severity="error",
        failed=(
            ("has_primary_key or tagged(tags, 'no-pk')", {"has_primary_key": 0, "tags": None}),
        ),
    )
    first = _check(outcome(found, name="orders"))["findings"][0]
    assert first["statement"] == "orders"
    assert (first["line"], first["certain"], first["blocks"]) == (12, True, True)
    assert first["failed"][0]["values"] == {"has_primary_key": 0, "tags": None}
    assert first["message"] == "public.orders has no primary key."


def test_an_undecided_finding_says_so(outcome: Any, finding: Any) -> None:
    unsure = finding(
        "lossy-type-change",
        severity="warning",
        undecided=True,
        failed=(("conversion in ('lossy')", {"conversion": None}),),
    )
    first = _check(outcome(unsure))["findings"][0]
    assert (first["undecided"], first["certain"], first["blocks"]) == (True, False, False)


def test_a_finding_without_a_statement_is_valid(outcome: Any, finding: Any) -> None:
    nowhere = dict.fromkeys(("file", "line", "revision", "statement"))
    first = _check(outcome(finding("missing-primary-key", **nowhere)))["findings"][0]
    assert [first[key] for key in nowhere] == [None] * 4


@pytest.mark.parametrize("bare", [False, True])
def test_a_failure_is_valid(failed: Any, *, bare: bool) -> None:
    keys = ("revision", "file", "line", "sql", "sqlstate", "detail", "hint")
    values = _check(failed(**dict.fromkeys(keys)) if bare else failed())
    assert values["verdict"] == "undecided"
    assert values["failure"]["during"] == "new migrations"
    assert values["failure"]["sqlstate"] == (None if bare else "42P01")


def test_the_same_review_gives_the_same_bytes(outcome: Any, finding: Any) -> None:
    assert render_json(alone(outcome(finding("table-dropped")))) == render_json(
        alone(outcome(finding("table-dropped")))
    )


def test_messages_hold_nothing_invisible(outcome: Any, finding: Any) -> None:
    found = finding("table-dropped", "x\u202e\x1b[31m\n", takes_along=None)
    message = report_values(outcome(found))["findings"][0]["message"]
    assert message == "The table x\\u202e\\u001b[31m\\u000a is dropped."


def test_names_that_are_no_utf8_can_be_written(outcome: Any, finding: Any) -> None:
    text = render_json(alone(outcome(finding("table-dropped", file="m\udcff.py"))))
    assert json.loads(text.encode())["findings"][0]["policy"] == "table-dropped"


@pytest.mark.parametrize(
    ("key", "value"),
    [("verdict", "maybe"), ("policies", -1), ("extra", 1), ("notes", [1]), ("findings", [{}])],
)
def test_the_schema_refuses_what_is_not_a_report(outcome: Any, key: str, value: object) -> None:
    values = report_values(outcome()) | {key: value}
    assert not Draft202012Validator(_SCHEMA).is_valid(values)
