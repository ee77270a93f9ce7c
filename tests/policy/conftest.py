"""Packs written to files, and fact rows made by hand."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.errors import ConfigError
from gatekeeper.facts.build import IDENT
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.policy.load import load_files
from gatekeeper.policy.model import Policy

_HEAD = {"id": "house", "title": "A title", "severity": "error", "message": "No.", "why": "Bad."}

Load = Callable[..., Policy]
Mistakes = Callable[..., list[str]]
MakeRow = Callable[..., dict[str, Any]]


def _pack(keys: Mapping[str, Any], without: tuple[str, ...] = ()) -> str:
    """Write a pack of one policy, a key a line: the first key stands in line 2."""
    entries = {k: v for k, v in ({**_HEAD, **keys}).items() if k not in without}
    return "policies:\n  - " + "\n    ".join(f"{k.rstrip('_')}: {v}" for k, v in entries.items())


@pytest.fixture
def policy(tmp_path: Path) -> Load:
    """Load a pack of one policy: keys that are missing are made up; `for_` is `for`."""

    def make(**keys: Any) -> Policy:
        (tmp_path / "pack.yml").write_text(_pack(keys), "utf-8")
        (loaded,) = load_files([tmp_path / "pack.yml"])
        return loaded

    return make


@pytest.fixture
def mistakes(tmp_path: Path) -> Mistakes:
    """Give what is wrong with such a pack, or with a `text`, without the name of the file."""

    def make(text: str | None = None, *, without: tuple[str, ...] = (), **keys: Any) -> list[str]:
        path = tmp_path / "pack.yml"
        path.write_text(_pack(keys, without) if text is None else text, "utf-8")
        with pytest.raises(ConfigError) as caught:
            load_files([path])
        lines = caught.value.message.splitlines()
        assert all(line.startswith(f"{path}:") for line in lines)
        return [line.removeprefix(f"{path}:") for line in lines]

    return make


@pytest.fixture(scope="session")
def row() -> MakeRow:
    """Make a complete row of a fact table."""

    def make(table: str, subject: str, ident: str | None = None, **values: Any) -> dict[str, Any]:
        columns = TABLES[table].columns
        made: dict[str, Any] = {c.name: False if c.type == "boolean" else None for c in columns}
        assert values.keys() <= made.keys()
        return made | {"subject": subject, IDENT: ident or subject} | values

    return make
