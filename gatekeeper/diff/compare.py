"""Compares two schemas: objects are matched, then each kind's fields are compared.

Two states of one database are matched by identity (oid, attribute number): a rename is then a
rename, and something dropped and made again under its name is two changes. Unrelated databases are
matched by subject.
"""

from collections.abc import Callable, Hashable, Iterator
from typing import Any

from gatekeeper.diff.canonical import canonical, canonical_text, same_without_prefixes
from gatekeeper.diff.facets import FACETS, KINDS
from gatekeeper.diff.grouping import grouped
from gatekeeper.diff.renames import Renames
from gatekeeper.model.change import Change
from gatekeeper.model.schema import (
    Column,
    EnumValue,
    Function,
    Other,
    Part,
    Relation,
    Schema,
    SchemaObject,
    Type,
)

# An enum cannot lose a value: it is made anew under its name, and its columns are converted. That
# is the same type with other values, not one that went and one that came.
_MADE_ANEW = ("types", "enum_values")

_FIRST_WITHOUT_PREFIXES = 16

_Keyed = dict[Hashable, Any]


def compare(before: Schema, after: Schema, *, by_name: bool = False) -> tuple[Change, ...]:
    """Give the changes from `before` to `after`, kind by kind, sorted by subject.

    With `by_name` objects are matched by subject instead of identity.
    """
    key: Callable[[Any], Hashable] = (lambda o: o.subject) if by_name else (lambda o: o.ident)
    renames = Renames(Schema(), Schema()) if by_name else Renames(before, after)
    changes: list[Change] = []
    after_objects = after.objects()
    for kind, objects in before.objects().items():
        old = {key(o): o for o in objects}
        new = {key(o): o for o in after_objects[kind]}
        if kind in _MADE_ANEW and not by_name:
            new = _under_old_keys(old, new)
        for k in old.keys() | new.keys():
            was, now = old.get(k), new.get(k)
            if was != now:
                changes.extend(_compare_one(was, now, renames))
        if kind == "enum_values":
            changes.extend(_reordered(before, after, old, new))
    if by_name:
        versions = before.server_version, after.server_version
        changes = [change for change in changes if not _only_printed_anew(change, *versions)]
    return tuple(sorted(grouped(_without_defaults(changes)), key=_order))


def _without_defaults(changes: list[Change]) -> list[Change]:
    """Leave out the rights that an object is born with."""
    return [c for c in changes if not (c.before is None and getattr(c.after, "is_default", False))]


def _under_old_keys(old: _Keyed, new: _Keyed) -> _Keyed:
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
    if isinstance(old, Relation | Function | Type | Other) and isinstance(new, type(old)):
        was, now = old.schema_name, new.schema_name
        if was != now:
            yield _change("schema_changed", old, new, was, now)
    for field, verb in FACETS[new.kind].items():
        was, now = getattr(old, field), getattr(new, field)
        if was != now and canonical(renames.today(old, was)) != canonical(now):
            yield _change(verb, old, new, was, now)


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
    if isinstance(value, float):
        return f"{value:g}"
    return None if value is None else str(value)


def _reordered(before: Schema, after: Schema, old: _Keyed, new: _Keyed) -> Iterator[Change]:
    """Give the enums whose values, as far as both have them, come in another order."""
    kept: dict[int, list[tuple[EnumValue, EnumValue]]] = {}
    for key, value in new.items():
        if key in old:
            kept.setdefault(value.type_oid, []).append((old[key], value))
    old_types = {t.oid: t for t in before.types}
    new_types = {t.oid: t for t in after.types}
    for oid, pairs in kept.items():
        was = sorted(pairs, key=lambda pair: pair[0].position)
        now = sorted(pairs, key=lambda pair: pair[1].position)
        if was != now:
            yield _change(
                "order_changed",
                old_types[was[0][0].type_oid],
                new_types[oid],
                ", ".join(value.name for value, _ in was),
                ", ".join(value.name for _, value in now),
            )


def _only_printed_anew(change: Change, before: str, after: str) -> bool:
    """Say whether a view is the same, and only the two servers print it in their own ways."""
    old, new = (_major(version) < _FIRST_WITHOUT_PREFIXES for version in (before, after))
    if change.kind != "view.definition_changed" or old == new:
        return False
    texts = [canonical_text(text or "") for text in (change.before_text, change.after_text)]
    return same_without_prefixes(*(texts if old else reversed(texts)))


def _major(version: str) -> int:
    return int(version.partition(".")[0] or 0)


def _order(change: Change) -> tuple[Any, ...]:
    """Sort by kind, then table, then place in the table, then name."""
    thing = change.after or change.before
    owner = (thing.schema_name, thing.table_name) if isinstance(thing, Part) else ("", "")
    number = thing.number if isinstance(thing, Column) else 0
    kind = KINDS.index(change.kind.partition(".")[0])
    return (kind, owner, number, change.subject, change.kind)
