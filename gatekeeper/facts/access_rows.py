"""Roles, rights and row policies as rows of fact tables; pure."""

from collections.abc import Iterable

from gatekeeper.model.names import qualified
from gatekeeper.model.schema import (
    DefaultPrivilege,
    Grant,
    Membership,
    Role,
    RowPolicy,
    Schema,
    SchemaObject,
)
from gatekeeper.model.security import PUBLIC

Row = dict[str, object]
AccessObject = Role | Membership | Grant | DefaultPrivilege | RowPolicy

_POWERS = {
    "is_superuser": "SUPERUSER",
    "bypasses_row_security": "BYPASSRLS",
    "can_create_role": "CREATEROLE",
    "can_create_database": "CREATEDB",
    "can_replicate": "REPLICATION",
}
# Predefined roles whose members get past the rights on tables, or out of the database (manual:
# Predefined Roles).
_POWERFUL = {
    "pg_read_all_data",
    "pg_write_all_data",
    "pg_maintain",
    "pg_execute_server_program",
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_create_subscription",
    "pg_database_owner",
}


class Powers:
    """Which roles are powerful, by what they are themselves or through a role they are in."""

    def __init__(self, schema: Schema) -> None:
        self._strong = _POWERFUL | {
            role.name
            for role in schema.roles
            if role.is_superuser or role.bypasses_row_security or role.can_create_role
        }
        self._groups: dict[str, list[str]] = {}
        for membership in schema.memberships:
            self._groups.setdefault(membership.member, []).append(membership.role)

    def has(self, role: str) -> bool:
        """Say whether a role is powerful; memberships form no circle (the server refuses one)."""
        return role in self._strong or any(map(self.has, self._groups.get(role, ())))


def access_row(thing: AccessObject, powers: Powers, row_security: Iterable[int]) -> tuple[str, Row]:
    """Give the fact table of one object and what is its own; `row_security`: tables with it."""
    match thing:
        case Role():
            values: Row = {key: getattr(thing, key) for key in (*_POWERS, "name", "can_login")}
            return "roles", values
        case Membership():
            return "memberships", {
                "role_name": thing.role,
                "member": thing.member,
                "inherits": thing.inherits,
                "can_set_role": thing.can_set_role,
                "can_administer": thing.can_administer,
                "role_is_powerful": powers.has(thing.role),
            }
        case Grant():
            return "grants", _right(thing) | {
                "schema_name": thing.schema_name,
                "object_subject": thing.object_subject,
                "is_default": thing.is_default,
            }
        case DefaultPrivilege():
            effect = {"owner": thing.owner, "effect": thing.effect}
            return "default_privileges", _right(thing) | {"schema_name": thing.schema_name} | effect
        case RowPolicy():
            return "row_policies", {
                "table_name": thing.table_name,
                "table_subject": qualified(thing.schema_name, thing.table_name),
                "name": thing.name,
                "command": thing.command,
                "is_permissive": thing.is_permissive,
                "roles": ", ".join(thing.roles),
                "using_expression": thing.using,
                "check_expression": thing.check,
                "row_security": thing.table_oid in row_security,
            }


def _right(right: Grant | DefaultPrivilege) -> Row:
    return {
        "grantee": right.grantee,
        "to_public": right.grantee_oid == PUBLIC,
        "privilege": right.privilege,
        "object_kind": right.object_kind,
        "is_grantable": right.is_grantable,
    }


def changed_values(before: SchemaObject | None, after: SchemaObject | None) -> Row:
    """Give what rows tell of the difference between two states of one object."""
    if isinstance(after, Role):
        gained = [
            word
            for key, word in _POWERS.items()
            if getattr(after, key) and not getattr(before, key, False)
        ]
        return {"powers_gained": ", ".join(gained) or None}
    if isinstance(before, RowPolicy) and isinstance(after, RowPolicy):
        return {
            "using_before": before.using if before.using != after.using else None,
            "check_before": before.check if before.check != after.check else None,
            "roles_before": ", ".join(before.roles) if _has_other_roles(before, after) else None,
        }
    return {}


def _has_other_roles(before: RowPolicy, after: RowPolicy) -> bool:
    """Say whether a row policy is for others than before; a role that is renamed is the same."""
    return before.roles != after.roles and before.role_oids != after.role_oids
