"""What is not as it was, once migrations were undone."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

from gatekeeper.diff.compare import compare
from gatekeeper.diff.grouping import grouped
from gatekeeper.model.change import Change
from gatekeeper.model.evidence import Leftover
from gatekeeper.model.names import qualified
from gatekeeper.model.schema import (
    Constraint,
    ForeignKey,
    Grant,
    Index,
    Membership,
    Part,
    Schema,
    SchemaObject,
)


def leftovers(
    before: Schema, back: Schema, made: Iterable[Change], revisions: Mapping[int, str | None]
) -> tuple[Leftover, ...]:
    """Give what differs between the base and what undoing led back to.

    Objects are matched by name: what was dropped comes back as another. `made` are the changes of
    the migrations, `revisions` says whose statement is whose: what is left is the matter of the
    revision that made the change; None where none did.
    """
    makers = _makers(made, revisions)
    found = _told_apart(compare(before, back, by_name=True))
    return tuple(_leftover(change, _maker(change, makers)) for change in found)


def _told_apart(changes: Sequence[Change]) -> Iterator[Change]:
    """Give the changes without what goes along with another.

    A schema speaks for what is in it when it is lost, but what is left in one that stays is more
    than the schema.
    """
    schemas = [c for c in changes if c.kind == "schema.added"]
    others = list(grouped([c for c in changes if c.kind != "schema.added"]))
    left = [c.after for c in changes if c.before is None and c.after is not None]
    idents = {thing.ident for thing in left}
    roles = {thing.name for thing in left if thing.kind == "role"}
    yield from schemas
    yield from _renamed(
        c for c in others if c.part_of is None and not _goes_along(c, idents, roles)
    )


def _goes_along(change: Change, idents: set[tuple[str, int, int]], roles: set[str]) -> bool:
    """Say whether a right is one on something, or of a role, that is itself left."""
    thing = change.after
    if change.before is not None:
        return False
    if isinstance(thing, Grant):
        return not idents.isdisjoint({thing.object_ident, (*thing.object_ident[:2], 0)})
    return isinstance(thing, Membership) and not roles.isdisjoint({thing.role, thing.member})


def _renamed(changes: Iterable[Change]) -> Iterator[Change]:
    """Join what is lost and what is left where they are the same but for the name."""
    found = list(changes)
    lost = {_nameless(c.before): c for c in found if c.after is None and c.before is not None}
    left = {_nameless(c.after): c for c in found if c.before is None and c.after is not None}
    same = {key for key in lost.keys() & left.keys() if key is not None}
    for change in found:
        key = _nameless(change.before or change.after)
        if key not in same or change not in (lost[key], left[key]):
            yield change
        elif change is lost[key]:
            old, new = lost[key].before, left[key].after
            assert old is not None and new is not None  # noqa: S101, PT018 - one is lost, one left
            yield Change(
                f"{old.kind}.name_changed",
                change.subject,
                change.ident,
                old,
                new,
                before_text=old.name,
                after_text=new.name,
            )


def _nameless(thing: SchemaObject | None) -> tuple[str, ...] | None:
    """Give what an index or a constraint is, without its name; None for other kinds."""
    if not isinstance(thing, Constraint | ForeignKey | Index) or not thing.definition:
        return None
    definition = thing.definition.replace(thing.name, "", 1)
    return (thing.kind, thing.schema_name, thing.table_name, definition)


def _makers(made: Iterable[Change], revisions: Mapping[int, str | None]) -> dict[Hashable, str]:
    """Give the revision that made a change last, by kind and subject, by subject, by identity."""
    found: dict[Hashable, str] = {}
    for change in made:
        revision = revisions.get(change.statement or 0)
        if revision is not None:
            keys = ((change.kind, change.subject), change.subject, change.ident)
            found |= dict.fromkeys(keys, revision)
    return found


def _maker(change: Change, makers: Mapping[Hashable, str]) -> str | None:
    """Name the revision that changed what is not as it was, or else its table."""
    thing = change.before or change.after
    keys: list[Hashable] = [(change.kind, change.subject), change.subject, change.ident]
    if isinstance(thing, Part):
        keys.append(qualified(thing.schema_name, thing.table_name))
    return next((makers[key] for key in keys if key in makers), None)


def _leftover(change: Change, revision: str | None) -> Leftover:
    kind, _, verb = change.kind.partition(".")
    problem = {"added": "leaves", "dropped": "loses"}.get(verb, "changes")
    return Leftover(
        problem,
        revision,
        object_kind=kind,
        subject=change.subject,
        part=verb.removesuffix("_changed").replace("_", " ") if problem == "changes" else None,
        before=change.before_text,
        after=change.after_text,
    )
