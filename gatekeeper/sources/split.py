"""Splits an SQL script into statements that know their line.

The tokenizer is sqlglot's: quotes, dollar quotes and nested comments are its business. What psql
understands and the server does not (meta-commands, COPY data) is taken out before.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatekeeper.errors import SourceError
from gatekeeper.model.allowance import Allowance
from gatekeeper.sources.allowances import sql_allowances

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

_META_COMMAND = re.compile(r"^\\(?P<name>[a-zA-Z!?]+)[^\n]*$", re.MULTILINE)
# Commands of psql that change nothing in the database: what pg_dump writes, and settings of output.
_HARMLESS = {
    "restrict", "unrestrict", "connect", "c", "echo", "qecho", "warn", "set", "unset", "pset",
    "timing", "encoding", "x", "a", "t", "o", "q", "prompt", "errverbose",
}  # fmt: skip
_COPY_DATA = re.compile(
    r"^(?P<command>COPY [^;]*? FROM stdin[^;\n]*;)[ \t]*\n(?P<data>(?:.*\n)*?)\\\.[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
_TRANSACTION_OFF = re.compile(
    r"^\s*--\s*gatekeeper:\s*transaction\s+off\s*$", re.MULTILINE | re.IGNORECASE
)
_FIRST_WORDS = 12
_DECIDING = {"CONCURRENTLY", "DETACH"}


@dataclass(frozen=True, slots=True)
class ScriptStatement:
    """One statement of a script; `words` are its first tokens in upper case."""

    sql: str
    line: int
    words: tuple[str, ...] = ()
    copy_data: str | None = None
    start: int = 0  # its place in the text of the script

    @property
    def begins_transaction(self) -> bool:
        return self.words[:1] == ("BEGIN",) or self.words[:2] == ("START", "TRANSACTION")

    @property
    def refuses_transaction(self) -> bool:
        """Say whether PostgreSQL refuses to run this inside a transaction block."""
        first = self.words[0] if self.words else ""
        if "CONCURRENTLY" in self.words:
            return first in ("CREATE", "DROP", "REINDEX") or "DETACH" in self.words
        return first == "VACUUM" or self.words[:2] in (
            ("CREATE", "DATABASE"),
            ("DROP", "DATABASE"),
            ("CREATE", "TABLESPACE"),
            ("DROP", "TABLESPACE"),
            ("ALTER", "SYSTEM"),
            ("REINDEX", "DATABASE"),
            ("REINDEX", "SYSTEM"),
        )


@dataclass(frozen=True, slots=True)
class Script:
    """The statements of one file."""

    file: str
    statements: tuple[ScriptStatement, ...]
    transaction_off: bool = False
    allowances: tuple[Allowance, ...] = ()

    @property
    def controls_transactions(self) -> bool:
        return any(s.begins_transaction for s in self.statements)


def split_script(text: str, file: str) -> Script:
    """Split a script. Raises SourceError with file and line when it cannot be read as SQL."""
    from sqlglot.dialects.postgres import Postgres
    from sqlglot.errors import TokenError

    off = _TRANSACTION_OFF.search(text) is not None
    copies: dict[int, str] = {}
    text = text.removeprefix("\ufeff")

    def keep(match: re.Match[str]) -> str:
        copies[match.start("command")] = match["data"]
        return match["command"] + " " * (len(match[0]) - len(match["command"]))

    blanked = _COPY_DATA.sub(keep, text)
    blanked = _META_COMMAND.sub(lambda m: _blank(m, text, file), blanked)
    try:
        tokens = Postgres().tokenize(blanked)
    except TokenError as error:
        where = re.search(r"line (\d+)", str(error))
        line = where[1] if where else str(blanked.count("\n") + 1)
        raise SourceError(
            f"{file}:{line}: cannot be read as SQL: a quote, dollar quote or comment is not closed"
        ) from error
    starts = _line_starts(text)
    statements: list[ScriptStatement] = []
    pending: list[Token] = []
    depth = 0  # of BEGIN ATOMIC … END, in which semicolons do not end the statement
    for token in tokens:
        word = token.text.upper()
        if token.token_type.name != "SEMICOLON":
            if (word == "ATOMIC" and pending and pending[-1].text.upper() == "BEGIN") or (
                depth and word == "CASE"
            ):
                depth += 1
            elif depth and word == "END":
                depth -= 1
            pending.append(token)
        elif depth == 0:
            _finish(pending, blanked, starts, copies, statements)
            pending = []
    _finish(pending, blanked, starts, copies, statements)
    spans = [(s.start, s.start + len(s.sql)) for s in statements]
    return Script(file, tuple(statements), off, sql_allowances(blanked, spans, starts, file))


def _blank(match: re.Match[str], text: str, file: str) -> str:
    if match["name"] not in _HARMLESS:
        line = text.count("\n", 0, match.start()) + 1
        raise SourceError(
            f"{file}:{line}: \\{match['name']} is a command of psql that is not understood here",
            "Give the SQL itself; several files can be given one after the other.",
        )
    return " " * len(match[0])


def _finish(
    tokens: "list[Token]",
    text: str,
    starts: list[int],
    copies: dict[int, str],
    statements: list[ScriptStatement],
) -> None:
    if not tokens:
        return
    start, end = tokens[0].start, tokens[-1].end + 1
    words = _words(tokens)
    statements.append(
        ScriptStatement(text[start:end], _line(starts, start), words, copies.get(start), start)
    )


def _words(tokens: "list[Token]") -> tuple[str, ...]:
    """Give the statement's first key words, and those that decide about transactions.

    The tokenizer leaves the rest of some commands (REINDEX, VACUUM) in one piece.
    """
    from sqlglot.dialects.postgres import Postgres

    found: list[str] = []
    for token in tokens:
        kind = token.token_type.name
        if kind == "STRING" and tokens[0].token_type in Postgres.Tokenizer.COMMANDS:
            found += token.text.upper().split()
        elif kind not in ("STRING", "IDENTIFIER"):
            found.append(token.text.upper())
    return tuple(w for i, w in enumerate(found) if i < _FIRST_WORDS or w in _DECIDING)


def _line_starts(text: str) -> list[int]:
    return [0, *(m.end() for m in re.finditer("\n", text))]


def _line(starts: list[int], offset: int) -> int:
    return bisect_right(starts, offset)
