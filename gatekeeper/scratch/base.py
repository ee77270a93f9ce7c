"""What a scratch server can do, whatever it is."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import psycopg
from psycopg import sql


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

    def create_roles(self, names: tuple[str, ...]) -> None:
        """Create roles that the migrations expect; those that exist stay as they are."""

    def stand_ins(self, database: Address) -> tuple[str, ...]:
        """Name the installed extensions that are stand-ins of ours."""

    def close(self) -> None:
        """Stop or leave the server; everything made in it is gone afterwards."""


def create_missing_roles(connection: psycopg.Connection[Any], names: tuple[str, ...]) -> None:
    """Create each role that does not exist yet, without rights and without login."""
    for name in names:
        found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).fetchone()
        if found is None:
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
