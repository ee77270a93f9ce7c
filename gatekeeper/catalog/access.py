"""Reads everything that decides who can read what."""

from typing import Any

import psycopg

from gatekeeper.access.effective import Access
from gatekeeper.access.lineage import Lineage
from gatekeeper.access.traced import function_sources, view_sources
from gatekeeper.catalog.lineage import read_lineage_source
from gatekeeper.catalog.security import read_security
from gatekeeper.model.security import Security


def read_access(connection: psycopg.Connection[Any]) -> Access:
    """Give effective access in the connected database, views and functions traced.

    Where nobody but superusers can reach anything, nothing is traced. Raises psycopg.Error when the
    connection is gone.
    """
    security = read_security(connection)
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
