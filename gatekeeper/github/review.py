"""Findings on the lines of the diff: one review for a head commit, and nothing said twice."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gatekeeper.github.annotations import level_of
from gatekeeper.github.author import Written, ours
from gatekeeper.github.client import Client, Task, Values
from gatekeeper.github.diff import Line, head_lines
from gatekeeper.github.errors import UnsureError
from gatekeeper.github.suggest import suggestion
from gatekeeper.policy.model import Finding
from gatekeeper.report.escape import fence
from gatekeeper.report.links import inside
from gatekeeper.report.markdown import ICONS
from gatekeeper.report.view import counted, instead, message_markdown

MOST = 30  # comments of a review; more at once count as abuse
_PERMISSION = "pull-requests: write"
_LIST = Task("read the comments on lines", _PERMISSION)
_FILES = Task("read the files of the pull request", "pull-requests: read")
_CREATE = Task("comment on lines of the pull request", _PERMISSION)
_TRIES = 3
_MARKER = re.compile(r"<!-- gatekeeper:finding((?: GK-[0-9a-f]{10}){1,50}) -->")
_RANK = {"error": 0, "warning": 1, "notice": 2}


@dataclass(frozen=True, slots=True)
class Remark:
    """What is said on one line."""

    path: str
    line: int
    findings: tuple[Finding, ...]
    better: str | None = None  # the line as it should be

    def of_review(self) -> dict[str, object]:
        return {"path": self.path, "line": self.line, "side": "RIGHT", "body": self._body()}

    def _body(self) -> str:
        marks = " ".join(f.fingerprint for f in self.findings)
        parts = [f"<!-- gatekeeper:finding {marks} -->"]
        for finding in self.findings:
            head = f"{ICONS[level_of(finding)]} **{finding.policy.id}**"
            parts.append(f"{head}: {message_markdown(finding)} {finding.policy.why.strip()}")
            if self.better is None and (advice := instead(finding)):
                parts.append(_folded("What to write instead", fence(advice, "sql")))
        if self.better is not None:
            parts.append(fence(self.better, "suggestion"))
        return "\n\n".join(parts)


def publish_review(
    client: Client, number: int, head_sha: str, findings: Sequence[Finding]
) -> tuple[str, str]:
    """Comment on lines: give what was done (created, unchanged, outdated, unneeded), and where.

    Raises PublishError.
    """
    placed = [f for f in findings if inside(f.values.get("file")) and f.values.get("line")]
    lost: UnsureError | None = None
    for _ in range(_TRIES if placed else 0):
        try:
            done = _publish(client, number, head_sha, placed)
        except UnsureError as error:
            lost = error
            if not client.budget.wait(1.0):
                break
        else:
            return ("created", done[1]) if lost and done[0] == "unchanged" else done
    if lost is not None:
        raise lost
    return "unneeded", ""


def _publish(
    client: Client, number: int, head_sha: str, placed: Sequence[Finding]
) -> tuple[str, str]:
    existing = _existing(client, number)
    if any(comment.commit == head_sha for comment in existing):
        return "unchanged", ""
    said = {w for c in existing if c.is_shown for w in _fingerprints(c.body)}
    files = _files(client, number, {str(f.values["file"]) for f in placed}, head_sha)
    if files is None:
        return "outdated", ""
    remarks = gathered([f for f in placed if f.fingerprint not in said], files)
    if not remarks:
        return "unneeded", ""
    body = {
        "commit_id": head_sha,
        "event": "COMMENT",
        "body": _introduction(remarks),
        "comments": [remark.of_review() for remark in remarks[:MOST]],
    }
    made = client.post(_CREATE, f"/pulls/{number}/reviews", body)
    return "created", str(made.get("html_url") or "")


def gathered(findings: Sequence[Finding], files: Mapping[str, Mapping[int, Line]]) -> list[Remark]:
    """Put the findings on the lines of the diff, those of one line together, the worst first."""
    places: dict[tuple[str, int, str | None], list[Finding]] = {}
    for finding in sorted(findings, key=lambda f: (not f.blocks, _RANK[f.severity])):
        path, line = str(finding.values["file"]), int(finding.values["line"])
        lines = files.get(path, {})
        better = suggestion(finding, lines)
        if better is not None:
            places.setdefault((path, *better), []).append(finding)
        elif line in lines:
            places.setdefault((path, line, None), []).append(finding)
    return [Remark(p, n, tuple(group[:50]), text) for (p, n, text), group in places.items()]


def _existing(client: Client, number: int) -> list[Written]:
    listed = [Written.of(v) for v in client.pages(_LIST, f"/pulls/{number}/comments")]
    return ours(client, [c for c in listed if _fingerprints(c.body)])


def _fingerprints(body: str) -> list[str]:
    found = _MARKER.fullmatch(body.partition("\n")[0].rstrip("\r"))
    return found[1].split() if found else []


def _files(
    client: Client, number: int, wanted: set[str], head_sha: str
) -> dict[str, dict[int, Line]] | None:
    """Give the commentable lines of the files, or None when a newer commit was pushed meanwhile."""
    files: dict[str, dict[int, Line]] = {}
    for file in client.pages(_FILES, f"/pulls/{number}/files"):
        name = str(file.get("filename"))
        if name in wanted and isinstance(file.get("patch"), str):
            if not _is_of(file, head_sha):
                return None
            files[name] = head_lines(str(file["patch"]))
    return files


def _is_of(file: Values, head_sha: str) -> bool:
    """Say whether the list is of this commit; lines of another one would be other lines."""
    return str(file.get("contents_url")).endswith(f"ref={head_sha}")


def _introduction(remarks: Sequence[Remark]) -> str:
    count = sum(len(remark.findings) for remark in remarks[:MOST])
    left = sum(len(remark.findings) for remark in remarks[MOST:])
    more = f" {left} more are in the report." if left else ""
    return f"Gatekeeper: {counted(count, 'finding')} on lines of this pull request.{more}"


def _folded(title: str, text: str) -> str:
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>"
