"""Objects as GitHub answers with them."""

from typing import Any

WHEN = "2026-01-02T03:04:05Z"


def account(login: str, kind: str) -> dict[str, Any]:
    home = f"https://api.github.com/users/{login}"
    links = (
        "followers",
        "following",
        "gists",
        "starred",
        "subscriptions",
        "organizations",
        "repos",
    )
    urls = {f"{name}_url": f"{home}/{name}" for name in (*links, "events", "received_events")}
    return urls | {
        "login": login, "id": len(login), "node_id": "x", "type": kind, "site_admin": False,
        "avatar_url": home, "gravatar_id": "", "url": home, "html_url": home,
    }  # fmt: skip


def comment(url: str, number: int, body: str, user: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": number, "node_id": "x", "url": f"{url}/issues/comments/{number}", "body": body,
        "html_url": f"https://github.com/acme/shop/pull/7#issuecomment-{number}", "user": user,
        "issue_url": f"{url}/issues/7", "created_at": WHEN, "updated_at": WHEN,
        "author_association": "NONE", "performed_via_github_app": None,
    }  # fmt: skip


def check_run(url: str, number: int, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": number, "node_id": "x", "name": body["name"], "head_sha": body["head_sha"],
        "external_id": body.get("external_id"), "url": f"{url}/check-runs/{number}",
        "html_url": f"https://github.com/acme/shop/runs/{number}",
        "details_url": body.get("details_url"), "status": "queued", "conclusion": None,
        "started_at": WHEN, "completed_at": None, "check_suite": None, "app": None,
        "pull_requests": [],
        "output": {"title": None, "summary": None, "text": None, "annotations_count": 0,
                   "annotations_url": f"{url}/check-runs/{number}/annotations"},
    }  # fmt: skip


def changed_file(url: str, name: str, patch: str | None, head: str) -> dict[str, Any]:
    values = {
        "sha": "a" * 40, "filename": name, "status": "added", "additions": 1, "deletions": 0,
        "changes": 1, "blob_url": url, "raw_url": url,
        "contents_url": f"{url}/contents/{name}?ref={head}",
    }  # fmt: skip
    return values if patch is None else values | {"patch": patch}


def review(
    url: str, number: int, body: dict[str, Any], user: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "id": number, "node_id": "x", "user": user, "body": body["body"], "state": "COMMENTED",
        "commit_id": body["commit_id"], "pull_request_url": f"{url}/pulls/7",
        "html_url": f"https://github.com/acme/shop/pull/7#pullrequestreview-{number}",
        "author_association": "NONE", "submitted_at": WHEN,
        "_links": {"html": {"href": url}, "pull_request": {"href": url}},
    }  # fmt: skip


def line_comment(
    url: str, number: int, said: dict[str, Any], commit: str, user: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": number, "node_id": "x", "url": f"{url}/pulls/comments/{number}", "user": user,
        "pull_request_review_id": number, "diff_hunk": "@@", "path": said["path"],
        "line": said["line"], "side": said.get("side", "RIGHT"), "body": said["body"],
        "commit_id": commit, "original_commit_id": commit, "created_at": WHEN, "updated_at": WHEN,
        "html_url": url, "pull_request_url": f"{url}/pulls/7", "author_association": "NONE",
        "_links": {"self": {"href": url}, "html": {"href": url}, "pull_request": {"href": url}},
    }  # fmt: skip


def artifact(url: str, number: int, name: str, size: int) -> dict[str, Any]:
    return {
        "id": number, "node_id": "x", "name": name, "size_in_bytes": size, "expired": False,
        "url": url, "archive_download_url": f"{url}/actions/artifacts/{number}/zip",
        "created_at": WHEN, "expires_at": WHEN, "updated_at": WHEN,
    }  # fmt: skip
