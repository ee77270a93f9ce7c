"""PyGithub takes up to a second to import; only who sends something pays for it."""

import subprocess
import sys
from pathlib import Path

_HEAVY = {"github", "requests", "jwt", "nacl"}


def _imported(*arguments: str, folder: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}


def test_what_needs_no_token_does_not_import_it(tmp_path: Path) -> None:
    modules = "import gatekeeper.cli.main, gatekeeper.github.publish, gatekeeper.report.sarif"
    assert not _imported("-c", modules, folder=tmp_path) & _HEAVY
    assert _imported("-c", "import gatekeeper.github.client", folder=tmp_path) >= _HEAVY
