"""The one comment on a pull request: found again, changed in place, left alone when it is right."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gatekeeper.github.author import Written, ours
from gatekeeper.github.client import Client, Task, Values
from gatekeeper.github.errors import PublishError, UnsureError
from gatekeeper.github.marker import Marker, read_marker

_PERMISSION = "pull-requests: write"
_LIST = Task("read the comments of the pull request", _PERMISSION)
_CREATE = Task("comment on the pull request", _PERMISSION)
_UPDATE = Task("update the comment", _PERMISSION)
_DELETE = Task("delete a second comment of ours", _PERMISSION)
_LIMITS = (60_000, 20_000, 6_000)  # bytes: ours, and less if GitHub finds it too long
_TRIES = 3
_NOT_FOUND = 404
_INVALID = 422
_FOOT = "<sub>"

Render = Callable[[tuple[str, ...], int], str]


@dataclass(frozen=True, slots=True)
class Draft:
    """A comment to be.

    `render` gives its text from the fingerprints that are resolved and the most bytes it may have.
    `footer`, one line, may differ from run to run without making it another comment. Not `wanted`:
    an existing one is updated, but none is made.
    """

    marker: Marker
    render: Render
    footer: str = ""
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Published:
    """What came of it: created, updated, unchanged, outdated (a newer run wrote it), unneeded."""

    action: str
    url: str = ""
    problems: tuple[PublishError, ...] = ()


def publish_comment(client: Client, number: int, draft: Draft) -> Published:
    """Bring the comment up to date, in two requests, or one when it is.

    Raises PublishError. When the answer to a write is lost, the comments are read again before
    anything else is written.
    """
    lost: UnsureError | None = None
    for _ in range(_TRIES):
        try:
            done = _publish(client, number, draft)
        except UnsureError as error:
            lost = error
            if not client.budget.wait(1.0):
                break
        else:
            return replace(done, action="created") if lost and done.action == "unchanged" else done
    raise lost or PublishError(f"could not {_CREATE.doing}")


def _publish(client: Client, number: int, draft: Draft) -> Published:
    existing = _find(client, number, draft.marker.key)
    if not existing:
        if not draft.wanted:
            return Published("unneeded")
        return _create(client, number, draft)
    markers = [marker for marker, _ in existing]
    first = existing[0][1]
    if max(m.order for m in markers) > draft.marker.order:
        return Published("outdated", first.url)
    earlier = [w for m in markers for w in (*m.resolved, *m.findings)]
    resolved = tuple(w for w in dict.fromkeys(earlier) if w not in draft.marker.findings)
    done = _update(client, first, draft, resolved)
    return replace(done, problems=_delete(client, [comment for _, comment in existing[1:]]))


def _find(client: Client, number: int, key: str) -> list[tuple[Marker, Written]]:
    """Find our comments, the oldest first. There are several only after two runs raced."""
    listed = [Written.of(v) for v in client.pages(_LIST, f"/issues/{number}/comments")]
    marked = {c.id: m for c in listed if (m := read_marker(c.body)) and m.key == key}
    mine = ours(client, [c for c in listed if c.id in marked])
    return [(marked[c.id], c) for c in sorted(mine, key=lambda c: c.id)]


def _create(client: Client, number: int, draft: Draft) -> Published:
    path = f"/issues/{number}/comments"
    made = _fitting(draft, (), lambda body: client.post(_CREATE, path, {"body": body}))
    return Published("created", Written.of(made).url)


def _update(client: Client, comment: Written, draft: Draft, resolved: tuple[str, ...]) -> Published:
    if _said(comment.body) == _said(_body(draft, resolved, _LIMITS[0])):
        return Published("unchanged", comment.url)
    path = f"/issues/comments/{comment.id}"
    try:
        _fitting(draft, resolved, lambda body: client.patch(_UPDATE, path, {"body": body}))
    except PublishError as error:
        if error.status == _NOT_FOUND:  # deleted a moment ago
            raise UnsureError(error.message, error.hint, status=_NOT_FOUND) from None
        raise
    return Published("updated", comment.url)


def _fitting(draft: Draft, resolved: tuple[str, ...], write: Callable[[str], Values]) -> Values:
    """Write the longest text that GitHub does not find too long."""
    for limit in _LIMITS[:-1]:
        try:
            return write(_body(draft, resolved, limit))
        except PublishError as error:
            if error.status != _INVALID or "too long" not in error.message.lower():
                raise
    return write(_body(draft, resolved, _LIMITS[-1]))


def _delete(client: Client, extra: list[Written]) -> tuple[PublishError, ...]:
    problems = []
    for comment in extra:
        try:
            client.delete(_DELETE, f"/issues/comments/{comment.id}")
        except PublishError as error:
            if error.status != _NOT_FOUND:
                problems.append(error)
    return tuple(problems)


def _body(draft: Draft, resolved: tuple[str, ...], limit: int) -> str:
    marker = replace(draft.marker, resolved=resolved).line()
    room = limit - len(marker) - len(draft.footer.encode()) - len("\n\n\n\n")
    parts = [f"{marker}\n{draft.render(resolved, room).strip()}"]
    return "\n\n".join([*parts, draft.footer] if draft.footer else parts) + "\n"


def _said(body: str) -> str:
    """Give what people read: neither the marker nor the footer, whose link names a run."""
    lines = body.replace("\r\n", "\n").rstrip().split("\n")[1:]
    if lines and lines[-1].startswith(_FOOT):
        lines.pop()
    return "\n".join(lines).strip()
