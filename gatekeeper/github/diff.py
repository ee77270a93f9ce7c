"""Which lines of a pull request's diff can be commented on, and what they say."""

import re
from dataclasses import dataclass

_HUNK = re.compile(r"@@ -[0-9]+(?:,[0-9]+)? \+([0-9]{1,9})(?:,[0-9]+)? @@")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the head's version; not `added`: it is there for context."""

    text: str
    added: bool


def head_lines(patch: str) -> dict[int, Line]:
    """Give the lines of the head's version that a file's patch shows, by their number."""
    lines: dict[int, Line] = {}
    number = 0
    for text in patch.split("\n"):
        if found := _HUNK.match(text):
            number = int(found[1])
        elif number and text[:1] in ("+", " "):
            lines[number] = Line(text[1:].removesuffix("\r"), text[0] == "+")
            number += 1
    return lines
