"""Names the statement behind changes of roles and rights.

Event triggers do not fire for roles, and of a GRANT they do not say what it was on (manual: Event
Trigger Firing Matrix). So the statement is the one whose text has the right command and names most
of what changed.
"""

import re
from collections.abc import Iterable, Sequence

from gatekeeper.model.change import Change
from gatekeeper.model.evidence import Statement
from gatekeeper.model.schema import (
    DefaultPrivilege,
    Grant,
    Membership,
    Role,
    SchemaObject,
)

_COMMANDS = {
    "role": r"\b(create|alter|drop)\s+(role|user|group)\b",
    "membership": r"\b(grant|revoke|create\s+(role|user|group)|alter\s+group|drop\s+(role|user))\b",
    "grant": r"^(?!.*\bdefault\s+privileges\b).*\b(grant|revoke|drop\s+owned|reassign)\b",
    "default_privilege": r"\balter\s+default\s+privileges\b",
    "owner_changed": r"\b(owner\s+to|reassign)\b",
    "row_security_changed": r"\b(enable|disable)\s+row\s+level\s+security\b",
    "row_security_forcing_changed": r"\bforce\s+row\s+level\s+security\b",
}


def attribute_access(
    changes: Sequence[Change], statements: Iterable[Statement]
) -> tuple[Change, ...]:
    """Give the changes, those of roles and rights with the statement that made each.

    What default privileges gave a new object comes from the statement that made the object.
    """
    texts = [(s.number, s.sql.lower()) for s in statements]
    makers = {c.ident: c.statement for c in changes if c.verb == "added" and c.statement}
    return tuple(_attributed(change, texts, makers) for change in changes)


def _attributed(
    change: Change, texts: list[tuple[int, str]], makers: dict[tuple[str, int, int], int]
) -> Change:
    kind = change.kind.partition(".")[0]
    command = _COMMANDS.get(change.verb) or _COMMANDS.get(kind)
    thing = change.after or change.before
    if command is None or thing is None:
        return change
    needed, helpful = _names(thing)
    found = [
        (sum(_mentions(text, name) for name in helpful), number)
        for number, text in texts
        if re.search(command, text, re.DOTALL) and all(_mentions(text, name) for name in needed)
    ]
    if isinstance(thing, Grant) and change.before is None:
        maker = makers.get((thing.catalog_name, thing.object_oid, 0))
        if maker is not None and not any(_on_object(text, thing) for _, text in texts):
            return change.caused_by(maker)
    if found:
        return change.caused_by(max(found)[1], cascaded=change.cascaded)
    return change


def _names(thing: SchemaObject) -> tuple[list[str], list[str]]:
    """Give the names that the statement must have, and those that it may have."""
    match thing:
        case Role():
            return [thing.name], []
        case Membership():
            return [], [thing.role, thing.member, "grant"]
        case Grant():
            names = [thing.grantee, thing.object_name, thing.schema_name, thing.column_name]
            return [], [name for name in (*names, thing.privilege) if name]
        case DefaultPrivilege():
            return [], [thing.grantee, thing.object_kind, thing.privilege]
    return [], [getattr(thing, "name", "")]


def _on_object(text: str, grant: Grant) -> bool:
    if not re.search(_COMMANDS["grant"], text, re.DOTALL):
        return False
    everything = re.search(r"\bon\s+all\b", text) and _mentions(text, grant.schema_name or "")
    return bool(everything) or _mentions(text, grant.object_name)


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name.lower())}(?!\w)", text) is not None
