"""Finds relations and functions by the names that SQL text calls them."""

from collections.abc import Iterable
from typing import TypeVar

from gatekeeper.model.lineage import FunctionCode, LineageSource, ReadRelation

SearchPath = tuple[str, ...] | None
_Named = TypeVar("_Named", ReadRelation, FunctionCode)


class Names:
    """The relations and functions of one state of a database, by name."""

    def __init__(self, source: LineageSource) -> None:
        self._by_oid = source.relations
        self._relations: dict[str, list[ReadRelation]] = {}
        self._functions: dict[str, list[FunctionCode]] = {}
        for relation in source.relations.values():
            self._relations.setdefault(relation.name, []).append(relation)
        for function in source.functions.values():
            self._functions.setdefault(function.name, []).append(function)

    def relations(self, name: str, schema: str | None, path: SearchPath) -> list[ReadRelation]:
        """Give the relations that a name may mean: several where nobody knows the path."""
        found = _reachable(self._relations.get(name, ()), schema, path)
        if schema is None and path is not None:
            first = next((s for s in path if any(r.schema_name == s for r in found)), None)
            found = [r for r in found if r.schema_name == first]
        return found

    def functions(self, name: str, schema: str | None, path: SearchPath) -> list[FunctionCode]:
        """Give the functions that a name may mean, whatever their arguments."""
        return _reachable(self._functions.get(name, ()), schema, path)

    def read(self, oids: Iterable[int]) -> list[ReadRelation]:
        return [self._by_oid[oid] for oid in oids]

    def is_function(self, name: str) -> bool:
        return name in self._functions


def searched(path: SearchPath) -> SearchPath:
    """Give the schemas that a path leads through; None where it depends on who is calling."""
    if path is None or "$user" in path:
        return None
    return path if "pg_catalog" in path else ("pg_catalog", *path)


def _reachable(found: Iterable[_Named], schema: str | None, path: SearchPath) -> list[_Named]:
    if schema is not None:
        return [thing for thing in found if thing.schema_name == schema]
    return [thing for thing in found if path is None or thing.schema_name in path]
