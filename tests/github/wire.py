"""The wire between a test and the fake GitHub: checks each request, serves faults to order."""

import json
import re
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tests.github.contract import mistakes

if TYPE_CHECKING:
    from tests.github.fake import Answer, FakeGitHub, Fault


# Answered with GitHub's own examples, from which the addresses are cut; and what is not described.
_EXAMPLES = re.compile(r"(/graphql|/pulls|/actions/runs/[0-9]+)$")

# The questions that are asked by GraphQL, and their variables.
_QUERIES: dict[str, set[str]] = {
    "query { viewer { login } }": set(),
    "query($ids: [ID!]!) { nodes(ids: $ids)"
    " { ... on PullRequestReview { id lastEditedAt editor { login } } } }": {"ids"},
}


class Handler(BaseHTTPRequestHandler):
    github: "FakeGitHub"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # it would hold back each answer for 40 ms

    def do_any(self) -> None:
        github, target = self.github, urlsplit(self.path)
        query = dict(parse_qsl(target.query))
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = target.path.removeprefix(github.prefix)
        if target.path == "/api/graphql":  # where a GitHub of one's own has it
            path = "/graphql"
        github.requests.append(f"{self.command} {path}")
        if path.startswith("/storage/"):
            self._store(int(path.rpartition("/")[2]))
            return
        self._check(path, query, data)
        token = (self.headers.get("Authorization") or "").partition(" ")[2]
        if token not in github.accounts:
            self._send((401, {}, {"message": "Bad credentials"}))
            return
        fault = self._fault(path)
        if fault is not None and not fault.late:
            self._fail(fault)
            return
        body = json.loads(data) if data else None
        answer = github.answer(self.command, path, query, body, token)
        if answer[0] < 300 and not _EXAMPLES.search(path):
            wrong = mistakes(self.command, path, query, data, answer[0], answer[2])
            github.mistakes += [f"the fake: {wrong}"] if wrong else []
        if fault is not None:
            self._fail(fault)
        else:
            self._send(answer)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_any  # noqa: N815 - the names it looks for

    def _check(self, path: str, query: dict[str, str], data: bytes) -> None:
        if path == "/graphql":  # not in the description; these are all that we ask
            asked = json.loads(data)
            known = _QUERIES.get(asked["query"]) == set(asked["variables"])
            wrong = "" if known else f"an unknown query: {data!r}"
        else:
            wrong = mistakes(self.command, path, query, data)
        if not (self.headers.get("User-Agent") or "").startswith("gatekeeper/"):
            wrong += " no User-Agent of ours"
        self.github.mistakes += [wrong] if wrong else []

    def _fault(self, path: str) -> "Fault | None":
        for fault in self.github.faults:
            if fault.times > 0 and fault.verb in ("", self.command) and fault.path in path:
                fault.times -= 1
                return fault
        return None

    def _fail(self, fault: "Fault") -> None:
        if fault.also is not None:
            fault.also()
        if fault.cut:
            self.close_connection = True
            self.connection.close()
        elif fault.drip:
            self._drip(fault.drip)
        elif fault.answer is not None:
            self._send(fault.answer)

    def _drip(self, pause: float) -> None:
        """Answer a byte at a time, as long as somebody listens."""
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            for _ in range(200):
                self.wfile.write(b" ")
                time.sleep(pause)
        except OSError:
            pass

    def _store(self, number: int) -> None:
        """Give what is stored, as another server would: it must never see the token."""
        if self.headers.get("Authorization"):
            self.github.mistakes.append("the storage was sent a token")
        data = self.github.stored[number]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send(self, answer: "Answer") -> None:
        status, headers, body = answer
        data = b"" if status == 204 else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass
