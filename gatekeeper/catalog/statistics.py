"""Reads the row counts that a server keeps in its catalog, and nothing else.

The server is production or a replica of it: the transaction is read-only and gives up in time, and
what the URL holds is never repeated, since a password may be in it.
"""

from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import psycopg

from gatekeeper.catalog.url import read_url
from gatekeeper.errors import GatekeeperError
from gatekeeper.model.names import qualified
from gatekeeper.stats import Statistics

_LONGEST_QUERY = "30s"


def take_statistics(url: str) -> Statistics:
    """Connect to the server and give its counts, of today.

    Raises GatekeeperError when it cannot be reached, refuses, or has no table.
    """
    parameters = read_url(url, "--url")
    query = (files("gatekeeper.catalog") / "statistics.sql").read_text("utf-8")
    try:
        with connect(parameters) as connection:
            found = connection.execute(query.encode()).fetchall()
            number = connection.info.server_version
            database = connection.info.dbname
    except psycopg.errors.InsufficientPrivilege as error:
        raise GatekeeperError(
            f"the server refuses to show its catalog: {_said(error)}",
            "The role needs CONNECT on the database, and to read pg_class, pg_namespace,"
            " pg_inherits and pg_depend, as every role may unless somebody took it away.",
        ) from error
    except psycopg.Error as error:
        raise GatekeeperError(
            f"the server did not answer: {_said(error)}", "Run the command again."
        ) from error
    if not found:
        raise GatekeeperError(
            f"the database {database} has no table",
            "Is it the right one? The URL ends with its name: postgresql://user@host/shop",
        )
    return Statistics(
        taken=datetime.now(UTC).date().isoformat(),
        server_version=f"{number // 10000}.{number % 10000}",
        rows={qualified(schema, name): rows for schema, name, rows in found},
    )


def connect(parameters: dict[str, Any]) -> psycopg.Connection[Any]:
    """Open a connection whose every transaction is read-only, and begin one.

    The settings are the transaction's, not the connection's: poolers refuse the latter.
    """
    options: dict[str, Any] = {"connect_timeout": 10, "application_name": "gatekeeper stats"}
    try:
        connection = psycopg.connect(**(options | parameters))
    except psycopg.Error as error:
        raise GatekeeperError(
            f"cannot connect: {_said(error)}",
            "Check --url. A password can also come from PGPASSWORD or ~/.pgpass.",
        ) from error
    connection.read_only = True
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.execute("SET LOCAL search_path = ''")
    connection.execute(f"SET LOCAL statement_timeout = '{_LONGEST_QUERY}'")
    return connection


def _said(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).strip() or type(error).__name__
