"""The matrix as a file that people review: reading, writing, and what differs from it.

    billing:
      public.people:
        select: [id, email]
        select derived: [phone]
      public.orders: {select: all, update: all}
    admin: superuser

A key is a privilege and, after it, the words of LIMITS that apply: `select set-role` is what the
role can read after SET ROLE only. `all` are all columns, also those to come, or the whole object.
The superuser that a server begins with is not listed: every server has one, of any name.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from gatekeeper.access.effective import UNTRACED, Access
from gatekeeper.access.listed import LIMITS, Entry
from gatekeeper.access.wanted import PRIVILEGES, Wanted
from gatekeeper.model.security import COLUMN_PRIVILEGES
from gatekeeper.yaml_reader import Node, Problems, did_you_mean, read_text, read_yaml

SUPERUSER = "superuser"
_FIRST_SUPERUSER = 10  # the oid of the role that initdb makes, on every server
_WITH_COLUMNS = (*COLUMN_PRIVILEGES, UNTRACED)
_HEADER = """\
# Who can do what. `gatekeeper access --expect` compares the database with this file;
# `gatekeeper access --write` makes it anew. Review it as you review code.
"""

Columns = frozenset[str] | None
"""None: all of them."""


class Place(NamedTuple):
    """A role, a subject, and a key of the file: select derived."""

    role: str
    thing: str
    key: str


@dataclass(frozen=True, slots=True)
class Superusers:
    """The superusers there are, and those of them that a file must name."""

    names: frozenset[str]
    made: frozenset[str]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a file says: columns and the line, by place; superusers with the line."""

    file: str
    rights: Mapping[Place, tuple[Columns, int]]
    superusers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference: missing (in the database) or unexpected. A superuser's `thing` is empty.

    `columns` are None for all; `line` is where the file speaks of it; `ways` explain the
    unexpected.
    """

    kind: str
    role: str
    thing: str
    key: str
    columns: tuple[str, ...] | None
    line: int | None = None
    ways: tuple[str, ...] = ()


def superusers(access: Access, wanted: Wanted) -> Superusers:
    """Give the superusers among the roles that are asked for."""
    found = [r for r in access.graph.subjects if r.is_superuser and wanted.has_role(r)]
    names = frozenset(role.subject for role in found)
    return Superusers(names, frozenset(r.subject for r in found if r.oid != _FIRST_SUPERUSER))


def read_expected(path: Path) -> Expected:
    """Read a file. Raises ConfigError with every mistake, each with its line."""
    problems = Problems()
    node = read_yaml(read_text(path), str(path), problems)
    rights: dict[Place, tuple[Columns, int]] = {}
    strong: dict[str, int] = {}
    for role, value in node.mapping().items() if node is not None else ():
        if value.is_mapping():
            for thing, said in value.mapping().items():
                rights |= _read_thing(role, thing, said)
        elif value.text(SUPERUSER) == SUPERUSER:
            strong[role] = value.line
        else:
            value.problem(f"{role} takes a mapping of tables, or the word {SUPERUSER}")
    problems.raise_if_any("`gatekeeper access --write FILE` writes such a file.")
    return Expected(str(path), rights, strong)


def _read_thing(role: str, thing: str, node: Node) -> dict[Place, tuple[Columns, int]]:
    found: dict[Place, tuple[Columns, int]] = {}
    if not node.is_mapping():
        node.problem(f"{thing} takes a mapping: {{select: [id, email], update: all}}")
        return found
    for text, value in node.mapping().items():
        key = _read_key(text, value)
        if key is None:
            continue
        place = Place(role, thing, key)
        if place in found:
            value.problem(f"{key!r} is given twice")
        found[place] = _read_columns(key, value), value.line
    return found


def _read_key(text: str, node: Node) -> str | None:
    """Give the key with its words in our order."""
    privilege, *limits = text.split() or [""]
    known = [name.lower() for name in PRIVILEGES]
    wrong = False
    if privilege not in known:
        near = did_you_mean(privilege, known)
        node.problem(f"{privilege!r} is no privilege{near} (one of {', '.join(known)})")
        wrong = True
    for word in limits:
        if word not in LIMITS or limits.count(word) > 1:
            near = did_you_mean(word, LIMITS)
            node.problem(f"{word!r} cannot stand here{near} (once each: {', '.join(LIMITS)})")
            wrong = True
    return None if wrong else _key(privilege, limits)


def _read_columns(key: str, node: Node) -> Columns:
    is_word = not node.is_mapping() and not node.is_list()
    if is_word and node.text("all") == "all":
        return None
    if is_word or node.is_mapping():
        node.problem("expected all, or a list of columns")
        return None
    names = node.texts()
    if key.partition(" ")[0].upper() not in _WITH_COLUMNS:
        node.problem(f"{key} is of a whole object: {key}: all")
    for name in sorted({name for name in names if names.count(name) > 1}):
        node.problem(f"the column {name!r} is given twice")
    if not names:
        node.problem(f"an empty list; leave {key} out")
    return frozenset(names)


def written(entries: Iterable[Entry], strong: Superusers) -> str:
    """Give the text of the file; the same access gives the same text."""
    roles: dict[str, Any] = {}
    for place, right in sorted(_rights(entries).items(), key=lambda one: _order(one[0])):
        said = "all" if right.is_all else [c for c in right.order if c in right.columns]
        roles.setdefault(place.role, {}).setdefault(place.thing, {})[place.key] = said
    roles |= dict.fromkeys(strong.made, SUPERUSER)
    ordered = {role: roles[role] for role in sorted(roles, key=lambda r: (r != "PUBLIC", r))}
    body = yaml.safe_dump(ordered, sort_keys=False, default_flow_style=None, width=120)
    return _HEADER + body


def compare(expected: Expected, entries: Iterable[Entry], strong: Superusers) -> tuple[Drift, ...]:
    """Give what differs, in the order of role, thing and privilege."""
    rights = _rights(entries)
    found = list(_superuser_drift(expected, strong))
    for place in sorted({*expected.rights, *rights}, key=_order):
        if place.role in strong.names and place not in rights:
            continue  # it can do that and everything else; that it is a superuser is said
        said, line = expected.rights.get(place, (frozenset(), None))
        right = rights.get(place, _NOTHING)
        more, less = _differing(said, right, is_expected=place in expected.rights)
        if place in rights and (more is None or more):
            found.append(Drift("unexpected", *place, _listed(more, right), line, right.ways(more)))
        if place in expected.rights and (less is None or less):
            found.append(Drift("missing", *place, _listed(less, right), line))
    return tuple(found)


class _Right(NamedTuple):
    columns: frozenset[str]
    is_all: bool
    order: tuple[str, ...]
    entries: tuple[Entry, ...]

    def ways(self, columns: Columns) -> tuple[str, ...]:
        """Give the ways to some columns."""
        found = (e for e in self.entries if columns is None or columns.intersection(e.columns))
        return tuple(dict.fromkeys(way for entry in found for way in entry.ways))


_NOTHING = _Right(frozenset(), is_all=False, order=(), entries=())


def _rights(entries: Iterable[Entry]) -> dict[Place, _Right]:
    """Put the rows of a place together: how a role comes by a right is not in the file."""
    found: dict[Place, _Right] = {}
    for entry in entries:
        place = Place(entry.role, entry.thing, _key(entry.privilege.lower(), entry.limits))
        before = found.get(place, _NOTHING)
        columns = before.columns | set(entry.columns)
        is_all = entry.is_all or (bool(columns) and columns == set(entry.table_columns))
        order = entry.table_columns or (*before.order, *entry.columns)
        found[place] = _Right(columns, is_all or before.is_all, order, (*before.entries, entry))
    return found


def _differing(said: Columns, right: _Right, *, is_expected: bool) -> tuple[Columns, Columns]:
    """Give the columns that are more and less than said; None: all."""
    if not is_expected:
        return (None if right.is_all else right.columns), frozenset()
    if said is None:
        left = frozenset(right.order) - right.columns
        return frozenset(), (frozenset() if right.is_all else left or None)
    if right.is_all and not right.columns:
        return None, said
    return right.columns - said, said - right.columns


def _superuser_drift(expected: Expected, strong: Superusers) -> Iterator[Drift]:
    for role in sorted(strong.made - expected.superusers.keys()):
        yield Drift("unexpected", role, "", SUPERUSER, None)
    for role in sorted(expected.superusers.keys() - strong.names):
        yield Drift("missing", role, "", SUPERUSER, None, expected.superusers[role])


def _listed(columns: Columns, right: _Right) -> tuple[str, ...] | None:
    if columns is None:
        return None
    known = [name for name in dict.fromkeys(right.order) if name in columns]
    return (*known, *sorted(columns - set(known)))


def _key(privilege: str, limits: Iterable[str]) -> str:
    return " ".join((privilege, *(word for word in LIMITS if word in limits)))


def _order(place: Place) -> tuple[bool, str, str, int, str]:
    privilege = place.key.partition(" ")[0].upper()
    index = PRIVILEGES.index(privilege)
    return (place.role != "PUBLIC", place.role, place.thing, index, place.key)
