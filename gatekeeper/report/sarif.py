"""The report as SARIF 2.1.0, for code scanning and editors.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html
"""

import json
from typing import Any

from gatekeeper import __version__
from gatekeeper.model.evidence import Failure
from gatekeeper.policy.model import Finding, Policy, Waiver
from gatekeeper.report.escape import fence, visible, visible_lines
from gatekeeper.report.links import inside, url_path
from gatekeeper.report.outcome import Outcome, Reviews
from gatekeeper.report.view import by_whom, instead, message

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_ROOT = "%SRCROOT%"  # the root of the repository; who reads the report knows where that is
_LEVELS = {"error": "error", "warning": "warning", "notice": "note"}


def render_sarif(reviews: Reviews) -> str:
    """Give the report as SARIF, one run a project. The same commits give the same bytes."""
    log = sarif_values(reviews.parts[0])
    log["runs"] = [run for part in reviews.parts for run in sarif_values(part)["runs"]]
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def sarif_values(outcome: Outcome) -> dict[str, Any]:
    """Give the report as plain values."""
    policies = {f.policy.id: f.policy for f in outcome.findings}
    rules = [_rule(policy) for _, policy in sorted(policies.items())]
    numbers = {rule["id"]: number for number, rule in enumerate(rules)}
    driver = {
        "name": "Gatekeeper",
        "semanticVersion": __version__,
        "rules": rules,
        "notifications": [{"id": "migrations-failed"}, {"id": "note"}],
    }
    project = outcome.project
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"gatekeeper/{project}/" if project else "gatekeeper/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(outcome)],
        "results": [_result(f, numbers[f.policy.id], outcome) for f in outcome.findings],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(policy: Policy) -> dict[str, Any]:
    """Say what a policy is about. Its templates are shown as they are written."""
    parts = [policy.why.strip()]
    text = list(parts)
    for title, advice, language in (
        ("Instead:", policy.instead, "sql"),
        ("With Alembic:", policy.instead_alembic, "python"),
    ):
        if advice:
            parts += [title, fence(advice, language)]
            text += [title, advice.strip()]
    return {
        "id": policy.id,
        "shortDescription": {"text": policy.title},
        "fullDescription": {"text": policy.why.strip()},
        "help": {"text": "\n\n".join(text), "markdown": "\n\n".join(parts)},
        "defaultConfiguration": {"level": _LEVELS.get(policy.severity, "none")},
        "properties": {"tags": [policy.pack], "precision": "very-high"},
    }


def _result(finding: Finding, rule: int, outcome: Outcome) -> dict[str, Any]:
    advice = instead(finding)
    text = message(finding)
    return {
        "ruleId": finding.policy.id,
        "ruleIndex": rule,
        "level": _level(finding),
        "message": {
            "text": f"{text}\nInstead:\n{advice}" if advice else text,
        },
        "locations": [_location(finding, outcome)],
        "partialFingerprints": {"gatekeeper/v1": finding.fingerprint},
        "suppressions": [_suppression(finding.waiver)] if finding.waiver else [],
        "properties": {
            "blocks": finding.blocks,
            "undecided": finding.undecided,
            "pack": finding.policy.pack,
        },
    }


def _level(finding: Finding) -> str:
    """Give the level; what is on trial is no error yet."""
    return "warning" if finding.is_on_trial else _LEVELS[finding.severity]


def _suppression(waiver: Waiver) -> dict[str, Any]:
    """Give a waiver. Every result says whether it has one: without, nobody could tell."""
    until = f", until {waiver.until}" if waiver.until else ""
    said: dict[str, Any] = {
        "kind": "inSource" if waiver.kind == "comment" else "external",
        "status": "accepted",
        "justification": visible(f"{waiver.because} ({by_whom(waiver)}{until})"),
    }
    if waiver.kind == "comment" and (path := inside(waiver.file)):
        said["location"] = {"physicalLocation": _physical(path, waiver.line)}
    return said


def _location(finding: Finding, outcome: Outcome) -> dict[str, Any]:
    """Say where, and which object. Code scanning takes no result without a file."""
    path, line = inside(finding.values.get("file")), finding.values.get("line")
    if path is None:
        new = (inside(revision.file) for revision in outcome.new_revisions)
        path, line = next((file for file in new if file), None), None
    subject = {"fullyQualifiedName": visible(finding.subject)}
    location: dict[str, Any] = {"logicalLocations": [subject]}
    if path is not None:
        location["physicalLocation"] = _physical(path, line)
    return location


def _physical(path: str, line: object) -> dict[str, Any]:
    number = line if isinstance(line, int) and line > 0 else 1
    return {
        "artifactLocation": {"uri": url_path(path), "uriBaseId": _ROOT},
        "region": {"startLine": number},
    }


def _invocation(outcome: Outcome) -> dict[str, Any]:
    failure = outcome.failure
    notes = [
        {"descriptor": {"id": "note", "index": 1}, "level": "note", "message": {"text": visible(n)}}
        for n in outcome.notes
    ]
    return {
        "executionSuccessful": failure is None,
        "toolExecutionNotifications": notes if failure is None else [_failed(failure), *notes],
        "properties": {"verdict": outcome.verdict},
    }


def _failed(failure: Failure) -> dict[str, Any]:
    parts = (failure.message, failure.detail, failure.hint)
    said: dict[str, Any] = {
        "descriptor": {"id": "migrations-failed", "index": 0},
        "level": "error",
        "message": {"text": visible_lines("\n".join(p for p in parts if p))},
    }
    if path := inside(failure.file):
        said["locations"] = [{"physicalLocation": _physical(path, failure.line)}]
    return said
