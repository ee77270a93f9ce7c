"""Reads roles, grants, owners and row security: one query a kind, all in one snapshot."""

from collections.abc import Mapping
from typing import Any

import psycopg

from gatekeeper.catalog.rows import asked, objects_of, query_file
from gatekeeper.model import security as model
from gatekeeper.model.security import Security

_FOLDER = "security"
_KINDS: dict[str, type] = {
    "roles": model.Role,
    "memberships": model.Membership,
    "schemas": model.SecuredSchema,
    "relations": model.SecuredRelation,
    "functions": model.SecuredFunction,
    "grants": model.Grant,
    "default_privileges": model.DefaultPrivilege,
    "row_policies": model.RowPolicy,
    "owners": model.Ownership,
}


def read_security(connection: psycopg.Connection[Any]) -> Security:
    """Read who may do what in the connected database; nothing is written.

    Inside a transaction of the caller it sees what that transaction sees. Raises psycopg.Error when
    the connection is gone.
    """
    with asked(connection, security_queries()) as cursors:
        return security_of(connection, cursors)


def security_queries() -> dict[str, str]:
    """Give what the server is asked, one query a field of Security."""
    return {name: query_file(name) for name in (f"{_FOLDER}/{kind}" for kind in _KINDS)}


def security_of(
    connection: psycopg.Connection[Any], cursors: Mapping[str, psycopg.Cursor[Any]]
) -> Security:
    """Make a Security of what security_queries() were answered."""
    found = {kind: objects_of(cls, cursors[f"{_FOLDER}/{kind}"]) for kind, cls in _KINDS.items()}
    known = {role.oid for role in found["roles"]}
    # A new cluster has memberships among predefined roles, which are nobody's business.
    found["memberships"] = tuple(m for m in found["memberships"] if m.member_oid in known)
    return Security(**found, server_version=connection.info.server_version // 10000)
