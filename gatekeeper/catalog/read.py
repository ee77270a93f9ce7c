"""Reads one database into a Schema: one query an object kind, all in one consistent snapshot."""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import psycopg

from gatekeeper.catalog.rows import Answers, asked, columns_of, made, objects_of, query_file
from gatekeeper.model import schema as model
from gatekeeper.model.schema import Schema

OLDEST_SERVER = 14
_FOLDER = "postgres"

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
    lines = query_file(f"{_FOLDER}/{kind}").splitlines()
    return "\n".join(line for line in lines if _understood(line, version))


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
    with asked(connection, schema_queries(connection), longest_wait=longest_wait) as answers:
        return without_tables(schema_of(connection, answers), ignored_tables)


def schema_queries(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Give what this server is asked, one query a field of Schema."""
    version = connection.info.server_version // 10000
    return {f"{_FOLDER}/{kind}": query_text(kind, version) for kind in KINDS}


def schema_of(connection: psycopg.Connection[Any], answers: Answers) -> Schema:
    """Make the schema of what schema_queries() were answered."""
    found: dict[str, tuple[Any, ...]] = {}
    for kind, cls in KINDS.items():
        cursor = answers[f"{_FOLDER}/{kind}"]
        if kind == "columns":
            found[kind] = _columns(cursor, found["tables"])
        else:
            found[kind] = objects_of(cls, cursor)
    return Schema(**found, server_version=_version(connection))


def _columns(
    cursor: psycopg.Cursor[Any], tables: tuple[model.Table, ...]
) -> tuple[model.Column, ...]:
    """Make the columns of these tables, in the order of the tables."""
    values = columns_of(cursor)
    if not values:
        return ()
    places = {table.oid: place for place, table in enumerate(tables)}
    of = [tables[places[oid]] for oid in values["table_oid"]]
    values["schema_name"] = [table.schema_name for table in of]
    values["table_name"] = [table.name for table in of]
    return tuple(sorted(made(model.Column, values), key=lambda c: places[c.table_oid]))


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


def _belongs(thing: Any, ignored: set[tuple[str, str]]) -> bool:  # noqa: ANN401
    table = thing.name if isinstance(thing, model.Table) else getattr(thing, "table_name", None)
    return table is not None and (thing.schema_name, table) in ignored


def _version(connection: psycopg.Connection[Any]) -> str:
    number = connection.info.server_version
    return f"{number // 10000}.{number % 10000}"
