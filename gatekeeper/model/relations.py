"""Tables, views, sequences, and what belongs to one of them.

A field that is None means the server's own choice, so that a schema that spells it out and one that
leaves it to the default are the same.
"""

from dataclasses import dataclass
from typing import ClassVar

from gatekeeper.model.names import qualified

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
    partition_key: str | None = None  # RANGE (created_at)
    inherits: str | None = None  # other parents, as subjects in their order
    of_type: str | None = None  # the composite type of a typed table
    access_method: str | None = None
    tablespace: str | None = None  # None: the database's
    options: str | None = None  # storage parameters: fillfactor=70
    toast_options: str | None = None
    foreign_server: str | None = None
    foreign_options: str | None = None
    replica_identity: str = "default"
    owner: str = ""
    row_security: bool = False  # ENABLE ROW LEVEL SECURITY
    row_security_forced: bool = False  # the owner is held to it, too
    filenode: int = 0  # changes when the table is rewritten; never part of a comparison
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class View(Relation):
    """A view or materialized view; `definition` is pg_get_viewdef().

    `column_settings` are defaults, statistics targets and the like, one line a column that has any.
    """

    kind: ClassVar[str] = "view"
    is_materialized: bool = False
    definition: str = ""
    columns: tuple[str, ...] = ()
    options: str | None = None  # security_barrier=true, check_option=local
    access_method: str | None = None
    tablespace: str | None = None
    column_settings: str | None = None
    column_comments: str | None = None
    owner: str = ""
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Sequence(Relation):
    """A sequence; `owned_by` is the column it belongs to (serial, identity), as a subject.

    `minimum` and `maximum` are None where the data type and the direction give them.
    """

    kind: ClassVar[str] = "sequence"
    data_type: str = "bigint"
    persistence: str = "permanent"
    start: int = 1
    increment: int = 1
    minimum: int | None = None
    maximum: int | None = None
    cache: int = 1
    cycles: bool = False
    owned_by: str | None = None
    owner_table_oid: int = 0
    owner: str = ""
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
    not_null_validated: bool = True  # False: NOT NULL … NOT VALID, since PostgreSQL 18
    not_null_inherited: bool = True  # by the table's children; False: NO INHERIT
    default: str | None = None
    generated: str | None = None  # the expression of a generated column
    generation: str | None = None  # virtual; None: stored, as before PostgreSQL 18
    identity: str | None = None  # always, by default
    collation: str | None = None  # only when it is not the type's own
    storage: str | None = None  # only when it is not the type's own
    compression: str | None = None
    statistics_target: int | None = None
    options: str | None = None  # n_distinct=100
    foreign_options: str | None = None
    comment: str | None = None

    @property
    def ident(self) -> Ident:
        return ("pg_class", self.table_oid, self.number)


class Checked:
    """What PostgreSQL checks in every row, unless it is told not to."""

    __slots__ = ()
    definition: str
    is_validated: bool
    is_enforced: bool

    @property
    def condition(self) -> str:
        """The definition without its state, which is_validated and is_enforced say."""
        return self.definition.removesuffix(" NOT VALID").removesuffix(" NOT ENFORCED")

    @property
    def is_trusted(self) -> bool:
        """False for a constraint that only new rows are held to; one not enforced is no such."""
        return self.is_validated or not self.is_enforced


@dataclass(frozen=True, slots=True)
class Constraint(Checked, Part):
    """A primary_key, unique, check or exclusion constraint."""

    kind: ClassVar[str] = "constraint"
    catalog: ClassVar[str] = "pg_constraint"
    constraint_type: str = "check"
    columns: tuple[str, ...] = ()
    definition: str = ""
    is_validated: bool = True
    is_enforced: bool = True  # False: NOT ENFORCED, since PostgreSQL 18
    is_inherited: bool = False  # of a partition, made by its parent's
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class ForeignKey(Checked, Part):
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
    is_enforced: bool = True
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
    parent: str | None = None  # the index it is a partition of, as a subject
    tablespace: str | None = None
    is_clustered: bool = False  # CLUSTER goes by it
    is_replica_identity: bool = False
    statistics_targets: str | None = None  # of expressions, by place: 1=100
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
    enabled: str = "origin"
    comment: str | None = None
