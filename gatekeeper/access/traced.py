"""From lineage, which names columns and outputs of functions, to what `Access` asks for.

Functions are followed to the columns that they read. In a view they read as its reader, so one that
could not be traced gives nothing that the reader does not have; where they ran as somebody else (in
a copy, in a function with SECURITY DEFINER) it may give anything. So may one that has the rights of
a third role there; most of those that call each other have the same owner.
"""

from collections.abc import Iterator

from gatekeeper.access.lineage import Lineage, Trace
from gatekeeper.access.ways import ANYTHING, VIEWS, FunctionSources, Source, ViewSources
from gatekeeper.model.lineage import COPIED
from gatekeeper.model.relations import Ident
from gatekeeper.model.security import Security

_CONDITION, _UNTRACED = "condition", "untraced"


def view_sources(lineage: Lineage, security: Security) -> ViewSources:
    """Give what each column of each view and materialized view shows."""
    follow = _Follow(lineage, security)
    found: dict[tuple[int, int], tuple[Source, ...]] = {}
    for view in security.relations:
        if view.relation_kind in VIEWS:
            ident = ("pg_class", view.oid, 0)
            owner = view.owner_oid if view.relation_kind == "materialized_view" else None
            for number in view.column_numbers:
                found[view.oid, number] = follow.output(ident, number, owner)
    return found


def function_sources(lineage: Lineage, security: Security) -> FunctionSources:
    """Give what calling each function with SECURITY DEFINER can show."""
    follow = _Follow(lineage, security)
    return {
        function.oid: follow.output(("pg_proc", function.oid, 0), 0, function.owner_oid)
        for function in security.functions
        if function.is_security_definer and not function.is_trigger
    }


class _Follow:
    """Follows outputs through functions; `owner` is who they ran as, or None for the reader."""

    def __init__(self, lineage: Lineage, security: Security) -> None:
        self._lineage = lineage
        self._definers = {f.oid: f.owner_oid for f in security.functions if f.is_security_definer}

    def output(self, ident: Ident, number: int, owner: int | None) -> tuple[Source, ...]:
        if not self._lineage.is_traced(ident):
            return (ANYTHING,)
        trace = self._lineage.trace(ident)
        found = set(self._sources(trace, number, COPIED, owner, frozenset([ident])))
        if trace.reason is not None:
            found.add(ANYTHING)
        return tuple(sorted(found))

    def _sources(
        self, trace: Trace, number: int, how: str, owner: int | None, seen: frozenset[Ident]
    ) -> Iterator[Source]:
        for shown in trace.output(number):
            mine = shown.how if how == COPIED else how
            yield from self._origin(shown.origin, mine if shown.certain else _UNTRACED, owner, seen)
        for origin in trace.conditions:
            yield from self._origin(origin, _CONDITION, owner, seen)

    def _origin(
        self, origin: Ident, how: str, owner: int | None, seen: frozenset[Ident]
    ) -> Iterator[Source]:
        kind, oid, number = origin
        if kind == "pg_class":
            yield (oid, number, how)
            return
        ident = (kind, oid, 0)
        if ident in seen:
            return
        trace = self._lineage.trace(ident) if self._lineage.is_traced(ident) else None
        is_unknown = trace is None or trace.reason is not None
        if owner is not None and (is_unknown or self._definers.get(oid, owner) != owner):
            yield ANYTHING  # a third role's rights are not thought of here
        if trace is not None:
            yield from self._sources(trace, number, how, owner, seen | {ident})
