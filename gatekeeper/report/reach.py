"""Who can do more after the pull request: rows of the table access, those that are alike in one."""

from dataclasses import dataclass, field
from typing import Any

from gatekeeper.model.names import qualified
from gatekeeper.report.outcome import Outcome

_VIEWS = ("view", "materialized_view")
_DOORS = ("view", "materialized view")
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
    """Give what roles other than superusers and owners gained, in the order of role and object."""
    found: dict[tuple[Any, ...], Gain] = {}
    for row in outcome.facts.head.get("access", []):
        if row["change"] not in ("gained", "widened") or row["is_owner"] or _is_between(row):
            continue
        thing = qualified(row["schema_name"], row["table_name"])
        key = (row["role_name"], thing, row["via"], _limits(row))
        gain = found.setdefault(key, Gain(key[0], thing, row["via"] or "", key[3]))
        if row["privilege"] not in gain.privileges:
            gain.privileges.append(row["privilege"])
        if row["column_name"] is not None and row["column_name"] not in gain.columns:
            gain.columns.append(row["column_name"])
    return list(found.values())


def _is_between(row: dict[str, Any]) -> bool:
    """Say whether it is a view that is only a step on the way to a table."""
    return row["object_kind"] in _VIEWS and row["via_kind"] in (*_DOORS, "definer function")


def _limits(row: dict[str, Any]) -> tuple[str, ...]:
    said = [_EXPOSED.get(row["exposure"])]
    if row["rows"] != "all":
        said.append("no row passes" if row["rows"] == "none" else "rows that policies let through")
    if row["needs_set_role"]:
        said.append("after SET ROLE")
    return tuple(text for text in said if text)
