"""What the text of INSERT, UPDATE, DELETE and TRUNCATE says of the rows they touch.

The server says which tables a statement writes to. Which rows it means, and what it sets, only the
text says; that of a DO block is read, too, and that of a constant behind EXECUTE.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from gatekeeper.facts.sql_tokens import MOST_CHARACTERS, Reader, Token, tokens_of

# What may stand before a command; elsewhere UPDATE and DELETE are parts of something else.
_BEFORE = {
    "(", ")", ";", "begin", "then", "else", "loop", "as", "in", "query", "explain", "analyze",
    "verbose", "execute",
}  # fmt: skip
_VERBS = {"insert", "update", "delete", "truncate", "merge", "copy"}
_AFTER_SET = {"from", "where", "returning"}
_AFTER_WHERE = {"returning", "order", "limit", "for"}
_ALWAYS_TRUE = (("true",), ("1", "=", "1"))


@dataclass(frozen=True, slots=True)
class Clause:
    """One INSERT, UPDATE, DELETE or TRUNCATE in a text.

    `target` is the table's name as written, without its schema. `pinned` are columns that the
    condition compares with constants, all of them at once. `lists_rows`: the rows of an INSERT are
    in the text. `fills` are columns that keep what they hold: `a = coalesce(a, …)`.
    """

    operation: str
    target: str
    has_where: bool | None = None
    columns: tuple[str, ...] = ()
    fills: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    lists_rows: bool = False


def clauses_of(sql: str) -> tuple[Clause, ...]:
    """Read every writing command in a statement."""
    tokens = tokens_of(sql)
    if tokens and tokens[0].text == "do":
        bodies = [token.text for token in tokens if token.kind == "text"]
        return tuple(clause for body in bodies for clause in _in_block(body))
    return tuple(_clauses(tokens, is_cut=len(sql) > MOST_CHARACTERS))


def _in_block(body: str) -> Iterator[Clause]:
    tokens = tokens_of(body)
    yield from _clauses(tokens, is_cut=len(body) > MOST_CHARACTERS)
    for before, token in pairwise(tokens):
        if token.kind == "text" and before.text == "execute":
            yield from _clauses(tokens_of(token.text), is_cut=False)


def _clauses(tokens: list[Token], *, is_cut: bool) -> Iterator[Clause]:
    for place, token in enumerate(tokens):
        if token.kind != "word" or token.text not in _VERBS:
            continue
        if place and tokens[place - 1].text not in _BEFORE:
            continue
        yield from _clause(_command(tokens, place), is_cut=is_cut)


def _command(tokens: list[Token], start: int) -> list[Token]:
    """Give the tokens of the command that begins here, their depth counted from its own."""
    depth = tokens[start].depth
    found: list[Token] = []
    for token in tokens[start:]:
        if token.depth < depth or (token.depth == depth and token.text == ";"):
            break
        found.append(token._replace(depth=token.depth - depth))
    return found


def _clause(tokens: list[Token], *, is_cut: bool) -> Iterator[Clause]:
    reader = Reader(tokens)
    verb = reader.any_word(
        ("insert into", "update", "delete from", "truncate", "merge into", "copy")
    )
    reader.word("table")
    reader.word("only")
    names = reader.names() if verb == "truncate" else [reader.name()]
    names = [name for name in names if name]
    if not names or (verb == "update" and names[0] == ("set",)):
        return
    target = names[0][-1]
    match verb:
        case "insert into":
            lists_rows = _lists_rows(reader.rest())
            yield Clause("insert", target, lists_rows=lists_rows)
            if reader.past("do", "update", "set"):
                update = _update(reader, {target}, target, has_where=True)
                yield replace(update, lists_rows=lists_rows)
        case "copy":
            yield Clause("insert", target)
        case "truncate":
            yield from (Clause("truncate", name[-1]) for name in names)
        case "update":
            reader.word("as")
            own = {target, *(token.text for token in reader.rest()[:1])}  # its alias, or SET
            if reader.past("set"):
                yield _update(reader, own, target, has_where=None if is_cut else False)
        case "delete from":
            yield _conditional(Clause("delete", target, None if is_cut else False), reader)
        case "merge into":
            yield from (Clause(o, target, has_where=True) for o in ("insert", "update", "delete"))


def _update(reader: Reader, own: set[str], target: str, *, has_where: bool | None) -> Clause:
    columns: list[str] = []
    fills: list[str] = []
    for assignment in _split(_until(reader.rest(), _AFTER_SET), ","):
        named, value = _halves(assignment)
        columns += named
        if len(named) == 1 and _keeps(named[0], value, own):
            fills.append(named[0])
    clause = Clause("update", target, has_where, tuple(columns), tuple(fills))
    return _conditional(clause, reader)


def _conditional(clause: Clause, reader: Reader) -> Clause:
    """Add what the WHERE says, if there is one."""
    if not reader.past("where"):
        return clause
    condition = _until(reader.rest(), _AFTER_WHERE)
    if tuple(token.text for token in condition) in _ALWAYS_TRUE:
        return clause
    return replace(clause, has_where=True, pinned=_pinned(condition))


def _lists_rows(rest: list[Token]) -> bool:
    """Say whether an INSERT brings its rows along: VALUES, or a SELECT that reads no table."""
    words = [token.text for token in rest if token.depth == 0 and token.kind == "word"]
    for word in words:
        if word in ("values", "default"):
            return True
        if word == "select":
            break
    if "from" not in words:
        return "select" in words
    place = next(i for i, t in enumerate(rest) if t.text == "from" and t.depth == 0)
    return [token.text for token in rest[place + 1 : place + 3]] == ["(", "values"]


def _pinned(condition: list[Token]) -> tuple[str, ...]:
    if any(token.text == "or" and token.depth == 0 for token in condition):
        return ()
    found: list[str] = []
    for part in _split(condition, "and"):
        reader = Reader(part)
        name = reader.name()
        if not name:
            continue
        if reader.sign("="):
            value = reader.rest()
            is_one = value[:1] and (
                value[0].is_constant or [t.text for t in value[:2]] == ["(", "select"]
            )
            if is_one or (reader.word("any") and _reads_no_table(reader.rest())):
                found.append(name[-1])
        elif reader.word("in") and _reads_no_table(reader.rest()):
            found.append(name[-1])
    return tuple(found)


def _reads_no_table(tokens: list[Token]) -> bool:
    return not any(token.text == "select" for token in tokens)


def _until(tokens: list[Token], words: set[str]) -> list[Token]:
    end = next(
        (i for i, t in enumerate(tokens) if t.depth == 0 and t.kind == "word" and t.text in words),
        len(tokens),
    )
    return tokens[:end]


def _split(tokens: list[Token], separator: str) -> Iterator[list[Token]]:
    part: list[Token] = []
    for token in tokens:
        if token.depth == 0 and token.text == separator and token.kind in ("word", "sign"):
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _halves(assignment: list[Token]) -> tuple[list[str], list[Token]]:
    """Split `a = …`, `a[1] = …` or `(a, b) = …` into the names of columns and the value."""
    place = next((i for i, t in enumerate(assignment) if t.text == "=" and t.depth == 0), None)
    if place is None:
        return [], []
    left, value = assignment[:place], assignment[place + 1 :]
    names = [token.text for token in left if token.is_name]
    return (names if left and left[0].text == "(" else names[:1]), value


def _keeps(column: str, value: list[Token], own: set[str]) -> bool:
    """Say whether a value is that of the column itself, or replaces only its null.

    `own` are the names of the table in front of a dot.
    """
    reader = Reader(value)
    coalesces = reader.word("coalesce") and reader.sign("(")
    name = reader.name()
    is_own = name == (column,) or (name[-1:] == (column,) and name[-2] in own)
    return is_own and (reader.sign(",") if coalesces else not reader.rest())
