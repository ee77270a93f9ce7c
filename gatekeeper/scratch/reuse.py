"""Empty databases for one after the other, without making each anew.

A database has some 300 files, and a file system that makes and removes so many over and over again
takes longer than what runs in them. So a database is emptied and used again; but only if each row
of its catalogs is the one that was there at first. Otherwise it is dropped.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg

from gatekeeper.scratch.base import Address, ScratchServer

_MOST_USES = 20  # every use leaves dead rows in the catalogs, through which the next must read

# The catalogs that a database has for itself, and its own rows of those that all share.
_CATALOGS = """
    SELECT format('pg_catalog.%I', relname) FROM pg_catalog.pg_class
    WHERE relkind = 'r' AND relnamespace = 'pg_catalog'::regnamespace AND NOT relisshared ORDER BY 1
"""
_ITSELF = "SELECT oid FROM pg_database WHERE datname = current_database()"
_SHARED = (
    f"(SELECT xmin FROM pg_database WHERE oid IN ({_ITSELF}))",  # noqa: S608 - our own text
    f"(SELECT xmin FROM pg_db_role_setting WHERE setdatabase IN ({_ITSELF}))",  # noqa: S608
    f"(SELECT xmin FROM pg_shdescription WHERE objoid IN ({_ITSELF}))",  # noqa: S608
    f"(SELECT xmin FROM pg_subscription WHERE subdbid IN ({_ITSELF}))",  # noqa: S608
)


@dataclass(slots=True)
class _Used:
    address: Address
    query: str  # what compares the catalogs with those of the beginning
    rows: list[tuple[Any, ...]]
    uses: int = 0


class Databases:
    """Lends empty databases of a server; threads may borrow at the same time."""

    def __init__(self, server: ScratchServer) -> None:
        self._server = server
        self._free: list[_Used] = []

    @contextmanager
    def lend(self) -> Iterator[Address]:
        """Give a database in which nothing was made. Whatever is made in it is gone afterwards."""
        try:
            lent = self._free.pop()
        except IndexError:
            lent = _measured(self._server.create_database())
        try:
            yield lent.address
            lent.uses += 1
            is_empty = lent.uses < _MOST_USES and _emptied(lent)
        except BaseException:
            self._server.drop_database(lent.address.database)
            raise
        if is_empty:
            self._free.append(lent)
        else:
            self._server.drop_database(lent.address.database)

    def close(self) -> None:
        """Drop the databases that nobody has borrowed."""
        while self._free:
            self._server.drop_database(self._free.pop().address.database)


def _measured(address: Address) -> _Used:
    """Count the rows of the catalogs; those that come later have a later transaction in xmin."""
    with address.connect() as connection:
        row = connection.execute("SELECT pg_current_xact_id()::xid::text").fetchone()
        catalogs = [name for (name,) in connection.execute(_CATALOGS)]
        assert row is not None  # noqa: S101 - a SELECT without FROM
        query = " UNION ALL ".join(
            "SELECT count(*), count(*) FILTER (WHERE"  # noqa: S608 - names of the server's own
            f" age(xmin) <= age('{row[0]}'::xid)) FROM {catalog} c"
            for catalog in (*catalogs, *_SHARED)
        )
        return _Used(address, query, connection.execute(query.encode()).fetchall())


def _emptied(lent: _Used) -> bool:
    """Drop what was made; say whether the database is now as it was at first."""
    try:
        with lent.address.connect() as connection:
            connection.execute(_script().encode())
            return connection.execute(lent.query.encode()).fetchall() == lent.rows
    except psycopg.Error:
        return False


@cache
def _script() -> str:
    return (files("gatekeeper.scratch") / "empty.sql").read_text("utf-8")
