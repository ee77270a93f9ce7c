"""Which interpreter runs the migrations, why that one, and what is installed in it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.setup.steps import Found, Trouble
from gatekeeper.sources.alembic.interpreter import find_interpreter

# Before any import: the folder that it is started in may hold modules that shadow others.
_ASK = """
import sys
sys.path[:] = [entry for entry in sys.path if entry]
import json
from importlib import metadata
found = {"python": sys.version.split()[0]}
for name in sys.argv[1:]:
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""
_DRIVERS = {
    "psycopg2": "psycopg2", "psycopg2-binary": "psycopg2", "psycopg": "psycopg",
    "asyncpg": "asyncpg", "pg8000": "pg8000",
}  # fmt: skip
_PATIENCE = 60  # seconds; the first start of an interpreter may be slow
_TOKENS = ("GITHUB_", "ACTIONS_", "GH_TOKEN")
_LOCKS = {
    "poetry.lock": 'Poetry keeps its own: --python "$(poetry env info --executable)"',
    "Pipfile.lock": 'Pipenv keeps its own: --python "$(pipenv --py)"',
    "pdm.lock": 'PDM knows it: --python "$(pdm info --python)"',
    "uv.lock": "uv sync makes it.",
}


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The interpreter, why it was chosen, and versions by the name of the package."""

    path: Path
    why: str
    is_ours: bool
    versions: dict[str, str]


def look_at_interpreter(given: str | None, directory: Path, root: Path) -> Interpreter:
    """Find the application's interpreter and ask it. Raises GatekeeperError."""
    path = find_interpreter(given, directory, root)
    why, is_ours = _why(path, given, (directory, *directory.parents))
    environment = {k: v for k, v in os.environ.items() if not k.startswith(_TOKENS)}
    try:
        done = subprocess.run(
            [str(path), "-c", _ASK, "alembic", "sqlalchemy", *_DRIVERS],
            cwd=directory,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )
        versions = dict(json.loads(done.stdout))
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise Trouble(
            f"{path} is not a Python 3.8 or newer that runs",
            "Name the application's: --python .venv/bin/python",
        ) from error
    return Interpreter(path, why, is_ours, versions)


def described(interpreter: Interpreter, directory: Path, root: Path, install: str) -> Found:
    """Say which it is. `install` is the command that makes the project's environment, if known.

    Raises Trouble when it lacks what every project needs.
    """
    versions = interpreter.versions
    shown = _shown(interpreter.path, root)
    text = f"{shown} ({interpreter.why}): Python {versions['python']}"
    drivers = {
        name: f"{name} {versions[package]}"
        for package, name in _DRIVERS.items()
        if package in versions
    }
    names = {"alembic": "alembic", "sqlalchemy": "SQLAlchemy"}
    has = [f"{name} {versions[key]}" for key, name in names.items() if key in versions]
    text += "".join(f", {words}" for words in (*has, *drivers.values()))
    lacking = [name for key, name in names.items() if key not in versions]
    lacking += [] if drivers else ["driver for PostgreSQL (psycopg, psycopg2, asyncpg, pg8000)"]
    advice = _way_out(directory, root, install)
    if lacking:
        raise Trouble(f"{text}; no {' and no '.join(lacking)}", advice)
    return Found(text, advice if interpreter.is_ours else "")


def _why(path: Path, given: str | None, folders: tuple[Path, ...]) -> tuple[str, bool]:
    if given:
        return "as told", False
    environment = path.parent.parent
    if environment.name in (".venv", "venv") and environment.parent in folders:
        return "the nearest virtualenv", False
    if os.environ.get("VIRTUAL_ENV") == str(environment):
        return "the activated virtualenv", False
    return "Gatekeeper's own, as the project has no .venv", path == Path(sys.executable)


def _way_out(directory: Path, root: Path, install: str) -> str:
    for folder in (directory, *directory.parents):
        for lock, words in _LOCKS.items():
            if (folder / lock).is_file():
                return (
                    "Install the application's packages into .venv, or name its interpreter."
                    f" {words}"
                )
        if folder == root:
            break
    making = install or "python3 -m venv .venv && .venv/bin/pip install …"
    return f"Install the application's packages into .venv:\n  {making}"


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
