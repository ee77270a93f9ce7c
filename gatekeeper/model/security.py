"""Who may do what: roles, memberships, grants, owners and row security as plain values.

Idents join with those of `gatekeeper.model.schema`: ("pg_class", oid, 0) is a table, ("pg_class",
oid, number) one of its columns. What the server allows without a row of its own (the default ACL of
manual section 5.8, the database owner's membership of pg_database_owner) is there as a row, too.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from gatekeeper.model.names import qualified, quoted
from gatekeeper.model.relations import Ident, Identified, Part, Relation

PUBLIC = 0
"""The oid that stands for everybody."""

RELATION_PRIVILEGES = (
    "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN",
)  # fmt: skip
COLUMN_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "REFERENCES")


@dataclass(frozen=True, slots=True)
class Role(Identified):
    """A role of the cluster. `inherits` is the role's own default, a membership may say otherwise.

    `settings` are those of ALTER ROLE … SET, for every database and for this one.
    """

    kind: ClassVar[str] = "role"
    catalog: ClassVar[str] = "pg_authid"
    oid: int
    name: str
    is_superuser: bool = False
    can_login: bool = False
    inherits: bool = True
    bypasses_row_security: bool = False
    can_create_role: bool = False
    can_create_database: bool = False
    can_replicate: bool = False
    settings: str | None = None
    comment: str | None = None

    @property
    def subject(self) -> str:
        return quoted(self.name)

    @property
    def is_predefined(self) -> bool:
        """One of the server's own, as pg_read_all_data; the prefix is reserved for them."""
        return self.name.startswith("pg_")


@dataclass(frozen=True, slots=True)
class Membership:
    """`member` is a member of `role`; what several grantors gave is one row.

    PostgreSQL 16 and newer keep INHERIT and SET with the membership. Before that every member may
    SET ROLE, and the member's own attribute decides whether it inherits. `is_implicit` is the
    database owner's membership of pg_database_owner, which no GRANT made.
    """

    kind: ClassVar[str] = "membership"
    role_oid: int
    role: str
    member_oid: int
    member: str
    can_administer: bool = False
    inherits: bool = True
    can_set_role: bool = True
    is_implicit: bool = False
    grantors: tuple[str, ...] = ()

    @property
    def oid(self) -> int:
        """Give the oid of the role that it gives."""
        return self.role_oid

    @property
    def ident(self) -> Ident:
        return ("pg_auth_members", self.role_oid, self.member_oid)

    @property
    def name(self) -> str:
        return self.role

    @property
    def subject(self) -> str:
        return f"{quoted(self.member)} in {quoted(self.role)}"


@dataclass(frozen=True, slots=True)
class Grant:
    """One privilege that one grantee has on one object; what several grantors gave is one row.

    `object_kind` is schema, table, partitioned, foreign, view, materialized_view, sequence, column,
    function, type, foreign_data_wrapper or foreign_server. `is_default`: nobody granted or revoked
    anything on the object yet, and the server's default applies.
    """

    kind: ClassVar[str] = "grant"
    catalog_name: str
    object_oid: int
    column_number: int
    object_kind: str
    schema_name: str | None
    object_name: str
    column_name: str | None
    object_subject: str
    grantee_oid: int
    grantee: str  # of PUBLIC: public
    privilege: str
    is_grantable: bool = False
    grantors: tuple[str, ...] = field(default=(), compare=False)
    is_default: bool = field(default=False, compare=False)

    @property
    def object_ident(self) -> Ident:
        return (self.catalog_name, self.object_oid, self.column_number)

    @property
    def oid(self) -> int:
        """Give the oid of what it is on; a grant has none of its own."""
        return self.object_oid

    @property
    def ident(self) -> Ident:
        right = f"{self.catalog_name}/{self.grantee_oid}/{self.privilege}"
        return (right, self.object_oid, self.column_number)

    @property
    def name(self) -> str:
        return self.privilege

    @property
    def subject(self) -> str:
        return f"{self.privilege} on {self.object_subject} to {quoted_grantee(self)}"


@dataclass(frozen=True, slots=True)
class DefaultPrivilege:
    """What objects that `owner` will create come with (ALTER DEFAULT PRIVILEGES).

    `effect` is granted, or revoked for a privilege that the server gives by default and this entry
    takes away (EXECUTE on functions from PUBLIC). `schema_name` None: in every schema.
    """

    kind: ClassVar[str] = "default_privilege"
    owner_oid: int
    owner: str
    schema_oid: int
    schema_name: str | None
    object_kind: str  # tables, sequences, functions, types, schemas, large objects
    grantee_oid: int
    grantee: str
    privilege: str
    effect: str = "granted"
    is_grantable: bool = False

    @property
    def oid(self) -> int:
        """Give the oid of the role whose objects it is about."""
        return self.owner_oid

    @property
    def ident(self) -> Ident:
        what = f"{self.object_kind}/{self.grantee_oid}/{self.privilege}/{self.effect}"
        return (f"pg_default_acl/{what}", self.owner_oid, self.schema_oid)

    @property
    def name(self) -> str:
        return self.privilege

    @property
    def subject(self) -> str:
        place = f" in {quoted(self.schema_name)}" if self.schema_name else ""
        what = f"{self.privilege} on {self.object_kind} of {quoted(self.owner)}{place}"
        preposition = "to" if self.effect == "granted" else "from"
        return f"{what} {self.effect} {preposition} {quoted_grantee(self)}"


