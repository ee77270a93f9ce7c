"""Reads one database into a Schema: one query an object kind, all in one consistent snapshot."""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import MISSING, fields, replace
from functools import cache
from importlib.resources import files
from itertools import repeat
from typing import Any

import psycopg

from gatekeeper.model import schema as model
from gatekeeper.model.schema import Schema

OLDEST_SERVER = 14

KINDS: dict[str, type] = {
    "schemas": model.Namespace,
    "tables": model.Table,
    "columns": model.Column,
    "constraints": model.Constraint,
    "foreign_keys": model.ForeignKey,
    "indexes": model.Index,
    "views": model.View,
    "sequences": model.Sequence,
    "triggers": model.Trigger,
    "rules": model.RewriteRule,
    "functions": model.Function,
    "types": model.Type,
    "enum_values": model.EnumValue,
    "extensions": model.Extension,
    "others": model.Other,
}

# A line of a query that names what only some versions have ends in `-- since 16` or `-- since 15
# until 16`. On others it is left out, and the field has its default.
_SINCE = re.compile(r"-- since (?P<first>\d+)(?: until (?P<last>\d+))?$")


@cache
def query_text(kind: str, version: int) -> str:
    """Give the query for a field of Schema, as a server of this major version understands it."""
    text = (files("gatekeeper.catalog") / "postgres" / f"{kind}.sql").read_text("utf-8")
    return "\n".join(line for line in text.splitlines() if _understood(line, version))


def _understood(line: str, version: int) -> bool:
    found = _SINCE.search(line)
    return found is None or int(found["first"]) <= version <= int(found["last"] or version)


def read_schema(
    connection: psycopg.Connection[Any],
    *,
    ignored_tables: Iterable[tuple[str, str]] = (),
    longest_wait: str = "0",
) -> Schema:
    """Read the whole schema of the connected database; nothing is written.

    `ignored_tables` are (schema, name) pairs left out with all that belongs to them: the tables in
    which migration tools keep their versions. `longest_wait` is a lock_timeout. Raises
    psycopg.Error when the connection is gone.
    """
    version = connection.info.server_version // 10000
    cursors: dict[str, psycopg.Cursor[Any]] = {}
    # All queries are sent at once: a distant server answers after one round trip, and while we make
    # objects of one answer, it works on the next.
    with connection.transaction(), connection.pipeline():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # Names in definitions are schema-qualified when nothing but pg_catalog is on the path.
        connection.execute("SET LOCAL search_path = ''")
        connection.execute("SELECT set_config('lock_timeout', %s, true)", [longest_wait])
        for kind in KINDS:
            query = query_text(kind, version).encode()
            cursors[kind] = connection.execute(query, prepare=False)
        found = {kind: _objects(cls, cursors[kind]) for kind, cls in KINDS.items()}
    places = {table.oid: place for place, table in enumerate(found["tables"])}
    found["columns"] = tuple(sorted(found["columns"], key=lambda c: places[c.table_oid]))
    schema = Schema(**found, server_version=_version(connection))
    return without_tables(schema, ignored_tables)


def without_tables(schema: Schema, tables: Iterable[tuple[str, str]]) -> Schema:
    """Leave tables, as (schema, name) pairs, and all that belongs to them out of a schema."""
    ignored = set(tables)
    if not ignored:
        return schema
    kept: dict[str, Any] = {
        kind: tuple(thing for thing in objects if not _belongs(thing, ignored))
        for kind, objects in schema.objects().items()
    }
    return replace(schema, **kept)


def _objects(cls: type, cursor: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    """Make an object of each row.

    A large schema has tens of thousands, of classes that are frozen: calling them would take longer
    than the queries. So the slots are filled one after the other, each for all objects at once.
    """
    rows = cursor.fetchall()
    names = [column.name for column in cursor.description or ()]
    needed = {f.name for f in fields(cls) if f.default is MISSING}
    assert needed <= set(names) <= {f.name for f in fields(cls)}, cls  # noqa: S101 - they are a pair
    objects: tuple[Any, ...] = tuple(map(object.__new__, repeat(cls, len(rows))))
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
    for field in fields(cls):
        values: Iterable[Any] = columns.get(field.name) or repeat(field.default)
        if str(field.type).startswith("tuple["):
            values = map(tuple, values)
        deque(map(getattr(cls, field.name).__set__, objects, values), maxlen=0)
    return objects


def _belongs(thing: Any, ignored: set[tuple[str, str]]) -> bool:  # noqa: ANN401
    table = thing.name if isinstance(thing, model.Table) else getattr(thing, "table_name", None)
    return table is not None and (thing.schema_name, table) in ignored


def _version(connection: psycopg.Connection[Any]) -> str:
    number = connection.info.server_version
    return f"{number // 10000}.{number % 10000}"
