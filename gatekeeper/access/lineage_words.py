"""Parts SQL and PL/pgSQL text into words that know their place."""

import re
from itertools import pairwise
from typing import NamedTuple

_WORD = re.compile(
    r"""(?P<space>\s+|--[^\n]*)
      | (?P<comment>/\*)
      | (?P<text>[eE]'(?:[^'\\]|\\.|'')*' | (?:[bBnNxX]|[uU]&)?'(?:[^']|'')*'
                 | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)
      | (?P<quoted>"(?:[^"]|"")+")
      | (?P<name>[^\W\d][\w$]*)
      | (?P<number>\d[\w]*(?:\.(?!\.)\w*)?)
      | (?P<sign>:=|::|\.\.|<<|>>|=>|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


class Word(NamedTuple):
    """A name (as PostgreSQL folds it), a text, a number or a sign, and where it is."""

    kind: str  # name, quoted, text, number, sign
    text: str
    start: int
    end: int


def words_of(text: str) -> list[Word]:
    """Give the words of a text, without comments. Whatever it is, it does not fail."""
    found: list[Word] = []
    at = 0
    while match := _WORD.match(text, at):
        at = match.end()
        kind = "text" if match.lastgroup == "tag" else match.lastgroup or "sign"
        if kind == "comment":
            at = _behind_comment(text, at)
        elif kind != "space":
            found.append(Word(kind, _folded(kind, match[0]), match.start(), at))
    return found


def called_in(words: list[Word]) -> set[str]:
    """Give the names that a parenthesis follows: functions, and what looks like them."""
    return {
        w.text for w, after in pairwise(words) if w.kind in ("name", "quoted") and after.text == "("
    }


def _folded(kind: str, text: str) -> str:
    if kind == "quoted":
        return text[1:-1].replace('""', '"')
    return text.lower() if kind == "name" else text


def _behind_comment(text: str, at: int) -> int:
    depth = 1  # comments are nested
    while depth and (edge := _COMMENT_EDGE.search(text, at)):
        depth += 1 if edge[0] == "/*" else -1
        at = edge.end()
    return len(text) if depth else at
