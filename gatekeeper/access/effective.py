"""What every role can effectively do with every relation, column and function.

A right is effective if the role also has USAGE on the schema (manual: Privileges; a session that
looked a name up before USAGE was revoked is not thought of), and if the server would not refuse for
another reason: a view whose owner may not read the table behind it shows nothing. To that come the
columns behind views, functions and parents that the role can use, and what it can do after SET
ROLE. For the rights that the server reports see `gatekeeper.access.direct`.
"""

from collections.abc import Mapping
from functools import cache

from gatekeeper.access.direct import BITS, Direct, Rights
from gatekeeper.access.doors import Doors
from gatekeeper.access.grades import (
    NO_ACCESS,
    Exposure,
    Grades,
    Rows,
    borrowed,
    exceeds,
    grades,
    merged,
)
from gatekeeper.access.heirs import PASSED_ON
from gatekeeper.access.roles import RoleGraph
from gatekeeper.access.ways import VIEWS, Behind, FunctionSources, ViewSources, is_traced
from gatekeeper.access.writes import Writes
from gatekeeper.model.security import (
    COLUMN_PRIVILEGES,
    RELATION_PRIVILEGES,
    SecuredFunction,
    SecuredRelation,
    Security,
)

Key = tuple[str, int]
"""A privilege and a column number; 0 is the whole relation, and so each of its columns."""

Held = Mapping[Key, Grades]

UNTRACED = "UNTRACED"
"""No privilege of the server's: to use a function, or a view's column, behind which there may be
anything that its owner can reach."""

_FILTERED = ("SELECT", "INSERT", "UPDATE", "DELETE")
_ALL_ROWS = (Rows.ALL,) * len(_FILTERED)
_EVERYTHING = grades(Exposure.COPIED, Rows.ALL)
# What the server has commands for. A view takes the commands that its SecuredRelation says.
_MEANINGLESS = {
    "foreign": BITS["REFERENCES"],
    "view": sum(BITS.values()) - BITS["SELECT"] - BITS["TRIGGER"],
    "materialized_view": sum(BITS.values()) - BITS["SELECT"] - BITS["MAINTAIN"],
}


class Access:
    """Effective access in one state of a database.

    `views` and `functions` say what is behind them; what they leave out counts as untraced.
    """

    def __init__(
        self,
        security: Security,
        views: ViewSources | None = None,
        functions: FunctionSources | None = None,
    ) -> None:
        self.security = security
        self.views = views or {}
        self.functions = functions or {}
        self.graph = RoleGraph(security)
        self.direct = Direct(security, self.graph)
        self.doors = Doors(security, self.direct, self.views, self.functions)
        self.writes = Writes(self.doors)
        self.objects: dict[int, SecuredRelation | SecuredFunction] = {
            **self.doors.relations,
            **{function.oid: function for function in security.functions},
        }
        self._untraced = self._views_untraced()
        self._of_disguises: dict[int, dict[int, Held]] = {}

    def held(self, role: int) -> dict[int, Held]:
        """Give all that a role can do, by the oid of the relation or function."""
        held = self._own(role)
        for other in self.graph.disguises(role):
            if other not in self._of_disguises:
                self._of_disguises[other] = self._own(other)
            for oid, theirs in self._of_disguises[other].items():
                lent = {key: borrowed(worth) for key, worth in theirs.items()}
                held[oid] = _joined(held.get(oid, {}), lent)
        return held

    def entry(self, role: int, thing: SecuredRelation | SecuredFunction) -> Held:
        """Give what a role can do with a thing by its name, without doors and without SET ROLE."""
        if not self.direct.may_use(role, thing.schema_oid):
            return {}
        if isinstance(thing, SecuredFunction):
            callable_ = not thing.is_trigger and self.direct.may_execute(role, thing.oid)
            return self.call(thing.oid) if callable_ else {}
        rights = self.direct.rights(role, thing.oid)
        if not any(rights):
            return {}
        if thing.relation_kind == "view":
            return self._view(role, thing, rights)
        rows = _ALL_ROWS
        if thing.row_security:
            rows = tuple(self.direct.rows(role, thing, p) for p in _FILTERED)
        return _plain(_without(rights, _MEANINGLESS.get(thing.relation_kind, 0)), rows)

    def call(self, function: int) -> Held:
        """Give what calling a function is worth by itself."""
        held = {("EXECUTE", 0): grades(Exposure.NOTHING, Rows.ALL)}
        if not self.doors.is_traced(function):
            held[UNTRACED, 0] = grades(Exposure.UNTRACED, Rows.ALL)
        return held

    def _view(self, role: int, view: SecuredRelation, rights: Rights) -> Held:
        refused = _MEANINGLESS["view"]
        if self.doors.behind_view(view, role) is None:
            refused |= BITS["SELECT"]
        for privilege in view.accepts:
            if privilege not in view.passes_on:
                refused &= ~BITS[privilege]
        held = dict(_plain(_without(rights, refused), _ALL_ROWS))
        for privilege in view.passes_on:
            for number in self.writes.behind_view(view, role, privilege):
                if rights.has(BITS[privilege], number):
                    held[privilege, number] = _EVERYTHING
        return held

    def _own(self, role: int) -> dict[int, Held]:
        held: dict[int, Held] = {}
        behind: dict[int, Held] = {}
        for oid, thing in self.objects.items():
            here = self.entry(role, thing)
            if not here:
                continue
            held[oid] = here
            if isinstance(thing, SecuredFunction):
                _add(behind, "SELECT", self._by_call(oid))
                continue
            if thing.relation_kind in VIEWS:
                self._behind_view(role, thing, here, behind)
            if self.doors.heirs.has_any(oid):
                self._heirs(thing, here, behind)
        for oid, more in behind.items():
            held[oid] = _joined(held.get(oid, {}), more)
        for oid in self._untraced.keys() & held.keys():
            held[oid] = {**held[oid], **_unknown(held[oid], self._untraced[oid])}
        return held

    def _views_untraced(self) -> dict[int, list[int]]:
        """Give the columns of views of which it is not known what they show."""
        found: dict[int, list[int]] = {}
        for oid, relation in self.doors.relations.items():
            if relation.relation_kind in VIEWS:
                numbers = relation.column_numbers
                lacking = [n for n in numbers if not is_traced(self.views.get((oid, n)))]
                if lacking:
                    found[oid] = lacking
        return found

    def _behind_view(
        self, role: int, view: SecuredRelation, here: Held, behind: dict[int, Held]
    ) -> None:
        _add(behind, "SELECT", _allowed(here, "SELECT", self.doors.behind_view(view, role)))
        for privilege in view.passes_on:
            written = self.writes.behind_view(view, role, privilege)
            _add(behind, privilege, _allowed(here, privilege, written))
        if any(privilege == "SELECT" for privilege, _ in here):
            for function in self.doors.calls(view):
                if self.direct.may_execute(role, function):
                    _add(behind, "SELECT", self._by_call(function))
                    _put(behind, function, self.call(function))

    def _by_call(self, function: int) -> Behind:
        return Behind({0: self.doors.behind_function(function)})

    def _heirs(self, parent: SecuredRelation, here: Held, behind: dict[int, Held]) -> None:
        for (privilege, number), worth in here.items():
            if privilege not in PASSED_ON:
                continue
            # Partitions have their parent's columns; another heir may have more.
            each = privilege in COLUMN_PRIVILEGES and parent.relation_kind != "partitioned"
            for column in parent.column_numbers if each and number == 0 else (number,):
                for heir, its, _ in self.doors.heirs.columns(parent, column, privilege):
                    _put(behind, heir, {(privilege, its): worth})


