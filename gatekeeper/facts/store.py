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


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> "re.Pattern[str]":
    return re.compile(pattern)


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
        self._db.row_factory = sqlite3.Row
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
        return [dict(row) for row in self._db.execute(query, parameters or {})]

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
        columns = [(c.name, _TYPES[c.type]) for c in TABLES[name].columns] + [(IDENT, "TEXT")]
        definition = ", ".join(f'"{column}" {kind}' for column, kind in columns)
        self._db.execute(f'CREATE TABLE "{name}" ({definition})')
        names = [column for column, _ in columns]
        insert = f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(names))})'  # noqa: S608
        rows = list(map(itemgetter(*names), self._rows.get(name, [])))
        try:
            self._db.executemany(insert, rows)
        except UnicodeEncodeError:  # the name of a file need not be UTF-8
            self._db.execute(f'DELETE FROM "{name}"')  # noqa: S608 - names are the vocabulary's
            self._db.executemany(insert, [list(map(_encodable, row)) for row in rows])
