"""Finds the Python interpreter that has the application in it."""

import os
import sys
from pathlib import Path

from gatekeeper.errors import SourceError


def find_interpreter(given: str | None, directory: Path, root: Path) -> Path:
    """Give the interpreter to run migrations with.

    In this order: the one given, a `.venv` or `venv` from the project's folder up to the root of
    the repository, the activated virtualenv, our own.
    """
    if given:
        path = Path(given).expanduser()
        path = path if path.is_absolute() or "/" not in given else (root / path)
        found = _which(path)
        if found is None:
            raise SourceError(
                f"there is no Python interpreter at {given}",
                "Give the path of the application's: --python .venv/bin/python",
            )
        return found
    for folder in (directory, *directory.parents):
        for name in (".venv", "venv"):
            python = folder / name / "bin" / "python"
            if python.exists():
                return python
        if folder == root:
            break
    active = os.environ.get("VIRTUAL_ENV")
    if active and (Path(active) / "bin" / "python").exists():
        return Path(active) / "bin" / "python"
    return Path(sys.executable)


def _which(path: Path) -> Path | None:
    if path.is_dir() and (path / "bin" / "python").exists():
        return path / "bin" / "python"  # the folder of a virtualenv
    if path.is_file() and os.access(path, os.X_OK):
        return path.absolute()  # not resolved: a virtualenv's python is a link to another
    if len(path.parts) == 1:
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
            if os.access(Path(folder) / path, os.X_OK):
                return Path(folder) / path
    return None
