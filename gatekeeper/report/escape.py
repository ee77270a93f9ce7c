"""Makes hostile text harmless: any name in a report may be its reader's enemy's choice."""

import re

# C0 and C1 controls, zero-width and bidirectional marks, line separators, tags, and the byte order
# mark: none of them prints as itself, and each can make a text look like another.
# With them all of Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt).
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_LONGEST = 160


class Markup(str):
    """Text that is Markdown already and must not be escaped again."""

    __slots__ = ()


def visible(text: str) -> str:
    """Give the text on one line, with everything invisible spelt as its number."""
    return _INVISIBLE.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


def visible_lines(text: str) -> str:
    """Give a text of several lines, with everything invisible but newline and tab spelt out."""
    return "\n".join(
        _INVISIBLE.sub(lambda m: m[0] if m[0] == "\t" else f"\\u{ord(m[0]):04x}", line)
        for line in text.replace("\r\n", "\n").split("\n")
    )


def shortened(text: str, limit: int = _LONGEST) -> str:
    """Cut a text that is longer than `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def code(text: str, limit: int = _LONGEST) -> str:
    """Give the text as a Markdown code span that it cannot break out of.

    GFM looks for the pipes of a table before it looks for code, so a pipe is spelt out, too.
    """
    text = shortened(visible(text), limit).replace("|", "\\u007c")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * (longest + 1)
    blank = not text.strip(" ")
    pad = " " if blank or text[0] in " `" or text[-1] in " `" else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def fence(text: str, language: str = "") -> str:
    """Give the text as a fenced code block that it cannot end."""
    text = visible_lines(text).rstrip("\n")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"


def cell(markdown: str) -> str:
    """Give Markdown as the content of a table's cell: one line, no pipe."""
    return " ".join(markdown.replace("|", "\\|").split())
