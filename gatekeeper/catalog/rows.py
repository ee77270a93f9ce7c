"""Sends the queries of one reading, many at once, and makes objects of what they answer."""

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

# Where the queries of one reading are divided: each part gives both the server and us much to do.
_LAST_AT_ONCE = frozenset({"security/owners", "postgres/columns", "postgres/indexes"})


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
) -> "Iterator[Answers]":
    """Send queries in one consistent snapshot; give the answers, to be taken in that order.

    Inside a transaction of the caller they see what that transaction sees, and its settings are put
    back. `again`: this connection will ask the same once more, so the server keeps its plans.
    `longest_wait` is a lock_timeout; without, the session's own holds.
    """
    # Ours ends with COMMIT, upon which settings that are LOCAL end, too: after a ROLLBACK psycopg
    # would have the server forget its plans.
    begins = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    with connection.transaction(force_rollback=not begins), connection.pipeline() as pipeline:
        if begins:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for setting in _SETTINGS:
            connection.execute(setting.encode())
        if longest_wait is not None:
            connection.execute("SELECT set_config('lock_timeout', %s, true)", [longest_wait])
        cursors = {name: connection.cursor(row_factory=row_factory) for name in queries}

        def send(name: str) -> None:
            cursors[name].execute(queries[name].encode(), prepare=again)

        with _uncollected():
            yield Answers(pipeline, cursors, send)


class Answers:
    """The cursors of queries, by name.

    A distant server answers after few round trips: many queries are sent at once. When they are
    answered the next are sent, and the server works on these while we make objects of the answers.
    Of queries sent together psycopg gives the first answer when it has the last.
    """

    def __init__(
        self,
        pipeline: psycopg.Pipeline,
        cursors: Mapping[str, psycopg.Cursor[Any]],
        send: Callable[[str], object],
    ) -> None:
        self._pipeline = pipeline
        self._cursors = cursors
        self._send = send
        self._unsent = deque(cursors)
        self._sent = self._send_some()
        self._answered: set[str] = set()

    def __getitem__(self, name: str) -> psycopg.Cursor[Any]:
        cursor = self._cursors[name]
        while name not in self._answered:
            self._pipeline.sync()
            self._answered.update(self._sent)
            self._sent = self._send_some()
        return cursor

    def _send_some(self) -> list[str]:
        sent: list[str] = []
        while self._unsent and not (sent and sent[-1] in _LAST_AT_ONCE):
            sent.append(self._unsent.popleft())
            self._send(sent[-1])
        return sent


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from going through what was read, again and again while it grows.

    It is half of the time; nothing that is read refers to itself.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def objects_of(cls: type, cursor: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    """Make an object of each row."""
    return made(cls, columns_of(cursor))


def columns_of(cursor: psycopg.Cursor[Any]) -> dict[str, Sequence[Any]]:
    """Give the values of each column, by its name; nothing where there are no rows."""
    rows = cursor.fetchall()
    names = [column.name for column in cursor.description or ()]
    return dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}


def made(cls: type, columns: Mapping[str, Sequence[Any]]) -> tuple[Any, ...]:
    """Make objects, of which each column has the values of one field; others have their defaults.

    A large schema has tens of thousands, of classes that are frozen: calling them would take longer
    than the queries. So the slots are filled one after the other, each for all objects at once.
    """
    if not columns:  # most kinds, in most schemas
        return ()
    needed = {f.name for f in fields(cls) if f.default is MISSING}
    assert needed <= set(columns) <= {f.name for f in fields(cls)}, cls  # noqa: S101 - a pair
    count = len(next(iter(columns.values())))
    objects: tuple[Any, ...] = tuple(map(object.__new__, repeat(cls, count)))
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
