"""View column lineage: which columns of tables every column of a view shows, and how.

Everything is done on request and kept, so that whoever asks about three views of a thousand pays
for three. What cannot be traced is said to be so; nothing is left out in silence.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gatekeeper.access.lineage_functions import outputs_of, trace_function
from gatekeeper.access.lineage_names import Names
from gatekeeper.access.lineage_traced import (
    CARRIERS,
    HIDING,
    Sources,
    Traced,
    UnreadableError,
    union,
)
from gatekeeper.access.lineage_tree import trace_expression, trace_tree
from gatekeeper.model.lineage import COPIED, DERIVED, LineageSource, ViewRule
from gatekeeper.model.names import qualified
from gatekeeper.model.relations import Ident


@dataclass(frozen=True, slots=True, order=True)
class Exposure:
    """One column that an output shows.

    `origin` is a column, ("pg_class", oid, number), or an output of a function, ("pg_proc", oid,
    number), where 0 is all it returns. `how`: COPIED, the value can come out as it is, alone or
    inside of another; DERIVED, something computed from it. Not `certain`: the server says that the
    column is used, but its way could not be traced.
    """

    origin: Ident
    how: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Trace:
    """One step of lineage: what one view or function reads.

    `outputs` are by column number; number 0 stands for any. `conditions` are used, but not in an
    output. `reason` says why something could not be traced; then outputs are not to be trusted to
    be complete.
    """

    outputs: Mapping[int, tuple[Exposure, ...]] = field(default_factory=dict)
    conditions: frozenset[Ident] = frozenset()
    reason: str | None = None

    def output(self, number: int) -> tuple[Exposure, ...]:
        """Give what a column shows; for 0, what any of them does."""
        if number in self.outputs:
            return self.outputs[number]
        if number == 0:
            return tuple(sorted({e for every in self.outputs.values() for e in every}))
        return self.outputs.get(0, ())


@dataclass(frozen=True, slots=True)
class Path:
    """How a base column comes out: `chain` begins with it and ends with the output."""

    how: str
    certain: bool
    chain: tuple[Ident, ...]

    @property
    def base(self) -> Ident:
        return self.chain[0]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a column comes from in the end, one path a base column, and what is undecided.

    `undecided` are views and functions on the way that could not be traced, with the reason.
    """

    paths: tuple[Path, ...]
    undecided: tuple[tuple[Ident, str], ...] = ()


