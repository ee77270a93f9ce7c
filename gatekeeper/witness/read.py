"""Installs the witness and reads what it recorded."""

from importlib.resources import files
from typing import Any

import psycopg
from psycopg.rows import dict_row

from gatekeeper.model.evidence import Event, Held, Touched

_TABLES_AT_ONCE = 500  # each stays locked until the transaction ends
_TABLES = """
    SELECT c.oid::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
      AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gatekeeper') ORDER BY 1
"""


def install(connection: psycopg.Connection[Any]) -> None:
    """Install the witness in the connected database; needs a superuser."""
    script = (files("gatekeeper.witness") / "install.sql").read_text("utf-8")
    tables = [oid for (oid,) in connection.execute(_TABLES)]
    with connection.transaction():
        connection.execute(script.encode())
    for start in range(0, len(tables), _TABLES_AT_ONCE):
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")  # no event triggers
            connection.execute(
                "SELECT gatekeeper.watch(oid::regclass) FROM unnest(%s::oid[]) oid",
                [tables[start : start + _TABLES_AT_ONCE]],
            )


def uninstall(connection: psycopg.Connection[Any]) -> None:
    """Take the witness away, if it is there, so that queries on the database do not see it."""
    with connection.transaction():
        for name in ("start", "command", "drop", "rewrite"):
            connection.execute(f"DROP EVENT TRIGGER IF EXISTS gatekeeper_{name}".encode())
        connection.execute("DROP SCHEMA IF EXISTS gatekeeper CASCADE")


def end_holders(connection: psycopg.Connection[Any]) -> None:
    """End sessions that still hold locks, as the end of the process that opened them would."""
    connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM (SELECT DISTINCT a.pid"
        " FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid"
        " WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()"
        " AND a.backend_type = 'client backend') holder"
    )


def read_events(connection: psycopg.Connection[Any]) -> tuple[Event, ...]:
    """Give all recorded events in the order in which they happened.

    What a migration rolled back is not among them: the records went with it.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "SELECT kind, tag, statement, transaction, touched, locked, lock_modes, states, scans,"
            " lock_timeout_ms, statement_timeout_ms FROM gatekeeper.events ORDER BY seq"
        )
        return tuple(_event(row) for row in cursor)


def _event(row: dict[str, Any]) -> Event:
    locks = tuple(zip(row.pop("locked"), row.pop("lock_modes"), strict=True))
    return Event(
        **row
        | {
            "touched": tuple(Touched(**item) for item in row["touched"]),
            "locks": locks,
            "states": {int(oid): state for oid, state in row["states"].items()},
            "scans": tuple(row["scans"]),
        }
    )


class LockWatch:
    """Looks from another connection at the locks that a statement left behind.

    The runner waits while we look. What other sessions would have to wait for is exactly what
    another session sees in pg_locks; it holds for every kind of statement, not only for DDL.
    It looks at what was there as the witness came, which must be before this.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        ((existing,),) = connection.execute("SELECT gatekeeper.existing()::text").fetchall()
        self._query = (_HELD % existing).encode()  # a constant: the server searches it by hash
        self.seen: dict[int, Held] = {}

    def look(self, statement: int) -> None:
        """Record the locks of the session that ran last, after the statement of this number."""
        if len(self.seen) >= _MOST_LOOKS:
            return
        row = self._connection.execute(self._query, prepare=True).fetchone()
        if row is None or row[0] is None:
            return
        start, pid, relations, modes = row
        locks = tuple(zip(relations or (), modes or (), strict=True))
        self.seen[statement] = Held(f"{pid}:{start}", locks)


_MOST_LOOKS = 2000  # a migration that sends more works row by row, and each looks like the last
_HELD = """
    SELECT runner.xact_start, runner.pid, held.* FROM (
        SELECT pid, xact_start FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
          AND backend_type = 'client backend'
        ORDER BY query_start DESC NULLS LAST LIMIT 1) runner
    CROSS JOIN LATERAL (
        SELECT array_agg(l.relation::bigint), array_agg(l.mode) FROM pg_locks l
        WHERE l.pid = runner.pid AND l.locktype = 'relation' AND l.relation = ANY ('%s'::oid[])
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) held
"""
