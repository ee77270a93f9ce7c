"""What `gatekeeper access` found: values, and JSON with a published schema (access.schema.json)."""

import json
from dataclasses import dataclass
from typing import Any

from gatekeeper.access.expected import Drift
from gatekeeper.access.listed import Changed, Entry
from gatekeeper.report.escape import visible

VERSION = 1

MEANINGS = {
    "derived": "something computed from the column",
    "untraced": "what is shown could not be traced; it may be this column",
    "condition": "only decides which rows there are",
    "some-rows": "the rows that row policies let through",
    "no-rows": "row security is on, and no policy lets a row through",
    "set-role": "after SET ROLE to another role",
    "through": "by way of a view, a function or a parent table, without a right of its own here",
    "UNTRACED": "could not be traced: anything that its owner can read may be read there",
}


@dataclass(frozen=True, slots=True)
class AccessReport:
    """Who can do what. `changes` instead of `entries` where states were compared.

    `drift` is None unless a file, `expected`, was compared with; `superusers` are names as SQL
    writes them.
    """

    head: str
    superusers: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    base: str | None = None
    changes: tuple[Changed, ...] | None = None
    expected: str | None = None
    drift: tuple[Drift, ...] | None = None
    notes: tuple[str, ...] = ()


def said_columns(entry: Entry, *, named: bool) -> str:
    """Say which columns are meant: their names, how many, or nothing where all are."""
    if not entry.columns or (entry.is_all and not named):
        return ""
    if named or not entry.table_columns:
        return ", ".join(entry.columns)
    return f"{len(entry.columns)} of {len(entry.table_columns)} columns"


def said(entry: Entry, *, named: bool) -> str:
    """Say in one phrase what can be done: SELECT (id, email; some-rows)."""
    words = (
        said_columns(entry, named=named),
        *entry.limits,
        "through" if entry.through else "",
    )
    inside = "; ".join(word for word in words if word)
    return f"{entry.privilege} ({inside})" if inside else entry.privilege


def words_used(report: AccessReport) -> list[str]:
    """Give the words of the report that need an explanation."""
    found = list(report.entries) + [one.entry for one in report.changes or ()]
    used = {word for entry in found for word in (*entry.limits, entry.privilege)}
    if any(entry.through for entry in found):
        used.add("through")
    return [word for word in MEANINGS if word in used]


def drift_text(drift: Drift) -> str:
    """Say one difference from the file in a line."""
    if not drift.thing:
        return f"{drift.role} is {'a' if drift.kind == 'unexpected' else 'no'} superuser"
    privilege, *limits = drift.key.split()
    columns = "" if drift.columns is None else ", ".join(drift.columns)
    inside = "; ".join(word for word in (columns, *limits) if word)
    verb = "can" if drift.kind == "unexpected" else "cannot"
    what = f"{privilege.upper()} ({inside})" if inside else privilege.upper()
    return f"{drift.role} {verb} {what} on {drift.thing}"


def render_access(report: AccessReport) -> str:
    """Give the JSON; the same access gives the same bytes."""
    values = {
        "version": VERSION,
        "head": visible(report.head),
        "base": None if report.base is None else visible(report.base),
        "superusers": list(report.superusers),
        "entries": [_entry(entry) for entry in report.entries],
        "changes": None
        if report.changes is None
        else [{"change": one.change, **_entry(one.entry)} for one in report.changes],
        "expected": None if report.expected is None else visible(report.expected),
        "drift": None if report.drift is None else [_drift(one) for one in report.drift],
        "notes": [visible(note) for note in report.notes],
    }
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "role": entry.role,
        "subject": entry.thing,
        "kind": entry.kind,
        "privilege": entry.privilege,
        "columns": list(entry.columns) or None,
        "all_columns": entry.is_all,
        "limits": list(entry.limits),
        "through": entry.through,
        "ways": list(entry.ways),
    }


def _drift(drift: Drift) -> dict[str, Any]:
    privilege, *limits = drift.key.split()
    return {
        "kind": drift.kind,
        "role": drift.role,
        "subject": drift.thing or None,
        "privilege": privilege.upper(),
        "limits": limits,
        "columns": None if drift.columns is None else list(drift.columns),
        "line": drift.line,
        "ways": list(drift.ways),
    }
