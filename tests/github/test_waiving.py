"""A review waives in a run of the job; a pull request's own waiver does not."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gatekeeper.github.annotations import annotations
from gatekeeper.github.publish import publish_remotely
from gatekeeper.policy.model import Waiver
from gatekeeper.report.outcome import alone
from tests.conftest import Project
from tests.github.fake import FakeGitHub, Fault
from tests.github.test_commands import both, shop, step, workflow  # noqa: F401 - fixtures
from tests.github.workflow import Workflow

Run = Callable[..., subprocess.CompletedProcess[str]]
_BAD = 'op.drop_column("people", "phone")'
_LINE = "gatekeeper: allow column-dropped public.people.phone because it was never filled"
_PACKS = "packs: [destructive]\n"  # others would find other things, too
_GUARDED = "policies: {column-dropped: {approvers: [ann]}}\n"


def _guarded(shop: Project, config: str = _GUARDED) -> None:  # noqa: F811
    """Put a configuration on main, and a migration that drops a column on the branch."""
    shop.git("checkout", "--quiet", "main")
    shop.write("gatekeeper.yml", _PACKS + config)
    shop.commit()
    shop.git("checkout", "--quiet", "-B", "feature")
    shop.revision("0002", _BAD)
    shop.commit()


def test_an_approving_review_passes_the_check_until_the_next_push(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub  # noqa: F811
) -> None:  # fmt: skip
    _guarded(shop)
    assert both(workflow.pull_request()).returncode == 1
    assert "because …" in github.bodies()[0]
    assert "GET /repos/acme/shop/pulls/7/reviews" in github.requests

    github.has_review("ann", _LINE, commit=shop.git("rev-parse", "feature"))
    done = both(workflow.pull_request())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed, 1 error waived" in github.bodies()[0]
    assert "`it was never filled` | `ann` | [review](" in github.bodies()[0]

    shop.git("checkout", "--quiet", "feature")
    shop.write("README.md", "more")
    shop.commit()
    done = both(workflow.pull_request())
    assert done.returncode == 1
    assert "and not of the head" in github.bodies()[0]


def test_the_merge_queue_knows_the_reviews_of_what_it_would_merge(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub  # noqa: F811
) -> None:  # fmt: skip
    _guarded(shop)
    merge, base, head = workflow.merged()
    github.pulls = [workflow.payload(head, base)["pull_request"]]
    queue = "refs/heads/gh-readonly-queue/main/pr-{}-" + base
    group = {"base_sha": base, "head_sha": merge, "base_ref": "refs/heads/main"}
    payload = {"merge_group": group | {"head_ref": queue.format(7)}}
    assert both(workflow.environ("merge_group", merge, payload)).returncode == 1
    github.has_review("ann", _LINE, commit=head)
    done = both(workflow.environ("merge_group", merge, payload))
    assert done.returncode == 0, done.stdout
    assert "1 error waived" in done.stdout
    other = {"merge_group": group | {"head_ref": queue.format(8)}}
    done = both(workflow.environ("merge_group", merge, other))
    assert done.returncode == 1
    assert "pr-8-" in done.stdout


def test_an_approval_does_not_pass_what_did_not_run(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub  # noqa: F811
) -> None:  # fmt: skip
    shop.git("checkout", "--quiet", "main")
    shop.write(
        "gatekeeper.yml", "packs: [hygiene]\npolicies: {migration-edited: {approvers: [ann]}}\n"
    )
    shop.commit()
    shop.git("checkout", "--quiet", "-B", "feature")
    old = shop.root / "migrations/versions/0001.py"
    old.write_text(old.read_text("utf-8").replace("phone text", "phone text, mail text"), "utf-8")
    shop.revision("0002", "op.execute('SELECT nonsense')")
    shop.commit()
    done = both(workflow.pull_request())
    assert done.returncode == 1, done.stdout
    assert "migration-edited" in github.bodies()[0]
    line = "gatekeeper: allow migration-edited 0001 because it never ran anywhere but here"
    github.has_review("ann", line, commit=shop.git("rev-parse", "feature"))
    done = both(workflow.pull_request())
    assert done.returncode == 2, done.stdout
    assert "undecided" in github.bodies()[0].splitlines()[1]


def test_reviews_that_cannot_be_read_waive_nothing(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub  # noqa: F811
) -> None:  # fmt: skip
    _guarded(shop)
    github.has_review("ann", _LINE, commit=shop.git("rev-parse", "feature"))
    said = {"message": "Resource not accessible by integration"}
    github.faults.append(Fault("GET", "/reviews", answer=(403, {}, said)))
    done = both(workflow.pull_request())
    assert done.returncode == 1
    assert "could not read the reviews of the pull request" in done.stdout
    assert "blocked by 1 error" in github.bodies()[0]


_FILE = """waivers:
  - policy: column-dropped
    subject: public.people.phone
    because: it was never filled
"""


def test_the_pull_requests_own_waiver_does_not_count(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub  # noqa: F811
) -> None:  # fmt: skip
    _guarded(shop, "")
    shop.write("gatekeeper.yml", _PACKS + _FILE)
    shop.commit()
    assert both(workflow.pull_request()).returncode == 1
    assert "the verdict would be: passed, 1 error waived; no longer blocks" in github.bodies()[0]


def test_the_bases_waiver_counts(
    shop: Project, workflow: Workflow, both: Run, github: FakeGitHub  # noqa: F811
) -> None:  # fmt: skip
    _guarded(shop, _FILE)
    assert both(workflow.pull_request()).returncode == 0
    assert "`it was never filled` | not said |" in github.bodies()[0]
    assert not [request for request in github.requests if "/reviews" in request]


def test_what_is_waived_is_no_remark_on_a_line(
    github: FakeGitHub, client: Any, report: Any, finding: Any, outcome: Any
) -> None:
    found = finding("column-dropped", file="m/2.py", line=2)
    github.has_file("m/2.py", "@@ -0,0 +1,3 @@\n+a\n+b\n+c", "a" * 40)
    waived = replace(found, waiver=Waiver("column-dropped", "", "it was never filled", "file"))
    assert len(annotations(alone(outcome(found)))) == 1
    assert annotations(alone(outcome(waived))) == []
    publish_remotely(report(waived, inline_comments=True), "", client())
    assert github.line_comments == []
    assert "passed, 1 error waived" in github.bodies()[0]
    publish_remotely(report(found, inline_comments=True), "", client())
    assert len(github.line_comments) == 1