def quoted_grantee(grant: Grant | DefaultPrivilege) -> str:
    """Give the grantee as SQL has it; a role may be named "public" only in quotes, by nobody."""
    return "PUBLIC" if grant.grantee_oid == PUBLIC else quoted(grant.grantee)


@dataclass(frozen=True, slots=True)
class RowPolicy(Part):
    """A row policy (CREATE POLICY). `roles` has public for everybody, with oid 0."""

    kind: ClassVar[str] = "row_policy"
    catalog: ClassVar[str] = "pg_policy"
    command: str = "all"  # all, select, insert, update, delete
    is_permissive: bool = True
    roles: tuple[str, ...] = ()
    role_oids: tuple[int, ...] = ()
    using: str | None = None
    check: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class SecuredRelation(Relation):
    """A table, view, materialized view or foreign table, as far as access goes.

    `parents` are the tables it inherits from or is a partition of. For a view, `uses` are the
    columns for which the server checks SELECT, as (relation oid, number); number 0 is a relation
    of which any column will do, below are system columns. `calls` are the functions that it calls.
    `accepts` are the commands among INSERT, UPDATE and DELETE that it takes at all, `passes_on`
    those that the server hands on to the table behind it (manual: CREATE VIEW, Updatable Views),
    for `updatable_columns`.
    """

    kind: ClassVar[str] = "relation"
    relation_kind: str = "table"  # partitioned, foreign, view, materialized_view
    schema_oid: int = 0
    owner_oid: int = 0
    owner: str = ""
    column_numbers: tuple[int, ...] = ()
    column_names: tuple[str, ...] = ()
    row_security: bool = False
    row_security_forced: bool = False
    is_partition: bool = False
    parents: tuple[int, ...] = ()
    security_invoker: bool = False
    security_barrier: bool = False
    uses: tuple[tuple[int, int], ...] = ()
    calls: tuple[int, ...] = ()
    accepts: tuple[str, ...] = ()
    passes_on: tuple[str, ...] = ()
    updatable_columns: tuple[int, ...] = ()
    fingerprint: str = ""  # of a view, changes with its query

    @property
    def columns(self) -> dict[int, str]:
        """Give the names of the columns by their numbers."""
        return dict(zip(self.column_numbers, self.column_names, strict=True))


@dataclass(frozen=True, slots=True)
class SecuredFunction(Identified):
    """A function or procedure, as far as access goes.

    `fingerprint` changes with the body. `is_trigger`: nobody can call it, only a trigger does.
    """

    kind: ClassVar[str] = "function"
    catalog: ClassVar[str] = "pg_proc"
    oid: int
    schema_name: str
    name: str
    arguments: str = ""
    schema_oid: int = 0
    owner_oid: int = 0
    owner: str = ""
    is_security_definer: bool = False
    is_trigger: bool = False
    settings: str | None = None
    fingerprint: str = ""

    @property
    def subject(self) -> str:
        return f"{qualified(self.schema_name, self.name)}({self.arguments})"


@dataclass(frozen=True, slots=True)
class SecuredSchema(Identified):
    """A schema and its owner."""

    kind: ClassVar[str] = "schema"
    catalog: ClassVar[str] = "pg_namespace"
    oid: int
    name: str
    owner_oid: int = 0
    owner: str = ""

    @property
    def subject(self) -> str:
        return quoted(self.name)


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns an object. `object_kind` has the words of Grant."""

    kind: ClassVar[str] = "owner"
    catalog_name: str
    oid: int
    object_kind: str
    schema_name: str | None
    object_name: str
    subject: str
    owner_oid: int
    owner: str

    @property
    def ident(self) -> Ident:
        return (self.catalog_name, self.oid, 0)


@dataclass(frozen=True, slots=True)
class Security:
    """Everything that decides who may do what in one database, sorted by subject within each kind.

    Roles are all of the cluster but the predefined ones, and of these the ones that somebody is a
    member of. `server_version` is the major version.
    """

    roles: tuple[Role, ...] = ()
    memberships: tuple[Membership, ...] = ()
    schemas: tuple[SecuredSchema, ...] = ()
    relations: tuple[SecuredRelation, ...] = ()
    functions: tuple[SecuredFunction, ...] = ()
    grants: tuple[Grant, ...] = ()
    default_privileges: tuple[DefaultPrivilege, ...] = ()
    row_policies: tuple[RowPolicy, ...] = ()
    owners: tuple[Ownership, ...] = ()
    server_version: int = field(default=18, compare=False)
