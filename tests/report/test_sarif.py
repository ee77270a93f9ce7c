"""SARIF keeps to the schema that OASIS publishes, and to what code scanning asks for on top.

sarif-2.1.0.schema.json is OASIS's own (errata01), unchanged; they let everybody incorporate it.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from jsonschema import Draft4Validator

from gatekeeper.model.evidence import Revision
from gatekeeper.policy.model import Policy
from gatekeeper.report.outcome import Outcome, alone
from gatekeeper.report.sarif import render_sarif, sarif_values

_SCHEMA = json.loads(Path(__file__).with_name("sarif-2.1.0.schema.json").read_text("utf-8"))


def _run(outcome: Outcome) -> dict[str, Any]:
    values = json.loads(render_sarif(alone(outcome)))
    problems = [e.message for e in Draft4Validator(_SCHEMA).iter_errors(values)]
    assert problems == []
    (run,) = values["runs"]
    return dict(run)


def test_the_schema_is_the_published_one() -> None:
    Draft4Validator.check_schema(_SCHEMA)
    assert _SCHEMA["id"] == sarif_values(Outcome("passed", "a", "b"))["$schema"]
    assert not Draft4Validator(_SCHEMA).is_valid({"version": "2.1.0", "runs": [{}]})


def test_every_policys_finding_is_valid(
    outcome: Any, finding: Any, policies: Mapping[str, Policy]
) -> None:
    run = _run(outcome(*(finding(key, file="m/2.py") for key in policies)))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted(policies)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    for rule in rules:
        assert rule["help"]["text"].startswith(rule["fullDescription"]["text"])
        assert rule["help"]["markdown"].count("```") % 2 == 0


def test_an_empty_review_is_valid() -> None:
    run = _run(Outcome("passed", "main", "work"))
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])
    assert run["invocations"][0]["executionSuccessful"] is True


def test_a_result_says_what_where_and_which(outcome: Any, finding: Any) -> None:
    found = finding("table-dropped", file="m/2.py", takes_along=None)
    (result,) = _run(outcome(found))["results"]
    assert result["level"] == "error"
    assert result["message"]["text"].startswith("The table public.orders is dropped.\nInstead:\n")
    assert result["partialFingerprints"] == {"gatekeeper/v1": found.fingerprint}
    (location,) = result["locations"]
    assert location["logicalLocations"] == [{"fullyQualifiedName": "public.orders"}]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "m/2.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 12},
    }


@pytest.mark.parametrize(
    ("severity", "level"), [("error", "error"), ("warning", "warning"), ("notice", "note")]
)
def test_levels(outcome: Any, finding: Any, severity: str, level: str) -> None:
    (result,) = _run(outcome(finding("table-dropped", severity=severity)))["results"]
    assert result["level"] == level


def test_what_is_on_trial_is_no_error(
    outcome: Any, finding: Any, policies: Mapping[str, Policy]
) -> None:
    trial = replace(policies["table-dropped"], mode="dry-run")
    (result,) = _run(outcome(finding(trial)))["results"]
    assert (result["level"], result["properties"]["blocks"]) == ("warning", False)


@pytest.mark.parametrize("file", [None, "/etc/passwd", "../x.py", "a/../../x", "a\\..\\x", ""])
def test_a_finding_without_a_file_is_shown_at_the_migration(
    outcome: Any, finding: Any, file: str | None
) -> None:
    made = outcome(
        finding("missing-primary-key", file=file, line=None),
        revisions=(Revision("1", "m/1.py"), Revision("2", "m/2.py", is_new=True)),
    )
    (result,) = _run(made)["results"]
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "m/2.py"
    assert physical["region"] == {"startLine": 1}


def test_a_finding_of_no_file_at_all_is_valid(outcome: Any, finding: Any) -> None:
    made = outcome(finding("missing-primary-key", file=None), revisions=())
    (result,) = _run(made)["results"]
    assert "physicalLocation" not in result["locations"][0]


@pytest.mark.parametrize(
    "name",
    ["m/a b.py", "m/ä#?.py", "m/%2e%2e/x.py", "m/http:x", "m:1/x.py", "m/\udcff.py", "m/\n"],
)
def test_a_strange_file_name_is_one_relative_address(outcome: Any, finding: Any, name: str) -> None:
    (result,) = _run(outcome(finding("table-dropped", file=name)))["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert unquote(uri, errors="surrogateescape") == name


def test_hostile_texts_are_visible(outcome: Any, finding: Any) -> None:
    found = finding("table-dropped", "x\u202e\x1b", file="m/\ud800.py", comment="\ud800")
    text = render_sarif(alone(outcome(found, notes=("\ud800",))))
    text.encode()
    assert "\u202e" not in text


def test_a_failure_is_told_by_the_invocation(failed: Any) -> None:
    run = _run(failed("boom", file="m/2.py"))
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    first, second = invocation["toolExecutionNotifications"]
    assert (first["level"], first["message"]["text"]) == ("error", "boom\nboom\nboom")
    assert first["locations"][0]["physicalLocation"]["region"] == {"startLine": 7}
    assert (second["level"], second["message"]["text"]) == ("note", "boom")
    assert _run(failed(file=None, line=None, detail=None, hint=None))["results"] == []


def test_the_same_review_gives_the_same_bytes(outcome: Any, finding: Any) -> None:
    made = outcome(finding("table-dropped"), finding("column-dropped"))
    assert render_sarif(alone(made)) == render_sarif(alone(made))
