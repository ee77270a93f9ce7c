"""A whole report on its way to GitHub: what people see, what it costs, and what cannot go wrong."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from gatekeeper.github.client import Client
from gatekeeper.github.event import MergeGroup, Push
from gatekeeper.github.publish import (
    Report,
    publish_locally,
    publish_remotely,
    touched_alerts,
)
from gatekeeper.report.markdown import OwnTemplate
from gatekeeper.report.outcome import Reviews
from tests.github.conftest import BASE, HEAD, NEXT, PULL, MakeClient, MakeReport
from tests.github.fake import ACTIONS, FakeGitHub


def _done(report: Report, client: Client) -> list[str]:
    result = publish_remotely(report, ACTIONS, client)
    assert result.problems == []
    return [re.sub(r" http\S+$", "", sentence) for sentence in result.done]


def test_a_pull_request_from_first_to_last(
    github: FakeGitHub, client: MakeClient, report: MakeReport, finding: Any
) -> None:
    dropped = finding("table-dropped", file="m/2.py", takes_along=None)
    made = client()
    assert _done(report(dropped), made) == ["comment created"]
    assert made.calls == 2
    lines = github.bodies()[0].splitlines()
    assert lines[1] == "### ❌ Gatekeeper: blocked by 1 error"
    assert f"[`2.py:12`](https://github.com/acme/shop/blob/{HEAD}/m/2.py#L12)" in github.bodies()[0]
    assert "$ gatekeeper check --base origin/main" in lines
    assert lines[-1].startswith("<sub>[Full report](https://github.com/acme/shop/actions/runs/10/")

    made = client()
    assert _done(report(dropped, run=11), made) == ["comment unchanged"]
    assert made.calls == 1

    made = client()
    assert _done(report(head=NEXT, run=12), made) == ["comment updated"]
    assert made.calls == 2
    assert len(github.comments) == 1
    lines = github.bodies()[0].splitlines()
    assert lines[1] == "### ✅ Gatekeeper: passed"
    assert f"Resolved since an earlier report: `{dropped.fingerprint}`." in lines

    made = client()
    assert _done(report(head=NEXT, run=13), made) == ["comment unchanged"]
    assert made.calls == 1


@pytest.mark.parametrize(
    ("wanted", "done"),
    [("on-findings", ["comment unneeded"]), ("always", ["comment created"]), ("off", [])],
)
def test_a_clean_pull_request(
    github: FakeGitHub, client: MakeClient, report: MakeReport, wanted: str, done: list[str]
) -> None:
    assert _done(report(comment=wanted), client()) == done
    assert len(github.comments) == (wanted == "always")


def test_warnings_and_failures_are_worth_a_comment(
    github: FakeGitHub, client: MakeClient, report: MakeReport, finding: Any, failed: Any
) -> None:
    assert _done(report(finding("unindexed-foreign-key")), client()) == ["comment created"]
    assert _done(report(made=failed(), run=11), client()) == ["comment updated"]
    assert "### ❌ Gatekeeper: undecided" in github.bodies()[0]


def test_everything_at_once(
    github: FakeGitHub, client: MakeClient, report: MakeReport, finding: Any
) -> None:
    github.has_file("m/2.py", "@@ -0,0 +12,1 @@\n+op.drop_table('orders')", HEAD)
    made = client()
    found = finding("table-dropped", file="m/2.py")
    everything = report(found, inline_comments=True, check_run=True, key="billing")
    assert _done(everything, made) == [
        "comment created",
        "comments on lines created",
        "check run created",
    ]
    assert made.calls == 6
    (run,) = github.checks
    assert (run["name"], run["head_sha"]) == ("Gatekeeper report (billing)", HEAD)
    assert run["output"]["title"] == "blocked by 1 error"
    assert run["output"]["summary"].startswith("### ❌ Gatekeeper: blocked by 1 error")
    assert [a["path"] for a in github.annotations[run["id"]]] == ["m/2.py"]


def test_a_merge_queue_has_no_comment(
    github: FakeGitHub, client: MakeClient, report: MakeReport, finding: Any
) -> None:
    event = MergeGroup("acme/shop", BASE, HEAD, "refs/heads/main", "refs/heads/queue")
    found = finding("table-dropped", file="m/2.py")
    assert _done(report(found, event=event), client()) == []
    assert _done(report(found, event=event, check_run=True), client()) == ["check run created"]
    assert github.comments == []


def test_a_push_has_nothing(github: FakeGitHub, client: MakeClient, report: MakeReport) -> None:
    event = Push("acme/shop", "refs/heads/main", BASE, HEAD)
    assert _done(report(event=event, check_run=True, inline_comments=True), client()) == []
    assert github.requests == []


def test_a_fork_is_judged_all_the_same(
    github: FakeGitHub,
    client: MakeClient,
    report: MakeReport,
    finding: Any,
    tmp_path: Path,
) -> None:
    github.read_only = True
    github.has_file("m/2.py", "@@ -0,0 +12,1 @@\n+x", HEAD)
    made = report(finding("table-dropped", file="m/2.py"), inline_comments=True, check_run=True)
    result = publish_remotely(made, ACTIONS, client())
    assert result.done == []
    assert [p.message.partition(":")[0] for p in result.problems] == [
        "could not comment on the pull request",
        "could not comment on lines of the pull request",
        "could not create the check run",
    ]
    assert all("fork" in p.hint for p in result.problems)
    summary = tmp_path / "summary"
    assert publish_locally(made, {"GITHUB_STEP_SUMMARY": str(summary)}, [].append).done
    assert summary.read_text("utf-8").startswith("### ❌ Gatekeeper: blocked by 1 error")


@pytest.mark.parametrize("token", ["", "nonsense"])
def test_a_token_that_is_none_is_a_problem_and_no_more(
    github: FakeGitHub, report: MakeReport, token: str
) -> None:
    made = report(comment="always")
    made = replace(made, run=replace(made.run, api_url=github.url))
    (problem,) = publish_remotely(made, token).problems
    assert "token" in f"{problem.message} {problem.hint}"


def test_a_mistake_of_ours_is_a_problem_and_no_more(
    client: MakeClient, report: MakeReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gatekeeper.github.comment.publish_comment", broken)
    (problem,) = publish_remotely(report(comment="always"), ACTIONS, client()).problems
    assert problem.message.startswith("publishing broke: ZeroDivisionError in broken, line ")


def test_a_template_with_a_mistake_is_told_and_ours_is_taken(
    github: FakeGitHub, client: MakeClient, report: MakeReport
) -> None:
    own = OwnTemplate("{{ nonsense }}", "report.md.j2")
    result = publish_remotely(report(comment="always", template=own), ACTIONS, client())
    assert [p.message for p in result.problems] == [
        "report.md.j2:1: the template cannot be used: 'nonsense' is undefined"
    ]
    assert "### ✅ Gatekeeper: passed" in github.bodies()[0]


def test_a_template_of_ones_own_keeps_the_marker(
    github: FakeGitHub, client: MakeClient, report: MakeReport
) -> None:
    own = OwnTemplate("All {{ summary }} are fine with {{ head }}.", "report.md.j2")
    made = report(comment="always", template=own)
    assert _done(made, client()) == ["comment created"]
    assert github.bodies()[0].startswith("<!-- gatekeeper:v1 ")
    assert (
        "\nAll 1 new migration, 1 statement, 2 schema changes are fine with `aaaaaaaaaaaa`."
        in (github.bodies()[0])
    )
    assert _done(made, client()) == ["comment unchanged"]


def test_the_log_is_annotated_unless_a_check_run_is(report: MakeReport, finding: Any) -> None:
    found = finding("table-dropped", file="m/2.py", takes_along=None)
    written: list[str] = []
    assert publish_locally(report(found), {}, written.append).done == []
    assert written == [
        "::error file=m/2.py,line=12,title=table-dropped%3A public.orders::"
        "The table public.orders is dropped.\n"
    ]
    publish_locally(report(found, check_run=True), {}, written.append)
    assert len(written) == 1


def test_a_pull_request_that_changes_what_reviews_it_is_marked(
    github: FakeGitHub, client: MakeClient, report: MakeReport
) -> None:
    files = [
        ".github/workflows/ci.yml",
        "gatekeeper.yml",
        "policies/x.yml",
        "app.py",
        "policies.py",
    ]
    alerts = touched_alerts(files, ["gatekeeper.yml", "policies/"])
    made = replace(report(comment="always"), alerts=alerts)
    publish_remotely(made, ACTIONS, client())
    named = "`.github/workflows/ci.yml`, `gatekeeper.yml`, `policies/x.yml`"
    assert (
        f"\n> [!WARNING]\n> This pull request changes what reviews it: {named}."
        in github.bodies()[0]
    )
    assert (
        touched_alerts(["app.py", "docs/.github/x", "gatekeeper.yml.bak"], ["gatekeeper.yml", ""])
        == ()
    )


def test_names_of_changed_files_add_nothing(outcome: Any) -> None:
    files = [f".github/{n}`\n\n# owned <img src=x>|@all" for n in range(9)]
    (alert,) = touched_alerts(files, [])
    tokens = MarkdownIt("commonmark").parse(f"> [!WARNING]\n> {alert}\n")
    kinds = {t.type for t in tokens} | {c.type for t in tokens for c in t.children or ()}
    assert not kinds & {"heading_open", "html_inline", "html_block"}
    assert alert.count("owned") == 5
    assert "and 4 more" in alert


def test_a_branch_with_a_strange_name_is_in_no_command(report: MakeReport) -> None:
    made = report(event=replace(PULL, base_ref="$(reboot)"))
    assert "$ gatekeeper check\n" in made.render(60_000)
    assert isinstance(made.reviews, Reviews)
