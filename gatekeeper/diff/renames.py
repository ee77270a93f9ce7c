"""Yesterday's definitions in today's names.

PostgreSQL stores expressions by identity and prints them with current names. After a rename every
index, check and default that mentions the renamed thing prints differently, and none has changed.
"""

import re
from typing import Any

from gatekeeper.model.names import qualified, quoted
from gatekeeper.model.schema import Part, Relation, Schema, SchemaObject, Table

_TOKEN = re.compile(
    r"""(?P<literal>'(?:[^']|'')*')
      | (?P<name>(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)(?:\.(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*))*)
    """,
    re.VERBOSE,
)
_IDENTIFIER = re.compile(r'"(?:[^"]|"")+"|[A-Za-z_][\w$]*')


class Renames:
    """What was renamed between two states of one database."""

    def __init__(self, before: Schema, after: Schema) -> None:
        self._columns: dict[int, dict[str, str]] = {}
        self._relations: dict[str, str] = {}
        names = {c.ident: c for c in after.columns}
        for column in before.columns:
            new = names.get(column.ident)
            if new is not None and new.name != column.name:
                self._columns.setdefault(column.table_oid, {})[column.name] = new.name
        was, now = before.objects(), after.objects()
        for kind in ("tables", "columns", "sequences", "views", "types", "indexes", "others"):
            things = {o.ident: o for o in now[kind]}
            for thing in was[kind]:
                called = things.get(thing.ident, thing)
                if called != thing and called.subject != thing.subject:
                    self._relations[thing.subject] = called.subject
        functions = {f.oid: qualified(f.schema_name, f.name) for f in after.functions}
        for function in before.functions:  # definitions name them without arguments
            name = qualified(function.schema_name, function.name)
            if functions.get(function.oid, name) != name:
                self._relations[name] = functions[function.oid]

    def today(self, thing: SchemaObject, value: Any) -> Any:  # noqa: ANN401
        """Give a value of `thing` as it prints after the renames; only text ever differs."""
        if not isinstance(value, str) or not (self._columns or self._relations):
            return value
        tables = {thing.oid if isinstance(thing, Table) else getattr(thing, "table_oid", 0)}
        tables.add(getattr(thing, "references_oid", 0))
        columns = {old: new for oid in tables for old, new in self._columns.get(oid, {}).items()}
        own = self._own_name(thing)

        def replace(match: re.Match[str]) -> str:
            if literal := match["literal"]:
                new = self._relations.get(literal[1:-1].replace("''", "'"))
                return literal if new is None else "'" + new.replace("'", "''") + "'"
            parts = [_plain(part) for part in _IDENTIFIER.findall(match["name"])]
            if len(parts) == 1:
                name = own.get(parts[0]) or columns.get(parts[0])
                return match["name"] if name is None else quoted(name)
            return self._relations.get(qualified(*parts), match["name"])

        return _TOKEN.sub(replace, value)

    def _own_name(self, thing: SchemaObject) -> dict[str, str]:
        if isinstance(thing, Part | Relation) and thing.subject in self._relations:
            last = _IDENTIFIER.findall(self._relations[thing.subject])[-1]
            return {thing.name: _plain(last)}
        return {}


def _plain(identifier: str) -> str:
    if identifier.startswith('"'):
        return identifier[1:-1].replace('""', '"')
    return identifier
