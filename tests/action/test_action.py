"""The Action from end to end: what a team sees on a pull request, in the queue and for a fork."""

import io
import json
import zipfile
from copy import deepcopy

from tests.action.conftest import PAYLOADS, PullRequest
from tests.github.fake import FakeGitHub

DROP = "op.execute('ALTER TABLE orders DROP COLUMN note')"
ADD = "op.execute('ALTER TABLE orders ADD COLUMN remark text')"
_COMMENTS = "/repos/acme/shop/issues/7/comments"
_SNAPSHOT = "gatekeeper-snapshot"
_HOUSE = {
    "pack": "house",
    "policies": [
        {
            "id": "no-remarks",
            "title": "A column called remark",
            "severity": "error",
            "for": "columns",
            "forbid": "column_name = 'remark'",
            "message": "{{ column }} is called remark.",
            "why": "Remarks belong into their own table.",
        }
    ],
}


def test_opened_mended_and_left_alone(pull: PullRequest, github: FakeGitHub) -> None:
    pull.workflow("one-job.yml")
    pull.app.revision("0002", DROP)
    head = pull.push()
    opened = pull.opened()
    assert not opened.passed, opened.log
    (comment,) = github.comments
    number = comment["id"]
    assert "blocked by 1 error" in comment["body"]
    assert head[:12] in comment["body"]
    assert "public.orders.note" in opened.summary
    assert "file=migrations/versions/0002.py,line=11" in "".join(opened.errors())
    assert github.requests == [f"GET {_COMMENTS}", f"POST {_COMMENTS}"]

    pull.resume()
    pull.app.last = "0001"
    pull.app.revision("0002", ADD)
    pull.push()
    mended = pull.opened()
    assert mended.passed, mended.log
    assert [c["id"] for c in github.comments] == [number]
    assert "passed" in github.bodies()[0]
    assert "Resolved" in github.bodies()[0]

    github.requests.clear()
    again = pull.opened()
    assert again.passed, again.log
    assert github.requests == [f"GET {_COMMENTS}"]


def test_two_heads_that_meet_in_the_queue(pull: PullRequest, github: FakeGitHub) -> None:
    pull.workflow("one-job.yml")
    pull.app.revision("0002_ours", ADD)
    pull.app.commit()
    pull.app.git("checkout", "--quiet", "-B", "queue", "main")
    other = "op.execute('CREATE TABLE others (id bigint PRIMARY KEY)')"
    pull.app.revision("0002_theirs", other, parent="0001")
    base = pull.app.commit()
    pull.app.git("merge", "--quiet", "--no-ff", "--message", "merge", "feature")
    payload = deepcopy(PAYLOADS["merge_group"])
    payload["merge_group"] |= {"base_sha": base, "head_sha": pull.app.git("rev-parse", "HEAD")}
    ran = pull.act("merge_group", payload)
    assert not ran.passed
    assert ran.outputs["verdict"] == "blocked", ran.log
    assert base[:12] in ran.summary
    assert "multiple-heads" in ran.summary
    assert "public.others" not in ran.summary  # has been judged in its own turn
    assert github.requests == []


def test_a_fork_is_judged_without_and_told_by_another_workflow(
    pull: PullRequest, github: FakeGitHub
) -> None:
    pull.is_fork, github.read_only = True, True
    pull.workflow("two-jobs.yml")
    pull.workflow("fork-report.yml")
    pull.app.revision("0002", DROP)
    head = pull.push()
    judged = pull.opened()
    assert not judged.passed
    assert "blocked by 1 error" in judged.summary, judged.log
    assert "pull-requests: write" in judged.log
    assert github.comments == []

    github.read_only = False
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(pull.artifact(_SNAPSHOT), f"{_SNAPSHOT}.json")
    github.has_artifact(_SNAPSHOT, stream.getvalue())
    github.pulls = [pull.payload()]
    payload = deepcopy(PAYLOADS["workflow_run"])
    run = payload["workflow_run"]
    run["head_repository"]["full_name"] = "mallory/shop"
    run |= {"path": ".github/workflows/gatekeeper.yml", "event": "pull_request"}
    run |= {"id": 5, "head_sha": head, "head_branch": "feature"}
    github.runs = {5: run}
    pull.app.git("checkout", "--quiet", "main")
    told = pull.act("workflow_run", payload)
    assert told.passed, told.log
    (body,) = github.bodies()
    assert "blocked by 1 error" in body
    assert "public.orders.note" in body


def test_two_jobs_when_all_is_well(pull: PullRequest, github: FakeGitHub) -> None:
    pull.workflow("two-jobs.yml")
    pull.app.revision("0002", ADD)
    pull.push()
    ran = pull.opened()
    assert ran.passed, ran.log
    assert "passed" in ran.summary
    assert github.comments == []


def test_what_cannot_be_run_is_not_passed(pull: PullRequest, github: FakeGitHub) -> None:
    pull.workflow("two-jobs.yml")
    pull.app.write("alembic.ini", "[alembic]\n")
    pull.push()
    ran = pull.opened()
    assert not ran.passed
    assert "error: the migrations cannot be loaded" in ran.log
    assert any("taken no snapshot" in line for line in ran.errors()), ran.log
    assert "Failure - Main The migrations must have run" in ran.log  # the check that is required
    assert github.requests == []


def test_a_dry_run_says_and_does_nothing(pull: PullRequest, github: FakeGitHub) -> None:
    pull.workflow(
        "one-job.yml",
        **{"dry-run": "true", "sarif": "true", "html": "true", "comment": "always"},
    )
    pull.app.revision("0002", DROP)
    pull.push()
    ran = pull.opened()
    assert ran.passed, ran.log
    assert ran.outputs["verdict"] == "blocked"
    assert ran.outputs["findings"] == "1"
    assert ran.outputs["sarif"].endswith("/gatekeeper.sarif")
    assert ran.outputs["html"].endswith("/gatekeeper.html")
    assert github.requests == []


def test_policies_are_tried_on_the_past(pull: PullRequest, github: FakeGitHub) -> None:
    pull.workflow("dry-run.yml")
    pull.app.write("house/house.yml", json.dumps(_HOUSE))
    pull.app.revision("0002", ADD)
    pull.app.revision("0003", DROP)
    pull.app.commit()
    payload = deepcopy(PAYLOADS["workflow_dispatch"])
    payload["inputs"] = {"ref": "feature", "policies": "house/house.yml", "last": "2"}
    ran = pull.act("workflow_dispatch", payload)
    assert ran.passed, ran.log
    for found in ("no-remarks", "public.orders.remark", "column-dropped", "0003"):
        assert found in ran.summary, ran.log
    assert github.requests == []


def test_a_mode_that_there_is_not(pull: PullRequest, github: FakeGitHub) -> None:
    pull.workflow("one-job.yml", mode="chek")
    pull.push()
    ran = pull.opened()
    assert not ran.passed
    assert any("chek is none of check, snapshot, judge, report" in e for e in ran.errors())
    assert github.requests == []


def test_packs_and_paths_of_the_inputs(pull: PullRequest, github: FakeGitHub) -> None:
    pull.app.git("checkout", "--quiet", "main")
    pull.app.write("house.yml", json.dumps(_HOUSE))
    pull.app.commit()
    pull.resume()
    pull.workflow("one-job.yml", packs="recommended\n./house.yml\n", comment="off")
    pull.app.revision("0002", ADD)
    pull.push()
    ran = pull.opened()
    assert not ran.passed
    assert "no-remarks" in ran.summary, ran.log
    assert github.requests == []
