"""Reads one database into a Schema: one query an object kind, all in one consistent snapshot."""

from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg

from gatekeeper.model import schema as model
from gatekeeper.model.schema import Schema

_KINDS: dict[str, type] = {
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
}


@cache
def _query(kind: str) -> str:
    return (files("gatekeeper.catalog") / "postgres" / f"{kind}.sql").read_text("utf-8")


def read_schema(
    connection: psycopg.Connection[Any], *, ignored_tables: Iterable[tuple[str, str]] = ()
) -> Schema:
    """Read the whole schema of the connected database.

    `ignored_tables` are (schema, name) pairs left out with all that belongs to them: the tables in
    which migration tools keep their versions. Raises psycopg.Error when the connection is gone.
    """
    ignored = set(ignored_tables)
    found: dict[str, tuple[Any, ...]] = {}
    with connection.transaction(), connection.cursor() as cursor:
        # Names in definitions are schema-qualified when nothing but pg_catalog is on the path.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SET LOCAL search_path = ''")
        for kind, cls in _KINDS.items():
            cursor.execute(_query(kind).encode())
            found[kind] = _objects(cls, cursor)
    if ignored:
        found = {
            kind: tuple(o for o in objects if not _belongs(o, ignored))
            for kind, objects in found.items()
        }
    return Schema(**found, server_version=_version(connection))


def _objects(cls: type, cursor: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    names = [column.name for column in cursor.description or ()]
    assert set(names) <= {f.name for f in fields(cls)}, cls  # noqa: S101 - a query and its class
    return tuple(
        cls(
            **{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in zip(names, row, strict=True)
            }
        )
        for row in cursor
    )


def _belongs(thing: Any, ignored: set[tuple[str, str]]) -> bool:  # noqa: ANN401
    table = thing.name if isinstance(thing, model.Table) else getattr(thing, "table_name", None)
    return table is not None and (thing.schema_name, table) in ignored


def _version(connection: psycopg.Connection[Any]) -> str:
    number = connection.info.server_version
    return f"{number // 10000}.{number % 10000}"
