"""Reads the schema of a server that is in use. Only its catalog is read, and nothing is written."""

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg

from gatekeeper.catalog.read import OLDEST_SERVER, read_schema
from gatekeeper.catalog.url import read_url
from gatekeeper.errors import GatekeeperError
from gatekeeper.model.schema import Schema

_LONGEST_WAIT = "10s"  # for a table that somebody is altering: its views cannot be read meanwhile
_READ_ONLY = f"-c default_transaction_read_only=on -c lock_timeout={_LONGEST_WAIT}"

Found = TypeVar("Found")


def read_live(url: str, named: str) -> Schema:
    """Read the schema of the database that a URL points at; `named` is what messages call it.

    Raises GatekeeperError when the server cannot be reached, is too old, or refuses.
    """
    return look_live(url, named, lambda c: read_schema(c, longest_wait=_LONGEST_WAIT))


def look_live(url: str, named: str, look: Callable[[psycopg.Connection[Any]], Found]) -> Found:
    """Give what `look` reads from the catalog of that database; the rest is as read_live() has it.

    A read-only connection in autocommit mode is lent to it.
    """
    try:
        with connect(read_url(url, named), named) as connection:
            version = connection.info.server_version // 10000
            if version < OLDEST_SERVER:
                raise GatekeeperError(
                    f"{named} is PostgreSQL {version}; {OLDEST_SERVER} or newer is needed"
                )
            return look(connection)
    except psycopg.errors.LockNotAvailable as error:
        raise GatekeeperError(
            f"{named}: somebody is altering a table there, and held its lock for {_LONGEST_WAIT}",
            "Run the command again when that is done.",
        ) from error
    except psycopg.Error as error:
        raise GatekeeperError(
            f"{named}: the server did not answer: {_said(error)}",
            "The role needs CONNECT on the database and its right to read the system catalogs,"
            " which every role has unless somebody took it away.",
        ) from error


def connect(parameters: dict[str, Any], named: str) -> psycopg.Connection[Any]:
    """Open a connection of which every transaction is read-only. Raises GatekeeperError."""
    settings: dict[str, Any] = {"connect_timeout": 10, "application_name": "gatekeeper diff"}
    settings |= parameters
    options = f"{parameters.get('options') or ''} {_READ_ONLY}".strip()
    try:
        try:
            connection = psycopg.connect(**settings | {"options": options}, autocommit=True)
        except psycopg.OperationalError as error:
            if "startup parameter" not in str(error):
                raise
            # A pooler takes no settings for the session; each transaction says read-only anyway.
            connection = psycopg.connect(**settings, autocommit=True)
    except psycopg.Error as error:
        raise GatekeeperError(
            f"{named}: cannot connect: {_said(error)}",
            "A password can also come from PGPASSWORD or ~/.pgpass.",
        ) from error
    connection.read_only = True
    return connection


def _said(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).strip() or type(error).__name__
