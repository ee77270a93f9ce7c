"""Statements about databases and roles, for every scratch server."""

import contextlib
from typing import Any

import psycopg
from psycopg import sql

from gatekeeper.config_database import ProductionRole
from gatekeeper.errors import ScratchError
from gatekeeper.scratch.base import OTHERS

_KNOWS_STRATEGIES = 150000
_AS_USUAL = sql.SQL("")


def made_by_files(connection: psycopg.Connection[Any]) -> sql.SQL:
    """Give the words for CREATE DATABASE to copy files: half the work where nothing is synced."""
    knows = connection.info.server_version >= _KNOWS_STRATEGIES
    return sql.SQL(" STRATEGY FILE_COPY" if knows else "")


def copy(
    connection: psycopg.Connection[Any], database: str, name: str, how: sql.SQL = _AS_USUAL
) -> bool:
    """Make the database `name` as another one, unless somebody is connected to that."""
    query = "SELECT FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
    if connection.execute(query, [database]).fetchone() is not None:
        return False
    names = sql.Identifier(name), sql.Identifier(database)
    connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names) + how)
    return True


def drop_databases(connection: psycopg.Connection[Any], database: str) -> None:
    """Drop a database and the one beside it, also when somebody is still connected."""
    for name in (database, database + OTHERS):
        query = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        connection.execute(query)


def drop_roles(connection: psycopg.Connection[Any], names: set[str]) -> None:
    """Drop those of the roles on which nothing depends."""
    for name in sorted(names):
        with contextlib.suppress(psycopg.Error):
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def create_missing_roles(
    connection: psycopg.Connection[Any], roles: tuple[ProductionRole, ...]
) -> None:
    """Create each role that does not exist yet, and the roles that it is a member of.

    Raises ScratchError when the server refuses a name, an attribute or a membership.
    """
    made = [role for role in roles if _create(connection, role)]
    for role in made:
        for group in role.member_of:
            _create(connection, ProductionRole(group))
            names = sql.Identifier(group), sql.Identifier(role.name)
            _execute(connection, role, sql.SQL("GRANT {} TO {}").format(*names))


def _create(connection: psycopg.Connection[Any], role: ProductionRole) -> bool:
    found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role.name]).fetchone()
    if found is not None:
        return False
    words = [sql.SQL("CREATE ROLE"), sql.Identifier(role.name)]
    # No text of the configuration gets here: attributes are words that it knows.
    words += [sql.SQL(word.upper()) for word in role.attributes]
    _execute(connection, role, sql.SQL(" ").join(words))
    return True


def _execute(
    connection: psycopg.Connection[Any], role: ProductionRole, statement: sql.Composed
) -> None:
    try:
        connection.execute(statement)
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        said = error.diag.message_primary or str(error)
        raise ScratchError(
            f"the role {role.name} of database.roles cannot be created: {said}",
            "Correct it in gatekeeper.yml.",
        ) from error
