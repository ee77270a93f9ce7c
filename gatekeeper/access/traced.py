"""From lineage, which names columns and outputs of functions, to what `Access` asks for.

Functions are followed to the columns that they read. In a view they read as its reader, so one that
could not be traced gives nothing that the reader does not have; where they ran as somebody else (in
a copy, in a function with SECURITY DEFINER) it may give anything.
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
            runs_as_other = view.relation_kind == "materialized_view"
            for number in view.column_numbers:
                found[view.oid, number] = follow.output(ident, number, runs_as_other=runs_as_other)
    return found


def function_sources(lineage: Lineage, security: Security) -> FunctionSources:
    """Give what calling each function with SECURITY DEFINER can show."""
    follow = _Follow(lineage, security)
    return {
        function.oid: follow.output(("pg_proc", function.oid, 0), 0, runs_as_other=True)
        for function in security.functions
        if function.is_security_definer and not function.is_trigger
    }


class _Follow:
    def __init__(self, lineage: Lineage, security: Security) -> None:
        self._lineage = lineage
        self._definers = {f.oid for f in security.functions if f.is_security_definer}

    def output(self, ident: Ident, number: int, *, runs_as_other: bool) -> tuple[Source, ...]:
        if not self._lineage.is_traced(ident):
            return (ANYTHING,)
        trace = self._lineage.trace(ident)
        found = set(self._sources(trace, number, COPIED, runs_as_other, frozenset([ident])))
        if trace.reason is not None:
            found.add(ANYTHING)
        return tuple(sorted(found))

    def _sources(
        self, trace: Trace, number: int, how: str, runs_as_other: bool, seen: frozenset[Ident]
    ) -> Iterator[Source]:
        for shown in trace.output(number):
            mine = shown.how if how == COPIED else how
            yield from self._origin(
                shown.origin, mine if shown.certain else _UNTRACED, runs_as_other, seen
            )
        for origin in trace.conditions:
            yield from self._origin(origin, _CONDITION, runs_as_other, seen)

    def _origin(
        self, origin: Ident, how: str, runs_as_other: bool, seen: frozenset[Ident]
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
        if runs_as_other and (is_unknown or oid in self._definers):
            yield ANYTHING  # another owner's rights are not thought of here
        if trace is not None:
            yield from self._sources(trace, number, how, runs_as_other, seen | {ident})
