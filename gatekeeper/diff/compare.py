"""Compares two schemas: objects are matched, then each kind's fields are compared.

Two states of one database are matched by identity (oid, attribute number): a rename is then a
rename, and something dropped and made again under its name is two changes. Unrelated databases are
matched by subject.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from gatekeeper.diff.renames import Renames
from gatekeeper.model.change import Change
from gatekeeper.model.schema import (
    Column,
    Constraint,
    EnumValue,
    ForeignKey,
    Index,
    Namespace,
    Part,
    Schema,
    SchemaObject,
    Sequence,
    Table,
    Type,
)

# What is compared of an object, in the order of the report: field → what its change is called.
# Fields that are not here are identity (oid), place (number, filenode) or follow from another.
_FACETS: dict[str, dict[str, str]] = {
    "schema": {"comment": "comment_changed"},
    "table": {
        "table_kind": "kind_changed",
        "persistence": "persistence_changed",
        "parent": "partition_changed",
        "partition_bound": "bound_changed",
        "tablespace": "tablespace_changed",
        "options": "options_changed",
        "replica_identity": "replica_identity_changed",
        "comment": "comment_changed",
    },
    "column": {
        "data_type": "type_changed",
        "not_null": "nullability_changed",
        "default": "default_changed",
        "generated": "expression_changed",
        "identity": "identity_changed",
        "collation": "collation_changed",
        "comment": "comment_changed",
    },
    "constraint": {
        "definition": "definition_changed",
        "is_validated": "validation_changed",
        "comment": "comment_changed",
    },
    "foreign_key": {
        "definition": "definition_changed",
        "is_validated": "validation_changed",
        "comment": "comment_changed",
    },
    "index": {
        "definition": "definition_changed",
        "is_valid": "validity_changed",
        "comment": "comment_changed",
    },
    "view": {
        "definition": "definition_changed",
        "is_materialized": "kind_changed",
        "comment": "comment_changed",
    },
    "sequence": {
        "data_type": "type_changed",
        "owned_by": "ownership_changed",
        "comment": "comment_changed",
    },
    "trigger": {
        "definition": "definition_changed",
        "enabled": "enabled_changed",
        "comment": "comment_changed",
    },
    "rule": {"definition": "definition_changed", "comment": "comment_changed"},
    "function": {
        "function_kind": "kind_changed",
        "returns": "returns_changed",
        "language": "language_changed",
        "volatility": "volatility_changed",
        "is_strict": "strictness_changed",
        "is_security_definer": "security_changed",
        "settings": "settings_changed",
        "body": "body_changed",
        "comment": "comment_changed",
    },
    "type": {
        "type_kind": "kind_changed",
        "definition": "definition_changed",
        "comment": "comment_changed",
    },
    "enum_value": {},
    "extension": {
        "version": "version_changed",
        "schema_name": "schema_changed",
        "comment": "comment_changed",
    },
}


# An enum cannot lose a value: it is made anew under its name, and its columns are converted. That
# is the same type with other values, not one that went and one that came.
_MADE_ANEW = ("types", "enum_values")


def compare(before: Schema, after: Schema, *, by_name: bool = False) -> tuple[Change, ...]:
    """Give the changes from `before` to `after`, kind by kind, sorted by subject.

    With `by_name` objects are matched by subject instead of identity.
    """
    key: Callable[[Any], Hashable] = (lambda o: o.subject) if by_name else (lambda o: o.ident)
    renames = Renames(before, after)
    changes: list[Change] = []
    after_objects = after.objects()
    for kind, objects in before.objects().items():
        old = {key(o): o for o in objects}
        new = {key(o): o for o in after_objects[kind]}
        if kind in _MADE_ANEW and not by_name:
            new = _under_old_keys(old, new)
        for k in old.keys() | new.keys():
            changes.extend(_compare_one(old.get(k), new.get(k), renames))
    return tuple(sorted(_grouped(changes), key=_order))


def _under_old_keys(old: dict[Hashable, Any], new: dict[Hashable, Any]) -> dict[Hashable, Any]:
    """Give `new` with what is made anew under its old name as the old object."""
    gone = {o.subject: k for k, o in old.items() if k not in new}
    return {(k if k in old else gone.get(o.subject, k)): o for k, o in new.items()}


def _compare_one(
    old: SchemaObject | None, new: SchemaObject | None, renames: Renames
) -> Iterator[Change]:
    if new is None:
        assert old is not None  # noqa: S101 - one of the two exists
        yield Change(f"{old.kind}.dropped", old.subject, old.ident, before=old)
        return
    if old is None:
        yield Change(f"{new.kind}.added", new.subject, new.ident, after=new)
        return
    if old.name != new.name:
        yield _change("renamed", old, new, old.name, new.name)
    old_schema, new_schema = getattr(old, "schema_name", None), getattr(new, "schema_name", None)
    if old_schema != new_schema and new.kind in ("table", "view", "sequence", "function", "type"):
        yield _change("schema_changed", old, new, old_schema, new_schema)
    for field, verb in _FACETS[new.kind].items():
        old_value, new_value = getattr(old, field), getattr(new, field)
        if old_value != new_value and renames.today(old, old_value) != new_value:
            yield _change(verb, old, new, old_value, new_value)


def _change(verb: str, old: SchemaObject, new: SchemaObject, was: Any, now: Any) -> Change:  # noqa: ANN401
    return Change(
        f"{new.kind}.{verb}",
        new.subject,
        new.ident,
        old,
        new,
        before_text=_text(was),
        after_text=_text(now),
    )


def _text(value: Any) -> str | None:  # noqa: ANN401
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


class _Owners:
    """Knows what came or went together: a table's parts with the table, a key's index with it."""

    def __init__(self, things: Iterable[SchemaObject], *, columns_own_keys: bool) -> None:
        self._columns_own_keys = columns_own_keys
        self._tables: dict[int, str] = {}
        self._columns: dict[tuple[int, str], str] = {}
        self._types: dict[int, str] = {}
        self._constraints: dict[tuple[int, str], str] = {}
        self._schemas: dict[str, str] = {}
        for thing in things:
            match thing:
                case Table():
                    self._tables[thing.oid] = thing.subject
                case Column():
                    self._columns[thing.table_oid, thing.name] = thing.subject
                case Constraint():
                    self._constraints[thing.table_oid, thing.name] = thing.subject
                case Type():
                    self._types[thing.oid] = thing.subject
                case Namespace():
                    self._schemas[thing.name] = thing.subject

    def owner(self, thing: SchemaObject) -> str | None:
        """Name what `thing` came or went with, if it did."""
        schema = self._schemas.get(getattr(thing, "schema_name", ""))
        if schema is not None:
            return schema
        if isinstance(thing, EnumValue):
            return self._types.get(thing.type_oid)
        if isinstance(thing, Sequence):
            table = self._tables.get(thing.owner_table_oid)
            return table or (thing.owned_by if thing.owned_by in self._columns.values() else None)
        if not isinstance(thing, Part):
            return None
        if thing.table_oid in self._tables:
            return self._tables[thing.table_oid]
        if not isinstance(thing, Constraint | ForeignKey | Index):
            return None
        if isinstance(thing, Index) and thing.constraint_name is not None:
            found = self._constraints.get((thing.table_oid, thing.constraint_name))
            if found is not None:
                return found
        if not self._columns_own_keys:
            return None  # an index on a new column of an old table is news of its own
        names = [name for name in thing.columns if name is not None]
        return next((s for n in names if (s := self._columns.get((thing.table_oid, n)))), None)


def _grouped(changes: list[Change]) -> Iterator[Change]:
    """Give the changes with `part_of` where an object was dropped, or added, with its owner."""
    added = (c.after for c in changes if c.before is None and c.after is not None)
    dropped = (c.before for c in changes if c.after is None and c.before is not None)
    came = _Owners(added, columns_own_keys=False)
    went = _Owners(dropped, columns_own_keys=True)
    for change in changes:
        owner = None
        if change.after is None and change.before is not None:
            owner = went.owner(change.before)
        elif change.before is None and change.after is not None:
            owner = came.owner(change.after)
        yield replace(change, part_of=owner)


def _order(change: Change) -> tuple[Any, ...]:
    """Sort by kind, then table, then place in the table, then name."""
    thing = change.after or change.before
    owner = (thing.schema_name, thing.table_name) if isinstance(thing, Part) else ("", "")
    number = thing.number if isinstance(thing, Column) else 0
    kinds = list(_FACETS)
    return (kinds.index(change.kind.partition(".")[0]), owner, number, change.subject, change.kind)
