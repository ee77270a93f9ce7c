"""The commands of a CI job, as the runner starts them, against a GitHub that has opinions."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gatekeeper.github.marker import read_marker
from tests.conftest import Project
from tests.github.fake import FakeGitHub, Fault
from tests.github.workflow import Workflow

Run = Callable[..., subprocess.CompletedProcess[str]]
_GOOD = 'op.add_column("people", sa.Column("age", sa.Integer()))'
_BAD = 'op.drop_column("people", "phone")'
_PACKS = "packs: [destructive]\n"  # others would find other things, too


@pytest.fixture
def shop(project: Project) -> Project:
    """A project with one migration on main, and an empty branch `feature`."""
    project.revision(
        "0001", 'op.execute("CREATE TABLE people (id bigint PRIMARY KEY, phone text)")'
    )
    project.write("gatekeeper.yml", _PACKS)
    project.commit()
    project.branch()
    return project


@pytest.fixture
def workflow(shop: Project, github: FakeGitHub, tmp_path: Path) -> Workflow:
    return Workflow(shop, github, tmp_path / "runner")


@pytest.fixture
def step(shop: Project, gatekeeper: Run) -> Run:
    """Run a command as a step of a job, with nothing else in its environment."""

    def run(
        environ: dict[str, str], *arguments: str, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GITHUB_")}
        return gatekeeper(*arguments, cwd=cwd or shop.root, env=kept | environ)

    return run


@pytest.fixture
def both(step: Run) -> Run:
    """Run the two halves: the one with the pull request's code has no token."""

    def run(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
        without = {k: v for k, v in environ.items() if k != "GITHUB_TOKEN"}
        taken = step(without, "snapshot", "--output", "../snapshot.json")
        assert taken.returncode == 0, taken.stdout + taken.stderr
        return step(environ, "publish", "../snapshot.json", *arguments)

    return run


def test_a_pull_request_from_opened_to_merged(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub
) -> None:
    shop.revision("0002", _BAD)
    shop.commit()
    environ = workflow.pull_request()
    files = {name: f"../report.{name}" for name in ("json", "sarif", "html")}
    done = both(environ, *(f"--{name}={path}" for name, path in files.items()))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "column-dropped" in github.bodies()[0]
    assert f"commit {workflow.project.git('rev-parse', 'feature')[:12]}" in github.bodies()[0]
    assert len(github.requests) == 2  # list, create
    assert "column-dropped" in workflow.summary.read_text("utf-8")
    assert workflow.output() == {"verdict": "blocked", "findings": "1"} | files
    report = json.loads((shop.root / "../report.json").read_text("utf-8"))
    assert [f["policy"] for f in report["findings"]] == ["column-dropped"]
    head = workflow.project.git("rev-parse", "feature")
    page = (shop.root / "../report.html").read_text("utf-8")
    assert f"/blob/{head}/migrations/versions/0002.py#L" in page

    github.requests.clear()  # the same run again: nothing is written
    assert both(environ).returncode == 1
    assert len(github.requests) == 1

    shop.git("checkout", "--quiet", "feature")
    shop.git("rm", "--quiet", "migrations/versions/0002.py")
    shop.last = "0001"
    shop.revision("0002", _GOOD)
    shop.commit()
    assert both(workflow.pull_request()).returncode == 0
    assert len(github.bodies()) == 1
    assert "passed" in github.bodies()[0].splitlines()[1]
    assert "Resolved since an earlier report: `GK-" in github.bodies()[0]


def test_what_others_merged_meanwhile_is_not_this_pull_requests(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub
) -> None:
    shop.write("README.md", "hello")
    shop.commit()
    shop.git("checkout", "--quiet", "main")
    older = shop.git("rev-parse", "main")
    shop.revision("0002", _BAD)
    shop.commit()
    merge, _, head = workflow.merged()
    # The payload's base is from before the other pull request was merged.
    done = both(workflow.environ("pull_request", merge, workflow.payload(head, older)))
    assert done.returncode == 0, done.stdout
    assert github.bodies() == []


def test_the_head_of_the_branch_checked_out(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub
) -> None:
    base = shop.git("rev-parse", "main")
    shop.revision("0002", _BAD)
    head = shop.commit()
    assert (
        both(workflow.environ("pull_request", "f" * 40, workflow.payload(head, base))).returncode
        == 1
    )
    assert len(github.bodies()) == 1


def test_a_second_head_is_found_where_only_the_branch_is_checked_out(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub
) -> None:
    shop.revision("0002", _GOOD)
    head = shop.commit()
    shop.git("checkout", "--quiet", "main")
    shop.write("gatekeeper.yml", "packs: [hygiene]\n")
    shop.revision("0003", _GOOD, parent="0001")
    base = shop.commit()
    shop.git("checkout", "--quiet", "feature")
    shop.git("update-ref", "refs/remotes/origin/main", base)
    payload = workflow.payload(head, base)
    assert both(workflow.environ("pull_request", "f" * 40, payload)).returncode == 1
    assert "`multiple-heads`" in github.bodies()[0]
    assert "git rebase origin/main" in github.bodies()[0]


def test_policies_come_from_the_base_and_the_change_is_said(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub
) -> None:
    shop.write("gatekeeper.yml", _PACKS + "policies: {column-dropped: off}\n")
    shop.revision("0002", _BAD)
    shop.commit()
    assert both(workflow.pull_request()).returncode == 1
    body = github.bodies()[0]
    assert "This pull request changes what reviews it: `gatekeeper.yml`" in body
    assert "the verdict would be: passed" in body
    assert "no longer found: `column-dropped` of `public.people.phone`" in body


def test_a_policy_that_the_pull_request_breaks_is_said(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub
) -> None:
    shop.write("gatekeeper.yml", _PACKS + "policies: {column-droped: off}\n")
    shop.revision("0002", _BAD)
    shop.commit()
    assert both(workflow.pull_request()).returncode == 1
    assert "Its own version cannot be used: `" in github.bodies()[0]
    assert "there is no policy 'column-droped'" in github.bodies()[0]


@pytest.mark.parametrize("moved", ["link", "weakened"])
def test_a_house_policy_is_that_of_the_base(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub, moved: str
) -> None:
    house = """
pack: house
policies:
  - id: no-age
    title: Nobody's age
    severity: error
    for: columns
    forbid: column_name = 'age' and change = 'added'
    message: "{{ subject }} is an age."
    why: We keep birthdays.
    examples: []
"""
    shop.git("checkout", "--quiet", "main")
    shop.write("gatekeeper.yml", "packs: [destructive, house.yml]\n")
    shop.write("house.yml", house)
    shop.commit()
    shop.git("checkout", "--quiet", "feature")
    shop.git("merge", "--quiet", "main")
    shop.revision("0002", _GOOD)
    if moved == "weakened":
        shop.write("house.yml", house.replace("severity: error", "severity: notice"))
    else:
        (shop.root / "house.yml").unlink()
        (shop.root / "house.yml").symlink_to("/etc/passwd")
    shop.commit()
    assert both(workflow.pull_request()).returncode == 1
    body = github.bodies()[0]
    assert "`no-age`" in body
    assert "This pull request changes what reviews it: `house.yml`" in body
    assert ("no longer blocks: `no-age`" if moved == "weakened" else "symbolic link") in body


def test_the_merge_queue_judges_its_own_commit(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub
) -> None:
    shop.revision("0002", _BAD)
    shop.commit()
    merge, base, _ = workflow.merged()
    group = {"base_sha": base, "head_sha": merge, "base_ref": "refs/heads/main", "head_ref": "q"}
    done = both(workflow.environ("merge_group", merge, {"merge_group": group}))
    assert done.returncode == 1
    assert github.requests == []  # there is no pull request to comment on
    assert "column-dropped" in workflow.summary.read_text("utf-8")


def test_a_push_is_compared_with_what_was_there_before(
    shop: Project, workflow: Workflow, both: Run
) -> None:
    before = shop.git("rev-parse", "HEAD")
    shop.revision("0002", _BAD)
    head = shop.commit()
    payload = {"ref": "refs/heads/feature", "before": before, "after": head}
    assert both(workflow.environ("push", head, payload)).returncode == 1


@pytest.mark.parametrize("command", ["check", "snapshot"])
@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run", "issue_comment"])
def test_migrations_do_not_run_where_a_stranger_would_get_the_token(
    workflow: Workflow, step: Run, command: str, event: str
) -> None:
    environ = workflow.pull_request() | {"GITHUB_EVENT_NAME": event}
    output = ("--output", "../snapshot.json") if command == "snapshot" else ()
    done = step(environ, command, *output)
    assert done.returncode == 2
    assert f"migrations do not run under the event {event}" in done.stdout
    assert not (workflow.project.root / "../snapshot.json").exists()


def test_a_fork_is_judged_without_the_right_to_write(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub
) -> None:
    github.read_only = True
    shop.revision("0002", _BAD)
    shop.commit()
    done = both(workflow.pull_request())
    assert done.returncode == 1
    assert "pull-requests: write" in done.stdout
    assert "::warning title=Gatekeeper::" in done.stdout
    assert "column-dropped" in workflow.summary.read_text("utf-8")


def test_the_report_of_a_fork_comes_from_another_run(
    shop: Project, workflow: Workflow, step: Run, github: FakeGitHub
) -> None:
    shop.write("gatekeeper.yml", _PACKS + "policies: {column-dropped: off}\n")
    shop.revision("0002", _BAD)
    shop.commit()
    environ = workflow.pull_request()
    del environ["GITHUB_TOKEN"]
    assert step(environ, "snapshot", "--output", "../snapshot.json").returncode == 0
    base, head = shop.git("rev-parse", "main"), shop.git("rev-parse", "feature")
    snapshot = (shop.root / "../snapshot.json").read_bytes()
    shop.git("checkout", "--quiet", "main")
    github.has_file("gatekeeper.yml", None, head)
    done = step(workflow.other_run(snapshot, head, base), "publish")
    assert done.returncode == 0, done.stdout + done.stderr  # the verdict is the other job's
    assert "column-dropped" in github.bodies()[0]
    assert "This pull request changes what reviews it: `gatekeeper.yml`" in github.bodies()[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not the JSON of a snapshot"),
        (b"[" * 100_000, "not the JSON of a snapshot"),
        (b'{"version": 1}', "not a snapshot"),
        (b'{"version": 1, "gatekeeper": "0", "snapshot": {}}', "another version of Gatekeeper"),
    ],
)
def test_a_poisoned_snapshot_is_refused(
    shop: Project, workflow: Workflow, step: Run, github: FakeGitHub, content: bytes, said: str
) -> None:
    (shop.root / "../snapshot.json").write_bytes(content)
    done = step(workflow.pull_request(), "publish", "../snapshot.json")
    assert done.returncode == 2
    assert said in done.stdout
    assert "Traceback" not in done.stdout
    base, head = shop.git("rev-parse", "main"), shop.git("rev-parse", "feature")
    done = step(workflow.other_run(content, head, base), "publish")
    assert done.returncode == 2
    assert said in done.stdout
    assert github.bodies() == []


