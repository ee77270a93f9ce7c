"""Through what a role has access: the chain from the role to the column, for people to read."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from gatekeeper.access.doors import UNCHECKED
from gatekeeper.access.effective import UNTRACED, Access, Held, has
from gatekeeper.access.grades import Exposure, Grade, Rows
from gatekeeper.access.heirs import PASSED_ON
from gatekeeper.access.ways import VIEWS, Behind, Hop, Reached
from gatekeeper.model.names import quoted
from gatekeeper.model.security import PUBLIC, SecuredFunction, SecuredRelation


class Step(NamedTuple):
    """One link of a chain.

    `kind` is superuser, membership, set role, grant, public, owner, predefined role, view,
    materialized view, definer function or parent; `subject` the role or object; `column` the
    column, where one is meant; `as_role` whose rights count from there on.
    """

    kind: str
    subject: str
    column: str | None = None
    as_role: str | None = None

    def __str__(self) -> str:
        place = self.subject + (f" ({quoted(self.column)})" if self.column else "")
        match self.kind:
            case "superuser":
                return "superuser"
            case "membership":
                return f"member of {place}"
            case "set role":
                return f"SET ROLE {place}"
            case "public":
                return f"grant to PUBLIC on {place}"
            case "grant":
                return f"grant on {place}"
            case "owner":
                return f"owner of {place}"
            case _:
                return f"{self.kind} {place}" + (f" as {self.as_role}" if self.as_role else "")


@dataclass(frozen=True, slots=True)
class Path:
    """One way to a column, what it is worth, and the row policies that apply on it."""

    steps: tuple[Step, ...]
    grade: Grade
    policies: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " → ".join(map(str, self.steps))

    @property
    def untraced(self) -> "Path":
        """Give the same way to something behind which there may be anything."""
        is_less = self.grade.exposure is Exposure.CONDITION
        exposure = Exposure.CONDITION if is_less else Exposure.UNTRACED
        return replace(self, grade=self.grade._replace(exposure=exposure))

    @property
    def rank(self) -> tuple[int, int, bool, int, tuple[Step, ...]]:
        """Sort by this to have the way that gives most first, and the shortest among equals."""
        exposure, rows, is_own = self.grade
        return (-exposure, -rows, not is_own, len(self.steps), self.steps)


class Paths:
    """Finds the ways in one state of a database."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._graph = access.graph
        self._doors = access.doors
        self._entries: dict[tuple[int, int], Held] = {}

    def find(self, role: int, oid: int, privilege: str, number: int = 0) -> tuple[Path, ...]:
        """Give the ways to use a privilege on a relation's column (0: the whole) or a function.

        The way that gives most is first. Of ways through one view that are worth the same, one is
        given.
        """
        if privilege == UNTRACED:
            use = "EXECUTE" if oid in self._doors.definers else "SELECT"
            return tuple(path.untraced for path in self.find(role, oid, use, number))
        found = list(self._own(role, oid, privilege, number))
        for other in self._graph.disguises(role):
            first = Step("set role", self._graph.roles[other].subject)
            for path in self._own(other, oid, privilege, number):
                lent = path.grade._replace(is_own=False)
                found.append(Path((first, *path.steps), lent, path.policies))
        return tuple(sorted(found, key=lambda path: path.rank))

    def _own(self, role: int, oid: int, privilege: str, number: int) -> Iterator[Path]:
        thing = self._access.objects[oid]
        here = self._entry(role, oid)
        if has(here, privilege, number):
            worth = here.get((privilege, 0)) or here[privilege, number]
            policies: tuple[str, ...] = ()
            if isinstance(thing, SecuredRelation):
                policies = self._policies(role, thing, privilege)
            for steps in self._entrances(role, thing, privilege, number):
                yield from (Path(steps, grade, policies) for grade in worth)
        if self._graph.roles[role].is_superuser:
            return  # who needs no door
        for door in sorted(self._leading.get(oid, ())):
            first: dict[tuple[Exposure, Rows], Path] = {}
            for path in self._through(role, door, (oid, number), privilege):
                first.setdefault(path.grade[:2], path)
            yield from first.values()

    def _entrances(
        self, role: int, thing: SecuredRelation | SecuredFunction, privilege: str, number: int
    ) -> list[tuple[Step, ...]]:
        """Give the ways to a right itself, the shortest first."""
        me = self._graph.roles[role]
        if me.is_superuser:
            return [(Step("superuser", me.subject),)]
        direct = self._access.direct
        if isinstance(thing, SecuredFunction):
            givers = direct.callers(role, thing)
        else:
            givers = direct.givers(role, thing.oid, privilege, number)
        ways = (self._given(role, thing, giver, place) for giver, place in givers)
        return sorted(ways, key=lambda steps: (len(steps), steps))

    def _given(
        self, role: int, thing: SecuredRelation | SecuredFunction, giver: int, place: int
    ) -> tuple[Step, ...]:
        if giver == PUBLIC:
            return (Step("public", thing.subject, self._name(thing, place)),)
        way = [Step("membership", r.subject) for r in self._graph.way(role, giver)]
        if place < 0:
            last = Step("predefined role", self._graph.roles[giver].subject)
            return (*way[:-1], last)
        kind = "owner" if giver == thing.owner_oid else "grant"
        return (*way, Step(kind, thing.subject, self._name(thing, place)))

    def _through(
        self, role: int, door: int, target: tuple[int, int], privilege: str
    ) -> Iterator[Path]:
        """Give the ways that begin at one view, function or parent."""
        thing = self._access.objects[door]
        here = self._entry(role, door)
        if not here:
            return
        for entrance, number, hop, reached in self._behind(role, thing, here, privilege):
            if (reached.oid, reached.number) not in (target, (target[0], 0)):
                continue
            steps = self._entrances(role, thing, entrance, number)[0]
            hops = (hop, *reached.trail)
            path = (*steps, *(self._step(role, one) for one in hops))
            grade = Grade(reached.exposure, reached.rows, is_own=True)
            yield Path(path, grade, self._policies_behind(role, hops, reached, privilege))

    def _behind(
        self, role: int, thing: SecuredRelation | SecuredFunction, here: Held, privilege: str
    ) -> Iterator[tuple[str, int, Hop, Reached]]:
        """Give with every column behind a door: the privilege and column one enters by, the hop."""
        oid = thing.oid
        if isinstance(thing, SecuredFunction):
            if privilege == "SELECT":
                for reached in self._doors.behind_function(oid):
                    yield "EXECUTE", 0, Hop("function", oid), reached
            return
        if thing.relation_kind in VIEWS:
            behind = self._access.writes.behind_view(thing, role, privilege)
            if privilege == "SELECT":
                behind = self._doors.behind_view(thing, role) or Behind()
            for number, ways in behind.items():
                if has(here, privilege, number):
                    yield from ((privilege, number, Hop("view", oid, number), r) for r in ways)
            yield from self._called(role, thing, here, privilege)
        if privilege in PASSED_ON:
            for number in (0, *thing.column_numbers):
                for worth in here.get((privilege, 0)) or here.get((privilege, number)) or ():
                    for heir, its, trail in self._doors.heirs.columns(thing, number, privilege):
                        reached = Reached(heir, its, worth.exposure, worth.rows, trail[1:])
                        yield privilege, number, trail[0], reached

    def _called(
        self, role: int, view: SecuredRelation, here: Held, privilege: str
    ) -> Iterator[tuple[str, int, Hop, Reached]]:
        number = next((number for name, number in here if name == "SELECT"), None)
        if number is None or privilege not in ("SELECT", "EXECUTE"):
            return
        for function in self._doors.calls(view):
            if not self._access.direct.may_execute(role, function):
                continue
            hop, call = Hop("view", view.oid, number), Hop("function", function)
            if privilege == "EXECUTE":
                for worth in self._access.call(function)["EXECUTE", 0]:
                    reached = Reached(function, 0, worth.exposure, worth.rows)
                    yield "SELECT", number, hop, reached
                continue
            for found in self._doors.behind_function(function):
                yield "SELECT", number, hop, found.behind(call, found.exposure)

    def _step(self, role: int, hop: Hop) -> Step:
        thing = self._access.objects[hop.oid]
        name = self._name(thing, hop.number)
        if isinstance(thing, SecuredFunction):
            return Step("definer function", thing.subject, as_role=quoted(thing.owner))
        if hop.kind == "parent":
            return Step("parent", thing.subject, name)
        if thing.relation_kind == "materialized_view":
            return Step("materialized view", thing.subject, name)
        as_whom = self._graph.roles[self._doors.as_whom(thing, role)]
        return Step("view", thing.subject, name, as_whom.subject)

    def _policies_behind(
        self, role: int, hops: tuple[Hop, ...], reached: Reached, privilege: str
    ) -> tuple[str, ...]:
        """Name the policies of the table that is read, for the role as which it is read."""
        if reached.rows != Rows.SOME:
            return ()
        reader, read = role, reached.oid
        for hop in reversed(hops):
            thing = self._access.objects[hop.oid]
            if hop.kind == "parent":
                read = hop.oid
                continue
            if isinstance(thing, SecuredRelation):
                reader = self._doors.as_whom(thing, role)
            else:
                reader = thing.owner_oid
            break
        relation = self._doors.relations[read]
        return () if reader == UNCHECKED else self._policies(reader, relation, privilege)

    def _policies(self, role: int, relation: SecuredRelation, privilege: str) -> tuple[str, ...]:
        return tuple(p.name for p in self._access.direct.policies(role, relation, privilege))

    def _entry(self, role: int, oid: int) -> Held:
        key = (role, oid)
        if key not in self._entries:
            self._entries[key] = self._access.entry(role, self._access.objects[oid])
        return self._entries[key]

    @staticmethod
    def _name(thing: SecuredRelation | SecuredFunction, number: int) -> str | None:
        return thing.columns.get(number) if isinstance(thing, SecuredRelation) else None

    @cached_property
    def _leading(self) -> dict[int, set[int]]:
        """Give for each relation and function the doors behind which it is, for anybody."""
        leading: dict[int, set[int]] = {}
        for function in self._doors.definers:
            for reached in self._doors.behind_function(function):
                leading.setdefault(reached.oid, set()).add(function)
        for oid, relation in self._doors.relations.items():
            for target in self._beyond(relation):
                leading.setdefault(target, set()).add(oid)
        return leading

    def _beyond(self, relation: SecuredRelation) -> Iterator[int]:
        if relation.relation_kind in VIEWS:
            for ways in (self._doors.behind_view(relation, UNCHECKED) or {}).values():
                yield from (reached.oid for reached in ways)
            for function in self._doors.calls(relation):
                yield function
                yield from (reached.oid for reached in self._doors.behind_function(function))
        yield from (heir for heir, _, _ in self._doors.heirs.columns(relation, 0))
