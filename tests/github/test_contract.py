"""GitHub's description catches what GitHub would refuse; without that the fake proves nothing."""

import json
from typing import Any

import pytest

from tests.github import objects
from tests.github.contract import mistakes

_REPOSITORY = "/repos/acme/shop"
_CHECK = {"name": "x", "head_sha": "a" * 40}
_ANNOTATION = {
    "path": "x", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m",
}  # fmt: skip


def _request(verb: str, path: str, body: Any = None, **query: str) -> str:
    return mistakes(
        verb, _REPOSITORY + path, query, b"" if body is None else json.dumps(body).encode()
    )


def _check(**output: Any) -> dict[str, Any]:
    return _CHECK | {"output": {"title": "t", "summary": "s"} | output}


def test_what_is_right_passes() -> None:
    assert _request("GET", "/issues/7/comments", per_page="100", page="2") == ""
    assert _request("POST", "/issues/7/comments", {"body": "x"}) == ""
    assert _request("POST", "/check-runs", _check(annotations=[_ANNOTATION] * 50)) == ""
    assert _request("DELETE", "/issues/comments/3000000001") == ""


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("POST", "/issues/7/comments", {}),
        ("POST", "/issues/7/comments", {"body": 7}),
        ("POST", "/issues/seven/comments", {"body": "x"}),
        ("PUT", "/issues/7/comments", {"body": "x"}),
        ("GET", "/issues/7/nothing", None),
        ("POST", "/check-runs", {"name": "x"}),
        ("POST", "/check-runs", _CHECK | {"conclusion": "fine"}),
        ("POST", "/check-runs", _CHECK | {"output": {"title": "t"}}),
        ("POST", "/check-runs", _check(summary="x" * 65_536)),
        ("POST", "/check-runs", _check(annotations=[_ANNOTATION] * 51)),
        ("POST", "/check-runs", _check(annotations=[_ANNOTATION | {"annotation_level": "error"}])),
        ("POST", "/pulls/7/reviews", {"event": "REJECT"}),
        ("POST", "/pulls/7/reviews", {"event": "COMMENT", "comments": [{"path": "x"}]}),
    ],
)
def test_what_is_wrong_does_not(verb: str, path: str, body: Any) -> None:
    assert _request(verb, path, body) != ""


def test_an_answer_must_be_as_described() -> None:
    path = f"{_REPOSITORY}/issues/7/comments"
    right = objects.comment("https://api.github.com", 1, "x", objects.account("a", "User"))
    assert mistakes("GET", path, {}, b"", 200, [right]) == ""
    assert mistakes("GET", path, {}, b"", 200, [right | {"id": "1"}]) != ""
    assert mistakes("GET", path, {}, b"", 200, right) != ""
    del right["created_at"]
    assert mistakes("GET", path, {}, b"", 200, [right]) != ""
