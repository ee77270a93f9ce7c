"""Finds the comments of a migration that allow something, in Python and in SQL."""

import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from gatekeeper.model.allowance import Allowance, allowances

_MARK = re.compile(r"gatekeeper:\s*allow\b", re.IGNORECASE)
_COMMENT = re.compile(r"--(?P<said>[^\n]*)|/\*")
_BOUNDS = re.compile(r"/\*|\*/")
_LAYOUT = (tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
_BAD_SOURCE = (tokenize.TokenError, SyntaxError)  # of a newer Python than ours


def python_allowances(text: str, file: str) -> tuple[Allowance, ...]:
    """Read a revision of Alembic. Of a compound statement only the head counts as operation."""
    if _MARK.search(text) is None:
        return ()
    alone: dict[int, str] = {}
    beside: dict[int, str] = {}
    operations: dict[int, int] = {}
    first = 0  # line on which the operation that is being read begins
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            line = token.start[0]
            if token.type == tokenize.COMMENT:
                is_alone = not token.line[: token.start[1]].strip()
                (alone if is_alone else beside)[line] = token.string.lstrip("#")
            elif token.type == tokenize.NEWLINE:
                operations.setdefault(first, line)
                first = 0
            elif token.type not in _LAYOUT:
                first = first or line
    except _BAD_SOURCE:
        return ()
    return allowances(file, alone, beside, operations)


def sql_allowances(
    text: str, spans: Iterable[tuple[int, int]], starts: Sequence[int], file: str
) -> tuple[Allowance, ...]:
    """Read an SQL script whose statements are at `spans` of its text; comments lie between.

    `starts` are where its lines begin; data of COPY is blank in the text, the ends of lines too.
    """
    if _MARK.search(text) is None:
        return ()
    alone: dict[int, str] = {}
    beside: dict[int, str] = {}
    operations: dict[int, int] = {}
    end = 0
    for begin, next_end in (*spans, (len(text), len(text))):
        for position, said in _comments(text[end:begin]):
            line = bisect_right(starts, end + position)
            is_alone = not text[starts[line - 1] : end + position].strip()
            (alone if is_alone else beside)[line] = said
        if begin < next_end:
            operations.setdefault(bisect_right(starts, begin), bisect_right(starts, next_end - 1))
        end = next_end
    return allowances(file, alone, beside, operations)


def _comments(gap: str) -> list[tuple[int, str]]:
    """Give the line comments between two statements; what block comments hold is none."""
    found = []
    position = 0
    while match := _COMMENT.search(gap, position):
        position = match.end()
        if match["said"] is not None:
            found.append((match.start(), match["said"]))
            continue
        depth = 1  # block comments nest
        while depth and (bound := _BOUNDS.search(gap, position)):
            depth += 1 if bound[0] == "/*" else -1
            position = bound.end()
        if depth:
            break
    return found
