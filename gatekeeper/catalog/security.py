"""Reads roles, grants, owners and row security: one query a kind, all in one snapshot."""

from collections.abc import Iterable
from itertools import chain, repeat
from typing import Any

import psycopg

from gatekeeper.catalog.rows import Answers, asked, columns_of, made, objects_of, query_file
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

_ENTRY = ("grantee_oid", "grantee", "privilege", "is_grantable", "grantors")  # of an ACL


def read_security(connection: psycopg.Connection[Any]) -> Security:
    """Read who may do what in the connected database; nothing is written.

    Inside a transaction of the caller it sees what that transaction sees. Raises psycopg.Error when
    the connection is gone.
    """
    with asked(connection, security_queries()) as answers:
        return security_of(connection, answers)


def security_queries() -> dict[str, str]:
    """Give what the server is asked, one query a field of Security."""
    return {name: query_file(name) for name in (f"{_FOLDER}/{kind}" for kind in _KINDS)}


def security_of(connection: psycopg.Connection[Any], answers: Answers) -> Security:
    """Make a Security of what security_queries() were answered."""
    found: dict[str, tuple[Any, ...]] = {}
    for kind, cls in _KINDS.items():
        cursor = answers[f"{_FOLDER}/{kind}"]
        found[kind] = _grants(cursor) if kind == "grants" else objects_of(cls, cursor)
    known = {role.oid for role in found["roles"]}
    # A new cluster has memberships among predefined roles, which are nobody's business.
    found["memberships"] = tuple(m for m in found["memberships"] if m.member_oid in known)
    return Security(**found, server_version=connection.info.server_version // 10000)


def _grants(cursor: psycopg.Cursor[Any]) -> tuple[model.Grant, ...]:
    """Make the grants of rows that are an object each; an ACL is explained in its first row."""
    objects = columns_of(cursor)
    if not objects:
        return ()
    acls, explained = objects.pop("acl"), objects.pop("entries")
    pairs = zip(acls, explained, strict=True)
    entries = {acl: list(zip(*found, strict=True)) for acl, found in pairs if found}
    counts = [len(entries[acl][0]) if acl in entries else 0 for acl in acls]
    columns = {name: _joined(map(repeat, objects[name], counts)) for name in objects}
    for place, name in enumerate(_ENTRY):
        columns[name] = _joined(entries[acl][place] for acl in acls if acl in entries)
    return made(model.Grant, columns)


def _joined(parts: Iterable[Iterable[Any]]) -> list[Any]:
    return list(chain.from_iterable(parts))
