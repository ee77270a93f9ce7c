"""A run of a workflow as the runner starts it: environment, payload, and what GitHub checked out."""

import io
import json
import zipfile
from copy import deepcopy
from pathlib import Path
from typing import Any

from tests.conftest import Project
from tests.github.fake import ACTIONS, FakeGitHub

PAYLOADS = json.loads(Path(__file__).with_name("payloads.json").read_text("utf-8"))
WORKFLOW = ".github/workflows/gatekeeper.yml"


class Workflow:
    """Runs for one project, pull request 7 of acme/shop."""

    def __init__(self, project: Project, fake: FakeGitHub, folder: Path) -> None:
        self.project = project
        self.fake = fake
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.summary = folder / "summary.md"
        self.outputs = folder / "outputs"
        self.runs = 100

    def payload(self, head: str, base: str, repository: str = "acme/shop") -> dict[str, Any]:
        """Give the payload of a pull request from `repository`."""
        found = deepcopy(PAYLOADS["pull_request"])
        found["action"] = "synchronize"
        found["repository"]["full_name"] = "acme/shop"
        pull = found["pull_request"]
        pull["number"] = found["number"] = 7
        pull["user"]["login"] = "octocat"
        pull["base"] |= {"sha": base, "ref": "main"}
        pull["base"]["repo"]["full_name"] = "acme/shop"
        pull["head"] |= {"sha": head, "ref": "work"}
        pull["head"]["repo"]["full_name"] = repository
        pull["head"]["repo"]["owner"]["login"] = repository.partition("/")[0]
        return found

    def merged(self, branch: str = "feature") -> tuple[str, str, str]:
        """Check out the merge of a branch into main, as GitHub does; give merge, base and head."""
        git = self.project.git
        base, head = git("rev-parse", "main"), git("rev-parse", branch)
        git("checkout", "--quiet", "--detach", "main")
        git("merge", "--quiet", "--no-ff", "--message", f"Merge {head} into {base}", head)
        return git("rev-parse", "HEAD"), base, head

    def pull_request(self, branch: str = "feature", **more: str) -> dict[str, str]:
        """Give the environment of a run for the pull request of a branch."""
        merge, base, head = self.merged(branch)
        return self.environ("pull_request", merge, self.payload(head, base), **more)

    def environ(self, event: str, sha: str, payload: Any, **more: str) -> dict[str, str]:
        self.runs += 1
        path = self.folder / "event.json"
        path.write_text(json.dumps(payload), "utf-8")
        for file in (self.summary, self.outputs):
            file.write_text("")
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_RUN_ID": str(self.runs),
            "GITHUB_SHA": sha,
            "GITHUB_API_URL": self.fake.url,
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(self.outputs),
            "GITHUB_TOKEN": ACTIONS,
            **more,
        }

    def other_run(self, snapshot: bytes, head: str, base: str) -> dict[str, str]:
        """Give the environment of a run that reports what a run of a fork has left behind."""
        pull = self.payload(head, base, "mallory/shop")["pull_request"]
        self.fake.pulls = [pull]
        payload = deepcopy(PAYLOADS["workflow_run"])
        run = payload["workflow_run"]
        run["head_repository"]["full_name"] = "mallory/shop"
        run |= {"id": 5, "run_attempt": 1, "path": WORKFLOW, "event": "pull_request"}
        run |= {"head_sha": head, "head_branch": "work"}
        self.fake.runs = {5: run}
        self.fake.has_artifact("gatekeeper-snapshot", packed(("snapshot.json", snapshot)))
        payload["repository"]["full_name"] = "acme/shop"
        return self.environ("workflow_run", base, payload)

    def output(self) -> dict[str, str]:
        """Give the outputs that the step has set."""
        found, lines = {}, iter(self.outputs.read_text("utf-8").splitlines())
        for line in lines:
            name, _, word = line.partition("<<")
            value = []
            while (text := next(lines)) != word:
                value.append(text)
            found[name] = "\n".join(value)
        return found


def packed(*files: tuple[str, bytes]) -> bytes:
    """Give a zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return stream.getvalue()
