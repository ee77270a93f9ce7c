"""What a scratch server can do, whatever it is.

A server is started before psycopg is imported, which takes as long as git needs to answer.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from gatekeeper.config_database import ProductionRole
from gatekeeper.errors import ScratchError

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True, slots=True)
class Address:
    """Where a scratch database is. `host` is a folder for a unix socket."""

    host: str
    port: int
    user: str
    database: str
    password: str | None = field(default=None, repr=False)

    def connect(self) -> "psycopg.Connection[Any]":
        """Open a connection in autocommit mode."""
        import psycopg

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
    import psycopg

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
    from psycopg import sql

    name = address.database + OTHERS
    with address.connect() as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name])
        if found.fetchone() is None:
            query = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
            connection.execute(query)
    return replace(address, database=name)


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
