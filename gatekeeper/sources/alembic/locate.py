"""Finds the Alembic project of a tree."""

import configparser
import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.errors import SourceError
from gatekeeper.git import Repository

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+|^[._-]+")
_VENDORED = {"node_modules", "site-packages", ".venv", "venv", ".tox", ".nox"}


@dataclass(frozen=True, slots=True)
class Location:
    """Where a project is; all paths are relative to the root of the tree.

    `config` is alembic.ini or pyproject.toml, `directory` the folder that alembic is run from,
    `script` the script_location, where all of the project is in it and that can be told from the
    configuration alone.
    """

    config: str
    directory: str
    script: str | None
    section: str | None = None


def locate(
    repository: Repository, head: str, tree: Path, given: str | None, section: str | None
) -> Location:
    """Find the project in `tree`, which holds the files of `head`. Raises SourceError.

    A configuration in the folder that Gatekeeper was started from comes first, then the only one
    anywhere in the repository.
    """
    config = given if given is not None else _find(repository, head, tree)
    path = tree / config
    if not path.is_file():
        raise SourceError(
            f"{config}: there is no such file", "Give the path of alembic.ini: --config PATH"
        )
    script = script_location(path, section)
    directory = _directory(path, tree, script)
    if script is None and (path.parent / "env.py").is_file():  # Flask-Migrate says it when it runs
        script = str(path.parent)
        directory = path.parent.parent if path.parent != tree else tree
    where = None
    if script is not None and ":" not in script and not _keeps_versions_elsewhere(path, section):
        absolute = (directory / script).resolve()
        where = _relative(absolute, tree) if absolute.is_dir() else None
    return Location(config, _relative(directory, tree) or ".", where, section)


def projects(repository: Repository, head: str, tree: Path) -> list[str]:
    """Name the configurations of the Alembic projects in `tree`, the files of `head`."""
    found = [
        path
        for path in repository.files(head, "alembic.ini")
        if not _VENDORED & set(Path(path).parts)
    ]
    return found + [
        path
        for path in repository.files(head, "pyproject.toml")
        if not _VENDORED & set(Path(path).parts)
        and _in_pyproject(tree / path)
        and str(Path(path).with_name("alembic.ini")) not in found
    ]


def project_names(configs: Sequence[str]) -> list[str]:
    """Give each project a name of its own, by its folder, or by all folders above it."""
    folders = [Path(config).parent for config in configs]
    short = [_named(folder.name) for folder in folders]
    long = [_named("-".join(folder.parts)) for folder in folders]
    names = short if len(set(short)) == len(short) else long
    if len(set(names)) == len(names):
        return names
    return [f"{name[:60]}-{number}" for number, name in enumerate(names, 1)]


def _named(folder: str) -> str:
    return _NOT_IN_NAMES.sub("-", folder).strip("-._")[:64] or "main"


def project_lines(configs: Sequence[str]) -> list[str]:
    """Give the lines of `projects:` in a gatekeeper.yml at the root, a name for each project."""
    return [
        f"  {name}: {{migrations: {{config: {_quoted(config)}}}}}"
        for name, config in zip(project_names(configs), configs, strict=True)
    ]


def _quoted(path: str) -> str:
    return path if re.fullmatch(r"[\w./-][\w./ -]*", path) else json.dumps(path)


def _find(repository: Repository, head: str, tree: Path) -> str:
    here = _relative(repository.start.resolve(), repository.root.resolve()) or "."
    near = tree / here / "alembic.ini"
    if near.is_file():
        return _relative(near, tree) or "alembic.ini"
    found = projects(repository, head, tree)
    if here != ".":
        below = [path for path in found if path.startswith(here + "/")]
        found = below or found
    if len(found) > 1:
        raise SourceError(
            f"this repository has {len(found)} Alembic projects",
            "Say which one with --config, or name them in gatekeeper.yml:\nprojects:\n"
            + "\n".join(project_lines(found)),
        )
    if not found:
        raise SourceError(
            "no Alembic project was found: there is no alembic.ini and no [tool.alembic] in a"
            " pyproject.toml",
            "Give its path with --config PATH (or migrations.config in gatekeeper.yml). For plain"
            " SQL: gatekeeper check --schema before.sql migration.sql",
        )
    return found[0]


def script_location(path: Path, section: str | None = None) -> str | None:
    """Give what a configuration says of where env.py is. Raises SourceError."""
    here = str(path.parent)
    if path.name == "pyproject.toml":
        location = _in_pyproject(path).get("script_location")
        return str(location).replace("%(here)s", here) if location else None
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text("utf-8"))
        value: str | None = parser.get(section or "alembic", "script_location", fallback=None)
    except (configparser.Error, UnicodeDecodeError) as error:
        reason = str(error).replace("\n", " ")
        raise SourceError(f"{path}: not a valid configuration file: {reason}") from error
    if value is None:
        toml = path.with_name("pyproject.toml")
        return script_location(toml, section) if _in_pyproject(toml) else None
    return value.replace("%(here)s", here)


def _keeps_versions_elsewhere(path: Path, section: str | None) -> bool:
    """Say whether version_locations is set: then the script's folder alone says nothing."""
    if _in_pyproject(path.with_name("pyproject.toml")).get("version_locations"):
        return True
    parser = configparser.RawConfigParser()
    if path.name != "pyproject.toml":
        parser.read_string(path.read_text("utf-8"))
    return parser.has_option(section or "alembic", "version_locations")


def _in_pyproject(path: Path) -> dict[str, object]:
    try:
        table = tomllib.loads(path.read_text("utf-8")).get("tool", {}).get("alembic", {})
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


def _directory(path: Path, tree: Path, script: str | None) -> Path:
    """Give the folder that a relative script_location is meant from.

    Alembic takes it from the working directory, so projects differ: most run it beside alembic.ini,
    some from the root with `alembic -c deep/alembic.ini`.
    """
    if script is None or Path(script).is_absolute():
        return path.parent
    for folder in (path.parent, *path.parent.parents):
        if (folder / script / "env.py").is_file():
            return folder
        if folder == tree:
            break
    return path.parent


def _relative(path: Path, tree: Path) -> str | None:
    try:
        return str(path.resolve().relative_to(tree.resolve()))
    except ValueError:
        return None
