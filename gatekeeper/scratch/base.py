"""What a scratch server can do, whatever it is."""

import contextlib
from dataclasses import dataclass, field
from typing import Any, Protocol

import psycopg
from psycopg import sql

from gatekeeper.config import ProductionRole
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


class ScratchServer(Protocol):
    """A PostgreSQL server in which databases can be made and thrown away."""

    def create_database(self) -> Address:
        """Make an empty database and say where it is."""

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
