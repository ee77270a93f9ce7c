"""A PostgreSQL schema as plain values.

Every object knows its `ident`, a tuple that stays the same while the object lives (oid, attribute
number), and its `subject`, the name people and waivers use. Comparing two states of one database
goes by `ident`, so a rename is seen as a rename; unrelated databases are compared by `subject`.
"""

from dataclasses import dataclass, field, fields
from typing import ClassVar

from gatekeeper.model.names import qualified, quoted

Ident = tuple[str, int, int]


class Identified:
    """What has a row of its own in a system catalog (pg_class, pg_constraint …)."""

    __slots__ = ()
    catalog: ClassVar[str]
    oid: int

    @property
    def ident(self) -> Ident:
        return (self.catalog, self.oid, 0)


@dataclass(frozen=True, slots=True)
class Namespace(Identified):
    """A schema in PostgreSQL's sense (pg_namespace)."""

    kind: ClassVar[str] = "schema"
    catalog: ClassVar[str] = "pg_namespace"
    oid: int
    name: str
    comment: str | None = None

    @property
    def subject(self) -> str:
        return quoted(self.name)


@dataclass(frozen=True, slots=True)
class Relation(Identified):
    """What tables, views, sequences and indexes share (pg_class)."""

    catalog: ClassVar[str] = "pg_class"
    oid: int
    schema_name: str
    name: str

    @property
    def subject(self) -> str:
        return qualified(self.schema_name, self.name)


@dataclass(frozen=True, slots=True)
class Table(Relation):
    """A table. `table_kind`: table, partitioned, foreign; `persistence`: permanent, unlogged."""

    kind: ClassVar[str] = "table"
    table_kind: str = "table"
    persistence: str = "permanent"
    parent: str | None = None  # the table it is a partition of, as a subject
    partition_bound: str | None = None
    tablespace: str | None = None  # None: the database's
    options: str | None = None  # storage parameters: fillfactor=70
    replica_identity: str = "default"
    filenode: int = 0  # changes when the table is rewritten; never part of a comparison
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class View(Relation):
    """A view or materialized view; `definition` is pg_get_viewdef()."""

    kind: ClassVar[str] = "view"
    is_materialized: bool = False
    definition: str = ""
    columns: tuple[str, ...] = ()
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Sequence(Relation):
    """A sequence; `owned_by` is the column it belongs to (serial, identity), as a subject."""

    kind: ClassVar[str] = "sequence"
    data_type: str = "bigint"
    owned_by: str | None = None
    owner_table_oid: int = 0
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Part(Identified):
    """What belongs to one table."""

    oid: int
    table_oid: int
    schema_name: str
    table_name: str
    name: str

    @property
    def subject(self) -> str:
        return qualified(self.schema_name, self.table_name, self.name)


@dataclass(frozen=True, slots=True)
class Column(Part):
    """A column of a table. `number` is pg_attribute.attnum; `oid` repeats the table's."""

    kind: ClassVar[str] = "column"
    number: int = 0
    data_type: str = ""  # format_type(): character varying(20)
    base_type: str = ""  # the type without modifier, domains resolved: character varying
    not_null: bool = False
    default: str | None = None
    generated: str | None = None  # the expression of a generated column
    identity: str | None = None  # always, by default
    collation: str | None = None  # only when it is not the type's own
    comment: str | None = None

    @property
    def ident(self) -> Ident:
        return ("pg_class", self.table_oid, self.number)


@dataclass(frozen=True, slots=True)
class Constraint(Part):
    """A primary_key, unique, check or exclusion constraint."""

    kind: ClassVar[str] = "constraint"
    catalog: ClassVar[str] = "pg_constraint"
    constraint_type: str = "check"
    columns: tuple[str, ...] = ()
    definition: str = ""
    is_validated: bool = True
    is_inherited: bool = False  # of a partition, made by its parent's
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class ForeignKey(Part):
    """A foreign key; column tuples correspond by position."""

    kind: ClassVar[str] = "foreign_key"
    catalog: ClassVar[str] = "pg_constraint"
    columns: tuple[str, ...] = ()
    references_oid: int = 0
    references_schema: str = ""
    references_name: str = ""
    references_columns: tuple[str, ...] = ()
    on_delete: str = "no action"
    on_update: str = "no action"
    definition: str = ""
    is_validated: bool = True
    is_inherited: bool = False
    comment: str | None = None

    @property
    def references_table(self) -> str:
        return qualified(self.references_schema, self.references_name)


