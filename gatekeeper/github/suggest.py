"""A fix that is nothing but another text on one line, for a button to apply.

What to write comes from the policy: its `instead` says which type a column should have. Where the
pull request itself adds that column, writing the other type in its place is the whole fix.
"""

import re
from collections.abc import Iterator, Mapping

from gatekeeper.github.diff import Line
from gatekeeper.model.names import quoted
from gatekeeper.policy.model import Finding
from gatekeeper.report.escape import visible
from gatekeeper.report.view import instead

_LONGEST_STATEMENT = 200  # lines
_TYPE = r"[a-z][a-z0-9_]*(?: [a-z]+)*(?:\([0-9]+(?:, ?[0-9]+)?\))?"
_ADVICE = re.compile(rf"ALTER TABLE [^;]+? ALTER COLUMN (\S+) TYPE ({_TYPE})(?: USING [^;]*)?;")
_ALEMBIC = re.compile(r"sa\.Column\(\"([^\"]+)\", (sa\.[A-Za-z]+(?:\([^()]*\))?), …\)\s*")
# How a type may be written, where that is not only its name. The rest is left to people.
_SPELLINGS = {
    "bigint": ("bigint", "int8"),
    "boolean": ("boolean", "bool"),
    "character": ("character", "char"),
    "character varying": ("character varying", "varchar"),
    "double precision": ("double precision", "float8", "float"),
    "integer": ("integer", "int4", "int"),
    "numeric": ("numeric", "decimal"),
    "real": ("real", "float4"),
    "smallint": ("smallint", "int2"),
    "time with time zone": ("time with time zone", "timetz"),
    "timestamp with time zone": ("timestamp with time zone", "timestamptz"),
    "timestamp without time zone": ("timestamp without time zone", "timestamp"),
}


def suggestion(finding: Finding, lines: Mapping[int, Line]) -> tuple[int, str] | None:
    """Give a line's number and its better text, or None when that is not surely the whole fix."""
    values = finding.values
    name, start = values.get("column_name"), values.get("line")
    if values.get("change") != "added" or not isinstance(name, str) or not isinstance(start, int):
        return None
    if str(values.get("file")).endswith(".py"):
        found = _in_python(finding, name)
    else:
        found = _in_sql(finding, name)
    if found is None:
        return None
    pattern, better = found
    matches = [(n, m) for n, text in _statement(lines, start) for m in pattern.finditer(text)]
    if len(matches) != 1:
        return None
    number, match = matches[0]
    text = match.string[: match.start("type")] + better + match.string[match.end("type") :]
    # An invisible character would be copied unseen, and a line that stays is no fix.
    shown = text.replace("\t", "")
    return None if text == match.string or visible(shown) != shown else (number, text)


def _in_sql(finding: Finding, name: str) -> tuple[re.Pattern[str], str] | None:
    advice = _ADVICE.search(instead(finding))
    base_type = str(finding.values.get("base_type") or "")
    if advice is None or advice[1] != quoted(name) or not base_type:
        return None
    spelt = "|".join(
        re.escape(s).replace(r"\ ", r"\s+") for s in _SPELLINGS.get(base_type, (base_type,))
    )
    pattern = rf"""
        (?<![\w"$.]) (?: {re.escape(name)} | "{re.escape(name)}" ) \s+
        (?P<type> (?:{spelt}) (?: \s* \( \s* \d+ (?: \s* , \s* \d+ )? \s* \) )? )
        (?! \w | \s* [\[(] | \s+ (?: array | with | without | varying | precision ) \b )
    """
    return re.compile(pattern, re.VERBOSE | re.IGNORECASE), advice[2]


def _in_python(finding: Finding, name: str) -> tuple[re.Pattern[str], str] | None:
    advice = _ALEMBIC.fullmatch(instead(finding, alembic=True))
    if advice is None or advice[1] != name:
        return None
    pattern = rf"""
        \b sa\.Column\( \s* (["']) {re.escape(name)} \1 \s* , \s*
        (?P<type> sa\.[A-Za-z]+ (?: \( [^()]* \) )? ) (?= \s* [,)] )
    """
    return re.compile(pattern, re.VERBOSE), advice[2]


def _statement(lines: Mapping[int, Line], start: int) -> Iterator[tuple[int, str]]:
    """Give the lines of the statement that begins at `start`, as far as they are new."""
    for number in range(start, start + _LONGEST_STATEMENT):
        line = lines.get(number)
        if line is None or not line.added:
            return
        if number > start and re.match(r"\s*op\.", line.text):
            return
        yield number, line.text
        if line.text.rstrip().endswith(";"):
            return
