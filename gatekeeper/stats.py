"""The statistics file: how many rows the tables of production have. Names and counts, no values."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from gatekeeper.errors import ConfigError
from gatekeeper.tree import Tree
from gatekeeper.yaml_reader import Problems, did_you_mean

FILE_NAME = "gatekeeper-stats.json"
VERSION = 1
_KEYS = ("version", "taken", "server_version", "tables")
_MOST_BYTES = 20_000_000
_MOST_ROWS = 10**15  # more than any table can have, and few enough to be added up
_IDENTIFIER = r'(?:[a-z_][a-z0-9_$]*|"(?:[^"]|"")+")'
_SUBJECT = re.compile(rf"{_IDENTIFIER}\.{_IDENTIFIER}\Z")
_HINT = "`gatekeeper stats --url URL` writes the file; the key stats: of gatekeeper.yml names it."


@dataclass(frozen=True, slots=True)
class Statistics:
    """Row counts by the subject of the table; None: the server never counted it."""

    taken: str  # the day: 2026-08-24
    server_version: str
    rows: Mapping[str, int | None] = field(default_factory=dict)
    file: str = FILE_NAME  # as gatekeeper.yml calls it


def render_statistics(statistics: Statistics) -> str:
    """Give the file's text: a line a table, sorted, so that its history reads well."""
    content = {
        "version": VERSION,
        "taken": statistics.taken,
        "server_version": statistics.server_version,
        "tables": dict(sorted(statistics.rows.items())),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read_statistics(tree: Tree, name: str) -> Statistics:
    """Read the file that gatekeeper.yml in the folder `tree` calls `name`.

    Raises ConfigError with every mistake in it.
    """
    try:
        (text,) = tree.read(name, most_bytes=_MOST_BYTES)
    except ConfigError as error:
        raise ConfigError(error.message, error.hint or _HINT) from error
    return _parse(text, tree.display(name), name)


def _parse(text: str, file: str, name: str) -> Statistics:
    problems = Problems()
    content: Any = None
    try:
        content = json.loads(text, object_pairs_hook=_without_repetition)
    except json.JSONDecodeError as error:
        problems.add(file, error.lineno, f"not valid JSON: {error.msg}")
    except (ValueError, RecursionError) as error:
        problems.add(file, 1, f"not valid JSON: {str(error).splitlines()[0]}")
    problems.raise_if_any(_HINT)
    _check(_Reader(text, file, problems), content)
    problems.raise_if_any(_HINT)
    return Statistics(content["taken"], content["server_version"], content["tables"], name)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"{twice!r} is given twice")
    return entries


@dataclass(frozen=True, slots=True)
class _Reader:
    """Records mistakes at the line on which a key stands."""

    text: str
    file: str
    problems: Problems

    def problem(self, key: str, message: str) -> None:
        place = self.text.find(json.dumps(key, ensure_ascii=False))
        self.problems.add(self.file, self.text.count("\n", 0, max(place, 0)) + 1, message)


def _check(reader: _Reader, content: Any) -> None:  # noqa: ANN401 - whatever the file holds
    if not isinstance(content, dict):
        reader.problem("", "expected an object with the keys " + ", ".join(_KEYS))
        return
    version = content.get("version")
    if version != VERSION or isinstance(version, bool):
        found = "no version" if version is None else f"version {version!r}"
        reader.problem("version", f"it has {found}; this Gatekeeper reads version {VERSION}")
        return
    for key in content:
        if key not in _KEYS:
            reader.problem(key, f"unknown key {key!r}{did_you_mean(key, _KEYS)}")
    if not _is_day(content.get("taken")):
        reader.problem("taken", "taken is the day of the counts: 2026-08-24")
    if not isinstance(content.get("server_version"), str):
        reader.problem("server_version", "server_version is a text")
    tables = content.get("tables")
    if not isinstance(tables, dict):
        reader.problem("tables", "tables is an object: the number of rows by table")
        return
    for name, rows in tables.items():
        if not _SUBJECT.match(name):
            reader.problem(name, f"{name!r} is no table with its schema: public.orders")
        elif rows is not None and not _is_count(rows):
            reader.problem(name, f"{name} has {rows!r} rows; expected a number from 0 up, or null")


def _is_day(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_ROWS
