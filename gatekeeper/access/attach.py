"""Puts roles, grants, owners and row security into a schema, for comparing and judging them."""

from dataclasses import replace
from typing import Any

from gatekeeper.model.relations import Ident
from gatekeeper.model.schema import Schema
from gatekeeper.model.security import SecuredRelation, Security

_OWNED = ("schemas", "tables", "views", "sequences", "functions")


def with_security(schema: Schema, security: Security) -> Schema:
    """Give the schema with what `security` says of the same database at the same moment.

    What an owner may do with its own object is left out of the grants, and so is what belongs to
    a table that the schema leaves out (a migration tool's own).
    """
    owners = {owned.ident: owned.owner for owned in security.owners}
    relations = {relation.oid: relation for relation in security.relations}
    kept: dict[str, Any] = {
        field: tuple(_secured(thing, owners, relations) for thing in getattr(schema, field))
        for field in _OWNED
    }
    known = {thing.ident for field in _OWNED for thing in kept[field]}
    return replace(
        schema,
        **kept,
        roles=security.roles,
        memberships=tuple(m for m in security.memberships if not m.is_implicit),
        grants=tuple(
            grant
            for grant in security.grants
            if owners.get((grant.catalog_name, grant.object_oid, 0)) != grant.grantee
            and (grant.catalog_name != "pg_class" or ("pg_class", grant.object_oid, 0) in known)
        ),
        default_privileges=security.default_privileges,
        row_policies=tuple(
            p for p in security.row_policies if ("pg_class", p.table_oid, 0) in known
        ),
    )


def without_roles(schema: Schema) -> Schema:
    """Leave out roles, memberships and owners: they are the cluster's, and not the schema's own."""
    kept: dict[str, Any] = {
        field: tuple(replace(thing, owner="") for thing in getattr(schema, field))
        for field in _OWNED
    }
    return replace(schema, **kept, roles=(), memberships=())


def _secured(
    thing: Any,  # noqa: ANN401 - one of the kinds that have an owner
    owners: dict[Ident, str],
    relations: dict[int, SecuredRelation],
) -> Any:  # noqa: ANN401
    found: dict[str, Any] = {"owner": owners.get(thing.ident, "")}
    relation = relations.get(thing.oid) if thing.kind == "table" else None
    if relation is not None:
        found["row_security"] = relation.row_security
        found["row_security_forced"] = relation.row_security_forced
    return replace(thing, **found)
