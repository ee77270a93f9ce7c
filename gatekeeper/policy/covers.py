"""Reads `coverage:` of a policy: which objects the schema coverage counts for it.

coverage: references                     # the rows of `for` and `where`
coverage:                                # of a query, which does not say what it is about
  group: types
  for: columns
  where: base_type in ('timestamp with time zone', 'timestamp without time zone')
coverage:                                # of a policy that judges only what is new
  group: documentation
  for: tables
  require: comment is not null           # instead of: the policy does not find it
"""

import re

from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.policy.about import EVENTS, reads_changes
from gatekeeper.policy.compiler import Compiler
from gatekeeper.policy.model import CatalogQuery, Conjunct, Covers, Minimum, Query, Rule, whole
from gatekeeper.yaml_reader import Node, Plain, did_you_mean

COVERS_KEYS = ("group", "for", "where", "require")
GROUP = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_Judge = Rule | Query | CatalogQuery | Minimum


def read_covers(
    node: Node, judge: _Judge | None, params: dict[str, Plain], compiler: Compiler
) -> Covers | None:
    """Read the key; None, and problems, when it cannot be counted by. No `judge`: it has some."""
    if judge is None:
        return None
    if not node.is_mapping():
        if not isinstance(judge, Rule):
            node.problem(
                "a query does not say what it is about; write"
                f" coverage: {{group: {node.text('keys')}, for: tables, where: …}}"
            )
            return None
        found = Covers(_group(node), judge.table, judge.where)
    else:
        made = _written_out(node, params, compiler)
        if made is None:
            return None
        found = made
    if found.table not in TABLES or found.table in EVENTS:
        node.problem(f"coverage is of what a schema has, and {found.table} are no part of one")
        return None
    if reads_changes(_texts(judge, found)):
        node.problem("coverage is of a schema as it stands, and this is about changes")
        return None
    return found


def _group(node: Node) -> str:
    name = node.text()
    if not GROUP.match(name):
        node.problem(f"{name!r} is no group: lower case words joined by hyphens")
    return name


def _written_out(node: Node, params: dict[str, Plain], compiler: Compiler) -> Covers | None:
    entries = node.mapping(COVERS_KEYS)
    lacking = [key for key in ("group", "for") if key not in entries]
    if lacking:
        node.problem(f"the coverage has no {' and no '.join(lacking)}")
        return None
    name = entries["for"].text()
    table = TABLES.get(name)
    if table is None:
        entries["for"].problem(f"there is no fact table {name!r}{did_you_mean(name, TABLES)}")
        return None
    where, parts = (
        compiler.condition(entries[key], table, params) if key in entries else ()
        for key in ("where", "require")
    )
    return Covers(_group(entries["group"]), name, whole(where), parts)


def _texts(judge: _Judge, covers: Covers) -> list[str]:
    """Give the conditions and queries that the count depends on."""
    parts: list[Conjunct] = [*covers.parts, *([covers.where] if covers.where else [])]
    match judge:
        case Rule() if not covers.parts:
            parts += [*judge.parts, *([judge.where] if judge.where else [])]
        case Query(sql=sql) if not covers.parts:
            return [sql, *(part.source for part in parts)]
        case _:
            pass
    return [part.source for part in parts]
