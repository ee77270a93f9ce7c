"""A pull request in a repository of its own, and act, which runs the workflows of our examples.

What is ours is real: action.yml, the locked requirements, the installation with uv (offline, from
what `make` has fetched), the commands. GitHub is the fake of tests/github, and the Actions of other
people that need it are the folders in `stubs`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project
from tests.github.conftest import github  # noqa: F401 - a fixture
from tests.github.fake import ACTIONS, FakeGitHub

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / ".github" / "examples"
BIN = Path(sys.executable).parent
CACHE = Path(sys.prefix) / "uv-cache"
PAYLOADS = json.loads((ROOT / "tests" / "github" / "payloads.json").read_text("utf-8"))
# What an example installs is here already.
_INSTALLED = {
    "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt": (
        'ln -s "$APP_ENVIRONMENT" .venv'
    ),
    'python3 -m venv "$RUNNER_TEMP/gatekeeper"\n': 'ln -s "$APP_ENVIRONMENT" "$RUNNER_TEMP/gatekeeper"\n',
    '"$RUNNER_TEMP/gatekeeper/bin/pip" install schema-gatekeeper==': ": ",
}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_OURS = "OWNER/gatekeeper@" + "0" * 40


@dataclass(frozen=True, slots=True)
class Ran:
    """How a workflow ended."""

    passed: bool
    log: str

    @property
    def summary(self) -> str:
        """Give what the last step that had a summary wrote there; act shows it in its log."""
        return (
            self.log.rpartition("  Summary - ")[2].partition("\n[")[0]
            if "  Summary - " in self.log
            else ""
        )

    def errors(self) -> list[str]:
        """Give what the runner took for `::error`; act shows such lines with a mark of its own."""
        return [line for line in self.log.splitlines() if "❗" in line]

    @property
    def outputs(self) -> dict[str, str]:
        """Give the outputs that were set, the last of each name."""
        return dict(re.findall(r"::set-output:: ([a-z]+)=(.*)", self.log))


@dataclass
class PullRequest:
    """Number 7 of acme/shop: a branch of an Alembic project, and the merge that GitHub makes."""

    app: Project
    github: FakeGitHub
    folder: Path
    action: Path
    run: int = 100
    is_fork: bool = False
    environ: dict[str, str] = field(default_factory=dict)

    def workflow(self, example: str, **inputs: str) -> None:
        """Put an example of ours on main, the application's environment being ours."""
        text = (EXAMPLES / example).read_text("utf-8")
        for what, instead in _INSTALLED.items():
            text = text.replace(what, instead)
        assert " -m venv " not in text
        added = "".join(f"          {key}: {json.dumps(value)}\n" for key, value in inputs.items())
        assert not added or "\n        with:\n" not in text.rpartition(_OURS)[2]
        text = text.rstrip() + (f"\n        with:\n{added}" if added else "\n")
        self.app.git("checkout", "--quiet", "main")
        self.app.write(f".github/workflows/{example}", text)
        self.app.commit()
        self.resume()
        self.app.git("merge", "--quiet", "--ff-only", "main")

    def push(self) -> str:
        """Commit on the branch and let GitHub merge it; give the head."""
        head = self.app.commit()
        self.app.git("checkout", "--quiet", "-B", "merge", "main")
        self.app.git("merge", "--quiet", "--no-ff", "--message", "merge", "feature")
        return head

    def resume(self) -> None:
        """Go back to the branch to work on."""
        self.app.git("checkout", "--quiet", "feature")

    def payload(self) -> dict[str, Any]:
        pull = deepcopy(PAYLOADS["pull_request"]["pull_request"])
        pull["number"] = 7
        pull["base"]["repo"]["full_name"] = "acme/shop"
        pull["base"] |= {"ref": "main", "sha": self.app.git("rev-parse", "main")}
        owner = "mallory" if self.is_fork else "acme"
        pull["head"]["repo"]["full_name"] = f"{owner}/shop"
        pull["head"]["repo"]["owner"]["login"] = owner
        pull["head"] |= {"ref": "feature", "sha": self.app.git("rev-parse", "feature")}
        return pull

    def opened(self) -> Ran:
        """Run the workflows for the newest commit of the branch."""
        return self.act("pull_request", {"number": 7, "pull_request": self.payload()})

    def artifact(self, name: str) -> Path:
        """Give the one file of an artifact that the last run left."""
        (file,) = (self.folder / f"run-{self.run}" / "artifacts" / name).iterdir()
        return file

    def act(self, event: str, payload: dict[str, Any], *arguments: str) -> Ran:
        """Run the workflows of this event on what is checked out."""
        self.run += 1
        home = self.folder / f"run-{self.run}"
        home.mkdir()
        file = home / "event.json"
        file.write_text(json.dumps(payload), "utf-8")
        (home / "secrets").write_text(f"GITHUB_TOKEN={ACTIONS}\n", "utf-8")
        ended = subprocess.run(
            [
                BIN / "act", event, "--directory", self.app.root, "--eventpath", file,
                "--platform", "ubuntu-24.04=-self-hosted", "--secret-file", home / "secrets",
                "--no-cache-server", *self._local(), *self._variables(home), *arguments,
            ],
            env={"HOME": str(home), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return Ran(ended.returncode == 0, _COLOURS.sub("", ended.stdout + ended.stderr))

    def _local(self) -> list[str]:
        """Give where act finds the Actions that our examples name."""
        found = [("--local-repository", f"{_OURS}={self.action}")]
        named = (EXAMPLES / "two-jobs.yml", ROOT / "action.yml")
        for line in "".join(path.read_text("utf-8") for path in named).splitlines():
            name, _, ref = line.partition("uses: ")[2].split(" ")[0].partition("@")
            stub = Path(__file__).parent / "stubs" / name.rpartition("/")[2]
            if stub.is_dir() and ref:
                found.append(("--local-repository", f"{name}@{ref}={stub}"))
        return [part for pair in found for part in pair]

    def _variables(self, home: Path) -> list[str]:
        values = {
            "GITHUB_API_URL": self.github.url,
            "GITHUB_RUN_ID": str(self.run),
            "UV_CACHE_DIR": str(CACHE),
            "UV_OFFLINE": "1",
            "APP_ENVIRONMENT": sys.prefix,
            "ORIGIN": str(self.app.root),
            "ARTIFACTS": str(home / "artifacts"),
            "GIT_CONFIG_GLOBAL": os.devnull,
        } | self.environ
        return [part for name, value in values.items() for part in ("--env", f"{name}={value}")]


@pytest.fixture(scope="session")
def action(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Action as the runner fetches it: what it needs of this repository, in a folder."""
    folder = tmp_path_factory.mktemp("action")
    for name in ("action.yml", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    for name in (".github/action", "gatekeeper", "policies"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


@pytest.fixture
def pull(
    project: Project,
    github: FakeGitHub,  # noqa: F811 - that is how fixtures are used
    tmp_path: Path,
    action: Path,
) -> PullRequest:
    """A shop on main, and an empty branch that is checked out."""
    project.git("remote", "add", "origin", "https://github.com/acme/shop.git")
    project.revision("0001", "op.execute('CREATE TABLE orders (id bigint PRIMARY KEY, note text)')")
    # Downgrades of the tests' revisions do nothing, which is a notice.
    project.write("gatekeeper.yml", "policies: {missing-downgrade: off}\n")
    project.commit()
    project.branch()
    return PullRequest(project, github, tmp_path, action)
