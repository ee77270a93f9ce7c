"""Fact tables in SQLite, where policies are evaluated."""

import re
import sqlite3
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from gatekeeper.facts.build import IDENT, FactRows
from gatekeeper.facts.tags import tagged
from gatekeeper.facts.vocabulary import TABLES

_TYPES = {"text": "TEXT", "integer": "INTEGER", "boolean": "INTEGER"}

# What queries look up in subqueries, for which SQLite makes no index of its own. An index gives
# rows in its own order, so there is none on what queries list.
_INDEXED = {"tables": "subject", "constraints": "table_subject", "indexes": "table_subject"}


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> "re.Pattern[str]":
    return re.compile(pattern)


@lru_cache(maxsize=4096)  # many columns have the same name
def _matches(value: str | None, pattern: str | None) -> bool | None:
    if value is None or pattern is None:
        return None
    return _pattern(pattern).search(str(value)) is not None


def _like_any(value: str | None, globs: str | None) -> bool | None:
    """Say whether a value matches one of several globs, separated by spaces."""
    if value is None or globs is None:
        return None
    return any(fnmatchcase(value, glob) for glob in globs.split())


def _encodable(value: object) -> object:
    """Spell out what of a text SQLite cannot hold."""
    if not isinstance(value, str):
        return value
    return value.encode(errors="backslashreplace").decode()


class FactStore:
    """An SQLite database of fact tables; tables are filled when first asked for."""

    def __init__(self, rows: FactRows, path: Path | None = None) -> None:
        self._rows = rows
        self._filled: set[str] = set()
        self._db = sqlite3.connect(path or ":memory:")
        self._db.create_function("tagged", 2, tagged, deterministic=True)
        self._db.create_function("matches", 2, _matches, deterministic=True)
        self._db.create_function("like_any", 2, _like_any, deterministic=True)

    def select(
        self,
        query: str,
        parameters: dict[str, Any] | None = None,
        *,
        tables: Iterable[str] = TABLES,
    ) -> list[dict[str, Any]]:
        """Run a SELECT over the named tables. Raises sqlite3.Error."""
        for name in tables:
            self._fill(name)
        cursor = self._db.execute(query, parameters or {})
        names = [column[0] for column in cursor.description]
        plain = [name.lower() for name in names]
        if len(set(plain)) == len(plain):
            return [dict(zip(names, row, strict=True)) for row in cursor]
        places = [plain.index(name) for name in plain]  # of columns of one name the first counts
        return [{n: row[i] for n, i in zip(names, places, strict=True)} for row in cursor]

    def tuples(
        self, query: str, parameters: dict[str, Any], *, tables: Iterable[str]
    ) -> list[tuple[Any, ...]]:
        """Run a SELECT as select() does; give plain rows, for when there are many."""
        for name in tables:
            self._fill(name)
        return self._db.execute(query, parameters).fetchall()

    def columns_of(
        self, query: str, parameters: dict[str, Any], *, tables: Iterable[str] = TABLES
    ) -> tuple[str, ...]:
        """Name the columns that a SELECT gives. Raises sqlite3.Error."""
        for name in tables:
            self._fill(name)
        return tuple(d[0] for d in self._db.execute(query, parameters).description)

    def read_only(self) -> None:
        """Allow nothing but reading from here on."""
        for name in TABLES:
            self._fill(name)
        self._db.commit()
        self._db.execute("PRAGMA query_only = ON")

    def close(self) -> None:
        self._db.close()

    def _fill(self, name: str) -> None:
        if name in self._filled:
            return
        self._filled.add(name)
        found = self._rows.get(name, [])
        names = [IDENT, "subject"]  # these differ
        columns = [(c.name, _TYPES[c.type]) for c in TABLES[name].columns] + [(IDENT, "TEXT")]
        definitions = []
        for column, kind in columns:
            same = None if column in names else _same_in_all(found, column)
            definitions.append(f'"{column}" {kind} DEFAULT {same or "NULL"}')
            if same is None and column not in names:
                names.append(column)
        self._db.execute(f'CREATE TABLE "{name}" ({", ".join(definitions)})')
        places = ", ".join(f'"{column}"' for column in names)
        marks = ", ".join("?" * len(names))
        insert = f'INSERT INTO "{name}" ({places}) VALUES ({marks})'  # noqa: S608 - vocabulary
        rows = list(map(itemgetter(*names), found))
        try:
            self._db.executemany(insert, rows)
        except UnicodeEncodeError:  # the name of a file need not be UTF-8
            self._db.execute(f'DELETE FROM "{name}"')  # noqa: S608 - names are the vocabulary's
            self._db.executemany(insert, [list(map(_encodable, row)) for row in rows])
        if name in _INDEXED:
            column = _INDEXED[name]
            self._db.execute(f'CREATE INDEX "{name}_by_{column}" ON "{name}" ("{column}")')


def _same_in_all(rows: list[dict[str, Any]], column: str) -> str | None:
    """Give the value that a column has in all rows, as SQL; None if they differ, or it is a text.

    Of dozens of columns most are null or false in every row, and need not be handed over.
    """
    first = rows[0][column] if rows else None
    if first is not None and not isinstance(first, int):
        return None
    if rows and (rows[-1][column] != first or rows[len(rows) // 2][column] != first):
        return None  # most that differ do so soon
    if list(map(itemgetter(column), rows)).count(first) != len(rows):
        return None
    return "NULL" if first is None else str(int(first))
