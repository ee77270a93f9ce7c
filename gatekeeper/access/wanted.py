"""Which rows of the matrix are asked for: globs on roles, things and columns."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gatekeeper.access.cells import Thing
from gatekeeper.access.effective import UNTRACED, Access
from gatekeeper.model.names import quoted
from gatekeeper.model.security import PUBLIC, RELATION_PRIVILEGES, Role, SecuredFunction

PRIVILEGES = (*RELATION_PRIVILEGES, "EXECUTE", UNTRACED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: globs on names, each empty for all.

    A glob on things is on the subject or the bare name, one on columns on `subject.column` or the
    bare name. `ways`: the ways are asked for, too. `left_out` are (schema, table), as those of a
    migration tool.
    """

    roles: tuple[str, ...] = ()
    things: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    privileges: tuple[str, ...] = ()
    ways: bool = False
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def some_columns(self) -> bool:
        """Say whether columns are left out."""
        return bool(self.columns or self.classes)

    def has_role(self, role: Role) -> bool:
        return not self.roles or _match(self.roles, role.name, role_subject(role))

    def has_thing(self, thing: Thing) -> bool:
        if (thing.schema_name, thing.name) in self.left_out:
            return False
        return not self.things or _match(self.things, thing.name, thing.subject)

    def has_privilege(self, privilege: str, thing: Thing) -> bool:
        """Say whether rows of a privilege are wanted; what is untraced may be reading.

        A function that runs as its caller opens nothing, and is listed on request.
        """
        if isinstance(thing, SecuredFunction) and not thing.is_security_definer:
            return "EXECUTE" in self.privileges
        if not self.privileges or privilege in self.privileges:
            return True
        return privilege == UNTRACED and bool({"SELECT", "EXECUTE"} & set(self.privileges))

    def has_column(self, thing: Thing, name: str, class_name: str | None) -> bool:
        if self.classes and class_name not in self.classes:
            return False
        subject = f"{thing.subject}.{quoted(name)}"
        return not self.columns or _match(self.columns, name, subject)


def role_subject(role: Role) -> str:
    """Give a role's name as SQL writes it."""
    return "PUBLIC" if role.oid == PUBLIC else role.subject


def unmatched(access: Iterable[Access], wanted: Wanted) -> Iterator[tuple[str, str]]:
    """Give the globs that match nothing in any of the states, with what they are on."""
    states = tuple(access)
    roles = [(r.name, role_subject(r)) for s in states for r in s.graph.subjects]
    things = [(t.name, t.subject) for s in states for t in s.objects.values()]
    columns = [
        (name, f"{relation.subject}.{quoted(name)}")
        for s in states
        for relation in s.security.relations
        for name in relation.column_names
    ]
    for kind, globs, names in (
        ("role", wanted.roles, roles),
        ("table, view or function", wanted.things, things),
        ("column", wanted.columns, columns),
    ):
        for glob in globs:
            if not any(_match((glob,), *pair) for pair in names):
                yield kind, glob


def _match(globs: tuple[str, ...], *names: str) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs for name in names)
