"""A PostgreSQL schema as plain values.

Every object knows its `ident`, a tuple that stays the same while the object lives (oid, attribute
number), and its `subject`, the name people and waivers use. Comparing two states of one database
goes by `ident`, so a rename is seen as a rename; unrelated databases are compared by `subject`.
"""

from dataclasses import dataclass, field, fields
from typing import ClassVar

from gatekeeper.model.names import qualified, quoted
from gatekeeper.model.relations import (
    Column,
    Constraint,
    ForeignKey,
    Ident,
    Identified,
    Index,
    Part,
    Relation,
    RewriteRule,
    Sequence,
    Table,
    Trigger,
    View,
)
from gatekeeper.model.security import DefaultPrivilege, Grant, Membership, Role, RowPolicy

__all__ = [
    "Column",
    "Constraint",
    "DefaultPrivilege",
    "EnumValue",
    "Extension",
    "ForeignKey",
    "Function",
    "Grant",
    "Ident",
    "Identified",
    "Index",
    "Membership",
    "Namespace",
    "Other",
    "Part",
    "Relation",
    "RewriteRule",
    "Role",
    "RowPolicy",
    "Schema",
    "SchemaObject",
    "Sequence",
    "Table",
    "Trigger",
    "Type",
    "View",
]


@dataclass(frozen=True, slots=True)
class Namespace(Identified):
    """A schema in PostgreSQL's sense (pg_namespace)."""

    kind: ClassVar[str] = "schema"
    catalog: ClassVar[str] = "pg_namespace"
    oid: int
    name: str
    owner: str = ""
    comment: str | None = None

    @property
    def subject(self) -> str:
        return quoted(self.name)


@dataclass(frozen=True, slots=True)
class Function(Identified):
    """A function, procedure, aggregate or window function, told apart by its argument types."""

    kind: ClassVar[str] = "function"
    catalog: ClassVar[str] = "pg_proc"
    oid: int
    schema_name: str
    name: str
    arguments: str = ""  # their types: integer, text
    signature: str = ""  # with names, modes and defaults: a integer, b text DEFAULT 'x'::text
    function_kind: str = "function"
    returns: str | None = None
    language: str = "sql"
    volatility: str = "volatile"
    is_strict: bool = False
    is_security_definer: bool = False
    is_leakproof: bool = False
    parallel: str = "unsafe"
    cost: float = 100
    rows: float = 0
    support: str | None = None  # the function that tells the planner more
    settings: str | None = None  # SET clauses: search_path=pg_catalog
    body: str = ""  # of an aggregate, the functions it is made of
    owner: str = ""
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
    member_comments: str | None = None  # of a composite's attributes, a domain's constraints
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


@dataclass(frozen=True, slots=True)
class Other(Identified):
    """An object of a rarer kind, of which only the definition is known.

    `kind` is event_trigger, statistics, collation, foreign_data_wrapper, foreign_server,
    user_mapping, text_search_configuration or text_search_dictionary.
    """

    catalog_name: str
    oid: int
    kind: str
    schema_name: str | None
    name: str
    subject: str
    table_oid: int = 0  # of the table that it goes with
    definition: str = ""
    comment: str | None = None

    @property
    def ident(self) -> Ident:
        return (self.catalog_name, self.oid, 0)


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
    | Other
    | Role
    | Membership
    | Grant
    | DefaultPrivilege
    | RowPolicy
)


@dataclass(frozen=True, slots=True)
class Schema:
    """Everything that was read of one database, sorted by subject within each kind.

    Roles and what follows, owners and row security, are there if access was read, too
    (`gatekeeper.access.attach`). Grants to an object's owner are not among the grants.
    """

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
    others: tuple[Other, ...] = ()
    roles: tuple[Role, ...] = ()
    memberships: tuple[Membership, ...] = ()
    grants: tuple[Grant, ...] = ()
    default_privileges: tuple[DefaultPrivilege, ...] = ()
    row_policies: tuple[RowPolicy, ...] = ()
    server_version: str = field(default="", compare=False)

    def objects(self) -> "dict[str, tuple[SchemaObject, ...]]":
        """Give the objects by the name of their field: schemas, tables, columns."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "server_version"}
