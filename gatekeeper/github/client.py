"""GitHub's REST interface, through PyGithub: one request at a time, within a budget of time.

PyGithub's objects fetch themselves anew when they lack something, and its retries repeat a POST
that GitHub may have carried out. So its requester is used: one call of ours is one request, and
what to do about a failure is decided in `faults.py`.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from github import Auth, Github

from gatekeeper import __version__
from gatekeeper.github.errors import PublishError, UnsureError
from gatekeeper.github.faults import FAULTS, Fault, judge_fault

PAGE = 100
TOTAL = 90.0  # seconds for all of publishing, waits included
_GRACE = 20.0  # a last request may still be under way
_TIMEOUT = 15  # seconds of silence
_PAUSES = (1.0, 2.0, 4.0)  # seconds before the 2nd, 3rd and 4th try
_MOST_PAGES = 50
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Values = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Task:
    """What a request is for: `doing` completes "could not …"; the permission that it takes."""

    doing: str
    permission: str


class Budget:
    """The time that publishing may take. The clocks and the sleep are arguments for the tests."""

    def __init__(
        self,
        seconds: float = TOTAL,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.seconds = seconds
        self.now = wall
        self._clock = clock
        self._sleep = sleep
        self._end = clock() + seconds

    def left(self) -> float:
        return self._end - self._clock()

    def wait(self, seconds: float) -> bool:
        """Wait, unless that would use up the budget."""
        if seconds >= self.left():
            return False
        self._sleep(seconds)
        return True


class Client:
    """One repository on GitHub, with a token that no message or representation shows."""

    def __init__(
        self,
        repository: str,
        token: str,
        api_url: str,
        budget: Budget,
        *,
        timeout: int = _TIMEOUT,
        pace: float = 1.0,
    ) -> None:
        """Take `pace` seconds from one write to the next, as GitHub asks for."""
        address = urlsplit(api_url)
        local = address.scheme == "http" and address.hostname in LOOPBACK
        if not local and not (address.scheme == "https" and address.hostname):
            raise PublishError(
                f"{api_url!r} would not get the token encrypted", "Give an https:// address."
            )
        if not token:
            raise PublishError("there is no token", "Give one: github-token, or GITHUB_TOKEN.")
        self.repository = repository
        self.budget = budget
        self.calls = 0
        self.is_app = token.startswith("ghs_")  # of an installed App, GitHub Actions among them
        self._hidden = token
        self._requester = Github(
            auth=Auth.Token(token),
            base_url=api_url,
            timeout=timeout,
            user_agent=f"gatekeeper/{__version__}",
            per_page=PAGE,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=pace or None,
            lazy=True,
        ).requester

    def __repr__(self) -> str:
        return f"Client({self.repository!r})"

    def get(self, task: Task, path: str, *, of_repository: bool = True) -> Values:
        """Get one object; `path` is below the repository's, or the whole one."""
        _, found = self._send(task, "GET", path, of_repository=of_repository)
        return _object(task, found)

    def pages(self, task: Task, path: str, key: str = "", **parameters: object) -> Iterator[Values]:
        """Get the objects of all pages of a list, which is under `key` where it is in an object."""
        for page in range(1, _MOST_PAGES + 1):
            asked = {**parameters, "per_page": PAGE, "page": page}
            headers, found = self._send(task, "GET", path, asked)
            if key:
                found = _object(task, found).get(key)
            if not isinstance(found, list):
                raise _unexpected(task)
            yield from (_object(task, entry) for entry in found)
            if 'rel="next"' not in str(headers.get("link", "")):
                return
        # Who has not seen all of a list must not conclude that something is not in it.
        raise PublishError(f"could not {task.doing}: there are more than {_MOST_PAGES * PAGE:,}")

    def location(self, task: Task, path: str) -> str:
        """Get the address that GitHub redirects to, without following it."""
        headers, _ = self._send(task, "GET", path)
        return str(headers.get("location") or "")

    def post(self, task: Task, path: str, body: Values) -> Values:
        """Create something. Raises UnsureError when that may have happened although it failed."""
        _, made = self._send(task, "POST", path, body=body, once=True)
        return _written(task, made)

    def patch(self, task: Task, path: str, body: Values, *, once: bool = False) -> Values:
        """Change something. `once`: to do it twice does harm, as with `post`."""
        _, made = self._send(task, "PATCH", path, body=body, once=once)
        return _written(task, made)

    def delete(self, task: Task, path: str) -> None:
        self._send(task, "DELETE", path)

    def login(self) -> str:
        """Ask whose token it is. An App's name may lack the ending `[bot]` here."""
        task = Task("ask whose token it is", "metadata: read")
        viewer = _object(task, self.graphql(task, "query { viewer { login } }", {}).get("viewer"))
        return str(viewer.get("login") or "")

    def graphql(self, task: Task, query: str, variables: Values) -> Values:
        """Ask a question; it changes nothing and so may be asked again."""
        asked = dict(variables)
        _, found = self._attempt(
            task, lambda: self._requester.graphql_query(query, asked), once=False
        )
        return _object(task, _object(task, found).get("data"))

    def _send(
        self,
        task: Task,
        verb: str,
        path: str,
        parameters: Values | None = None,
        body: Values | None = None,
        *,
        once: bool = False,
        of_repository: bool = True,
    ) -> tuple[Values, Any]:
        whole = f"/repos/{self.repository}{path}" if of_repository else path

        def request() -> tuple[Values, Any]:
            return self._requester.requestJsonAndCheck(
                verb, whole, dict(parameters or {}), None, body
            )

        return self._attempt(task, request, once=once)

    def _attempt(
        self, task: Task, request: Callable[[], tuple[Values, Any]], *, once: bool
    ) -> tuple[Values, Any]:
        """Send a request, again where that may help. `once`: not if it may have been carried out.

        The error that is raised does not name its cause, whose values hold the token.
        """
        for pause in (*_PAUSES, None):
            if self.budget.left() <= 0:
                raise PublishError(f"could not {task.doing}: no time is left", _LATER)
            self.calls += 1
            try:
                return request()
            except FAULTS as error:
                fault = judge_fault(error, self.budget.now(), task.permission)
            if fault.perhaps_done and once:
                raise self._error(UnsureError, task, fault)
            if fault.wait is None or pause is None:
                break
            if not self.budget.wait(fault.wait or pause):
                raise self._error(PublishError, task, fault, _too_long(fault.wait or pause))
        raise self._error(PublishError, task, fault)

    def _error(
        self, kind: type[PublishError], task: Task, fault: Fault, more: str = ""
    ) -> PublishError:
        reason = fault.reason.replace(self._hidden, "***")
        return kind(f"could not {task.doing}: {reason}{more}", fault.hint, status=fault.status)


