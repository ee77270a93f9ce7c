"""Reads SQL text as far as the server says nothing: words, names and texts, without comments."""

import re
from collections.abc import Iterable
from typing import NamedTuple

MOST_CHARACTERS = 100_000  # of a statement that are read: enough for all but rows of an INSERT

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
      | (?P<text>[eE]'(?:[^'\\]|\\.|'')*' | (?:[bBnNxX]|[uU]&)?'(?:[^']|'')*'
                 | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)
      | (?P<name>(?:[uU]&)?"(?:[^"]|"")+")
      | (?P<word>[^\W\d][\w$]*)
      | (?P<number>[\d.]*\d\w*)
      | (?P<parameter>%\(\w+\)s|%s|:\w+|\$\d+)
      | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """A word in small letters, a quoted name or a text without its quotes, or a sign."""

    kind: str  # word, name, text, number, parameter, sign
    text: str
    depth: int  # how many parentheses are open around it

    @property
    def is_name(self) -> bool:
        return self.kind in ("word", "name")

    @property
    def is_constant(self) -> bool:
        return self.kind in ("text", "number", "parameter")


def tokens_of(sql: str) -> list[Token]:
    """Give the tokens of the beginning of a text. Whatever it is, it does not fail."""
    found: list[Token] = []
    depth = 0
    for match in _TOKEN.finditer(sql[:MOST_CHARACTERS]):
        kind = match.lastgroup or "sign"
        if kind == "tag":
            kind = "text"
        if kind == "space":
            continue
        text = match[0]
        if text == ")":
            depth -= 1
        found.append(Token(kind, _plain(kind, text, match), depth))
        if text == "(":
            depth += 1
    return found


def _plain(kind: str, text: str, match: re.Match[str]) -> str:
    if kind == "word":
        return text.lower()
    if kind == "name":
        return text[text.index('"') + 1 : -1].replace('""', '"')
    if kind == "text":
        quote = f"${match['tag']}$" if match["tag"] is not None else "'"
        return text[text.index(quote) + len(quote) : -len(quote)].replace("''", "'")
    return text


def listed(sql: str, *, behind: str) -> list[str]:
    """Give the parts of the first list in parentheses behind a word, as they are written."""
    found: list[str] = []
    depth = start = 0
    word_came = False
    for match in _TOKEN.finditer(sql):
        sign = match[0] if match.lastgroup == "sign" else ""
        word_came |= not depth and match[0].lower() == behind
        if not word_came:
            continue
        if sign == "(" and not depth:
            start = match.end()
        elif depth == 1 and sign in (",", ")"):
            found.append(sql[start : match.start()].strip())
            start = match.end()
        depth += (sign == "(") - (sign == ")")
        if found and not depth:
            break
    return found


class Reader:
    """Goes over tokens from left to right."""

    def __init__(self, tokens: list[Token], at: int = 0) -> None:
        self._tokens = tokens
        self._at = at

    def word(self, *ahead: str) -> bool:
        """Take these words if they come next."""
        end = self._at + len(ahead)
        here = self._tokens[self._at : end]
        if len(here) < len(ahead) or any(
            token.kind != "word" or token.text != text
            for token, text in zip(here, ahead, strict=True)
        ):
            return False
        self._at = end
        return True

    def any_word(self, words: Iterable[str]) -> str | None:
        """Take one of these words, each of which may be several: `materialized view`."""
        return next((word for word in words if self.word(*word.split())), None)

    def name(self) -> tuple[str, ...]:
        """Take a name with what stands before it, joined by dots; () when there is none."""
        parts: list[str] = []
        while self._at < len(self._tokens) and self._tokens[self._at].is_name:
            parts.append(self._tokens[self._at].text)
            self._at += 1
            if not self.sign("."):
                break
        return tuple(parts)

    def names(self) -> list[tuple[str, ...]]:
        """Take names that commas join; arguments of functions are passed over."""
        found = [self.name()]
        while self.rest():
            if self.rest()[0].text == "(":
                depth = self.rest()[0].depth
                self._at += 1
                while self.rest() and self.rest()[0].depth > depth:
                    self._at += 1
                self._at += 1
            if not self.sign(","):
                break
            self.word("only")
            found.append(self.name())
        return [name for name in found if name]

    def sign(self, sign: str) -> bool:
        """Take this sign if it comes next."""
        here = self._at < len(self._tokens) and self._tokens[self._at]
        if not here or here.kind != "sign" or here.text != sign:
            return False
        self._at += 1
        return True

    def past(self, *words: str) -> bool:
        """Go behind the next place of these words, outside of parentheses."""
        start = self._at
        while self._at < len(self._tokens):
            if self._tokens[self._at].depth <= 0 and self.word(*words):
                return True
            self._at += 1
        self._at = start
        return False

    def rest(self) -> list[Token]:
        """Give what is left."""
        return self._tokens[self._at :]
