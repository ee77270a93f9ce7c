"""Makes openapi.json and payloads.json: GitHub's own documents, cut down to what we use.

    npm pack @octokit/openapi@23.0.2 @octokit/webhooks-examples@7.6.1      and unpack both
    python tests/github/trim.py openapi package/generated/api.github.com.json
    python tests/github/trim.py payloads package/api.github.com/index.json

Both packages are GitHub's, under the MIT licence (octokit.LICENSE). Texts and examples go; nothing
that says what is valid does. The descriptions of GitHub Enterprise Server in the package (ghes-3.17
to ghes-3.19) say the same of every request: what we send is valid there, too.
"""

import json
import sys
from pathlib import Path
from typing import Any

_REPOSITORY = "/repos/{owner}/{repo}"
OPERATIONS = {
    f"{_REPOSITORY}/issues/{{issue_number}}/comments": ("get", "post"),
    f"{_REPOSITORY}/issues/comments/{{comment_id}}": ("patch", "delete"),
    f"{_REPOSITORY}/check-runs": ("post",),
    f"{_REPOSITORY}/check-runs/{{check_run_id}}": ("get", "patch"),
    f"{_REPOSITORY}/commits/{{ref}}/check-runs": ("get",),
    f"{_REPOSITORY}/pulls/{{pull_number}}/comments": ("get",),
    f"{_REPOSITORY}/pulls/{{pull_number}}/files": ("get",),
    f"{_REPOSITORY}/pulls/{{pull_number}}/reviews": ("get", "post"),
    f"{_REPOSITORY}/pulls": ("get",),
    f"{_REPOSITORY}/actions/runs/{{run_id}}": ("get",),
    f"{_REPOSITORY}/actions/runs/{{run_id}}/artifacts": ("get",),
    f"{_REPOSITORY}/actions/artifacts/{{artifact_id}}/{{archive_format}}": ("get",),
    "/orgs/{org}/teams/{team_slug}/memberships/{username}": ("get",),
}
EVENTS = ("pull_request", "merge_group", "push", "workflow_dispatch", "workflow_run")
_TEXTS = {"description", "summary", "example", "examples", "externalDocs", "tags", "title"}
_NAMED = ("properties", "schemas", "parameters", "responses", "headers", "paths", "content")


def trim(document: dict[str, Any]) -> dict[str, Any]:
    """Give the operations above, and every definition that they reach."""
    paths = {}
    for path, verbs in OPERATIONS.items():
        known = document["paths"][path]
        paths[path] = {verb: _plain(_operation(known[verb])) for verb in verbs}
    kept: dict[str, Any] = {"openapi": document["openapi"], "info": document["info"]}
    kept["info"] = {"title": document["info"]["title"], "version": document["info"]["version"]}
    kept |= {"servers": [{"url": "https://api.github.com"}], "paths": paths, "components": {}}
    wanted = _references(paths)
    while wanted:
        kind, name = wanted.pop().split("/")[2:]
        if name not in (there := kept["components"].setdefault(kind, {})):
            there[name] = _plain(document["components"][kind][name])
            wanted |= _references(there[name])
    return kept


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    """Drop the answers to failures: the fake gives those that were seen on GitHub."""
    answers = {s: a for s, a in operation["responses"].items() if s.startswith("2")}
    return operation | {"responses": answers}


def _plain(value: Any, *, named: bool = False) -> Any:
    """Drop texts. Under `named` the keys are names of somebody's, `description` among them."""
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if not isinstance(value, dict):
        return value
    kept = {
        key: _plain(inner, named=not named and key in _NAMED)
        for key, inner in value.items()
        if named or (key not in _TEXTS and not key.startswith("x-"))
    }
    if not named and kept.get("nullable") and "enum" in kept:
        # OpenAPI 3.0.3 wants null among the values; GitHub leaves it out, and answers with it.
        kept["enum"] = [*kept["enum"], None]
    return kept


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(_references(v) for v in value.values()))
    return set().union(*(_references(v) for v in value)) if isinstance(value, list) else set()


def examples(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Give one example of each event, without the addresses that most of it is made of."""
    by_name = {event["name"]: event["examples"] for event in events}
    return {name: _without_urls(by_name[name][-1]) for name in EVENTS}


def _without_urls(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_urls(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: _without_urls(v) for k, v in value.items() if not k.endswith(("url", "_links"))}


if __name__ == "__main__":
    read = json.loads(Path(sys.argv[2]).read_text("utf-8"))
    made = {"openapi": trim, "payloads": examples}[sys.argv[1]](read)
    text = json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False)
    Path(__file__).with_name(f"{sys.argv[1]}.json").write_text(text + "\n", "utf-8")
