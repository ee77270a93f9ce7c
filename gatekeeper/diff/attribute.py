"""Names the statement behind each change, from what the witness recorded."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any

from gatekeeper.model.change import Change
from gatekeeper.model.evidence import Event
from gatekeeper.model.schema import (
    Column,
    Constraint,
    DefaultPrivilege,
    EnumValue,
    ForeignKey,
    Grant,
    Ident,
    Membership,
    Role,
    Schema,
    SchemaObject,
)

# The parts of a recorded state (gatekeeper.state in witness/install.sql), in their order there, by
# the verb of the change that each one is seen in.
_COLUMN_PARTS = {
    "renamed": 0,
    "type_changed": 1,
    "nullability_changed": 2,
    "default_changed": 3,
    "expression_changed": 3,
    "identity_changed": 4,
    "comment_changed": 5,
}
_OTHER_PARTS = {
    "renamed": 0,
    "definition_changed": 1,
    "validation_changed": 2,
    "validity_changed": 2,
    "comment_changed": 3,
}
_TABLE_PARTS = {
    "renamed": 0,
    "schema_changed": 1,
    "persistence_changed": 2,
    "comment_changed": 3,
    "options_changed": 4,
    "replica_identity_changed": 5,
}

# Texts that PostgreSQL prints with current names: they changed only if something touched the
# object itself.
_PRINTED = {
    "view.definition_changed",
    "function.body_changed",
    "trigger.definition_changed",
    "rule.definition_changed",
}

# Event triggers do not say what a GRANT was on, and do not fire for roles.
_UNSEEN = (Role, Membership, Grant, DefaultPrivilege)

_Key = tuple[str, int, int]  # kind in the state, oid of the table or type, oid or attribute number
_History = list[tuple[int | None, list[Any]]]


def attribute(
    changes: Iterable[Change], events: tuple[Event, ...], before: Schema
) -> tuple[Change, ...]:
    """Give the changes with the statement that made each, and whether a CASCADE did.

    A change that no event explains keeps None. Left out are views, functions and the like
    that only print differently because something they name was renamed.
    """
    witness = _Witness(events, before)
    return _merged(
        change.caused_by(statement, cascaded=cascaded)
        for change in changes
        if change.kind not in _PRINTED or witness.touched(change.ident)
        for statement, cascaded in [witness.cause(change)]
    )


def _merged(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Give the changes without what one statement took away and made again.

    ALTER TABLE … TYPE makes the indexes and constraints on the column anew, under their names and
    with other oids. Nobody dropped them.
    """
    found = list(changes)
    added = {(c.kind, c.subject): c for c in found if c.verb == "added"}
    merged: list[Change] = []
    gone: set[int] = set()
    for change in found:
        again = added.get((change.kind.replace(".dropped", ".added"), change.subject))
        if change.verb != "dropped" or again is None or change.kind.startswith("column."):
            continue
        if change.statement not in (None, again.statement):  # None: no drop was recorded
            continue
        gone |= {id(change), id(again)}
        was, now = (getattr(o, "definition", None) for o in (change.before, again.after))
        if was != now:
            kind = f"{change.kind.removesuffix('dropped')}definition_changed"
            merged.append(
                replace(again, kind=kind, before=change.before, before_text=was, after_text=now)
            )
    return tuple(c for c in found if id(c) not in gone) + tuple(merged)


class _Witness:
    def __init__(self, events: tuple[Event, ...], before: Schema) -> None:
        self._dropped: dict[Ident, tuple[int | None, bool]] = {}
        self._touches: dict[Ident, list[int | None]] = {}
        self._history: dict[_Key, _History] = {
            key: [(None, value)] for key, value in _baseline(before)
        }
        self._tables = {table.subject: table.oid for table in before.tables}
        for event in events:
            self._record(event)

    def _record(self, event: Event) -> None:
        for item in event.touched:
            ident = (item.catalog, item.oid, item.number)
            if event.kind == "drop":
                self._dropped[ident] = (event.statement, item.by_cascade)
            elif event.kind == "command":
                self._touches.setdefault(ident, []).append(event.statement)
        for oid, state in event.states.items():
            for kind, parts in state.items():
                for number, value in (parts or {}).items():
                    history = self._history.setdefault((kind, oid, int(number)), [])
                    if not history or history[-1][1] != value:
                        history.append((event.statement, value))

    def touched(self, ident: Ident) -> bool:
        return ident in self._touches

    def cause(self, change: Change) -> tuple[int | None, bool]:
        """Give the number of the statement behind a change, and whether a CASCADE took it."""
        if isinstance(change.after or change.before, _UNSEEN):
            return None, False
        if change.after is None:
            return self._cause_of_drop(change)
        key, parts = _key(change.after)
        history = self._history.get(key, [])
        if change.before is None and history:
            return history[0][0], False
        part = parts.get(change.verb)
        if part is not None:
            for (_, was), (statement, now) in reversed(list(pairwise(history))):
                if part < len(now) and was[part] != now[part]:
                    return statement, False
        if change.verb == "partition_changed":  # ALTER TABLE names the parent
            parent = self._tables.get(change.before_text or change.after_text or "", 0)
            return self._touches.get(("pg_class", parent, 0), [None])[-1], False
        touches = self._touches.get(change.ident) or self._touches.get(
            ("pg_class", getattr(change.after, "table_oid", 0), 0), [None]
        )
        return touches[0 if change.before is None else -1], False

    def _cause_of_drop(self, change: Change) -> tuple[int | None, bool]:
        if change.ident in self._dropped:
            return self._dropped[change.ident]
        thing = change.before
        owner: Ident = ("pg_class", getattr(thing, "table_oid", 0), 0)
        if isinstance(thing, EnumValue):
            owner = ("pg_type", thing.type_oid, 0)
        statement, _ = self._dropped.get(owner, (None, False))
        return statement, False


def _key(thing: SchemaObject) -> tuple[_Key, dict[str, int]]:
    if isinstance(thing, Column):
        return ("column", thing.table_oid, thing.number), _COLUMN_PARTS
    if isinstance(thing, EnumValue):
        return ("enum_value", thing.type_oid, thing.oid), {"renamed": 0}
    if thing.kind == "table":
        return ("table", thing.oid, thing.oid), _TABLE_PARTS
    kind = "constraint" if thing.kind == "foreign_key" else thing.kind
    return (kind, getattr(thing, "table_oid", 0), thing.oid), _OTHER_PARTS


def _baseline(before: Schema) -> Iterable[tuple[_Key, list[Any]]]:
    """Give what gatekeeper.state() would have recorded when the witness was installed."""
    for t in before.tables:
        persistence = "u" if t.persistence == "unlogged" else "p"
        yield (
            ("table", t.oid, t.oid),
            [
                t.name,
                t.schema_name,
                persistence,
                t.comment,
                t.options,
                t.replica_identity,
            ],
        )
    for c in before.columns:
        expression = c.default if c.generated is None else c.generated
        yield (
            ("column", c.table_oid, c.number),
            [c.name, c.data_type, c.not_null, expression, c.identity, c.comment],
        )
    keys: list[Constraint | ForeignKey] = [*before.constraints, *before.foreign_keys]
    for k in keys:
        yield (
            ("constraint", k.table_oid, k.oid),
            [k.name, k.definition, k.is_validated, k.comment],
        )
    for i in before.indexes:
        yield ("index", i.table_oid, i.oid), [i.name, i.definition, i.is_valid, i.comment]
    for e in before.enum_values:
        yield ("enum_value", e.type_oid, e.oid), [e.name]