def has(held: Held, privilege: str, number: int) -> bool:
    """Say whether a privilege is there for a column, or for the whole."""
    return (privilege, 0) in held or (privilege, number) in held


def spread(held: Held, thing: SecuredRelation | SecuredFunction | None) -> dict[Key, Grades]:
    """Give the same column by column; what a whole relation has stays under number 0."""
    if not isinstance(thing, SecuredRelation):
        return dict(held)
    found: dict[Key, Grades] = {}
    for privilege in (*RELATION_PRIVILEGES, UNTRACED):
        whole = held.get((privilege, 0), NO_ACCESS)
        if privilege not in (*COLUMN_PRIVILEGES, UNTRACED):
            found[privilege, 0] = whole
            continue
        for number in thing.column_numbers:
            found[privilege, number] = merged(whole, held.get((privilege, number), NO_ACCESS))
    return {key: worth for key, worth in found.items() if worth}


@cache
def _plain(rights: Rights, rows: tuple[Rows, ...]) -> Held:
    """Give rights as grades. Kept and shared, so that equal ones are the same object."""
    left = dict(zip(_FILTERED, rows, strict=True))
    held: dict[Key, Grades] = {}
    for number, bits in ((0, rights.whole), *rights.columns):
        for privilege, bit in BITS.items():
            if bits & bit and (privilege, 0) not in held:
                held[privilege, number] = grades(Exposure.COPIED, left.get(privilege, Rows.ALL))
    return held


def _without(rights: Rights, refused: int) -> Rights:
    if not refused:
        return rights
    columns = ((number, bits & ~refused) for number, bits in rights.columns)
    return Rights(rights.whole & ~refused, tuple(pair for pair in columns if pair[1]))


def _unknown(held: Held, numbers: list[int]) -> Held:
    """Give what seeing untraced columns is worth."""
    found: dict[Key, Grades] = {}
    for number in numbers:
        for grade in merged(
            held.get(("SELECT", 0), NO_ACCESS), held.get(("SELECT", number), NO_ACCESS)
        ):
            exposure = min(grade.exposure, Exposure.UNTRACED)
            worth = grades(exposure, grade.rows, is_own=grade.is_own)
            found[UNTRACED, number] = merged(found.get((UNTRACED, number), NO_ACCESS), worth)
    return found


def _allowed(here: Held, privilege: str, behind: Behind | None) -> Behind:
    """Leave what is behind columns for which the privilege is there."""
    if not behind or (privilege, 0) in here:
        return behind or Behind()
    return Behind((n, reached) for n, reached in behind.items() if (privilege, n) in here)


def _add(total: dict[int, Held], privilege: str, behind: Behind) -> None:
    for oid, more in behind.worth.items():
        _put(total, oid, {(privilege, number): worth for number, worth in more.items()})


def _put(total: dict[int, Held], oid: int, more: Held) -> None:
    here = total.get(oid)
    if here is None:
        total[oid] = more
        return
    both = dict(here)
    for key, worth in more.items():
        both[key] = merged(both.get(key, NO_ACCESS), worth)
    total[oid] = both


def _joined(held: Held, more: Held) -> Held:
    """Add what goes beyond; the whole comes first, for it may cover its columns."""
    found: dict[Key, Grades] | None = None
    for key in sorted(more, key=_number):
        now = found or held
        worth = now.get(key, NO_ACCESS)
        whole = now.get((key[0], 0), NO_ACCESS)
        if exceeds(more[key], merged(worth, whole)):
            found = dict(held) if found is None else found
            found[key] = merged(worth, more[key])
    return held if found is None else found


def _number(key: Key) -> int:
    return key[1]
