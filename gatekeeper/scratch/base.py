"""What a scratch server can do, whatever it is."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import psycopg
from psycopg import sql

from gatekeeper.config_database import ProductionRole
from gatekeeper.errors import ScratchError


@dataclass(frozen=True, slots=True)
class Address:
    """Where a scratch database is. `host` is a folder for a unix socket."""

    host: str
    port: int
    user: str
    database: str
    password: str | None = field(default=None, repr=False)

    def connect(self) -> psycopg.Connection[Any]:
        """Open a connection in autocommit mode."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=self.database,
            autocommit=True,
            application_name="gatekeeper",
        )


@contextlib.contextmanager
def lost_server_explained() -> Iterator[None]:
    """Turn the loss of the scratch database into an error that says what to do."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise ScratchError(
            f"the scratch database went away: {str(error).strip()}",
            "Run the command again; with --database-url, see why the server closed the connection.",
        ) from error


OTHERS = "_others"


def others_beside(address: Address) -> Address:
    """Make sure of a second database, for what env.py does to others than the one that is meant.

    It goes when that one is dropped.
    """
    name = address.database + OTHERS
    with address.connect() as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name])
        if found.fetchone() is None:
            query = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
            connection.execute(query)
    return replace(address, database=name)


def copy(connection: psycopg.Connection[Any], database: str, name: str) -> bool:
    """Make the database `name` as another one, unless somebody is connected to that."""
    query = "SELECT FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
    if connection.execute(query, [database]).fetchone() is not None:
        return False
    names = sql.Identifier(name), sql.Identifier(database)
    connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    return True


def drop_databases(connection: psycopg.Connection[Any], database: str) -> None:
    """Drop a database and the one beside it, also when somebody is still connected."""
    for name in (database, database + OTHERS):
        query = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        connection.execute(query)


class ScratchServer(Protocol):
    """A PostgreSQL server in which databases can be made and thrown away."""

    def create_database(self) -> Address:
        """Make an empty database and say where it is."""

    def copy_database(self, database: Address) -> Address | None:
        """Make a database that is as this one; None while somebody is connected to that."""

    def drop_database(self, database: str) -> None:
        """Drop a database, also when somebody is still connected to it."""

    def create_roles(self, roles: tuple[ProductionRole, ...]) -> None:
        """Create roles that the migrations expect; those that exist stay as they are."""

    def drop_new_roles(self) -> None:
        """Drop the roles that were made here and that no database needs any more.

        Roles are the cluster's: what a history made would be in the way when it runs once more.
        """

    def stand_ins(self, database: Address) -> tuple[str, ...]:
        """Name the installed extensions that are stand-ins of ours."""

    def close(self) -> None:
        """Stop or leave the server; everything made in it is gone afterwards."""


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
