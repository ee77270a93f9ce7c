"""The words of a PL/pgSQL body, and what its variables may hold."""

import re

from gatekeeper.access.lineage_scope import Rows
from gatekeeper.access.lineage_text import TextReader
from gatekeeper.access.lineage_traced import Sources, UnreadableError, merge
from gatekeeper.access.lineage_words import Word
from gatekeeper.model.lineage import DERIVED

BUILT_AT_RUN_TIME = "it runs SQL that it puts together (EXECUTE)"
_EXECUTE = re.compile(r"\s*execute\b", re.IGNORECASE)
_DEPTH = {"(": 1, "[": 1, "case": 1, ")": -1, "]": -1, "end": -1}


class Body:
    """A body and a place in it. Variables keep what they hold from one reading to the next."""

    def __init__(
        self, text: str, words: list[Word], reader: TextReader, variables: dict[str, Sources]
    ) -> None:
        self.text = text
        self.words = words
        self.reader = reader
        self.variables = variables
        self.at = 0

    def here(self) -> str:
        """Give the word that comes next; '' at the end."""
        return self.words[self.at].text if self.at < len(self.words) else ""

    def until(self, *ends: str) -> list[Word]:
        """Take the words up to one of `ends` outside of parentheses and CASE; take that, too."""
        start, depth = self.at, 0
        while self.at < len(self.words):
            word = self.words[self.at]
            self.at += 1
            if word.kind in ("name", "sign"):
                if depth == 0 and word.text in ends:
                    return self.words[start : self.at - 1]
                depth += _DEPTH.get(word.text, 0)
        raise UnreadableError("it has a statement without an end")

    def statement(self) -> list[Word]:
        return self.until(";")

    def written(self, words: list[Word]) -> str:
        return self.text[words[0].start : words[-1].end] if words else ""

    def value(self, words: list[Word]) -> Sources:
        """Read an expression; nothing for no words."""
        return self.rows("SELECT " + self.written(words)).whole() if words else {}

    def rows(self, sql: str) -> Rows:
        """Read a query or a change of rows; whether it finds anything is what FOUND says."""
        if _EXECUTE.match(sql):
            raise UnreadableError(BUILT_AT_RUN_TIME)
        before = dict(self.reader.mentions[0])
        self.reader.mentions[0].clear()
        rows = self.reader.read(sql)
        merge(self.variables["found"], self.reader.mentions[0], DERIVED)
        merge(self.reader.mentions[0], before)
        return rows

    def assign(self, names: list[str], rows: Rows) -> None:
        """Add to what variables hold: a column each, or all to each if they do not correspond."""
        values = [sources for _, sources in rows.columns]
        if rows.is_open or len(values) != len(names):
            values = [rows.whole()] * len(names)
        for name, value in zip(names, values, strict=True):
            merge(self.variable(name), value)

    def variable(self, name: str) -> Sources:
        if name not in self.variables:
            raise UnreadableError(f"it is not known what {name} means in it")
        return self.variables[name]

    def declare(self, name: str) -> None:
        self.variables.setdefault(name, {})

    def query(self, words: list[Word]) -> Rows:
        """Read a query, or a change of rows, that may put what it gives INTO variables."""
        depth = 0
        for index, word in enumerate(words):
            depth += {"(": 1, ")": -1}.get(word.text, 0)
            before = words[index - 1].text if index else ""
            if depth == 0 and word[:2] == ("name", "into") and before not in ("insert", "merge"):
                names, end = targets(words, index + 1)
                rows = self.rows(self.written(words[:index]) + " " + self.written(words[end:]))
                self.assign(names, rows)
                return rows
        return self.rows(self.written(words))


def targets(words: list[Word], at: int) -> tuple[list[str], int]:
    """Give the variables of a list such as `a, b.c, d[1]` at a place, and where the list ends."""
    at += words[at : at + 1] != [] and words[at].text == "strict"
    names: list[str] = []
    while (end := behind_target(words, at)) > at:
        names.append(words[at].text)
        if end == len(words) or words[end].text != ",":
            return names, end
        at = end + 1
    return names, at


def behind_target(words: list[Word], at: int) -> int:
    """Give where a target such as `a.b[1]` ends; `at` itself if there is none."""
    start, depth = at, 0
    while at < len(words):
        word = words[at]
        is_name = word.kind in ("name", "quoted")
        starts = at == start or words[at - 1].text == "."
        if depth == 0 and word.text not in ("[", "]", ".") and not (is_name and starts):
            break
        depth += {"[": 1, "]": -1}.get(word.text, 0)
        at += 1
    return at
