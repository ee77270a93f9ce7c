"""Somebody who has just installed Gatekeeper: an empty home, nothing activated, nothing set."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.conftest import ENV_PY, Project, Run

Newcomer = Callable[..., subprocess.CompletedProcess[str]]

SETTINGS = (
    "from pydantic_settings import BaseSettings\n\n\n"
    "class Settings(BaseSettings):\n"
    '    model_config = {"env_prefix": "SHOP_"}\n'
    "    api_key: str\n"
    "    workers: int\n\n\n"
    "settings = Settings()\n"
)


def newcomer(gatekeeper: Run, home: Path) -> Newcomer:
    """Give a function that runs the command in a folder, in an environment without anything."""
    home.mkdir(exist_ok=True)
    kept = ("PATH", "TMPDIR", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM")
    plain = {name: os.environ[name] for name in kept if name in os.environ} | {"HOME": str(home)}

    def run(
        *arguments: str, cwd: Path, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return gatekeeper(*arguments, cwd=cwd, env=plain | (env or {}))

    return run


def shop(project: Project, folder: str = ".") -> Project:
    """Give a project on a branch: one revision on main, one that is new; in a folder, if asked."""
    project.revision("r1", 'op.execute("CREATE TABLE t (id bigint PRIMARY KEY)")')
    if folder != ".":
        target = project.root / folder
        target.mkdir(parents=True)
        for name in ("alembic.ini", "migrations"):
            (project.root / name).rename(target / name)
    project.commit()
    project.branch()
    new = project.revision("r2", 'op.execute("ALTER TABLE t ADD a text")').relative_to(project.root)
    if folder != ".":
        (project.root / new).rename(project.root / folder / new)
    return project


def with_settings(project: Project) -> None:
    """Let env.py import a settings class that demands variables."""
    project.write("settings.py", SETTINGS)
    project.write("migrations/env.py", "import settings\n" + ENV_PY)
