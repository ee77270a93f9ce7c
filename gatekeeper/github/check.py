"""A check run of our own, for its annotations. It is no required check: the job itself is that."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gatekeeper.github.annotations import Annotation
from gatekeeper.github.client import Client, Task, Values
from gatekeeper.github.errors import PublishError, UnsureError

_PERMISSION = "checks: write"
_CREATE = Task("create the check run", _PERMISSION)
_UPDATE = Task("add annotations to the check run", _PERMISSION)
_READ = Task("read the check run", _PERMISSION)
_CONCLUDE = Task("conclude the check run", _PERMISSION)
_BATCH = 50  # annotations that GitHub takes at once
_TRIES = 3
_CONCLUSIONS = {"passed": "success", "blocked": "failure", "undecided": "failure"}


@dataclass(frozen=True, slots=True)
class Check:
    """A check run to be. `id` identifies the run that makes it, among all of this name."""

    name: str
    id: str
    head_sha: str
    verdict: str
    title: str
    summary: str
    url: str = ""
    annotations: Sequence[Annotation] = ()


def publish_check(client: Client, check: Check) -> str:
    """Make the check run, fifty annotations a request. Give its address. Raises PublishError."""
    batches = [
        [a.of_check() for a in check.annotations[start : start + _BATCH]]
        for start in range(0, max(1, len(check.annotations)), _BATCH)
    ]
    end = {"status": "completed", "conclusion": _CONCLUSIONS[check.verdict]}
    state = end if len(batches) == 1 else {"status": "in_progress"}
    made = _create(client, check, _output(check, batches[0]) | state)
    path = f"/check-runs/{made.get('id')}"
    try:
        for number, batch in enumerate(batches[1:], start=2):
            state = end if number == len(batches) else {}
            _append(
                client,
                path,
                _output(check, batch) | state,
                min(len(check.annotations), number * _BATCH),
            )
    except PublishError:
        # Without an end it would turn for ever, and the verdict is known.
        client.patch(_CONCLUDE, path, end)
        raise
    return str(made.get("html_url") or "")


def _output(check: Check, batch: list[dict[str, str | int]]) -> dict[str, Any]:
    return {"output": {"title": check.title, "summary": check.summary, "annotations": batch}}


def _create(client: Client, check: Check, body: Values) -> Values:
    named = {"name": check.name, "head_sha": check.head_sha, "external_id": check.id}
    where = {"details_url": check.url} if check.url else {}
    lost: UnsureError | None = None
    for _ in range(_TRIES):
        if lost is not None and (made := _made(client, check)):
            return made
        try:
            return client.post(_CREATE, "/check-runs", named | where | dict(body))
        except UnsureError as error:
            lost = error
            if not client.budget.wait(1.0):
                break
    raise lost or PublishError(f"could not {_CREATE.doing}")


def _made(client: Client, check: Check) -> Values | None:
    """Find the check run that a lost answer may have been about."""
    path = f"/commits/{check.head_sha}/check-runs"
    listed = client.pages(_READ, path, "check_runs", check_name=check.name)
    return next((run for run in listed if run.get("external_id") == check.id), None)


def _append(client: Client, path: str, body: Values, expected: int) -> None:
    """Add annotations; GitHub appends, so they must not be sent twice. `expected`: then there."""
    lost: UnsureError | None = None
    for _ in range(_TRIES):
        try:
            client.patch(_UPDATE, path, body, once=True)
        except UnsureError as error:
            lost = error
            if not client.budget.wait(1.0):
                break
            output = client.get(_READ, path).get("output") or {}
            if int(output.get("annotations_count") or 0) < expected:
                continue
        return
    raise lost or PublishError(f"could not {_UPDATE.doing}")
