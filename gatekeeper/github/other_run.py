"""What a run of a fork left behind: read as data, whose origin GitHub vouches for, not the fork.

A workflow under workflow_run has a token that can write. It reads one file of the other run and
asks GitHub itself for the rest: which workflow that was, for which commit of which pull request.
"""

import io
import re
import zipfile
from urllib.parse import urlsplit

import requests

from gatekeeper.github.client import LOOPBACK, Client, Task, Values, within
from gatekeeper.github.errors import PublishError
from gatekeeper.github.event import MergeGroup, PullRequest, Run, WorkflowRun, parse_event

_RUN = Task("read the other run", "actions: read")
_PULLS = Task("find the pull request", "pull-requests: read")
_FILES = Task("read the files of the pull request", "pull-requests: read")
_ARTIFACTS = Task("find the snapshot of the other run", "actions: read")
_DOWNLOAD = Task("download the snapshot of the other run", "actions: read")
# How GitHub names what it would merge: refs/heads/gh-readonly-queue/main/pr-104-929f82…
_QUEUED = re.compile(r"/pr-([0-9]{1,18})-[0-9a-f]{40,64}\Z")
_MOST_PACKED = 5_000_000  # bytes
_MOST_UNPACKED = 50_000_000
_CHUNK = 65_536


def pull_request_of(client: Client, run: Run, other: WorkflowRun, workflow: str) -> PullRequest:
    """Give the pull request that the other run was for; `workflow` is the file it must come from.

    Raises PublishError when the run is none of that workflow, or no longer of the newest commit.
    """
    found = client.get(_RUN, f"/actions/runs/{other.id}")
    path = str(found.get("path") or "").partition("@")[0]
    if path != workflow or found.get("event") != "pull_request":
        raise PublishError(
            f"run {other.id} is one of {path} under {found.get('event')}, and not of {workflow}"
            " under pull_request",
            "Name the workflow that makes the snapshot, in `workflows:` and in the inputs.",
        )
    owner = str(_inner(found, "head_repository").get("full_name") or "").partition("/")[0]
    head = f"{owner}:{found.get('head_branch')}"
    for pull in client.pages(_PULLS, "/pulls", head=head, state="open"):
        if _inner(pull, "head").get("sha") == found.get("head_sha"):
            return _parsed(run, pull)
    raise PublishError(
        f"the commit {found.get('head_sha')} of run {other.id} is the head of no open pull request",
        "There is a newer commit, whose own run is reported when it has ended.",
    )


def queued_pull(client: Client, run: Run, group: MergeGroup) -> PullRequest:
    """Give the pull request that a merge queue would merge next: its reviews are what counts.

    Raises PublishError when GitHub does not list it among the open ones.
    """
    found = _QUEUED.search(group.head_ref)
    if found is not None:
        base = group.base_ref.removeprefix("refs/heads/")
        for pull in client.pages(_PULLS, "/pulls", base=base, state="open"):
            if pull.get("number") == int(found[1]):
                return _parsed(run, pull)
    raise PublishError(f"could not {_PULLS.doing}: {group.head_ref} names none that is open")


def download_snapshot(client: Client, run_id: int, name: str) -> bytes:
    """Give the one file of the newest artifact of that name, unpacked in memory.

    Raises PublishError when it is not there or larger than any snapshot.
    """
    path = f"/actions/runs/{run_id}/artifacts"
    listed = client.pages(_ARTIFACTS, path, "artifacts", name=name)
    usable = [a for a in listed if a.get("name") == name and not a.get("expired")]
    if not usable:
        raise PublishError(
            f"run {run_id} has no artifact {name}", "Did the job that makes it end well?"
        )
    newest = max(
        usable, key=lambda a: int(a.get("id") or 0)
    )  # a run that is repeated makes another
    if int(newest.get("size_in_bytes") or 0) > _MOST_PACKED:
        raise _too_large(name)
    where = client.location(_DOWNLOAD, f"/actions/artifacts/{newest.get('id')}/zip")
    data = within(max(0.0, client.budget.left()), lambda: _downloaded(where, name))
    return _unpacked(data, name)


def changed_files(client: Client, number: int) -> list[str]:
    """Give the files that a pull request changes, under their old names, too.

    GitHub lists no more than 3,000.
    """
    found = client.pages(_FILES, f"/pulls/{number}/files")
    names = [(entry.get("filename"), entry.get("previous_filename")) for entry in found]
    return [name for pair in names for name in pair if isinstance(name, str)]


def _inner(values: Values, key: str) -> Values:
    value = values.get(key)
    return value if isinstance(value, dict) else {}


def _parsed(run: Run, pull: Values) -> PullRequest:
    """Read the pull request as strictly as a payload."""
    as_event = Run(run.repository, run.id, run.attempt, "pull_request", run.sha)
    found = parse_event(as_event, {"pull_request": pull})
    if not isinstance(found, PullRequest):
        raise PublishError(f"could not {_PULLS.doing}: the answer is none that GitHub gives")
    return found


def _downloaded(url: str, name: str) -> bytes:
    """Fetch from the storage that GitHub names; it is somebody else's and gets no token."""
    address = urlsplit(url)
    if address.scheme != "https" and address.hostname not in LOOPBACK:
        raise PublishError(f"could not {_DOWNLOAD.doing}: its address is not https")
    data = b""
    try:
        with requests.get(url, stream=True, timeout=15, allow_redirects=False) as answer:
            if answer.status_code != requests.codes.ok:
                raise PublishError(f"could not {_DOWNLOAD.doing}: {answer.status_code}")
            for chunk in answer.iter_content(_CHUNK):
                data += chunk
                if len(data) > _MOST_PACKED:
                    raise _too_large(name)
    except (
        requests.RequestException
    ) as error:  # its message holds the address, a secret for a while
        raise PublishError(f"could not {_DOWNLOAD.doing}: {type(error).__name__}") from None
    return data


def _unpacked(data: bytes, name: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) != 1:
                raise PublishError(f"the artifact {name} has {len(members)} files, and not one")
            with archive.open(members[0]) as file:
                content = file.read(_MOST_UNPACKED + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise PublishError(f"the artifact {name} cannot be unpacked: {error}") from error
    if len(content) > _MOST_UNPACKED:
        raise _too_large(name)
    return content


def _too_large(name: str) -> PublishError:
    return PublishError(f"the artifact {name} is larger than a snapshot ever is")
