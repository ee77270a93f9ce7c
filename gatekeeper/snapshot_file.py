"""Writes a snapshot as JSON, and reads it as strictly as a stranger's file must be read."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

from cattrs import Converter
from cattrs.errors import BaseValidationError, ForbiddenExtraKeysError

from gatekeeper import __version__
from gatekeeper.errors import GatekeeperError
from gatekeeper.facts.build import IDENT, FactRows, Facts
from gatekeeper.facts.columns import FactTable
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.model.schema import SchemaObject
from gatekeeper.snapshot import Snapshot

VERSION = 2
MOST_BYTES = 50_000_000
_HINT = "`gatekeeper snapshot` writes one; judge it with the same version of Gatekeeper."
_TYPES: dict[str, type] = {"text": str, "integer": int, "boolean": bool}
_KINDS: dict[str, type] = {cls.__name__: cls for cls in SchemaObject.__args__}

T = TypeVar("T")


class SnapshotError(GatekeeperError):
    """A file is no snapshot that this version wrote."""


def write_snapshots(snapshots: Sequence[Snapshot]) -> bytes:
    """Give the file's content: one snapshot for each project, in their order.

    Raises SnapshotError when it would be larger than can be read.
    """
    content = {
        "version": VERSION,
        "gatekeeper": __version__,
        "snapshots": [_converter().unstructure(snapshot) for snapshot in snapshots],
    }
    data = json.dumps(content, separators=(",", ":")).encode()
    if len(data) > MOST_BYTES:
        raise SnapshotError(
            f"the snapshot has {len(data):,} bytes; more than {MOST_BYTES:,} are not read",
            "`gatekeeper check` judges in one go, without a file between.",
        )
    return data


def read_snapshots(data: bytes, name: str) -> tuple[Snapshot, ...]:
    """Read what `write_snapshots` gave; `name` is what messages call it.

    Raises SnapshotError for anything else: another version, a field that is missing, unknown or of
    another type, a word that no fact can have, no snapshot, two of a project.
    """
    if len(data) > MOST_BYTES:
        raise SnapshotError(f"{name}: larger than {MOST_BYTES:,} bytes", _HINT)
    try:
        content = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise SnapshotError(f"{name}: not the JSON of a snapshot", _HINT) from error
    if not isinstance(content, dict) or not {"version", "gatekeeper"} <= content.keys():
        raise SnapshotError(f"{name}: not a snapshot", _HINT)
    if (content["version"], content["gatekeeper"]) != (VERSION, __version__):
        raise SnapshotError(
            f"{name}: written by another version of Gatekeeper; this is {__version__}", _HINT
        )
    if content.keys() != {"version", "gatekeeper", "snapshots"}:
        raise SnapshotError(f"{name}: not a snapshot", _HINT)
    try:
        kind = tuple[Snapshot, ...]
        snapshots: tuple[Snapshot, ...] = _converter().structure(content["snapshots"], kind)
        if not snapshots or len({s.project for s in snapshots}) < len(snapshots):
            raise ValueError("one for each project")
    except _FAULTS as error:
        raise SnapshotError(f"{name}: not a snapshot: {_reason(error)}", _HINT) from error
    return snapshots


_FAULTS = (
    BaseValidationError, ForbiddenExtraKeysError, KeyError, TypeError, ValueError, AttributeError,
    RecursionError,
)  # fmt: skip


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__} {error}"[:200]


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


@lru_cache(maxsize=1)
def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True, omit_if_default=True, detailed_validation=False)
    for cls in (str, int, bool):
        converter.register_structure_hook(cls, _exactly(cls))
    anything: Any = SchemaObject | None
    converter.register_structure_hook(anything, lambda value, _: _object(converter, value))
    converter.register_unstructure_hook(anything, lambda thing: _tagged(converter, thing))
    converter.register_structure_hook(Facts, lambda value, _: _facts(value))
    converter.register_unstructure_hook(Facts, _plain_facts)
    converter.register_structure_hook_func(
        lambda cls: getattr(cls, "__origin__", None) is tuple,
        lambda value, cls: _tuple(converter, value, cls),
    )
    return converter


def _exactly(cls: type[T]) -> Callable[[object, object], T]:
    def checked(value: object, _: object) -> T:
        if type(value) is not cls:
            raise TypeError(f"{value!r:.40} is no {cls.__name__}")
        return value

    return checked


def _tuple(converter: Converter, value: object, cls: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """Read a list; cattrs itself would take any iterable, a text among them."""
    if not isinstance(value, list):
        raise TypeError(f"{value!r:.40} is no list")
    kinds = cls.__args__
    if len(kinds) == 2 and kinds[1] is Ellipsis:  # noqa: PLR2004 - tuple[X, ...]
        return tuple(converter.structure(item, kinds[0]) for item in value)
    return tuple(converter.structure(v, k) for v, k in zip(value, kinds, strict=True))


def _tagged(converter: Converter, thing: object) -> dict[str, Any] | None:
    if thing is None:
        return None
    return {"is": type(thing).__name__, **converter.unstructure(thing, type(thing))}


def _object(converter: Converter, value: object) -> Any:  # noqa: ANN401
    if value is None:
        return None
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.40} is no object")
    fields = {k: v for k, v in value.items() if k != "is"}
    return converter.structure(fields, _KINDS[value["is"]])


def _plain_facts(facts: Facts) -> dict[str, Any]:
    """Give the rows as lists of values: the names of columns are the vocabulary's."""
    return {
        "base": _plain_rows(facts.base),
        "head": _plain_rows(facts.head),
        "asked_base": facts.asked_base,
        "asked_head": facts.asked_head,
    }


