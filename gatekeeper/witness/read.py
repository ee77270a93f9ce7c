"""Installs the witness and reads what it recorded."""

from importlib.resources import files
from typing import Any

import psycopg

from gatekeeper.model.evidence import Event, Touched


def install(connection: psycopg.Connection[Any]) -> None:
    """Install the event triggers in the connected database; needs a superuser."""
    script = (files("gatekeeper.witness") / "install.sql").read_text("utf-8")
    with connection.transaction():
        connection.execute(script.encode())


def read_events(connection: psycopg.Connection[Any]) -> tuple[Event, ...]:
    """Give all recorded events in the order in which they happened.

    What a migration rolled back is not among them: the records went with it.
    """
    rows = connection.execute(
        "SELECT kind, tag, statement, transaction, touched, locks, states, lock_timeout_ms,"
        " statement_timeout_ms FROM gatekeeper.events ORDER BY seq"
    ).fetchall()
    return tuple(
        Event(
            kind=kind,
            tag=tag,
            statement=statement,
            transaction=transaction,
            touched=tuple(Touched(**item) for item in touched),
            locks=tuple((oid, mode) for oid, mode in locks),
            states={int(oid): state for oid, state in states.items()},
            lock_timeout_ms=lock_timeout,
            statement_timeout_ms=statement_timeout,
        )
        for (
            kind,
            tag,
            statement,
            transaction,
            touched,
            locks,
            states,
            lock_timeout,
            statement_timeout,
        ) in rows
    )
