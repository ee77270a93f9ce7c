"""What grants, ownership and attributes give directly, and what row security leaves of it.

As has_table_privilege(), has_column_privilege(), has_schema_privilege() and
has_function_privilege() answer (manual: Privileges; GRANT; Predefined Roles):

- An owner has its rights through the ACL as everybody else. One that revoked them from itself does
  not have them here, although it could grant them to itself again; neither does who has a right
  WITH GRANT OPTION or ADMIN count as having what it could hand out.
- A superuser has every right; pg_read_all_data, pg_write_all_data and pg_maintain give theirs on
  every relation, and USAGE on every schema.
- A grant on a table is one on all its columns; a grant on a column adds to it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from gatekeeper.access.grades import Rows
from gatekeeper.access.roles import RoleGraph
from gatekeeper.model.security import (
    RELATION_PRIVILEGES,
    RowPolicy,
    SecuredFunction,
    SecuredRelation,
    Security,
)

BITS = {name: 1 << place for place, name in enumerate(RELATION_PRIVILEGES)}
MAINTAIN_SINCE = 17

_PREDEFINED = {
    "pg_read_all_data": ("SELECT",),
    "pg_write_all_data": ("INSERT", "UPDATE", "DELETE"),
    "pg_maintain": ("MAINTAIN",),
}
_SCHEMA_READERS = ("pg_read_all_data", "pg_write_all_data")
_FILTERED = {"SELECT": "select", "INSERT": "insert", "UPDATE": "update", "DELETE": "delete"}

Acl = dict[int, dict[int, int]]
"""Bits of privileges by column number (0: the whole) and grantee."""
Giver = tuple[int, int]


class Rights(NamedTuple):
    """Bits of privileges on a relation, and by column number those that its columns add."""

    whole: int = 0
    columns: tuple[tuple[int, int], ...] = ()

    def has(self, bit: int, number: int) -> bool:
        """Say whether the column may be used; number 0 asks for any column, as count(*) does."""
        if self.whole & bit:
            return True
        return any(bits & bit for at, bits in self.columns if number in (0, at))


class Direct:
    """The direct rights of every role on every object of a Security."""

    def __init__(self, security: Security, graph: RoleGraph) -> None:
        self._graph = graph
        since = security.server_version >= MAINTAIN_SINCE
        self._all = sum(bit for name, bit in BITS.items() if since or name != "MAINTAIN")
        self._acls: dict[int, Acl] = {}
        self._users: dict[int, set[int]] = {schema.oid: set() for schema in security.schemas}
        self._callers: dict[int, set[int]] = {}
        self._policies: dict[int, list[RowPolicy]] = {}
        self._on_all: dict[int, int] = {}  # bits that a role has on every relation
        self._usable: dict[int, frozenset[int]] = {}
        self._predefined = {
            oid: role.name for oid, role in graph.roles.items() if role.is_predefined
        }
        for policy in security.row_policies:
            self._policies.setdefault(policy.table_oid, []).append(policy)
        self._read_grants(security)

    def _read_grants(self, security: Security) -> None:
        for grant in security.grants:
            if grant.catalog_name == "pg_class":
                acl = self._acls.setdefault(grant.object_oid, {})
                grantees = acl.setdefault(grant.column_number, {})
                bit = BITS.get(grant.privilege, 0)  # a sequence has USAGE, too
                grantees[grant.grantee_oid] = grantees.get(grant.grantee_oid, 0) | bit
            elif grant.privilege == "USAGE" and grant.catalog_name == "pg_namespace":
                self._users[grant.object_oid].add(grant.grantee_oid)
            elif grant.catalog_name == "pg_proc":
                self._callers.setdefault(grant.object_oid, set()).add(grant.grantee_oid)

    def rights(self, role: int, relation: int) -> Rights:
        """Give what has_table_privilege() and has_column_privilege() say of a relation."""
        if self._graph.roles[role].is_superuser:
            return Rights(self._all)
        acl = self._acls.get(relation, {})
        rights_of = self._graph.rights_of(role)
        if role not in self._on_all:
            mine = (self._predefined[oid] for oid in self._predefined.keys() & rights_of)
            names = {name for group in mine for name in _PREDEFINED.get(group, ())}
            self._on_all[role] = sum(BITS[name] for name in names)
        whole = self._on_all[role] | _bits(acl.get(0), rights_of)
        if len(acl) == (0 in acl):
            return Rights(whole)
        columns = ((number, _bits(acl[number], rights_of)) for number in sorted(acl) if number)
        return Rights(whole, tuple((number, bits) for number, bits in columns if bits))

    def may_use(self, role: int, schema: int) -> bool:
        """Answer as has_schema_privilege(role, schema, 'USAGE')."""
        if role not in self._usable:
            rights_of = self._graph.rights_of(role)
            mine = (self._predefined[oid] for oid in self._predefined.keys() & rights_of)
            uses_all = self._graph.roles[role].is_superuser or any(
                g in _SCHEMA_READERS for g in mine
            )
            self._usable[role] = frozenset(
                oid for oid, users in self._users.items() if uses_all or users & rights_of
            )
        return schema in self._usable[role]

    def may_execute(self, role: int, function: int) -> bool:
        """Answer as has_function_privilege(role, function, 'EXECUTE')."""
        callers = self._callers.get(function, set())
        is_superuser = self._graph.roles[role].is_superuser
        return is_superuser or not callers.isdisjoint(self._graph.rights_of(role))

    def rows(self, role: int, relation: SecuredRelation, privilege: str) -> Rows:
        """Say what row security leaves to the role (manual: Row Security Policies).

        Exempt are superusers, roles with BYPASSRLS and, unless it is forced, whoever has the rights
        of the owner. An UPDATE or DELETE that reads is held to the policies for SELECT, too.
        """
        if not self._filters(role, relation) or privilege not in _FILTERED:
            return Rows.ALL
        applying = self.policies(role, relation, privilege)
        return Rows.SOME if any(p.is_permissive for p in applying) else Rows.NONE

    def policies(self, role: int, relation: SecuredRelation, privilege: str) -> list[RowPolicy]:
        """Give the row policies that the server applies to a command of the role."""
        if not self._filters(role, relation):
            return []
        command, rights_of = _FILTERED.get(privilege), self._graph.rights_of(role)
        return [
            policy
            for policy in self._policies.get(relation.oid, ())
            if policy.command in ("all", command) and not rights_of.isdisjoint(policy.role_oids)
        ]

    def _filters(self, role: int, relation: SecuredRelation) -> bool:
        if not relation.row_security:
            return False
        me = self._graph.roles[role]
        if me.is_superuser or me.bypasses_row_security:
            return False
        return relation.row_security_forced or relation.owner_oid not in self._graph.rights_of(role)

    def givers(self, role: int, relation: int, privilege: str, number: int) -> Iterator[Giver]:
        """Give every grant that gives the privilege: the role that was granted it, and where.

        The last is the column's number, 0 for the whole relation, or -1 for a predefined role.
        """
        rights_of, bit = self._graph.rights_of(role), BITS.get(privilege, 0)
        for place in sorted({0, number}):
            for grantee, bits in self._acls.get(relation, {}).get(place, {}).items():
                if bits & bit and grantee in rights_of:
                    yield grantee, place
        for oid in sorted(self._predefined.keys() & rights_of):
            if privilege in _PREDEFINED.get(self._predefined[oid], ()):
                yield oid, -1

    def callers(self, role: int, function: SecuredFunction) -> Iterator[Giver]:
        """Give the same for EXECUTE on a function."""
        rights_of = self._graph.rights_of(role)
        yield from ((oid, 0) for oid in self._callers.get(function.oid, ()) if oid in rights_of)


def _bits(grantees: dict[int, int] | None, rights_of: frozenset[int]) -> int:
    found = 0
    for grantee, bits in (grantees or {}).items():
        if grantee in rights_of:
            found |= bits
    return found