_LATER = "Publishing again later will do."


def _too_long(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f" (it wants us to wait {minutes} minute{'s' if minutes > 1 else ''}, which is too long)"


def _object(task: Task, value: object) -> Values:
    if not isinstance(value, dict):
        raise _unexpected(task)
    return value


def _written(task: Task, value: object) -> Values:
    """Give the answer to a write. All that we write has an id."""
    if not isinstance(value, dict) or not isinstance(value.get("id"), int):
        raise _unexpected(task, UnsureError)
    return value


def _unexpected(task: Task, kind: type[PublishError] = PublishError) -> PublishError:
    return kind(
        f"could not {task.doing}: the answer is none that GitHub gives",
        "Is the API's address right, and does a proxy answer in GitHub's place?",
    )


def within(seconds: float, work: Callable[[], T]) -> T:
    """Do work, but wait no longer than that; then it is left behind, and PublishError raised.

    A server that sends a byte now and then keeps any time-out of a socket from running out.
    """
    done: list[T | BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            done.append(error)

    thread = threading.Thread(target=run, name="publishing", daemon=True)
    thread.start()
    thread.join(seconds + _GRACE)
    if not done:
        raise PublishError(
            f"GitHub did not answer within {round(seconds + _GRACE)} seconds", _LATER
        )
    if isinstance(done[0], BaseException):
        raise done[0]
    return done[0]
