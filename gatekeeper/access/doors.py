"""What is behind a view or a function, and for whom it opens.

Manual: CREATE VIEW; Rules and Privileges; CREATE FUNCTION (SECURITY DEFINER).

- The columns that a view's query names are checked as the view's owner. If one of them is refused,
  the whole view is, whatever column is asked for.
- In a view with security_invoker they are checked as the current user, also when another view
  reads it: the owner of that one has no say. USAGE on the schema is not asked for behind a view.
- Row security works as the same role. A materialized view is a copy: nobody is checked, no policy
  filters it.
- A function with SECURITY DEFINER reads as its owner. One that a view calls is checked for EXECUTE
  as the current user, but USAGE on its schema is not asked for. Whether a role may execute the
  other functions of a view is not looked at: a view may then give less than is said here.
"""

from collections.abc import Iterator

from gatekeeper.access.direct import BITS, Direct
from gatekeeper.access.grades import Rows
from gatekeeper.access.heirs import Heirs
from gatekeeper.access.ways import (
    EXPOSURES,
    VIEWS,
    Behind,
    FunctionSources,
    Hop,
    Reached,
    Source,
    ViewSources,
    best,
    is_traced,
)
from gatekeeper.model.security import SecuredRelation, Security

UNCHECKED = -1
"""The reader of a copy, of whom nothing is asked."""


class Doors:
    """The doors of a Security. Answers are kept: many roles ask about one view."""

    def __init__(
        self, security: Security, direct: Direct, views: ViewSources, functions: FunctionSources
    ) -> None:
        self.direct = direct
        self.views = views
        self._functions = functions
        self.relations = {relation.oid: relation for relation in security.relations}
        self.definers = {f.oid: f for f in security.functions if f.is_security_definer}
        self.heirs = Heirs(self.relations)
        self._seen: dict[tuple[int, int | None], Behind | None] = {}
        self._asks: dict[int, bool] = {}
        self._called: dict[int, tuple[int, ...]] = {}
        self._shown: dict[int, tuple[Reached, ...]] = {}

    def behind_view(self, view: SecuredRelation, reader: int) -> Behind | None:
        """Give what each column of a view shows, or None if the server refuses to read it."""
        if view.relation_kind == "materialized_view":
            reader = UNCHECKED
        key = (view.oid, reader if reader == UNCHECKED or self.asks_reader(view) else None)
        if key not in self._seen:
            self._seen[key] = None  # a view that reads itself is refused
            self._seen[key] = self._look(view, reader)
        return self._seen[key]

    def behind_function(self, function: int) -> tuple[Reached, ...]:
        """Give what a function with SECURITY DEFINER shows to everybody who may call it."""
        definer = self.definers.get(function)
        if definer is None:
            return ()
        if function not in self._shown:
            sources, owner = self._functions.get(function) or (), definer.owner_oid
            self._shown[function] = best(
                r for source in sources for r in self._follow(source, owner, owner)
            )
        return self._shown[function]

    def is_traced(self, function: int) -> bool:
        """Say whether calling the function shows nothing but what is known."""
        return function not in self.definers or is_traced(self._functions.get(function))

    def calls(self, view: SecuredRelation) -> tuple[int, ...]:
        """Give the functions with SECURITY DEFINER that reading a view may call."""
        if view.oid not in self._called:
            self._called[view.oid] = tuple(sorted(self._calls(view)))
        return self._called[view.oid]

    def _calls(self, view: SecuredRelation) -> set[int]:
        found: set[int] = set()
        seen, waiting = {view.oid}, [view]
        while waiting:
            one = waiting.pop()
            found.update(oid for oid in one.calls if oid in self.definers)
            for oid, _ in one.uses:
                used = self.relations.get(oid)
                if used is not None and used.relation_kind == "view" and oid not in seen:
                    seen.add(oid)
                    waiting.append(used)
        return found

    def as_whom(self, view: SecuredRelation, reader: int) -> int:
        """Give the role whose rights on the relations behind a view count."""
        if reader == UNCHECKED:
            return UNCHECKED
        return reader if view.security_invoker else view.owner_oid

    def asks_reader(self, view: SecuredRelation) -> bool:
        """Say whether what a view shows depends on who reads it."""
        if view.oid not in self._asks:
            self._asks[view.oid] = True  # for one that reads itself
            used = [self.relations[oid] for oid, _ in view.uses if oid in self.relations]
            named = {oid for oid, _ in view.uses}
            self._asks[view.oid] = (
                view.security_invoker
                or any(self.asks_reader(o) for o in used if o.relation_kind == "view")
                or any(
                    oid not in named
                    for number in view.column_numbers
                    for oid, _, _ in self.views.get((view.oid, number)) or ()
                )
            )
        return self._asks[view.oid]

    def _look(self, view: SecuredRelation, reader: int) -> Behind | None:
        as_whom = self.as_whom(view, reader)
        if not all(self._opens(oid, number, as_whom, reader) for oid, number in view.uses):
            return None
        traced = [self.views.get((view.oid, number)) for number in view.column_numbers]
        known = {source[:2] for sources in traced for source in sources or ()}
        # What the query names and no column accounts for has a part in which rows there are.
        rest = tuple(
            (oid, number, "condition")
            for oid, number in view.uses
            if number > 0 and (oid, number) not in known and (oid, 0) not in known
        )
        untraced = tuple((oid, number, "untraced") for oid, number in view.uses if number >= 0)
        named = {oid for oid, _ in view.uses}
        behind = Behind()
        for column, sources in zip(view.column_numbers, traced, strict=True):
            behind[column] = best(
                found
                for source in (untraced if sources is None else (*sources, *rest))
                # What the query does not name is read by a function that it calls, as the caller.
                for found in self._follow(source, as_whom if source[0] in named else reader, reader)
            )
        return behind

    def _opens(self, oid: int, number: int, as_whom: int, reader: int) -> bool:
        relation = self.relations.get(oid)
        if relation is None or as_whom == UNCHECKED:
            return True  # the server's own, or an extension's
        if not self.direct.rights(as_whom, oid).has(BITS["SELECT"], number):
            return False
        return relation.relation_kind != "view" or self.behind_view(relation, reader) is not None

    def _follow(self, source: Source, as_whom: int, reader: int) -> Iterator[Reached]:
        oid, number, how = source
        relation = self.relations.get(oid)
        if relation is None or not self._opens(oid, number, as_whom, reader):
            return
        exposure, rows = EXPOSURES[how], Rows.ALL
        if as_whom != UNCHECKED:
            rows = self.direct.rows(as_whom, relation, "SELECT")
        inside: Behind | None = None
        if relation.relation_kind in VIEWS:
            inside = self.behind_view(relation, reader)
        for column in (number,) if number else relation.column_numbers:
            yield Reached(oid, column, exposure, rows)
            for heir, its, trail in self.heirs.columns(relation, column):
                yield Reached(heir, its, exposure, rows, trail)
            for found in (inside or Behind()).get(column, ()):
                yield found.behind(Hop("view", oid, column), exposure)
