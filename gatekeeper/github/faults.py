"""What a failed request means: whether it was carried out, and when to try again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from github import GithubException
from urllib3.exceptions import MaxRetryError, NewConnectionError

from gatekeeper.report.escape import shortened, visible

# What PyGithub and requests raise: its own errors, the network's, an answer that is no JSON, one
# that leads to another host (an assertion), a redirection that it does not follow.
FAULTS = (
    GithubException,
    requests.RequestException,
    ValueError,
    RuntimeError,
    AssertionError,
    AttributeError,
    TypeError,
)
_SECONDARY_WAIT = 60.0  # seconds; what GitHub asks for where it does not say how long
_TOO_MANY = 429
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Fault:
    """A failed request.

    `wait`: seconds after which to try again, 0 for "soon", None for "never". `perhaps_done`: it may
    have been carried out all the same.
    """

    reason: str
    hint: str = ""
    wait: float | None = None
    perhaps_done: bool = False
    status: int = 0


def judge_fault(error: Exception, now: float, permission: str) -> Fault:
    """Judge a failure. `now` is the time of the day, `permission` what the request needs."""
    if isinstance(error, GithubException):
        return _answered(error, now, permission)
    if isinstance(error, requests.RequestException) and not _malformed(error):
        return _unanswered(error)
    return Fault(
        f"the answer is none that GitHub gives ({type(error).__name__})",
        "Is the API's address right, and does a proxy answer in GitHub's place?",
        perhaps_done=True,
    )


def _answered(error: GithubException, now: float, permission: str) -> Fault:
    status, said = error.status, _said(error.data)
    headers = {k.lower(): str(v) for k, v in (error.headers or {}).items()}
    reason = f"GitHub answered {status}" + (f": {said}" if said else "")
    if status >= _SERVER_ERROR:
        return Fault(reason, "See githubstatus.com.", 0, perhaps_done=True, status=status)
    if status in (403, _TOO_MANY) and (wait := _rate_limit(status, headers, said, now)) is not None:
        return Fault(reason, "Publishing again later will do.", wait, status=status)
    return Fault(reason, _way_out(status, permission), status=status)


def _rate_limit(status: int, headers: Mapping[str, str], said: str, now: float) -> float | None:
    """Give the seconds to wait, or None when it is no matter of how often we ask."""
    after = headers.get("retry-after", "")
    if re.fullmatch(r"[0-9]{1,9}", after):
        return float(after)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and re.fullmatch(r"[0-9]{1,12}", reset):
        return max(1.0, int(reset) - now + 1)
    known = ("secondary rate limit", "rate limit exceeded", "abuse detection")
    if status == _TOO_MANY or any(words in said.lower() for words in known):
        return _SECONDARY_WAIT
    return None


def _way_out(status: int, permission: str) -> str:
    match status:
        case 401:
            return "Give a token that is valid: github-token, or the default ${{ github.token }}."
        case 403 | 404:
            return (
                f"Give the job the permission `{permission}`. The token of a pull request from a"
                " fork can only read: there a second workflow under workflow_run publishes."
            )
        case _:
            return ""


def _said(data: Any) -> str:  # noqa: ANN401 - whatever the server answered
    """Give what the answer says, on one line, as harmless text."""
    if not isinstance(data, Mapping):
        return ""
    parts = [data.get("message")]
    errors = data.get("errors")
    if isinstance(errors, list):
        parts += [e.get("message") if isinstance(e, Mapping) else e for e in errors]
    return shortened(visible("; ".join(p for p in parts if isinstance(p, str) and p)), 300)


def _malformed(error: requests.RequestException) -> bool:
    return isinstance(error, requests.exceptions.InvalidJSONError)


def _unanswered(error: requests.RequestException) -> Fault:
    hint = "Does the network let this machine reach the API, and is its address right?"
    if isinstance(error, requests.exceptions.SSLError):
        return Fault(
            "the server's certificate is not trusted",
            "REQUESTS_CA_BUNDLE names the certificates of an authority of your own.",
        )
    if isinstance(error, requests.Timeout) and not isinstance(error, requests.ConnectTimeout):
        return Fault("GitHub took too long to answer", hint, 0, perhaps_done=True)
    if isinstance(error, requests.ConnectTimeout) or _never_connected(error):
        return Fault("GitHub cannot be reached", hint, 0)
    return Fault("the connection to GitHub was lost", hint, 0, perhaps_done=True)


def _never_connected(error: requests.RequestException) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
