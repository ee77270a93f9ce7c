"""Reads everything that decides who can read what."""

from collections.abc import Iterable
from typing import Any

import psycopg

from gatekeeper.access.effective import Access
from gatekeeper.access.lineage import Lineage
from gatekeeper.access.traced import function_sources, view_sources
from gatekeeper.catalog.lineage import read_lineage_source
from gatekeeper.catalog.read import schema_of, schema_queries, without_tables
from gatekeeper.catalog.rows import asked
from gatekeeper.catalog.security import read_security, security_of, security_queries
from gatekeeper.model.schema import Schema
from gatekeeper.model.security import Security


def read_access(connection: psycopg.Connection[Any]) -> Access:
    """Give effective access in the connected database, views and functions traced.

    Where nobody but superusers can reach anything, nothing is traced. Raises psycopg.Error when the
    connection is gone.
    """
    return _traced(connection, read_security(connection))


def read_state(
    connection: psycopg.Connection[Any],
    *,
    ignored_tables: Iterable[tuple[str, str]] = (),
    again: bool = False,
) -> tuple[Schema, Access]:
    """Read the schema and who can do what in it, at one moment; nothing is written.

    `ignored_tables` are those of read_schema(); `again` says that this connection will read once
    more. Raises psycopg.Error when the connection is gone.
    """
    queries = security_queries() | schema_queries(connection)
    with asked(connection, queries, longest_wait="0", again=again) as answers:
        security, schema = security_of(connection, answers), schema_of(connection, answers)
    return without_tables(schema, ignored_tables), _traced(connection, security)


def _traced(connection: psycopg.Connection[Any], security: Security) -> Access:
    if not _concerns_anybody(security):
        return Access(security)
    lineage = Lineage(read_lineage_source(connection))
    return Access(security, view_sources(lineage, security), function_sources(lineage, security))


def _concerns_anybody(security: Security) -> bool:
    if any(not (role.is_superuser or role.is_predefined) for role in security.roles):
        return True
    if any(grant.catalog_name == "pg_class" and not grant.grantee_oid for grant in security.grants):
        return True  # to PUBLIC
    return any(f.is_security_definer and not f.is_trigger for f in security.functions)
