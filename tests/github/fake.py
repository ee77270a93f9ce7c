"""A GitHub in this process: real sockets, state that lasts, and faults to order.

Every request is held against GitHub's own description first, and so is every answer of ours. What
the description does not say (limits of length, who may write) is enforced here.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any

from gatekeeper.github.diff import head_lines
from tests.github import objects
from tests.github.wire import Handler

# Tokens as GitHub makes them: that of a workflow, of another App, and of a person.
ACTIONS, APP, PERSON = "ghs_ofActions0000000001", "ghs_ofAnApp00000000002", "ghp_ofAPerson000000003"
_ACCOUNTS = {
    ACTIONS: ("github-actions[bot]", "Bot"),
    APP: ("acme-review[bot]", "Bot"),
    PERSON: ("ci-user", "User"),
}
_LONGEST = 65_536

Answer = tuple[int, dict[str, str], Any]


@dataclass
class Fault:
    """What goes wrong with the requests that it matches, `times` times.

    `answer` is given in place of the real one, after the request was carried out where `late`. With
    `cut` the connection is closed without an answer; `drip` seconds lie between bytes of it.
    """

    verb: str = ""
    path: str = ""
    times: int = 1
    answer: Answer | None = None
    late: bool = False
    cut: bool = False
    drip: float = 0
    also: Callable[[], object] | None = None  # what happens at that moment


@dataclass
class FakeGitHub:
    """The state of one repository, acme/shop, with one pull request, number 7."""

    prefix: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    annotations: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    editors: dict[str, str | None] = field(default_factory=dict)  # of a review, by its node
    teams: dict[str, dict[str, str]] = field(default_factory=dict)  # org/slug: login: state
    reads_teams: bool = False  # which a workflow's own token never does
    line_comments: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    stored: dict[int, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    longest: int = _LONGEST
    read_only: bool = False
    accounts: dict[str, tuple[str, str]] = field(default_factory=lambda: dict(_ACCOUNTS))
    _ids: int = 3_000_000_000  # as large as today's, larger than 32 bits

    def start(self) -> None:
        fake = self

        class Bound(Handler):
            github = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{self.prefix}"

    @property
    def repository(self) -> str:
        return f"{self.url}/repos/acme/shop"

    def has_comment(self, body: str, login: str, kind: str = "User") -> dict[str, Any]:
        self._ids += 1
        user = objects.account(login, kind)
        self.comments.append(objects.comment(self.repository, self._ids, body, user))
        return self.comments[-1]

    def has_file(self, name: str, patch: str | None, head: str) -> None:
        self.files.append(objects.changed_file(self.repository, name, patch, head))

    def has_artifact(self, name: str, data: bytes, **changed: Any) -> None:
        self._ids += 1
        made = objects.artifact(self.repository, self._ids, name, len(data))
        self.artifacts.append(made | changed)
        self.stored[self._ids] = data

    def has_review(
        self, login: str | None, body: str, state: str = "APPROVED", commit: str = "a" * 40
    ) -> dict[str, Any]:
        """Add a review; without a login its account is gone."""
        self._ids += 1
        said = {"body": body, "commit_id": commit}
        user = objects.account(login, "User") if login else None
        made = objects.review(self.repository, self._ids, said, user)
        self.reviews.append(made | {"state": state, "node_id": f"PRR_{self._ids}"})
        return self.reviews[-1]

    def bodies(self) -> list[str]:
        return [c["body"] for c in self.comments]

    def answer(self, verb: str, path: str, query: dict[str, str], body: Any, token: str) -> Answer:
        """Carry out a request."""
        user = objects.account(*self.accounts[token])
        if path == "/graphql":
            return 200, {}, {"data": self.ask(body["variables"].get("ids"), user["login"])}
        if self.read_only and verb != "GET":
            return 403, {}, {"message": "Resource not accessible by integration"}
        if found := re.fullmatch(r"/orgs/([^/]+)/teams/([^/]+)/memberships/([^/]+)", path):
            return self.member(f"{found[1]}/{found[2]}", found[3])
        path = path.removeprefix("/repos/acme/shop")
        for pattern, verbs in _ROUTES.items():
            if (found := re.fullmatch(pattern, path)) and verb in verbs:
                return verbs[verb](self, [int(n) for n in found.groups() if n], query, body, user)
        return 404, {}, {"message": "Not Found"}

    def ask(self, ids: list[str] | None, login: str) -> dict[str, Any]:
        """Answer one of the two questions that are asked by GraphQL: who are we, who edited."""
        if ids is None:
            return {"viewer": {"login": login.removesuffix("[bot]")}}  # so it was seen
        nodes = []
        for node in ids:
            editor = self.editors.get(node)
            when = objects.WHEN if node in self.editors else None
            by = {"login": editor} if editor else None
            nodes.append({"id": node, "lastEditedAt": when, "editor": by})
        return {"nodes": nodes}

    def member(self, team: str, login: str) -> Answer:
        state = self.teams.get(team, {}).get(login)
        if not self.reads_teams:
            return 403, {}, {"message": "Resource not accessible by integration"}
        if state is None:
            return 404, {}, {"message": "Not Found"}
        address = f"{self.url}/orgs/{team}"
        return 200, {}, {"url": address, "role": "member", "state": state}

    def list_of(self, items: list[Any], path: str, query: dict[str, str]) -> Answer:
        size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
        more = len(items) > size * page
        link = f'<{self.repository}{path}?per_page={size}&page={page + 1}>; rel="next"'
        return 200, {"Link": link} if more else {}, items[size * (page - 1) : size * page]

    def list_comments(self, _: list[int], query: dict[str, str], *__: Any) -> Answer:
        return self.list_of(self.comments, "/issues/7/comments", query)

    def create_comment(self, _: list[int], __: Any, body: Any, user: Any) -> Answer:
        if len(body["body"]) > self.longest:
            return self.too_long()
        self._ids += 1
        self.comments.append(objects.comment(self.repository, self._ids, body["body"], user))
        return 201, {}, self.comments[-1]

    def edit_comment(self, ids: list[int], _: Any, body: Any, __: Any) -> Answer:
        found = next((c for c in self.comments if c["id"] == ids[0]), None)
        if found is None:
            return 404, {}, {"message": "Not Found"}
        if len(body["body"]) > self.longest:
            return self.too_long()
        found["body"] = body["body"]
        return 200, {}, found

    def delete_comment(self, ids: list[int], *_: Any) -> Answer:
        left = [c for c in self.comments if c["id"] != ids[0]]
        if len(left) == len(self.comments):
            return 404, {}, {"message": "Not Found"}
        self.comments = left
        return 204, {}, None

    def too_long(self) -> Answer:
        said = f"Body is too long (maximum is {self.longest} characters)"
        return 422, {}, {"message": "Validation Failed", "errors": [{"message": said}]}

    def create_check(self, _: list[int], __: Any, body: Any, ___: Any) -> Answer:
        self._ids += 1
        self.checks.append(objects.check_run(self.repository, self._ids, body))
        self.annotations[self._ids] = []
        status, headers, answer = self.edit_check([self._ids], None, body, None)
        return 201 if status == 200 else status, headers, answer

    def edit_check(self, ids: list[int], _: Any, body: Any, __: Any) -> Answer:
        run = next(c for c in self.checks if c["id"] == ids[0])
        if body.get("status") == "completed" and not body.get("conclusion"):
            return 422, {}, {"message": "Invalid request. conclusion is missing"}
        run |= {key: body[key] for key in ("status", "conclusion") if key in body}
        if output := body.get("output"):
            self.annotations[ids[0]] += output.get("annotations", [])  # GitHub appends
            run["output"] |= {"title": output["title"], "summary": output["summary"]}
            run["output"]["annotations_count"] = len(self.annotations[ids[0]])
        return 200, {}, run

    def get_check(self, ids: list[int], *_: Any) -> Answer:
        return 200, {}, next(c for c in self.checks if c["id"] == ids[0])

    def list_checks(self, _: list[int], query: dict[str, str], *__: Any) -> Answer:
        found = [c for c in self.checks if c["name"] == query.get("check_name", c["name"])]
        status, headers, page = self.list_of(found, "/check-runs", query)
        return status, headers, {"total_count": len(found), "check_runs": page}

    def list_files(self, _: list[int], query: dict[str, str], *__: Any) -> Answer:
        return self.list_of(self.files, "/pulls/7/files", query)

    def list_line_comments(self, _: list[int], query: dict[str, str], *__: Any) -> Answer:
        return self.list_of(self.line_comments, "/pulls/7/comments", query)

    def create_review(self, _: list[int], __: Any, body: Any, user: Any) -> Answer:
        shown = {f["filename"]: head_lines(f.get("patch", "")) for f in self.files}
        for said in body["comments"]:
            if said["line"] not in shown.get(said["path"], {}):
                where = "pull_request_review_thread.line must be part of the diff"
                return 422, {}, {"message": "Unprocessable Entity", "errors": [where]}
        self._ids += 1
        self.reviews.append(objects.review(self.repository, self._ids, body, user))
        for said in body["comments"]:
            self._ids += 1
            made = objects.line_comment(self.repository, self._ids, said, body["commit_id"], user)
            self.line_comments.append(made)
        return 200, {}, self.reviews[-1]

    def list_reviews(self, _: list[int], query: dict[str, str], *__: Any) -> Answer:
        return self.list_of(self.reviews, "/pulls/7/reviews", query)

    def get_run(self, ids: list[int], *_: Any) -> Answer:
        found = self.runs.get(ids[0])
        return (200, {}, found) if found else (404, {}, {"message": "Not Found"})

    def list_pulls(self, _: list[int], query: dict[str, str], *__: Any) -> Answer:
        def asked(pull: dict[str, Any]) -> bool:
            owner, base = pull["head"]["repo"]["owner"]["login"], pull["base"]["ref"]
            head = f"{owner}:{pull['head']['ref']}"
            return query.get("head", head) == head and query.get("base", base) == base

        found = [pull for pull in self.pulls if asked(pull)]
        return self.list_of(found, "/pulls", query)

    def list_artifacts(self, _: list[int], query: dict[str, str], *__: Any) -> Answer:
        found = [a for a in self.artifacts if a["name"] == query.get("name", a["name"])]
        status, headers, page = self.list_of(found, "/artifacts", query)
        return status, headers, {"total_count": len(found), "artifacts": page}

    def get_artifact(self, ids: list[int], *_: Any) -> Answer:
        return 302, {"Location": f"{self.url}/storage/{ids[0]}"}, None


Route = Callable[..., Answer]
_ROUTES: dict[str, dict[str, Route]] = {
    r"/issues/7/comments": {"GET": FakeGitHub.list_comments, "POST": FakeGitHub.create_comment},
    r"/issues/comments/(\d+)": {
        "PATCH": FakeGitHub.edit_comment,
        "DELETE": FakeGitHub.delete_comment,
    },
    r"/check-runs": {"POST": FakeGitHub.create_check},
    r"/check-runs/(\d+)": {"PATCH": FakeGitHub.edit_check, "GET": FakeGitHub.get_check},
    r"/commits/[0-9a-f]{40}/check-runs": {"GET": FakeGitHub.list_checks},
    r"/pulls/7/files": {"GET": FakeGitHub.list_files},
    r"/pulls/7/comments": {"GET": FakeGitHub.list_line_comments},
    r"/pulls/7/reviews": {"GET": FakeGitHub.list_reviews, "POST": FakeGitHub.create_review},
    r"/pulls": {"GET": FakeGitHub.list_pulls},
    r"/actions/runs/(\d+)": {"GET": FakeGitHub.get_run},
    r"/actions/runs/\d+/artifacts": {"GET": FakeGitHub.list_artifacts},
    r"/actions/artifacts/(\d+)/zip": {"GET": FakeGitHub.get_artifact},
}
