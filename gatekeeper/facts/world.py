"""One schema with everything looked up that facts are derived from."""

import re
from collections import Counter
from functools import cached_property

from gatekeeper.facts.access_rows import Powers
from gatekeeper.facts.references import ReferenceGuesser, Suggestion
from gatekeeper.model.schema import Column, Constraint, ForeignKey, Index, Schema, Table, Type

_LENGTH = re.compile(r"character(?: varying)?\((\d+)\)")
_SAME_TEXT = {"character varying": "text", "character": "text"}


class World:
    """A schema, and its objects by table."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.tables: dict[int, Table] = {t.oid: t for t in schema.tables}
        self.columns: dict[int, dict[str, Column]] = {}
        for column in schema.columns:
            self.columns.setdefault(column.table_oid, {})[column.name] = column
        self.indexes: dict[int, list[Index]] = {}
        for index in schema.indexes:
            self.indexes.setdefault(index.table_oid, []).append(index)
        self.foreign_keys: dict[int, list[ForeignKey]] = {}
        self._references: dict[tuple[int, str], tuple[str, str]] = {}
        for key in schema.foreign_keys:
            self.foreign_keys.setdefault(key.table_oid, []).append(key)
            for name, other in zip(key.columns, key.references_columns, strict=False):
                self._references.setdefault((key.table_oid, name), (key.references_table, other))
        self.primary_keys: dict[int, Constraint] = {
            c.table_oid: c for c in schema.constraints if c.constraint_type == "primary_key"
        }
        self._owned_sequences: dict[str, str] = {
            s.owned_by: s.subject for s in schema.sequences if s.owned_by is not None
        }
        self.row_policies = Counter(policy.table_oid for policy in schema.row_policies)
        self.secured = {t.oid for t in schema.tables if t.row_security}
        self.public_functions = {
            g.object_oid for g in schema.grants if g.object_kind == "function" and not g.grantee_oid
        }
        self._types: dict[str, Type] = {t.subject: t for t in schema.types}
        self._known_types: dict[str, tuple[str | None, int | None]] = {}
        self.owners: dict[int, dict[str, object]] = {}  # what rows of its parts say of a table
        self._in_unique_keys = {
            (i.table_oid, name) for i in schema.indexes if i.is_unique for name in i.columns
        }
        self.unique_columns: set[tuple[int, str]] = {
            (i.table_oid, i.columns[0])
            for i in schema.indexes
            if i.is_unique and i.predicate is None and len(i.columns) == 1 and i.columns[0]
        }

    @cached_property
    def powers(self) -> Powers:
        """Give what says which roles are powerful."""
        return Powers(self.schema)

    @cached_property
    def _guesser(self) -> ReferenceGuesser:
        keys = {
            oid: self.columns[oid][key.columns[0]]
            for oid, key in self.primary_keys.items()
            if len(key.columns) == 1
        }
        return ReferenceGuesser(self.schema.tables, keys, self.columns, self.unique_columns)

    def about_type(self, data_type: str) -> tuple[str | None, int | None]:
        """Give the kind of a type, and the most characters that it lets in.

        The kind is that of a type of the schema's own, of its elements for an array; the length of
        a domain is that of its type.
        """
        if data_type not in self._known_types:
            found = self._types.get(data_type.removesuffix("[]"))
            domain = self._types.get(data_type)
            match = _LENGTH.match((domain.definition or "") if domain else data_type)
            length = int(match[1]) if match else None
            self._known_types[data_type] = (found.type_kind if found else None, length)
        return self._known_types[data_type]

    def owned_sequence(self, column: Column) -> str | None:
        """Give the sequence that belongs to a column; most schemas have identities instead."""
        return self._owned_sequences.get(column.subject) if self._owned_sequences else None

    def suggestion(self, column: Column) -> Suggestion | None:
        return self._guesser.guess(column)

    def reference(self, column: Column) -> tuple[str, str] | None:
        """Give the (table, column) that a foreign key makes `column` refer to."""
        return self._references.get((column.table_oid, column.name))

    def in_primary_key(self, column: Column) -> bool:
        key = self.primary_keys.get(column.table_oid)
        return key is not None and column.name in key.columns

    def in_unique_key(self, column: Column) -> bool:
        return (column.table_oid, column.name) in self._in_unique_keys

    def has_index(self, key: ForeignKey) -> bool:
        """Say whether a usable index starts with the key's columns, in any order."""
        wanted = set(key.columns)
        return any(
            i.is_valid
            and i.predicate is None
            and i.method in ("btree", "hash")
            and set(i.columns[: len(wanted)]) == wanted
            for i in self.indexes.get(key.table_oid, [])
        )

    def successor(self, gone: Constraint | ForeignKey, before: "World") -> str | None:
        """Name what enforces, in this schema, what a constraint that `before` had enforced.

        That is a constraint of the same kind on the same columns (a check may have another
        condition), or a unique index in place of a unique constraint.
        """
        columns = self._now_called(gone, before)
        if isinstance(gone, ForeignKey):
            for key in self.foreign_keys.get(gone.table_oid, []):
                if set(key.columns) == columns and key.references_oid == gone.references_oid:
                    return key.subject
            return None
        if gone.constraint_type in ("primary_key", "unique"):
            for index in self.indexes.get(gone.table_oid, []):
                if index.is_unique and index.predicate is None and set(index.columns) == columns:
                    return index.subject
            return None
        for constraint in self.schema.constraints:
            same = constraint.constraint_type == gone.constraint_type
            if (
                same
                and constraint.table_oid == gone.table_oid
                and set(constraint.columns) == columns
            ):
                return constraint.subject
        return None

    def _now_called(self, gone: Constraint | ForeignKey, before: "World") -> set[str]:
        """Give the columns of a constraint by the names that they have in this schema."""
        was = before.columns.get(gone.table_oid, {})
        now = {c.number: c.name for c in self.columns.get(gone.table_oid, {}).values()}
        return {now.get(was[name].number, name) if name in was else name for name in gone.columns}

    def types(self, table: int, names: tuple[str, ...]) -> list[str]:
        """Give the types of columns, without length."""
        columns = self.columns.get(table, {})
        return [columns[name].base_type if name in columns else "?" for name in names]

    def types_match(self, key: ForeignKey) -> bool:
        def plain(types: list[str]) -> list[str]:
            return [_SAME_TEXT.get(t, t) for t in types]

        return plain(self.types(key.table_oid, key.columns)) == plain(
            self.types(key.references_oid, key.references_columns)
        )