def test_output_of_a_migration_is_no_command_to_the_runner(
    shop: Project, workflow: Workflow, both: Run, step: Run
) -> None:
    shop.revision(
        "0002",
        'print("\\n::error::forged\\n##[error]forged")',
        'raise SystemExit("\\n::error::forged")',
    )
    shop.commit()
    environ = workflow.pull_request()
    for done in (both(environ), step(environ, "check")):
        assert done.returncode == 2
        assert "forged" in done.stdout
        first, *rest = done.stdout.splitlines()
        word = first.removeprefix("::stop-commands::")
        assert first != word
        assert done.stderr == ""
        obeyed = rest[rest.index(f"::{word}::") + 1 :]
        assert not any(line.startswith("::error::forged") for line in obeyed)


def test_dry_run_says_it_and_writes_nothing(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub
) -> None:
    shop.revision("0002", _BAD)
    shop.commit()
    done = both(workflow.pull_request(), "--dry-run", "--check-run", "--inline-comments")
    assert done.returncode == 0
    assert "Blocked by 1 error" in done.stdout
    assert github.requests == []
    assert workflow.output()["verdict"] == "blocked"


def test_the_verdict_holds_when_github_does_not_answer(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub
) -> None:
    github.faults = [Fault(cut=True, times=99)]
    shop.revision("0002", _BAD)
    shop.commit()
    done = both(workflow.pull_request())
    assert done.returncode == 1
    assert "warning: could not read the comments of the pull request" in done.stdout


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"GITHUB_EVENT_PATH": "/nowhere/event.json"}, "the payload cannot be read"),
        ({"GITHUB_RUN_ID": ""}, "GITHUB_RUN_ID is not set"),
        ({"GITHUB_EVENT_NAME": "release"}, "the event release is none that Gatekeeper knows"),
    ],
)
def test_a_run_that_is_none_of_ours(
    workflow: Workflow, step: Run, changed: dict[str, str], said: str, tmp_path: Path
) -> None:
    environ = workflow.pull_request() | changed
    (tmp_path / "snapshot.json").write_text("{}")
    done = step(environ, "publish", "../snapshot.json")
    assert done.returncode == 2
    assert said in done.stdout


