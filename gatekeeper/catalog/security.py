"""Reads roles, grants, owners and row security: one query a kind, all in one snapshot."""

from dataclasses import fields
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg

from gatekeeper.model import security as model
from gatekeeper.model.security import Security

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
    found: dict[str, Any] = {}
    begins = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    # Rolling back puts the caller's settings back where they were.
    with connection.transaction(force_rollback=True), connection.cursor() as cursor:
        if begins:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL search_path = ''")
        for kind, cls in _KINDS.items():
            cursor.execute(_query(kind).encode())
            found[kind] = _objects(cls, cursor)
    known = {role.oid for role in found["roles"]}
    # A new cluster has memberships among predefined roles, which are nobody's business.
    found["memberships"] = tuple(m for m in found["memberships"] if m.member_oid in known)
    return Security(**found, server_version=connection.info.server_version // 10000)


@cache
def _query(kind: str) -> str:
    return (files("gatekeeper.catalog") / "security" / f"{kind}.sql").read_text("utf-8")


def _objects(cls: type, cursor: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    names = [column.name for column in cursor.description or ()]
    assert set(names) <= {f.name for f in fields(cls)}, cls  # noqa: S101 - a query and its class
    return tuple(cls(**dict(zip(names, map(_frozen, row), strict=True))) for row in cursor)


def _frozen(value: object) -> object:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