def _plain_rows(rows: FactRows) -> dict[str, list[list[object]]]:
    return {
        name: [[row[c.name] for c in TABLES[name].columns] + [row[IDENT]] for row in found]
        for name, found in rows.items()
        if found
    }


def _facts(value: dict[str, Any]) -> Facts:
    if value.keys() != {"base", "head", "asked_base", "asked_head"}:
        raise ValueError("facts are those of base and head")
    return Facts(
        base=_rows(value["base"]),
        head=_rows(value["head"]),
        asked_base=_asked(value["asked_base"]),
        asked_head=_asked(value["asked_head"]),
    )


def _rows(tables: dict[str, list[list[Any]]]) -> FactRows:
    if not tables.keys() <= TABLES.keys():
        raise ValueError(f"there is no fact table {min(tables.keys() - TABLES.keys()):.40}")
    found: FactRows = {name: _table(TABLES[name], tables.get(name, [])) for name in TABLES}
    return found if tables else {}


def _table(table: FactTable, rows: list[list[Any]]) -> list[dict[str, Any]]:
    """Read the rows of one table, column by column: there are tens of thousands."""
    names = [*(c.name for c in table.columns), IDENT]
    if not isinstance(rows, list) or any(len(row) != len(names) for row in rows):
        raise ValueError(f"rows of {table.name} have {len(names)} values")
    for place, column in enumerate(table.columns):
        found = {type(row[place]) for row in rows}
        if not found <= {_TYPES[column.type], type(None)}:
            raise TypeError(f"{table.name}.{column.name} is of type {column.type}")
        if column.words and not {row[place] for row in rows} <= {*column.words, None}:
            raise ValueError(f"{table.name}.{column.name} is one of {', '.join(column.words)}")
    if not all(type(row[-1]) is str and type(row[0]) is str for row in rows):
        raise TypeError(f"rows of {table.name} have a subject and an identity")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _asked(answers: dict[str, list[dict[str, Any]]]) -> FactRows:
    for rows in answers.values():
        for row in rows:
            if not isinstance(row.get("subject"), str):
                raise TypeError("what a catalog query gives has a subject")
            if not all(isinstance(v, str | int | float | bool | None) for v in row.values()):
                raise TypeError("what a catalog query gives are plain values")
    return answers