class Lineage:
    """The lineage of one state of a database."""

    def __init__(self, source: LineageSource) -> None:
        self._source = source
        self._names = Names(source)
        self._traces: dict[Ident, Trace] = {}
        builtins = source.builtins.items()
        self._carriers = frozenset(oid for oid, name in builtins if name in CARRIERS)
        self._hiding = frozenset((oid, name) for oid, name in builtins if name in HIDING)

    @property
    def views(self) -> tuple[Ident, ...]:
        """Give every view and materialized view."""
        return tuple(("pg_class", oid, 0) for oid in self._source.views)

    @property
    def functions(self) -> tuple[Ident, ...]:
        """Give every function that is not the server's own."""
        return tuple(("pg_proc", oid, 0) for oid in self._source.functions)

    def is_traced(self, ident: Ident) -> bool:
        """Say whether this is, or belongs to, a view or function: everything else is a base."""
        kind, oid, _ = ident
        return oid in (self._source.functions if kind == "pg_proc" else self._source.views)

    def trace(self, ident: Ident) -> Trace:
        """Give one step: what the view or function of `ident` reads itself."""
        key = (ident[0], ident[1], 0)
        if key not in self._traces:
            self._traces[key] = self._function(key) if key[0] == "pg_proc" else self._view(key)
        return self._traces[key]

    def generated(self, ident: Ident) -> tuple[Exposure, ...]:
        """Give the columns that a generated column of a table is computed from."""
        tree = self._source.generated.get(ident)
        if tree is None:
            return ()
        try:
            return _exposures(self._expanded(trace_expression(tree, ident[1], self._carriers)))
        except UnreadableError:
            others = sorted(self._columns_of([ident[1]]) - {ident})
            return tuple(Exposure(other, COPIED, certain=False) for other in others)

    def resolve(self, ident: Ident) -> Resolved:
        """Follow an output column through views and functions to the columns of tables.

        A generated column is a base, and what it is computed from are others behind it.
        Of several ways to one column the best: certain, then copied, then the shortest.
        """
        found: dict[Ident, Path] = {}
        undecided: dict[Ident, str] = {}
        todo = deque([Path(COPIED, True, (ident,))])
        seen: set[tuple[Ident, str, bool]] = set()
        while todo:
            path = todo.popleft()
            if (path.base, path.how, path.certain) in seen:
                continue
            seen.add((path.base, path.how, path.certain))
            if not self.is_traced(path.base):
                if path.base[0] == "pg_proc":
                    undecided[path.base] = "it is a function that is not known"
                elif path.base != ident:
                    kept = found.setdefault(path.base, path)
                    found[path.base] = min(kept, path, key=_weakness)
                shows = self.generated(path.base)
            else:
                trace = self.trace(path.base)
                shows = trace.output(path.base[2])
                if trace.reason is not None:
                    undecided[path.base[0], path.base[1], 0] = trace.reason
            for shown in shows:
                how = shown.how if path.how == COPIED else DERIVED
                todo.append(Path(how, path.certain and shown.certain, (shown.origin, *path.chain)))
        paths = sorted(found.values(), key=lambda path: path.base)
        return Resolved(tuple(paths), tuple(sorted(undecided.items())))

    def subject(self, ident: Ident) -> str:
        """Give the name of a column, relation, function or its output, as people write it."""
        kind, oid, number = ident
        if kind == "pg_proc":
            function = self._source.functions.get(oid)
            name = function.subject if function is not None else f"function {oid}"
            named = dict(function.outputs).get(number) if function is not None else None
            is_scalar = function is not None and len(function.outputs) == 1
            return name if named is None or is_scalar else f"{name}.{qualified(named)}"
        relation = self._source.relations.get(oid)
        if relation is None:
            return f"relation {oid}"
        column = dict(relation.columns).get(number)
        return relation.subject if column is None else f"{relation.subject}.{qualified(column)}"

    def describe(self, path: Path) -> str:
        """Give a chain as people read it: public.users.email → staff.people.contact."""
        return " → ".join(self.subject(ident) for ident in path.chain)

    def _view(self, ident: Ident) -> Trace:
        view = self._source.views[ident[1]]
        relation = self._source.relations[ident[1]]
        numbers = [number for number, _ in relation.columns]
        depends = self._source.depends.get(ident, frozenset())
        try:
            traced = self._read_view(view)
        except UnreadableError as error:
            possible = self._columns_of({d[1] for d in depends})
            shown = tuple(Exposure(c, COPIED, certain=False) for c in sorted(possible))
            return Trace(dict.fromkeys(numbers, shown), reason=str(error))
        outputs = dict(zip(numbers, map(self._expanded, traced.outputs), strict=False))
        reason = _hidden(traced)
        if traced.open_ended or len(traced.outputs) != len(numbers):
            every = self._expanded(union([*traced.outputs, traced.open_ended]))
            outputs = dict.fromkeys(numbers, every)
        return self._trace(outputs, traced, depends - {ident}, ident[1], reason)

    def _read_view(self, view: ViewRule) -> Traced:
        if view.tree:
            try:
                return trace_tree(view.tree, self._carriers, self._hiding)
            except UnreadableError:
                if not view.definition:
                    raise
        from gatekeeper.access.lineage_text import trace_text

        return trace_text(view.definition, self._names, ("pg_catalog",))

    def _function(self, ident: Ident) -> Trace:
        code = self._source.functions[ident[1]]
        try:
            traced = trace_function(code, self._names, self._carriers, self._hiding)
        except UnreadableError as error:
            return Trace(reason=str(error))
        outputs = {n: self._expanded(o) for n, o in outputs_of(code, traced).items()}
        depends = self._source.depends.get(ident, frozenset()) if code.tree else frozenset()
        return self._trace(outputs, traced, depends, 0, _hidden(traced))

    def _trace(
        self,
        outputs: dict[int, Sources],
        traced: Traced,
        depends: frozenset[Ident],
        own: int,
        reason: str | None,
    ) -> Trace:
        """Compare with what the server says is used, and give the sum."""
        shown = {origin for sources in outputs.values() for origin in sources}
        named = shown | set(self._expanded(dict.fromkeys(traced.mentioned, COPIED)))
        by_type = {
            ("pg_class", self._source.row_types.get(kind, 0), number)
            for kind, number in traced.by_type
        }
        missed = {d for d in depends if d[2]} - named - by_type
        whole = {d[1] for d in depends} - traced.relations - {own}
        missed |= self._columns_of(whole - {d[1] for d in by_type})
        if missed and reason is None:
            reason = "the server says that it uses columns whose way is not understood"
        possible = tuple(Exposure(c, COPIED, certain=False) for c in sorted(missed))
        called = {("pg_proc", oid, 0) for kind, oid, _ in shown if kind == "pg_proc"}
        return Trace(
            {n: (*_exposures(sources), *possible) for n, sources in outputs.items()},
            frozenset(named - shown - called),
            reason,
        )

    def _expanded(self, sources: Mapping[Ident, str]) -> Sources:
        """Put columns in the place of whole rows."""
        found: Sources = {}
        for (kind, oid, number), how in sources.items():
            relation = self._source.relations.get(oid) if kind == "pg_class" else None
            whole = relation.columns if relation is not None and number == 0 else ()
            for each in [n for n, _ in whole] or [number]:
                if found.get((kind, oid, each)) != COPIED:
                    found[kind, oid, each] = how
        return found

    def _columns_of(self, relations: Iterable[int]) -> set[Ident]:
        return {("pg_class", oid, n) for oid in relations for n in self._numbers(oid)}

    def _numbers(self, oid: int) -> list[int]:
        relation = self._source.relations.get(oid)
        return [number for number, _ in relation.columns] if relation is not None else [0]


def _weakness(path: Path) -> tuple[bool, bool, int, tuple[Ident, ...]]:
    return (not path.certain, path.how != COPIED, len(path.chain), path.chain)


def _exposures(sources: Sources) -> tuple[Exposure, ...]:
    return tuple(Exposure(origin, how) for origin, how in sorted(sources.items()))


def _hidden(traced: Traced) -> str | None:
    calls = ", ".join(f"{name}()" for name in sorted(traced.hidden))
    return f"it runs SQL that is given as text: {calls}" if calls else None
