"""Sends the queries of one reading all at once, and makes objects of what they answer."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields
from functools import cache
from importlib.resources import files
from itertools import repeat
from typing import Any

import psycopg
from psycopg.rows import RowFactory, tuple_row

_SETTINGS = (
    # Names in definitions are schema-qualified when nothing but pg_catalog is on the path.
    "SET LOCAL search_path = ''",
    # The queries are written in the order in which they are best run. Trying the others takes
    # longer than running them on a small schema, and finds nothing better on a large one.
    "SET LOCAL join_collapse_limit = 1",
)


@cache
def query_file(name: str) -> str:
    """Give the text of a query of this package: `postgres/tables`."""
    return (files("gatekeeper.catalog") / f"{name}.sql").read_text("utf-8")


@contextmanager
def asked(
    connection: psycopg.Connection[Any],
    queries: Mapping[str, str],
    *,
    longest_wait: str | None = None,
    again: bool = False,
    row_factory: RowFactory[Any] = tuple_row,
) -> Iterator[dict[str, psycopg.Cursor[Any]]]:
    """Send queries in one consistent snapshot; give the cursor of each, to be read in that order.

    A distant server answers after one round trip, and while we make objects of one answer, it
    works on the next. Inside a transaction of the caller they see what that transaction sees, and
    its settings are put back. `again`: this connection will ask the same once more, so the server
    keeps its plans. `longest_wait` is a lock_timeout; without, the session's own holds.
    """
    # Ours ends with COMMIT, upon which settings that are LOCAL end, too: after a ROLLBACK psycopg
    # would have the server forget its plans.
    begins = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    with connection.transaction(force_rollback=not begins), connection.pipeline():
        if begins:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for setting in _SETTINGS:
            connection.execute(setting.encode())
        if longest_wait is not None:
            connection.execute("SELECT set_config('lock_timeout', %s, true)", [longest_wait])
        cursors = {name: connection.cursor(row_factory=row_factory) for name in queries}
        for name, query in queries.items():
            cursors[name].execute(query.encode(), prepare=again)
        yield cursors


def objects_of(cls: type, cursor: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    """Make an object of each row.

    A large schema has tens of thousands, of classes that are frozen: calling them would take longer
    than the queries. So the slots are filled one after the other, each for all objects at once.
    """
    rows = cursor.fetchall()
    if not rows:  # most kinds, in most schemas
        return ()
    names = [column.name for column in cursor.description or ()]
    needed = {f.name for f in fields(cls) if f.default is MISSING}
    assert needed <= set(names) <= {f.name for f in fields(cls)}, cls  # noqa: S101 - they are a pair
    objects: tuple[Any, ...] = tuple(map(object.__new__, repeat(cls, len(rows))))
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    for field in fields(cls):
        values: Iterable[Any] = columns.get(field.name) or repeat(field.default)
        if str(field.type).startswith("tuple["):
            values = map(_frozen, values)
        deque(map(getattr(cls, field.name).__set__, objects, values), maxlen=0)
    return objects


def _frozen(value: list[Any] | tuple[Any, ...]) -> tuple[Any, ...]:
    if value and isinstance(value[0], list):
        return tuple(map(tuple, value))
    return tuple(value)
