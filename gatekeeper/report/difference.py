"""What `gatekeeper diff` found: values, and JSON with a published schema (diff.schema.json)."""

import json
import re
from dataclasses import dataclass
from typing import Any

from gatekeeper.model.change import Change
from gatekeeper.model.schema import (
    Column,
    Constraint,
    DefaultPrivilege,
    EnumValue,
    Extension,
    ForeignKey,
    Function,
    Grant,
    Index,
    Membership,
    Namespace,
    Other,
    RewriteRule,
    Role,
    RowPolicy,
    SchemaObject,
    Sequence,
    Table,
    Trigger,
    Type,
    View,
)

VERSION = 1
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Difference:
    """The changes that lead from one schema to the other; names are for people."""

    before: str
    after: str
    before_version: str
    after_version: str
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()


def render_difference(difference: Difference) -> str:
    """Give the JSON; the same schemas give the same bytes."""
    text = json.dumps(difference_values(difference), indent=2, ensure_ascii=False)
    # A file name need not be UTF-8; what of it cannot be encoded is spelt as its escape.
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def difference_values(difference: Difference) -> dict[str, Any]:
    """Give the report as plain values."""
    return {
        "version": VERSION,
        "same": not difference.changes,
        "before": {"name": difference.before, "server_version": difference.before_version},
        "after": {"name": difference.after, "server_version": difference.after_version},
        "changes": [_values(change) for change in difference.changes],
        "notes": list(difference.notes),
    }


def _values(change: Change) -> dict[str, Any]:
    before, after = change.before_text, change.after_text
    if change.before is None or change.after is None:
        before = None if change.before is None else described(change.before)
        after = None if change.after is None else described(change.after)
    return {
        "kind": change.kind,
        "subject": change.subject,
        "before": before,
        "after": after,
        "part_of": change.part_of,
    }


def described(thing: SchemaObject) -> str | None:
    """Say in SQL's words what an object is, without its name; None where the name says it all."""
    match thing:
        case Table():
            return _table(thing)
        case Column():
            return _column(thing)
        case View():
            kind = "MATERIALIZED VIEW" if thing.is_materialized else "VIEW"
            return f"{kind} AS\n{thing.definition}"
        case Sequence():
            return f"{thing.data_type} START {thing.start} INCREMENT {thing.increment}"
        case Function():
            returns = f" RETURNS {thing.returns}" if thing.returns else ""
            head = f"{thing.function_kind.upper()} ({thing.signature}){returns}"
            return f"{head} LANGUAGE {thing.language}\n{thing.body}"
        case Type():
            return f"{thing.type_kind.upper()} {thing.definition or ''}".strip()
        case Extension():
            return f"VERSION {thing.version}"
        case Constraint() | ForeignKey() | Index() | Trigger() | RewriteRule() | Other():
            return thing.definition or None
        case RowPolicy():
            return _row_policy(thing)
        case Namespace() | EnumValue() | Role() | Membership() | Grant() | DefaultPrivilege():
            return None


def _table(table: Table) -> str | None:
    words = []
    if table.persistence != "permanent":
        words.append(table.persistence.upper())
    if table.foreign_server is not None:
        words.append(f"FOREIGN TABLE SERVER {table.foreign_server}")
    if table.parent is not None:
        words.append(f"PARTITION OF {table.parent} {table.partition_bound}")
    if table.partition_key is not None:
        words.append(f"PARTITION BY {table.partition_key}")
    if table.inherits is not None:
        words.append(f"INHERITS ({table.inherits})")
    return " ".join(words) or None


def _column(column: Column) -> str:
    words = [column.data_type]
    if column.collation is not None:
        words.append(f"COLLATE {column.collation}")
    if column.generated is not None:
        kind = (column.generation or "stored").upper()
        words.append(f"GENERATED ALWAYS AS ({column.generated}) {kind}")
    if column.identity is not None:
        words.append(f"GENERATED {column.identity.upper()} AS IDENTITY")
    if column.default is not None:
        words.append(f"DEFAULT {column.default}")
    if column.not_null:
        words.append("NOT NULL")
    return " ".join(words)


def _row_policy(policy: RowPolicy) -> str:
    kind = "PERMISSIVE" if policy.is_permissive else "RESTRICTIVE"
    text = f"{kind} FOR {policy.command.upper()} TO {', '.join(policy.roles)}"
    if policy.using is not None:
        text += f" USING ({policy.using})"
    return text if policy.check is None else f"{text} WITH CHECK ({policy.check})"
