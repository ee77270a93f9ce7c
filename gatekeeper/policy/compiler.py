"""Compiles what policies judge by, or takes what the shipped packs' compiled to from a file.

Parsing SQL is nearly all that loading policies costs, so `compiled.json` beside this file holds
what the shipped packs compile to. An entry's name is a digest of all that it was made of: where
that differs, it is compiled anew. `gatekeeper policy test` always compiles.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from gatekeeper.facts.columns import FactTable
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.policy.model import CatalogQuery, Conjunct, Query
from gatekeeper.yaml_reader import Node, Plain

FILE = "compiled.json"
Params = dict[str, Plain]


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles conditions and queries; what is in `known` is not compiled again.

    `made` is all that it compiled, with or without mistakes, in the form of `known`.
    """

    known: Mapping[str, Any] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)

    def condition(self, node: Node, table: FactTable, params: Params) -> tuple[Conjunct, ...]:
        """Compile a condition; see compile_condition()."""
        name = _name("condition", node, params, _shape(table))
        found = self.known.get(name)
        if found is None:
            from gatekeeper.policy.condition import compile_condition

            parts = compile_condition(node, table, params)
            self.made[name] = [astuple(part) for part in parts]
            return parts
        return tuple(
            Conjunct(sql, source, tuple(columns), tuple(unknown))
            for sql, source, columns, unknown in found
        )

    def query(self, node: Node, params: Params) -> Query | None:
        """Compile a query over the fact tables; see compile_query()."""
        text = node.text()
        shapes = [_shape(table) for table in TABLES.values() if table.name in text]
        name = _name("query", node, params, *shapes)
        found = self.known.get(name)
        if found is None:
            from gatekeeper.policy.query import compile_query

            query = compile_query(node, params)
            self.made[name] = query and [query.columns, query.tables]
            return query
        columns, tables = found
        return Query(text, tuple(columns), tuple(tables))

    def catalog_query(self, node: Node, params: Params) -> CatalogQuery | None:
        """Compile a query on the database; see compile_catalog_query()."""
        name = _name("catalog_query", node, params)
        found = self.known.get(name)
        if found is None:
            from gatekeeper.policy.catalog_compile import compile_catalog_query

            asked = compile_catalog_query(node, params)
            self.made[name] = asked and asked.columns
            return asked
        return CatalogQuery(node.text(), tuple(found))


@lru_cache(maxsize=1)
def shipped_compiler() -> Compiler:
    """Give the compiler of the packs that come with Gatekeeper."""
    return Compiler(json.loads(Path(__file__).with_name(FILE).read_text("utf-8")))


def as_file(made: Mapping[str, Any]) -> str:
    """Give the text of the file: a line an entry, so that a change of one is a change of a line."""
    lines = [f"{json.dumps(name)}: {json.dumps(made[name])}" for name in sorted(made)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _name(kind: str, node: Node, params: Params, *shapes: str) -> str:
    made_of = json.dumps([kind, node.text(), params, shapes])
    return hashlib.sha256(made_of.encode()).hexdigest()[:32]


@lru_cache(maxsize=64)
def _shape(table: FactTable) -> str:
    """Give all that compiling depends on of a fact table."""
    columns = [(c.name, c.type, c.words, c.null_is_unknown) for c in table.columns]
    return repr((table.name, columns))
