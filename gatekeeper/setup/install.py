"""Guesses from its files how an application is installed, for the step of the workflow."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

_RUNNERS_PYTHON = 12  # the minor version of python3 on ubuntu-24.04
_TOOLS = {
    "uv.lock": ("uv", "uv sync --frozen"),
    "poetry.lock": ("poetry", "POETRY_VIRTUALENVS_IN_PROJECT=true poetry install --no-interaction"),
    "pdm.lock": ("pdm", "pdm sync"),
    "Pipfile.lock": ("pipenv", "PIPENV_VENV_IN_PROJECT=1 pipenv sync"),
    "Pipfile": ("pipenv", "PIPENV_VENV_IN_PROJECT=1 pipenv install"),
}
_REQUIREMENTS = ("base", "main", "prod", "production", "requirements")
_AT_LEAST = re.compile(r"(?:>=|~=|==|\^)\s*3\.(\d+)")


@dataclass(frozen=True, slots=True)
class Install:
    """Shell lines that make the application's `.venv` in `folder`, and what they were told by.

    `locally` is what somebody types who has the tool. Paths are relative to the repository's root.
    """

    folder: str
    lines: tuple[str, ...]
    because: str
    locally: str = ""


def guess_install(root: Path, directory: Path) -> Install | None:
    """Look from the project's folder upwards. None: nothing says how.

    A pyproject.toml alone says less than a lock file above it, as in a workspace.
    """
    package: Path | None = None
    for folder in (directory, *directory.parents):
        for name, (tool, command) in _TOOLS.items():
            if (folder / name).is_file():
                return _by_tool(root, package or folder, folder / name, tool, command)
        if requirements := _requirements(folder):
            command = f"-r {requirements.relative_to(folder).as_posix()}"
            return _by_pip(root, folder, command, requirements)
        if package is None and _is_package(folder):
            package = folder
        if folder == root:
            break
    if package is None:
        return None
    sign = "pyproject.toml" if (package / "pyproject.toml").is_file() else "setup.py"
    return _by_pip(root, package, "-e .", package / sign)


def _by_tool(root: Path, folder: Path, sign: Path, tool: str, command: str) -> Install:
    making, python = _python(folder, sign.parent)
    if tool == "uv":  # which brings the Python that the project wants by itself
        making, python = (), "python3"
    at = "$RUNNER_TEMP/tools"
    before, _, after = command.rpartition(f"{tool} ")
    lines = (
        *making,
        f'{python} -m venv "{at}"',
        f'"{at}/bin/pip" install {tool}',
        f'{before}"{at}/bin/{tool}" {after}',
    )
    return Install(_inside(folder, root), lines, _inside(sign, root), command)


def _by_pip(root: Path, folder: Path, what: str, sign: Path) -> Install:
    making, python = _python(folder, folder)
    install = f".venv/bin/pip install {what}"
    lines = (*making, f"{python} -m venv .venv", install)
    if not making:
        lines = (f"{python} -m venv .venv && {install}",)
    local = f"python3 -m venv .venv && {install}"
    return Install(_inside(folder, root), lines, _inside(sign, root), local)


def _python(*folders: Path) -> tuple[tuple[str, ...], str]:
    """Give the lines that bring the Python that is wanted, and its name; none if it is there."""
    wanted = max((_wanted(folder) for folder in folders), default=0)
    if wanted <= _RUNNERS_PYTHON:
        return (), "python3"
    lines = (
        'python3 -m venv "$RUNNER_TEMP/uv"',
        '"$RUNNER_TEMP/uv/bin/pip" install uv',
        f'"$RUNNER_TEMP/uv/bin/uv" python install 3.{wanted}',
        f'python=$("$RUNNER_TEMP/uv/bin/uv" python find --no-project 3.{wanted})',
    )
    return lines, '"$python"'


def _wanted(folder: Path) -> int:
    """Give the minor version of Python 3 that a folder says it needs at least, or 0."""
    pinned = re.match(r"3\.(\d+)", _text(folder / ".python-version").strip())
    table = _toml(folder / "pyproject.toml")
    project, tool = table.get("project"), table.get("tool")
    said = str(project.get("requires-python", "")) if isinstance(project, dict) else ""
    if not said and isinstance(tool, dict):
        said = str(tool.get("poetry", {}).get("dependencies", {}).get("python", ""))
    least = _AT_LEAST.search(said)
    return max(int(match[1]) if match else 0 for match in (pinned, least))


def _requirements(folder: Path) -> Path | None:
    if (folder / "requirements.txt").is_file():
        return folder / "requirements.txt"
    for name in _REQUIREMENTS:
        if (folder / "requirements" / f"{name}.txt").is_file():
            return folder / "requirements" / f"{name}.txt"
    return next(iter(sorted(folder.glob("requirements*.txt"))), None)


def _is_package(folder: Path) -> bool:
    """Say whether pip could install a folder: a pyproject.toml may hold settings of tools alone."""
    table = _toml(folder / "pyproject.toml")
    return bool(table.keys() & {"project", "build-system"}) or (folder / "setup.py").is_file()


def _toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def _inside(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
