"""What the text of a DDL statement names, and whether it could run twice."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gatekeeper.facts.sql_tokens import Reader, Token, tokens_of
from gatekeeper.model.names import qualified, quoted

_DDL = re.compile(
    r"(?:\s+|--[^\n]*|/\*.*?\*/)*+(?:create|alter|drop|comment)\b", re.DOTALL | re.IGNORECASE
)
# The guard that PostgreSQL offers when such an object is created (manual, reference I).
_CREATE_GUARDS = {
    "table": "if not exists", "foreign table": "if not exists", "index": "if not exists",
    "sequence": "if not exists", "schema": "if not exists", "extension": "if not exists",
    "materialized view": "if not exists", "statistics": "if not exists",
    "collation": "if not exists", "server": "if not exists", "view": "or replace",
    "function": "or replace", "procedure": "or replace", "aggregate": "or replace",
    "trigger": "or replace", "rule": "or replace", "language": "or replace",
}  # fmt: skip
_OTHER_KINDS = (
    "event trigger", "constraint trigger", "type", "domain", "policy", "cast", "operator",
    "publication", "subscription", "role", "user", "group", "conversion", "routine",
)  # fmt: skip
_KINDS = tuple(sorted((*_CREATE_GUARDS, *_OTHER_KINDS), key=len, reverse=True))
_IN_SCHEMA = {
    "table", "foreign table", "view", "materialized view", "sequence", "type", "domain",
    "function", "procedure", "routine", "aggregate", "index", "statistics", "collation",
}  # fmt: skip
_ON_TABLE = {
    "index": "on",
    "trigger": "on",
    "constraint trigger": "on",
    "policy": "on",
    "rule": "to",
}
_BEFORE_TABLES = {
    "references": ("references",),
    "partition": ("partition of",),
    "attach": ("attach partition",),
    "detach": ("detach partition",),
}
_NO_COLUMN = ("constraint", "check", "unique", "primary", "foreign", "exclude")


@dataclass(frozen=True, slots=True)
class Ddl:
    """What was read; all of it is empty for a statement that is no DDL."""

    target: str | None = None  # the first object that it creates, alters or drops, as written
    unqualified: tuple[str, ...] = ()  # tables and the like that it names without a schema
    lacks_guard: str | None = None  # if exists, if not exists, or replace: possible and not there


def read_ddl(sql: str) -> Ddl:
    """Read one statement; what a DO block or a function runs is not seen."""
    tokens = tokens_of(sql) if _DDL.match(sql) else []  # a large migration is mostly INSERTs
    reader = Reader(tokens)
    verb = reader.any_word(("create", "alter", "drop", "comment on"))
    if verb is None:
        return Ddl()
    replaces = reader.word("or", "replace")
    is_temporary = reader.word("global") | reader.word("local")
    is_temporary |= reader.any_word(("temporary", "temp")) is not None
    reader.any_word(("unlogged", "unique", "recursive"))
    kind = reader.any_word(_KINDS)
    if kind is None or is_temporary:
        return Ddl()
    reader.word("concurrently")
    guarded = replaces or reader.word("if", "not", "exists") or reader.word("if", "exists")
    reader.word("only")
    names = [] if verb == "create" and kind == "index" and reader.word("on") else reader.names()
    plain = [] if verb == "create" and kind == "index" else names
    if kind not in _IN_SCHEMA:
        plain = []
    others = list(_other_tables(tokens, kind, verb))
    lacks = None if guarded else _guard(verb, kind)
    if verb == "alter" and lacks is None:
        lacks = _guard_of_alter(reader.rest(), kind)
    return Ddl(
        target=qualified(*names[0]) if names else None,
        unqualified=tuple(dict.fromkeys(quoted(n[0]) for n in [*plain, *others] if len(n) == 1)),
        lacks_guard=lacks,
    )


def _guard(verb: str, kind: str) -> str | None:
    if verb == "create":
        return _CREATE_GUARDS.get(kind)
    return "if exists" if verb == "drop" else None


def _guard_of_alter(actions: list[Token], kind: str) -> str | None:
    """Find the first ADD or DROP of an ALTER that has a guard to offer and does not use it."""
    if kind == "type":
        reader = Reader(actions)
        adds_value = reader.word("add", "value")
        return "if not exists" if adds_value and not reader.word("if", "not", "exists") else None
    if kind not in ("table", "foreign table"):
        return None
    for place, token in enumerate(actions):
        if token.depth or (place and actions[place - 1].text != ","):
            continue
        reader = Reader(actions, place)
        if reader.word("drop"):
            reader.any_word(("column", "constraint"))
            if not reader.word("if", "exists"):
                return "if exists"
        elif reader.word("add"):
            is_other = not reader.word("column") and reader.any_word(_NO_COLUMN)
            if not is_other and not reader.word("if", "not", "exists"):
                return "if not exists"
    return None


def _other_tables(tokens: list[Token], kind: str, verb: str) -> Iterator[tuple[str, ...]]:
    """Give the tables that a statement names beside what it is about."""
    reader = Reader(tokens)
    if kind in _ON_TABLE and verb in ("create", "drop") and reader.past(_ON_TABLE[kind]):
        reader.word("only")
        yield reader.name()
    for place, token in enumerate(tokens):
        if token.kind == "word" and token.text in _BEFORE_TABLES:
            reader = Reader(tokens, place)
            if reader.any_word(_BEFORE_TABLES[token.text]):
                yield reader.name()
