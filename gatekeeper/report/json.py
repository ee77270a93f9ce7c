"""The JSON report: a contract with a published schema (report.schema.json)."""

import json
import re
from typing import Any

from gatekeeper.model.change import Change
from gatekeeper.model.evidence import Failure
from gatekeeper.policy.model import Finding, Waiver
from gatekeeper.report.coverage import coverage_values
from gatekeeper.report.outcome import Outcome, Reviews
from gatekeeper.report.view import instead, message

VERSION = 1
_SURROGATE = re.compile("[\ud800-\udfff]")
_STATEMENT = (
    "number", "kind", "sql", "revision", "file", "line", "autocommit", "transaction_number",
    "locked_table", "lock_mode", "blocks_reads", "blocks_writes", "held_table", "held_lock_mode",
    "scanned_table", "rewritten_table", "lock_timeout_ms", "statement_timeout_ms", "refused",
)  # fmt: skip
_ACCESS = (
    "role_name", "privilege", "object_subject", "object_kind", "change", "via", "exposure", "rows",
    "needs_set_role", "is_certain", "sensitivity", "permitted", "file", "line",
)  # fmt: skip


def render_json(reviews: Reviews) -> str:
    """Give the report as JSON: of several, the verdict and a list of reports; see several_schema().

    The same commits give the same bytes.
    """
    values = [report_values(part) for part in reviews.parts]
    whole: dict[str, Any] = values[0]
    if len(values) > 1:
        whole = {"version": VERSION, "verdict": reviews.verdict, "projects": values}
    return encodable(json.dumps(whole, indent=2, ensure_ascii=False)) + "\n"


def several_schema(report: dict[str, Any]) -> dict[str, Any]:
    """Give the JSON Schema of render_json() for several projects; `report` is that of one."""
    one = {k: v for k, v in report.items() if not k.startswith("$")}
    return {
        "$schema": report["$schema"],
        "title": "Gatekeeper reports",
        "description": "What `gatekeeper check --format json` says where gatekeeper.yml has several"
        " projects.",
        "type": "object",
        "additionalProperties": False,
        "required": ["version", "verdict", "projects"],
        "properties": {
            "version": report["properties"]["version"],
            "verdict": {
                "description": "blocked if any project's is, otherwise undecided if any is.",
                "enum": report["properties"]["verdict"]["enum"],
            },
            "projects": {
                "description": "The report of each project, in the order of gatekeeper.yml.",
                "type": "array",
                "items": one,
            },
        },
        "$defs": report["$defs"],
    }


def encodable(text: str) -> str:
    """Spell what cannot be encoded as its escape: a file name need not be UTF-8."""
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def report_values(outcome: Outcome) -> dict[str, Any]:
    """Give the report as plain values."""
    sql = {s.number: s.sql for s in outcome.statements}
    places = {s.number: (s.file, s.line) for s in outcome.statements}
    return {
        "version": VERSION,
        "project": outcome.project or None,
        "verdict": outcome.verdict,
        "base": outcome.base,
        "head": outcome.head,
        "server_version": outcome.server_version,
        "policies": outcome.policy_count,
        "failure": None if outcome.failure is None else failure_values(outcome.failure),
        "findings": [_finding(f, sql) for f in outcome.findings],
        "changes": [_change(c, places) for c in outcome.changes],
        "revisions": [
            {"id": r.id, "file": r.file, "title": r.title} for r in outcome.new_revisions
        ],
        "statements": [
            {name: row[name] for name in _STATEMENT}
            for row in outcome.facts.head.get("statements", [])
        ],
        "access": [
            {name: row[name] for name in _ACCESS} for row in outcome.facts.head.get("access", [])
        ],
        "coverage": coverage_values(
            outcome.coverage, (one for one in outcome.coverage.missing if one.touched)
        ),
        "notes": list(outcome.notes),
    }


def _finding(finding: Finding, sql: dict[int, str]) -> dict[str, Any]:
    values = finding.values
    return {
        "policy": finding.policy.id,
        "pack": finding.policy.pack,
        "severity": finding.severity,
        "blocks": finding.blocks,
        "subject": finding.subject,
        "message": message(finding),
        "why": finding.policy.why,
        "instead": instead(finding) or None,
        "instead_alembic": instead(finding, alembic=True) or None,
        "file": values.get("file"),
        "line": values.get("line"),
        "revision": values.get("revision"),
        "statement": sql.get(values.get("statement") or 0),
        "certain": not finding.undecided,
        "undecided": finding.undecided,
        "failed": [{"condition": text, "values": read} for text, read in finding.failed],
        "fingerprint": finding.fingerprint,
        "waiver": None if finding.waiver is None else waiver_values(finding.waiver),
    }


def waiver_values(waiver: Waiver) -> dict[str, Any]:
    """Give a waiver as plain values."""
    return {
        "kind": waiver.kind,
        "by": waiver.by or None,
        "because": waiver.because,
        "until": waiver.until and waiver.until.isoformat(),
        "place": waiver.place,
    }


def _change(change: Change, places: dict[int, tuple[str | None, int | None]]) -> dict[str, Any]:
    file, line = places.get(change.statement or 0, (None, None))
    return {
        "kind": change.kind,
        "subject": change.subject,
        "before": change.before_text,
        "after": change.after_text,
        "part_of": change.part_of,
        "cascaded": change.cascaded,
        "file": file,
        "line": line,
    }


def failure_values(failure: Failure) -> dict[str, Any]:
    """Give why migrations did not run to their end."""
    return {
        "during": failure.during,
        "message": failure.message,
        "revision": failure.revision,
        "file": failure.file,
        "line": failure.line,
        "sql": failure.sql,
        "sqlstate": failure.sqlstate,
        "detail": failure.detail,
        "hint": failure.hint,
    }
