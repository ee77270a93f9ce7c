"""Which roles a role has the rights of, and which it can become.

As pg_has_role() answers: USAGE, MEMBER and SET (manual: System Information Functions; Role
Membership). Attributes as SUPERUSER and BYPASSRLS are never inherited, only SET ROLE brings them.
"""

from collections import deque
from collections.abc import Callable, Mapping
from functools import cached_property

from gatekeeper.model.security import PUBLIC, Membership, Role, Security

Route = Mapping[int, int]
"""The roles that are reached, each with the one before it on the shortest way."""


class RoleGraph:
    """The roles of a Security and their memberships. Oid 0 is PUBLIC, which is in nothing."""

    def __init__(self, security: Security) -> None:
        everybody = Role(PUBLIC, "public", inherits=False)
        self.roles = {PUBLIC: everybody, **{role.oid: role for role in security.roles}}
        self._memberships = security.memberships
        self._inherited: dict[int, Route] = {}
        self._rights_of: dict[int, frozenset[int]] = {}

    @property
    def subjects(self) -> tuple[Role, ...]:
        """Give the roles whose access is asked for: everybody, and all but the predefined ones."""
        return tuple(role for role in self.roles.values() if not role.is_predefined)

    def rights_of(self, role: int) -> frozenset[int]:
        """Give the roles whose rights it has at once: itself, PUBLIC, what it inherits.

        A superuser needs none of them; of one this gives what it would have without.
        """
        if role not in self._rights_of:
            self._rights_of[role] = frozenset((*self.inherited(role), role, PUBLIC))
        return self._rights_of[role]

    def inherited(self, role: int) -> Route:
        """Give the roles from which it inherits, and the way there."""
        if role not in self._inherited:
            self._inherited[role] = _walk(role, self._inheriting)
        return self._inherited[role]

    def has_rights_of(self, role: int, group: int) -> bool:
        """Answer as pg_has_role(role, group, 'USAGE')."""
        return group in self.rights_of(role) or self.roles[role].is_superuser

    def is_member(self, role: int, group: int) -> bool:
        """Answer as pg_has_role(role, group, 'MEMBER')."""
        return self._reaches(role, group, self._joined)

    def can_become(self, role: int, group: int) -> bool:
        """Answer as pg_has_role(role, group, 'SET'): may somebody who logged in as it SET ROLE."""
        return self._reaches(role, group, self._settable)

    def disguises(self, role: int) -> tuple[int, ...]:
        """Give the roles in which it can do more than as itself."""
        me = self.roles[role]
        if me.is_superuser:
            return ()
        mine = self.rights_of(role)
        others = (self.roles[oid] for oid in _walk(role, self._settable))
        return tuple(sorted(o.oid for o in others if o.oid not in mine or self._is_mightier(o, me)))

    def way(self, role: int, group: int) -> tuple[Role, ...]:
        """Give the chain of memberships from a role, left out, to a group whose rights it has."""
        route, chain = self.inherited(role), []
        while group != role:
            chain.append(self.roles[group])
            group = route[group]
        return tuple(reversed(chain))

    @staticmethod
    def _is_mightier(other: Role, me: Role) -> bool:
        return other.is_superuser or (other.bypasses_row_security and not me.bypasses_row_security)

    def _reaches(self, role: int, group: int, edges: "Edges") -> bool:
        return role == group or self.roles[role].is_superuser or group in _walk(role, edges)

    @cached_property
    def _inheriting(self) -> "Edges":
        return self._edges(lambda membership: membership.inherits)

    @cached_property
    def _settable(self) -> "Edges":
        return self._edges(lambda membership: membership.can_set_role)

    @cached_property
    def _joined(self) -> "Edges":
        return self._edges(lambda _: True)

    def _edges(self, wanted: Callable[[Membership], bool]) -> "Edges":
        edges: dict[int, list[int]] = {}
        for membership in self._memberships:
            if wanted(membership) and membership.role_oid in self.roles:
                edges.setdefault(membership.member_oid, []).append(membership.role_oid)
        return edges


Edges = Mapping[int, list[int]]


def _walk(start: int, edges: Edges) -> dict[int, int]:
    before: dict[int, int] = {}
    waiting = deque([start])
    while waiting:
        role = waiting.popleft()
        for group in edges.get(role, ()):
            if group not in before and group != start:
                before[group] = role
                waiting.append(group)
    return before
