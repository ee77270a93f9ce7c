"""Compiles a `catalog_query:` policy: one SELECT on the scratch database itself.

It is for what no fact table holds. Names of the system catalogs are checked when policies are
loaded, from `catalog_tables.txt`; the query runs with `search_path` set to pg_catalog, so that
nothing a migration creates can stand in for what it names.
"""

from functools import lru_cache
from importlib.resources import files

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from gatekeeper.policy.catalog_query import placeholders
from gatekeeper.policy.model import CatalogQuery
from gatekeeper.yaml_reader import Node, Plain, did_you_mean

_SYSTEM_SCHEMAS = ("pg_catalog", "information_schema")
_SYSTEM_COLUMNS = {"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"}
_CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into)


@lru_cache(maxsize=1)
def catalog_tables() -> dict[str, frozenset[str]]:
    """Give the columns of every system catalog and view; those outside pg_catalog with a schema."""
    text = (files("gatekeeper.policy") / "catalog_tables.txt").read_text("utf-8")
    tables = (line.partition(": ") for line in text.splitlines() if not line.startswith("#"))
    return {name: frozenset(columns.split()) for name, _, columns in tables}


def compile_catalog_query(node: Node, params: dict[str, Plain]) -> CatalogQuery | None:
    """Compile a query; mistakes are recorded at the node."""
    text = node.text()
    try:
        trees = sqlglot.parse(text, dialect="postgres")
    except (SqlglotError, RecursionError) as error:
        reason = (str(error).splitlines() or ["nested too deeply"])[0]
        node.problem(f"not a query that PostgreSQL understands: {reason}")
        return None
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Select | exp.SetOperation) or tree.find(*_CHANGES):
        node.problem("a catalog_query is one SELECT")
        return None
    mistakes = _mistakes(tree)
    for _, token in placeholders(text):
        if token.text not in params:
            near = did_you_mean(token.text, params)
            mistakes.append((f"unknown parameter :{token.text}{near}", token.line))
    columns = tuple(tree.named_selects)
    if "*" in columns or "" in columns:
        mistakes.append(("name every column that it gives: select x as subject, y as size", 1))
    elif "subject" not in columns:
        mistakes.append(("the query must give a column subject: what a finding is about", 1))
    for mistake, line in mistakes:
        node.problem(mistake, node.text_line(line - 1))
    return None if mistakes else CatalogQuery(text, columns)


def _mistakes(tree: exp.Expr) -> list[tuple[str, int]]:
    """Give what is wrong with the names of a query, each with its line in the text."""
    found: list[tuple[str, int]] = []
    seen: set[int] = set()  # a correlated column is listed by the scopes around it, too
    for scope in traverse_scope(tree):  # the innermost come first
        tables = [s for s in scope.sources.values() if isinstance(s, exp.Table)]
        names = [(_bad_table(table), table.this) for table in tables]
        columns = [column for column in scope.columns if id(column) not in seen]
        seen.update(map(id, columns))
        names += [(_bad_column(column, scope), column.this) for column in columns]
        found += [(mistake, name.meta.get("line", 1)) for mistake, name in names if mistake]
    return list(dict.fromkeys(found))


def _bad_table(table: exp.Table) -> str | None:
    if not isinstance(table.this, exp.Identifier) or _columns(table) is not None:
        return None
    tables = catalog_tables()
    if table.db in _SYSTEM_SCHEMAS:
        names = [n.removeprefix("information_schema.") for n in tables]
        return f"there is no {table.db}.{table.name}{did_you_mean(table.name, names)}"
    if table.db:
        return None
    near = did_you_mean(table.name, tables)
    return f"there is no system catalog {table.name!r}{near or '; other tables need their schema'}"


def _columns(source: object) -> frozenset[str] | set[str] | None:
    """Give what columns a source has; None when that cannot be known here."""
    if isinstance(source, Scope):
        names = set(getattr(source.expression, "named_selects", "*"))
        return None if "*" in names else names
    if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
        schema = "" if source.db in ("", "pg_catalog") else f"{source.db}."
        known = catalog_tables().get(schema + source.name)
        return None if known is None else known | _SYSTEM_COLUMNS
    return None


def _bad_column(column: exp.Column, scope: Scope) -> str | None:
    visible: dict[str, object] = {}
    around: Scope | None = scope
    while around is not None:
        visible = {**around.sources, **visible}
        around = around.parent
    names = [column.table] if column.table else list(visible)
    if column.table and column.table not in visible:
        return None  # a composite value's field, or a mistake that the server will tell
    known = [_columns(visible[name]) for name in names]
    if any(columns is None for columns in known) or isinstance(column.this, exp.Star):
        return None
    allowed: set[str] = set().union(*(columns for columns in known if columns is not None))
    if not column.table:
        allowed |= {*visible, *getattr(scope.expression, "named_selects", ())}
    if column.name in allowed:
        return None
    where = f"{column.table} has no column" if column.table else "there is no column"
    return f"{where} {column.name!r}{did_you_mean(column.name, allowed)}"
