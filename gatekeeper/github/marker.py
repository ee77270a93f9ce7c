"""The first line of our comment: an HTML comment that says what we need to know the next time."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LINE = re.compile(r"<!-- gatekeeper:v1 ([A-Za-z0-9_-]{2,8000}) -->")
_FINGERPRINT = re.compile(r"GK-[0-9a-f]{10}")
_MOST = 100  # findings that are remembered


@dataclass(frozen=True, slots=True)
class Marker:
    """What a comment says of itself.

    `key` tells the comments of several databases of one repository apart. `findings` are the
    fingerprints that it reports, `resolved` those that an earlier state of it reported.
    """

    key: str
    run: int
    attempt: int
    head: str = ""
    verdict: str = ""
    findings: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[int, int]:
        return (self.run, self.attempt)

    def line(self) -> str:
        """Give the line: in base64 nothing can end the comment."""
        values = {
            "key": self.key,
            "run": self.run,
            "attempt": self.attempt,
            "head": self.head,
            "verdict": self.verdict,
            "findings": self.findings[:_MOST],
            "resolved": self.resolved[:_MOST],
        }
        text = json.dumps(values, separators=(",", ":")).encode()
        return f"<!-- gatekeeper:v1 {base64.urlsafe_b64encode(text).decode().rstrip('=')} -->"


def read_marker(body: str) -> Marker | None:
    """Read the marker of a comment: line 1 and nowhere else, and only what we could have written.

    People may edit our comments, so nothing in it is trusted to be well-formed.
    """
    found = _LINE.fullmatch(body.partition("\n")[0].rstrip("\r"))
    if not found:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or not isinstance(values.get("key"), str):
        return None
    return Marker(
        key=values["key"],
        run=_number(values, "run"),
        attempt=_number(values, "attempt"),
        head=str(values.get("head") or ""),
        verdict=str(values.get("verdict") or ""),
        findings=_fingerprints(values, "findings"),
        resolved=_fingerprints(values, "resolved"),
    )


def _number(values: Mapping[str, Any], key: str) -> int:
    value = values.get(key)
    return value if isinstance(value, int) and value > 0 else 0


def _fingerprints(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    listed = values.get(key)
    if not isinstance(listed, list):
        return ()
    return tuple(w for w in listed if isinstance(w, str) and _FINGERPRINT.fullmatch(w))[:_MOST]
