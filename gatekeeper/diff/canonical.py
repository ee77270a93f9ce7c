"""One spelling for expressions that PostgreSQL prints in two.

`v IN ('a', 'b')` on a varchar is stored as a cast of the array, printed as
`(ARRAY['a'::character varying, …])::text[]`. When that text is read again, by a restored dump, the
cast goes to each element: `ARRAY[('a'::character varying)::text, …]`. Both are the same condition.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

_OPENING = "(ARRAY["
_NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_PREFIX = re.compile(rf"'(?:[^']|'')*'|(?<![\w$\".])(?P<prefix>{_NAME})\.(?={_NAME})")
_TYPE = re.compile(
    rf"::(?P<type>{_NAME}(?:\.{_NAME})?(?: (?:varying|precision))?(?:\([-\d,]+\))?"
    r"(?: with(?:out)? time zone)?)\[\]"
)
# What may hold a bracket or comma that is none: literals, quoted names.
_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[\[\](),]""")


def canonical(value: Any) -> Any:  # noqa: ANN401
    """Give a text in its one spelling, and anything else as it is."""
    return canonical_text(value) if isinstance(value, str) else value


def canonical_text(text: str) -> str:
    """Give a text with each cast of an array at its elements."""
    done, rest = "", text
    while (place := rest.find(_OPENING)) >= 0:
        rewritten = _rewritten(rest[place:])
        if rewritten is None:
            done, rest = done + rest[: place + 1], rest[place + 1 :]
        else:
            array, rest_length = rewritten
            done, rest = done + rest[:place] + array, rest[len(rest) - rest_length :]
    return done + rest


def same_without_prefixes(older: str, newer: str) -> bool:
    """Say whether a view's definition is another's but for prefixes that are there no longer.

    Up to PostgreSQL 15 a view of one table is printed as `SELECT t.id FROM public.t`, since then as
    `SELECT id FROM public.t`; a subquery in it may still say t.id.
    """
    was, now = (Counter(m["prefix"] for m in _PREFIX.finditer(text)) for text in (older, newer))
    gone = {prefix for prefix in was if prefix is not None and was[prefix] > now[prefix]}

    def without(match: re.Match[str]) -> str:
        return "" if match["prefix"] in gone else match[0]

    return _PREFIX.sub(without, older) == _PREFIX.sub(without, newer)


def _rewritten(text: str) -> tuple[str, int] | None:
    """Rewrite the cast array that `text` begins with; also give the length of what follows it."""
    marks = _top_level(text)
    commas: list[int] = []
    for place, mark, depth in marks:
        if mark == "," and depth == 2:  # noqa: PLR2004 - inside of "(" and "["
            commas.append(place)
        elif mark == "]" and depth == 1:
            end = place
            break
    else:
        return None
    found = _TYPE.match(text, end + 2) if text[end + 1 : end + 2] == ")" else None
    if found is None:
        return None
    bounds = [len(_OPENING) - 1, *commas, end]
    elements = [text[a + 1 : b].strip() for a, b in pairwise(bounds)]
    array = "ARRAY[" + ", ".join(_cast(e, found["type"]) for e in elements) + "]"
    return array, len(text) - found.end()


def _cast(element: str, type_: str) -> str:
    if element.startswith("ARRAY["):
        return canonical_text(f"({element})::{type_}[]")
    return f"({canonical_text(element)})::{type_}"


def _top_level(text: str) -> Iterator[tuple[int, str, int]]:
    """Give each bracket and comma with its place and the depth behind it, until all are closed."""
    depth = 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "([":
            depth += 1
        elif mark in ")]":
            depth -= 1
        if len(mark) == 1:
            yield token.start(), mark, depth
        if depth == 0:
            return
