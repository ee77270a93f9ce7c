"""The snapshot of a fork: where it comes from is GitHub's word, and what is in it is only data."""

import io
import json
import zipfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.errors import GatekeeperError
from gatekeeper.github.errors import PublishError
from gatekeeper.github.event import PullRequest, Run, WorkflowRun
from gatekeeper.github.other_run import download_snapshot, pull_request_of
from tests.github.conftest import MakeClient
from tests.github.fake import FakeGitHub, Fault

_PAYLOADS = json.loads(Path(__file__).with_name("payloads.json").read_text("utf-8"))
_HEAD = "e" * 40
_RUN = Run("acme/shop", 99, 1, "workflow_run", "d" * 40)
_FILE = ".github/workflows/gatekeeper.yml"
_OTHER = WorkflowRun(
    "acme/shop", 5, 1, "pull_request", "success", _FILE, _HEAD, "work", "mallory/shop"
)


@pytest.fixture
def fork(github: FakeGitHub) -> FakeGitHub:
    """A pull request from a fork, and a run of its newest commit that has ended."""
    pull = deepcopy(_PAYLOADS["pull_request"]["pull_request"])
    pull["base"]["repo"]["full_name"] = "acme/shop"
    pull["head"]["repo"]["full_name"] = "mallory/shop"
    pull["head"]["repo"]["owner"]["login"] = "mallory"
    pull["head"] |= {"sha": _HEAD, "ref": "work"}
    github.pulls = [pull]
    run = deepcopy(_PAYLOADS["workflow_run"]["workflow_run"])
    run["head_repository"]["full_name"] = "mallory/shop"
    run |= {
        "id": 5,
        "path": _FILE,
        "event": "pull_request",
        "head_sha": _HEAD,
        "head_branch": "work",
    }
    github.runs = {5: run}
    return github


def _packed(*files: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return stream.getvalue()


def test_the_pull_request_is_found_by_what_github_says(
    fork: FakeGitHub, client: MakeClient
) -> None:
    pull = pull_request_of(client(), _RUN, _OTHER, _FILE)
    assert isinstance(pull, PullRequest)
    assert (pull.number, pull.head_sha, pull.is_fork) == (2, _HEAD, True)


def test_the_workflow_may_be_named_with_its_ref(fork: FakeGitHub, client: MakeClient) -> None:
    fork.runs[5]["path"] = f"{_FILE}@refs/heads/main"
    assert pull_request_of(client(), _RUN, _OTHER, _FILE).number == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"path": ".github/workflows/evil.yml"},
        {"path": None},
        {"event": "push"},
        {"event": "pull_request_target"},
        {"head_sha": "f" * 40},
        {"head_branch": "other"},
        {"head_repository": None},
        {"head_repository": {"full_name": "somebody/shop"}},
    ],
)
def test_a_run_of_anything_else_is_not_reported(
    fork: FakeGitHub, client: MakeClient, changed: dict[str, Any]
) -> None:
    fork.runs[5] |= changed
    with pytest.raises(PublishError, match="run 5"):
        pull_request_of(client(), _RUN, _OTHER, _FILE)


def test_a_pull_request_of_another_repository_is_refused(
    fork: FakeGitHub, client: MakeClient
) -> None:
    fork.pulls[0]["base"]["repo"]["full_name"] = "mallory/shop"
    with pytest.raises(
        GatekeeperError, match="one of mallory/shop, but the run is one of acme/shop"
    ):
        pull_request_of(client(), _RUN, _OTHER, _FILE)


def test_the_snapshot_is_unpacked_in_memory(fork: FakeGitHub, client: MakeClient) -> None:
    fork.has_artifact("snapshot", _packed(("../../etc/passwd", b'{"version": 1}')))
    made = client()
    assert download_snapshot(made, 5, "snapshot") == b'{"version": 1}'
    assert made.calls == 2


def test_of_a_run_that_was_repeated_the_newest_is_taken(
    fork: FakeGitHub, client: MakeClient
) -> None:
    for text in (b"old", b"new"):
        fork.has_artifact("snapshot", _packed(("s.json", text)))
    fork.has_artifact("snapshot", _packed(("s.json", b"gone")), expired=True)
    assert download_snapshot(client(), 5, "snapshot") == b"new"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "cannot be unpacked"),
        (b"PK\x05\x06" + b"\0" * 18, "has 0 files"),
        (_packed(("a", b""), ("b", b"")), "has 2 files"),
        (_packed(("a", b"x" * 100))[:60], "cannot be unpacked"),
        (_packed(("a", b"\0" * 50_000_001)), "larger than a snapshot ever is"),
        (b"\0" * 5_000_001, "larger than a snapshot ever is"),
    ],
)
def test_what_is_no_snapshot_is_refused(
    fork: FakeGitHub, client: MakeClient, data: bytes, said: str
) -> None:
    fork.has_artifact("snapshot", data, size_in_bytes=1)
    with pytest.raises(PublishError, match=said):
        download_snapshot(client(), 5, "snapshot")


def test_a_size_that_is_a_lie_is_found_out(fork: FakeGitHub, client: MakeClient) -> None:
    packed = bytearray(_packed(("a", b"\0" * 50_000_001)))
    for at in (packed.find(b"PK\x03\x04") + 22, packed.find(b"PK\x01\x02") + 24):
        packed[at : at + 4] = (100).to_bytes(4, "little")
    fork.has_artifact("snapshot", bytes(packed))
    with pytest.raises(PublishError, match=r"cannot be unpacked|larger than"):
        download_snapshot(client(), 5, "snapshot")


def test_a_size_that_github_knows_to_be_too_large_is_not_fetched(
    fork: FakeGitHub, client: MakeClient
) -> None:
    fork.has_artifact("snapshot", _packed(("a", b"x")), size_in_bytes=5_000_001)
    made = client()
    with pytest.raises(PublishError, match="larger than"):
        download_snapshot(made, 5, "snapshot")
    assert made.calls == 1


def test_no_snapshot_is_told(fork: FakeGitHub, client: MakeClient) -> None:
    fork.has_artifact("coverage", b"")
    with pytest.raises(PublishError, match="run 5 has no artifact snapshot"):
        download_snapshot(client(), 5, "snapshot")


@pytest.mark.parametrize("where", ["http://storage.example/x?sig=secret", "", "file:///etc/passwd"])
def test_a_storage_without_encryption_is_not_asked(
    fork: FakeGitHub, client: MakeClient, where: str
) -> None:
    fork.has_artifact("snapshot", _packed(("a", b"x")))
    fork.faults = [Fault(path="/zip", answer=(302, {"Location": where}, None))]
    with pytest.raises(PublishError, match="its address is not https") as caught:
        download_snapshot(client(), 5, "snapshot")
    assert "secret" not in caught.value.message


def test_a_storage_that_is_not_there_is_told(fork: FakeGitHub, client: MakeClient) -> None:
    fork.has_artifact("snapshot", _packed(("a", b"x")))
    where = {"Location": "http://127.0.0.1:1/x?sig=secret"}
    fork.faults = [Fault(path="/zip", answer=(302, where, None))]
    with pytest.raises(PublishError, match="could not download the snapshot") as caught:
        download_snapshot(client(), 5, "snapshot")
    assert "secret" not in caught.value.message
