"""Revisions that alembic does not see before env.py has said where they are."""

import os
from pathlib import Path

from gatekeeper.errors import SourceError
from gatekeeper.sources.alembic.hygiene_text import read_header


def refuse_unseen(script: Path, config: Path) -> None:
    """Raise SourceError when revisions lie below `script`, where alembic has found none.

    `script` is the folder of env.py, `config` the file whose version_locations leads to them.
    """
    folders: dict[Path, Path] = {}  # folder -> its last revision
    for path in sorted(script.rglob("*.py")):
        if read_header(path.read_text("utf-8", errors="replace")) is not None:
            folders[path.parent] = path
    if not folders:
        return
    places = [f"%(here)s/{os.path.relpath(folder, config.parent)}" for folder in folders]
    is_toml = config.name == "pyproject.toml"
    lines = [
        f'version_locations = ["{p}"]' if is_toml else f"version_locations = {p}" for p in places
    ]
    example = os.path.relpath(next(iter(folders.values())), config.parent)
    which = "this line" if len(lines) == 1 else "one of these lines, that for PostgreSQL,"
    raise SourceError(
        f"alembic finds no revision, and {example} is one",
        "Perhaps env.py itself says where they are; that is too late for telling which are new."
        f" Write {which} into {config.name}, and leave env.py as it is:\n" + "\n".join(lines),
    )
