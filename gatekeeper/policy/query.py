"""Compiles a `query:` policy: one SELECT over the fact tables."""

import re
import sqlite3

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from gatekeeper.facts.build import IDENT
from gatekeeper.facts.store import FactStore
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.policy.model import Query
from gatekeeper.yaml_reader import Node, Plain, did_you_mean


def compile_query(node: Node, params: dict[str, Plain]) -> Query | None:
    """Compile a query; mistakes are recorded at the node.

    It is tried on empty fact tables, so SQLite itself says whether every name exists.
    """
    text = node.text()
    try:
        trees = sqlglot.parse(text, dialect="sqlite")
    except SqlglotError as error:
        node.problem(f"not a query that SQL understands: {str(error).splitlines()[0]}")
        return None
    if len(trees) != 1 or not isinstance(trees[0], exp.Select | exp.SetOperation):
        node.problem("a query is one SELECT")
        return None
    tree = trees[0]
    local = {cte.alias for cte in tree.find_all(exp.CTE)}
    used = {table.name for table in tree.find_all(exp.Table)} - local
    for name in sorted(used - set(TABLES)):
        node.problem(f"there is no fact table {name!r}{did_you_mean(name, TABLES)}")
    missing = {p.name for p in tree.find_all(exp.Placeholder)} - set(params)
    for name in sorted(missing):
        node.problem(f"unknown parameter :{name}{did_you_mean(name, params)}")
    if used - set(TABLES) or missing:
        return None
    for call in tree.find_all(exp.Anonymous):
        if str(call.this).lower() == "matches" and call.expressions:
            _check_pattern(node, call.expressions[-1], params)
    columns = _try(node, text, params, used)
    if columns is None:
        return None
    if "subject" not in columns:
        node.problem("the query must give a column subject: what a finding is about")
    return Query(text, tuple(c for c in columns if c != IDENT), tuple(sorted(used)))


def _check_pattern(node: Node, pattern: exp.Expr, params: dict[str, Plain]) -> None:
    text = params.get(pattern.name) if isinstance(pattern, exp.Placeholder) else pattern.name
    if isinstance(pattern, exp.Placeholder | exp.Literal):
        try:
            re.compile(str(text))
        except re.error as error:
            node.problem(f"not a regular expression: {error}: {text}")


def _try(
    node: Node, text: str, params: dict[str, Plain], tables: set[str]
) -> tuple[str, ...] | None:
    store = FactStore({})
    try:
        return store.columns_of(text, params, tables=tables)
    except sqlite3.Error as error:
        message = str(error)
        unknown = message.removeprefix("no such column: ").rpartition(".")[2]
        names = {c.name for name in tables for c in TABLES[name].columns}
        near = did_you_mean(unknown, names) if message.startswith("no such column") else ""
        node.problem(f"SQLite refuses the query: {message}{near}")
        return None
    finally:
        store.close()
