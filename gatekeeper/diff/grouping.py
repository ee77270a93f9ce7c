"""Names the owner of what came or went together: the table of a column, the key of its index."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gatekeeper.model.change import Change
from gatekeeper.model.schema import (
    Column,
    Constraint,
    DefaultPrivilege,
    EnumValue,
    ForeignKey,
    Grant,
    Ident,
    Identified,
    Index,
    Membership,
    Namespace,
    Other,
    Part,
    Role,
    SchemaObject,
    Sequence,
    Table,
    Type,
    View,
)


def grouped(changes: list[Change]) -> Iterator[Change]:
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


class _Owners:
    def __init__(self, things: Iterable[SchemaObject], *, columns_own_keys: bool) -> None:
        self._columns_own_keys = columns_own_keys
        self._relations: dict[int, str] = {}
        self._columns: dict[tuple[int, str], str] = {}
        self._column_subjects: set[str] = set()
        self._types: dict[int, str] = {}
        self._constraints: dict[tuple[int, str], str] = {}
        self._schemas: dict[str, str] = {}
        self._idents: dict[Ident, str] = {}
        self._roles: dict[str, str] = {}
        for thing in things:
            if isinstance(thing, Identified):
                self._idents[thing.ident] = thing.subject
            match thing:
                case Role():
                    self._roles[thing.name] = thing.subject
                case Table() | View():
                    self._relations[thing.oid] = thing.subject
                case Column():
                    self._columns[thing.table_oid, thing.name] = thing.subject
                    self._column_subjects.add(thing.subject)
                case Constraint():
                    self._constraints[thing.table_oid, thing.name] = thing.subject
                case Type():
                    self._types[thing.oid] = thing.subject
                case Namespace():
                    self._schemas[thing.name] = thing.subject

    def owner(self, thing: SchemaObject) -> str | None:
        """Name what `thing` came or went with, if it did."""
        if isinstance(thing, Grant | DefaultPrivilege | Membership):
            return self._of_access(thing) if self._columns_own_keys else None
        schema = self._schemas.get(getattr(thing, "schema_name", None) or "")
        if schema is not None:
            return schema
        if isinstance(thing, EnumValue):
            return self._types.get(thing.type_oid)
        if isinstance(thing, Sequence):
            table = self._relations.get(thing.owner_table_oid)
            return table or (thing.owned_by if thing.owned_by in self._column_subjects else None)
        if not isinstance(thing, Part | Other):
            return None
        if thing.table_oid in self._relations:
            return self._relations[thing.table_oid]
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

    def _of_access(self, thing: Grant | DefaultPrivilege | Membership) -> str | None:
        """Name the object or role that a right went with; a new one is always news."""
        match thing:
            case Grant():
                whole = (thing.catalog_name, thing.object_oid, 0)
                owner = self._idents.get(whole) or self._columns_by_number(thing)
                return owner or self._roles.get(thing.grantee)
            case DefaultPrivilege():
                return self._roles.get(thing.owner) or self._roles.get(thing.grantee)
            case Membership():
                return self._roles.get(thing.role) or self._roles.get(thing.member)

    def _columns_by_number(self, grant: Grant) -> str | None:
        return self._idents.get(grant.object_ident) if grant.column_number else None