@dataclass(frozen=True, slots=True)
class Index(Part):
    """An index. A key that is an expression has None in `columns`."""

    kind: ClassVar[str] = "index"
    catalog: ClassVar[str] = "pg_class"
    columns: tuple[str | None, ...] = ()
    included_columns: tuple[str, ...] = ()
    is_unique: bool = False
    is_valid: bool = True
    predicate: str | None = None
    method: str = "btree"
    definition: str = ""
    constraint_name: str | None = None
    is_inherited: bool = False  # of a partition, made by its parent's
    filenode: int = 0
    comment: str | None = None

    @property
    def subject(self) -> str:
        return qualified(self.schema_name, self.name)


@dataclass(frozen=True, slots=True)
class Trigger(Part):
    """A trigger that somebody made (not the server's own). `enabled` is one of four words."""

    kind: ClassVar[str] = "trigger"
    catalog: ClassVar[str] = "pg_trigger"
    definition: str = ""
    enabled: str = "origin"
    is_inherited: bool = False  # of a partition, made by its parent's
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class RewriteRule(Part):
    """A rule (CREATE RULE), not the one that makes a view."""

    kind: ClassVar[str] = "rule"
    catalog: ClassVar[str] = "pg_rewrite"
    definition: str = ""
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Function(Identified):
    """A function, procedure, aggregate or window function, told apart by its argument types."""

    kind: ClassVar[str] = "function"
    catalog: ClassVar[str] = "pg_proc"
    oid: int
    schema_name: str
    name: str
    arguments: str = ""  # their types: integer, text
    function_kind: str = "function"
    returns: str | None = None
    language: str = "sql"
    volatility: str = "volatile"
    is_strict: bool = False
    is_security_definer: bool = False
    settings: str | None = None  # SET clauses: search_path=pg_catalog
    body: str = ""
    comment: str | None = None

    @property
    def subject(self) -> str:
        return f"{qualified(self.schema_name, self.name)}({self.arguments})"


@dataclass(frozen=True, slots=True)
class Type(Identified):
    """An enum, domain, composite or range type; an enum has no `definition`, it has values."""

    kind: ClassVar[str] = "type"
    catalog: ClassVar[str] = "pg_type"
    oid: int
    schema_name: str
    name: str
    type_kind: str = "enum"
    definition: str | None = None
    comment: str | None = None

    @property
    def subject(self) -> str:
        return qualified(self.schema_name, self.name)


@dataclass(frozen=True, slots=True)
class EnumValue(Identified):
    """One value of an enumerated type; `position` counts from 1."""

    kind: ClassVar[str] = "enum_value"
    catalog: ClassVar[str] = "pg_enum"
    oid: int
    type_oid: int
    schema_name: str
    type_name: str
    name: str
    position: int

    @property
    def subject(self) -> str:
        return qualified(self.schema_name, self.type_name, self.name)


@dataclass(frozen=True, slots=True)
class Extension(Identified):
    """An installed extension."""

    kind: ClassVar[str] = "extension"
    catalog: ClassVar[str] = "pg_extension"
    oid: int
    name: str
    version: str
    schema_name: str
    comment: str | None = None

    @property
    def subject(self) -> str:
        return quoted(self.name)


SchemaObject = (
    Namespace
    | Table
    | Column
    | Constraint
    | ForeignKey
    | Index
    | View
    | Sequence
    | Trigger
    | RewriteRule
    | Function
    | Type
    | EnumValue
    | Extension
)


@dataclass(frozen=True, slots=True)
class Schema:
    """Everything that was read of one database, sorted by subject within each kind."""

    schemas: tuple[Namespace, ...] = ()
    tables: tuple[Table, ...] = ()
    columns: tuple[Column, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    views: tuple[View, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    rules: tuple[RewriteRule, ...] = ()
    functions: tuple[Function, ...] = ()
    types: tuple[Type, ...] = ()
    enum_values: tuple[EnumValue, ...] = ()
    extensions: tuple[Extension, ...] = ()
    server_version: str = field(default="", compare=False)

    def objects(self) -> "dict[str, tuple[SchemaObject, ...]]":
        """Give the objects by the name of their field: schemas, tables, columns."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "server_version"}
