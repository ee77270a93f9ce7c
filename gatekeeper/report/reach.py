"""Who can do more after the pull request: rows of the table access, those that are alike in one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gatekeeper.model.names import qualified
from gatekeeper.report.outcome import Outcome

_VIEWS = ("view", "materialized_view")
_DOORS = ("view", "materialized view")
# In the text of a path: the column of a grant or view, and a role whose rights another has.
_COLUMN = re.compile(r' \((?:"(?:[^"]|"")*"|[^()"]*)\)(?= → | as |$)')
_AS_ANOTHER = re.compile(
    r'(?:SET ROLE|member of) (?P<role>"(?:[^"]|"")+"|\S+) → (?P<rest>.*)', re.DOTALL
)
_EXPOSED = {
    "derived": "computed from it",
    "condition": "only what it decides",
    "untraced": "cannot be traced",
}


@dataclass(slots=True)
class Gain:
    """What one role gained on one relation or function, and the way.

    `columns` are empty where the whole object is meant; `limits` say what keeps it from being all.
    """

    role: str
    thing: str
    via: str
    limits: tuple[str, ...]
    privileges: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)


def gains(outcome: Outcome) -> list[Gain]:
    """Give what roles other than superusers and owners gained, in the order of role and object.

    What a group gains is told of the group, what everybody gains of PUBLIC. Columns of a table are
    named unless it is all of them.
    """
    head = outcome.facts.head
    rows = [row for row in head.get("access", []) if _is_news(row)]
    known: set[tuple[Any, ...]] = {(row["role_name"], *_what(row), row["via"]) for row in rows}
    joined = {m["member"] for m in head.get("memberships", []) if m["change"] is not None}
    found: dict[tuple[Any, ...], Gain] = {}
    for row in rows:
        if _is_told(row, known, joined):
            continue
        thing, via = qualified(row["schema_name"], row["table_name"]), row["via"] or ""
        key = (row["role_name"], thing, _COLUMN.sub("", via), _limits(row), row["privilege"])
        gain = found.setdefault(key, Gain(key[0], thing, via, key[3], [row["privilege"]]))
        if gain.via != via:
            gain.via = key[2]
        if row["column_name"] is not None and row["column_name"] not in gain.columns:
            gain.columns.append(row["column_name"])
    return _merged(found.values(), _columns_of_tables(outcome))


def _merged(found: Iterable[Gain], columns: dict[str, set[str]]) -> list[Gain]:
    """Make one of privileges that are alike in everything else."""
    merged: dict[tuple[Any, ...], Gain] = {}
    for gain in found:
        if set(gain.columns) == columns.get(gain.thing):
            gain.columns.clear()
        key = (gain.role, gain.thing, gain.via, gain.limits, tuple(gain.columns))
        if merged.setdefault(key, gain) is not gain:
            merged[key].privileges += gain.privileges
    return list(merged.values())


def _columns_of_tables(outcome: Outcome) -> dict[str, set[str]]:
    columns: dict[str, set[str]] = {}
    for column in outcome.facts.head.get("columns", []):
        if column["change"] != "dropped":
            columns.setdefault(column["table_subject"], set()).add(column["column_name"])
    return columns


def _is_news(row: dict[str, Any]) -> bool:
    """Say whether a row says that somebody can do more, and it is no matter of course."""
    is_gain = row["change"] in ("gained", "widened") and row["rows"] != "none"
    # Who may read all tables may read a new one.
    reads_all = row["via_kind"] == "predefined role" and row["object_is_new"]
    is_expected = row["is_owner"] or (reads_all and not row["role_is_new"])
    return is_gain and not is_expected and not _is_between(row)


def _what(row: dict[str, Any]) -> tuple[str, str]:
    return (row["object_subject"], row["privilege"])


def _is_told(row: dict[str, Any], known: set[tuple[Any, ...]], joined: set[str]) -> bool:
    """Say whether another row tells it: of PUBLIC, or of the group that the role was in before."""
    role, via = row["role_name"], row["via"] or ""
    if role != "public" and ("public", *_what(row), via) in known:
        return True
    match = _AS_ANOTHER.match(via)
    if match is None or role in joined:
        return False
    other = match["role"]
    name = other[1:-1].replace('""', '"') if other.startswith('"') else other
    return (name, *_what(row), match["rest"]) in known


def _is_between(row: dict[str, Any]) -> bool:
    """Say whether it is a view that is only a step on the way to a table."""
    return row["object_kind"] in _VIEWS and row["via_kind"] in (*_DOORS, "definer function")


def _limits(row: dict[str, Any]) -> tuple[str, ...]:
    said = [_EXPOSED.get(row["exposure"])]
    if row["rows"] != "all":
        said.append("rows that policies let through")
    if row["needs_set_role"]:
        said.append("after SET ROLE")
    return tuple(text for text in said if text)
