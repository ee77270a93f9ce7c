"""Reads what the lineage of views and functions is computed from."""

import re
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from gatekeeper.catalog.rows import asked, query_file
from gatekeeper.model.lineage import FunctionCode, LineageSource, ReadRelation, ViewRule
from gatekeeper.model.relations import Ident

# An element of a search_path as the server keeps it: quoted where it must be.
_SCHEMA = re.compile(r'"((?:[^"]|"")*)"|([^\s,"]+)')


def read_lineage_source(connection: psycopg.Connection[Any]) -> LineageSource:
    """Read rules, function bodies and what they depend on; nothing is written.

    Raises psycopg.Error when the connection is gone.
    """
    queries = {kind: query_file(f"lineage/{kind}") for kind in _KINDS}
    with asked(connection, queries, row_factory=namedtuple_row) as answers:
        rows = {kind: answers[kind].fetchall() for kind in _KINDS}
    depends: dict[Ident, set[Ident]] = {}
    for row in rows["depends"]:
        depends.setdefault((row.kind, row.oid, 0), set()).add(("pg_class", row.used, row.number))
    return LineageSource(
        {row.oid: _relation(row) for row in rows["relations"]},
        {row.oid: ViewRule(row.oid, row.tree, row.definition) for row in rows["views"]},
        {row.oid: _function(row) for row in rows["functions"]},
        {ident: frozenset(used) for ident, used in depends.items()},
        {row.row_type: row.oid for row in rows["relations"] if row.row_type},
        {row.oid: row.name for row in rows["builtins"]},
        {("pg_class", row.oid, row.number): row.tree for row in rows["generated"]},
    )


_KINDS = ("relations", "views", "functions", "depends", "builtins", "generated")


def _relation(row: Any) -> ReadRelation:  # noqa: ANN401 - a row of its query
    columns = tuple(zip(row.numbers, row.names, strict=True))
    return ReadRelation(row.oid, row.schema_name, row.name, row.kind, columns)


def _function(row: Any) -> FunctionCode:  # noqa: ANN401 - a row of its query
    path = row.search_path
    return FunctionCode(
        row.oid,
        row.schema_name,
        row.name,
        row.arguments,
        row.kind,
        row.language,
        row.returns,
        tuple(zip(row.numbers, row.names, strict=True)),
        tuple(row.parameters),
        row.body,
        row.tree,
        None if path is None else schemas_of(path),
        tuple(row.parts),
    )


def schemas_of(search_path: str) -> tuple[str, ...]:
    """Give the schemas that a setting of search_path names: `public, "My Schema"`."""
    found = [
        m[1].replace('""', '"') if m[2] is None else m[2] for m in _SCHEMA.finditer(search_path)
    ]
    return tuple(name for name in found if name)
