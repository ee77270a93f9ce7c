"""A small shop with a history, and a bad pull request."""

import os
import shutil
import subprocess
from pathlib import Path

_SHOP = Path(__file__).parent / "shop"


def build_shop(folder: Path) -> None:
    """Make a git repository in an empty folder: `main` has a history, `billing` adds to it."""
    shutil.copytree(_SHOP / "base", folder, dirs_exist_ok=True)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    _commit(folder, "A shop")
    _git(folder, "checkout", "--quiet", "-b", "billing")
    shutil.copytree(_SHOP / "pull_request", folder, dirs_exist_ok=True)
    _commit(folder, "Invoices, and some tidying")


def _commit(folder: Path, message: str) -> None:
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--no-gpg-sign", "--no-verify", f"--message={message}")


def _git(folder: Path, *arguments: str) -> None:
    # The user's own configuration (hooks, signing, templates) has no say in a demonstration.
    who = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TEMPLATE_DIR": "",
        "GIT_AUTHOR_NAME": "Demo",
        "GIT_AUTHOR_EMAIL": "demo@example.invalid",
        "GIT_COMMITTER_NAME": "Demo",
        "GIT_COMMITTER_EMAIL": "demo@example.invalid",
        "GIT_AUTHOR_DATE": "2026-01-05T09:00:00Z",
        "GIT_COMMITTER_DATE": "2026-01-05T09:00:00Z",
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | who
    subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True
    )
