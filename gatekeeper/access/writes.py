"""What a command on an updatable view writes.

Manual: CREATE VIEW (Updatable Views); Rules and Privileges. The one who writes needs the right on
the view; the view's owner, or the writer where it has security_invoker, needs it on the table. What
a rule or an INSTEAD OF trigger does is not traced.
"""

from collections.abc import Iterator

from gatekeeper.access.direct import BITS
from gatekeeper.access.doors import Doors
from gatekeeper.access.grades import Exposure
from gatekeeper.access.ways import EXPOSURES, Behind, Hop, Reached, best
from gatekeeper.model.security import SecuredRelation

_Target = tuple[int, int, Exposure]


class Writes:
    """What is written through the views of a Security. Answers are kept."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._seen: dict[tuple[int, int | None, str], Behind] = {}

    def behind_view(self, view: SecuredRelation, writer: int, privilege: str) -> Behind:
        """Give what INSERT, UPDATE or DELETE write, by the view's column; 0 is for DELETE.

        A column that is not there takes no such command, or the server refuses it.
        """
        asks = self._doors.asks_reader(view)
        key = (view.oid, writer if asks else None, privilege)
        if key not in self._seen:
            self._seen[key] = Behind()  # for a view that writes to itself
            as_whom = self._doors.as_whom(view, writer)
            ways = {
                number: best(r for t in targets for r in self._write(t, as_whom, writer, privilege))
                for number, targets in self._targets(view, privilege).items()
            }
            self._seen[key] = Behind(
                (number, reached) for number, reached in ways.items() if reached
            )
        return self._seen[key]

    def _targets(self, view: SecuredRelation, privilege: str) -> dict[int, tuple[_Target, ...]]:
        """Give the columns behind each column; where one could not be traced it may be any."""
        if privilege not in view.passes_on:
            return {}
        found: dict[int, tuple[_Target, ...]] = {}
        for number in view.updatable_columns:
            sources = self._doors.views.get((view.oid, number))
            if sources is None:
                uses = (use for use in view.uses if use[1] > 0)
                sources = tuple((oid, column, "untraced") for oid, column in uses)
            found[number] = tuple(
                (oid, column, EXPOSURES[how])
                for oid, column, how in sources
                if how in ("copied", "untraced")
            )
        if privilege == "DELETE":
            whole = {(oid, 0, how) for targets in found.values() for oid, _, how in targets}
            return {0: tuple(sorted(whole))}
        return found

    def _write(
        self, target: _Target, as_whom: int, writer: int, privilege: str
    ) -> Iterator[Reached]:
        oid, number, exposure = target
        relation = self._doors.relations.get(oid)
        direct = self._doors.direct
        if relation is None or not direct.rights(as_whom, oid).has(BITS[privilege], number):
            return
        if relation.relation_kind == "view" and privilege in relation.passes_on:
            inside = self.behind_view(relation, writer, privilege).get(number, ())
            if not inside:
                return
            for found in inside:
                yield found.behind(Hop("view", oid, number), exposure)
        rows = direct.rows(as_whom, relation, privilege)
        yield Reached(oid, number, exposure, rows)
        for heir, its, trail in self._doors.heirs.columns(relation, number, privilege):
            yield Reached(heir, its, exposure, rows, trail)
