"""Guesses which table a column refers to from its name.

A guess is offered only where everything fits: the name has the form of a reference, exactly one
table has that name, its key has one column of the same type. Silent for pairs such as
`owner_type` + `owner_id` (any of several tables) and for identifiers of other systems, which match
no table.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from gatekeeper.model.schema import Column, Table

_SUFFIX = re.compile(
    r"^(?P<stem>.+?)_?(?<=[a-z0-9_])(?:_(?:id|uuid|guid|fk|pk|key|ref)|Id|ID|Uuid)$"
)

# Whoever did something is a person, and people are kept in one of these.
_PEOPLE = ("user", "account", "person", "member", "employee", "profile")
_DONE_BY = re.compile(
    r"^(?:created|updated|modified|deleted|changed|edited|approved|reviewed|assigned|owned|invited|"
    r"uploaded|published|requested|submitted|signed|verified|archived|closed|resolved|granted|"
    r"revoked|added|removed|sent|locked|cancelled|canceled|started|merged|reported)_by(?:_id|_uuid)?$"
)
_ROLES = {
    "owner", "author", "creator", "editor", "assignee", "reviewer", "approver", "manager", "sender",
    "recipient", "receiver", "inviter", "invitee", "uploader", "reporter", "follower", "followee",
}  # fmt: skip
_ITSELF = {"parent", "root", "previous", "prev", "next", "original", "duplicate_of", "replaced_by"}
# Words before a table's name that say which of its rows: billing_address_id refers to addresses.
# Other words are names of other systems as often as not: github_user_id.
_WHICH = {
    "billing", "shipping", "delivery", "home", "work", "postal", "default", "primary", "secondary",
    "main", "parent", "child", "root", "source", "target", "from", "to", "old", "new", "current",
    "previous", "prev", "next", "original", "first", "last", "latest", "best", "favorite",
    "favourite", "preferred", "start", "end", "origin", "destination", "left", "right", "winning",
    "assigned", "owning", "related", "linked", "base", "master", "sub", "super", "own", "active",
}  # fmt: skip
_POLYMORPHIC = ("_type", "_kind", "_class", "_model", "_content_type", "_table")

# Types that keys are made of; a reference has the same family as the key it points to.
_FAMILY = {
    "smallint": "integer", "integer": "integer", "bigint": "integer",
    "text": "text", "character varying": "text", "character": "text", "citext": "text",
    "uuid": "uuid",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The table and its key column, both as subjects or names."""

    table: str
    column: str


class ReferenceGuesser:
    """Knows the tables and single-column keys of one schema."""

    def __init__(
        self,
        tables: Iterable[Table],
        keys: dict[int, Column],
        columns: dict[int, dict[str, Column]],
        unique: set[tuple[int, str]],
    ) -> None:
        self._keys = keys
        self._unique = unique
        self._columns = columns
        self._tables: dict[str, list[Table]] = {}
        self._by_oid: dict[int, Table] = {}
        for table in tables:
            if table.parent is None:
                self._by_oid[table.oid] = table
                for word in _singulars(_snake(table.name)):
                    self._tables.setdefault(word, []).append(table)

    def guess(self, column: Column) -> Suggestion | None:
        """Give the table that `column` seems to refer to, or None."""
        targets = _targets(column.name)
        if not targets:
            return None
        key = self._keys.get(column.table_oid)
        if key is not None and key.name == column.name:
            return None  # the key itself; a shared key is declared, not guessed
        siblings = self._columns.get(column.table_oid, {})
        names = {_snake(name) for name in siblings}
        if any(name + ending in names for name in targets for ending in _POLYMORPHIC):
            return None
        own = self._by_oid.get(column.table_oid)
        for name in targets:
            target = own if name in _ITSELF else self._table(name, column)
            numbered = _SUFFIX.match(column.name) is not None and name == targets[0]
            if target is None or (target is own and numbered and name not in _ITSELF):
                continue  # customers.customer_id is another number of the customer, not a reference
            fitting = self._fitting(column, target)
            if fitting is not None:
                return Suggestion(target.subject, fitting.name)
        return None

    def _table(self, name: str, column: Column) -> Table | None:
        found = self._tables.get(name, [])
        if not found and "_" in name:
            found = self._tables.get(name.replace("_", ""), [])
        exact = [t for t in found if t.name.lower() in (name, name + "s", name + "es")]
        found = exact or found
        near = [t for t in found if t.schema_name == column.schema_name]
        candidates = near or found
        return candidates[0] if len(candidates) == 1 else None

    def _fitting(self, column: Column, target: Table) -> Column | None:
        """Give the key column of `target` that `column` could refer to: of its type."""
        family = _FAMILY.get(column.base_type)
        ending = column.name.rpartition("_")[2].lower()
        other = self._columns.get(target.oid, {}).get(ending)
        candidates = [self._keys.get(target.oid)]
        if other is not None and (target.oid, other.name) in self._unique:
            candidates.append(other)  # user_uuid → users.uuid
        for key in candidates:
            if key is not None and family is not None and family == _FAMILY.get(key.base_type):
                return key
        return None


@lru_cache(maxsize=10_000)
def _targets(name: str) -> tuple[str, ...]:
    """Give the table names a column name may mean, likeliest first, in the singular."""
    lowered = _snake(name)
    if _DONE_BY.match(lowered):
        return _PEOPLE
    match = _SUFFIX.match(name)
    if match is None:
        return ()
    stem = _snake(match["stem"]).strip("_")
    if stem in _ITSELF:
        return (stem,)
    found = [stem]
    if stem in _ROLES:
        found += _PEOPLE
    words = stem.split("_")
    while len(words) > 1 and words[0] in _WHICH:
        words = words[1:]
        found.append("_".join(words))
    return tuple(found)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _singulars(name: str) -> set[str]:
    """Give every word that `name` may be the plural of, itself included.

    English needs a dictionary to tell `caches` (cache) from `boxes` (box); both readings are kept,
    and a table matches when one of its readings is one of the column's.
    """
    found = {name}
    for plural, singular in (("people", "person"), ("children", "child"), ("men", "man")):
        if name.endswith(plural):
            found.add(name[: -len(plural)] + singular)
    if name.endswith("ies"):
        found |= {name[:-3] + "y", name[:-1]}
    if name.endswith("es"):
        found |= {name[:-2], name[:-2] + "is"}
    if name.endswith("s") and not name.endswith("ss"):
        found.add(name[:-1])
    return found