def test_outside_of_actions_the_way_out_is_said(workflow: Workflow, gatekeeper: Run) -> None:
    done = gatekeeper("publish", "snapshot.json", cwd=workflow.project.root)
    assert done.returncode == 2
    assert "as a step of a GitHub Actions workflow" in done.stderr


def test_a_shallow_clone_is_told_how_to_get_the_rest(
    shop: Project, workflow: Workflow, step: Run, tmp_path: Path
) -> None:
    shop.revision("0002", _BAD)
    shop.commit()
    environ = workflow.pull_request()
    clone = tmp_path / "shallow"
    shop.git("clone", "--quiet", "--depth=1", f"file://{shop.root}", str(clone))
    done = step(environ, "snapshot", "--output", "../snapshot.json", cwd=clone)
    assert done.returncode == 2
    assert "fetch-depth: 0" in done.stdout


def test_several_projects_are_one_comment_and_one_verdict(
    shop: Project, workflow: Workflow, both: Run, step: Run, github: FakeGitHub
) -> None:
    """Two of the same tables: what is found in one is not what is found in the other."""
    ini = (shop.root / "alembic.ini").read_text("utf-8")
    env = (shop.root / "migrations/env.py").read_text("utf-8")
    shop.git("checkout", "--quiet", "main")
    shop.write("billing/alembic.ini", ini)
    shop.write("billing/migrations/env.py", env)
    first = (shop.root / "migrations/versions/0001.py").read_text("utf-8")
    shop.write("billing/migrations/versions/0001.py", first)
    shop.write(
        "gatekeeper.yml",
        _PACKS + "projects:\n  shop: {migrations: {config: alembic.ini}}\n"
        "  billing: {migrations: {config: billing/alembic.ini}}\n",
    )
    shop.commit()
    shop.git("branch", "--force", "feature")
    shop.git("checkout", "--quiet", "feature")
    bad = shop.revision("0002", _BAD).read_text("utf-8")
    shop.write("billing/migrations/versions/0002.py", bad)
    shop.commit()
    environ = workflow.pull_request()
    done = both(environ, "--sarif", "../report.sarif")
    assert done.returncode == 1, done.stdout + done.stderr
    (body,) = github.bodies()
    assert "### ❌ Gatekeeper: blocked by 2 errors" in body
    assert body.count("#### ❌ `") == 2
    marker = read_marker(body)
    assert marker is not None
    assert len(set(marker.findings)) == 2
    log = json.loads((shop.root / "../report.sarif").read_text("utf-8"))
    assert [run["automationDetails"]["id"] for run in log["runs"]] == [
        "gatekeeper/shop/", "gatekeeper/billing/",
    ]  # fmt: skip
    less = step(environ, "snapshot", "--project", "shop", "--output", "../less.json")
    assert less.returncode == 0, less.stdout
    done = step(environ, "publish", "../less.json")
    assert done.returncode == 2
    assert "no snapshot of the project billing" in done.stdout + done.stderr
