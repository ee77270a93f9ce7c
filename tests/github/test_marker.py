"""What a comment says of itself: read as it was written, and believed only that far."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.github.marker import Marker, read_marker

_ONE = "GK-0000000001"
_KEYS = st.text(st.characters(), max_size=30)
_WORDS = st.lists(st.from_regex(r"GK-[0-9a-f]{10}", fullmatch=True), max_size=5).map(tuple)


@settings(max_examples=300, deadline=None, database=None)
@given(_KEYS, st.integers(0, 10**15), st.integers(0, 99), _WORDS, _WORDS)
def test_a_marker_is_read_as_it_was_written(
    key: str, run: int, attempt: int, findings: tuple[str, ...], resolved: tuple[str, ...]
) -> None:
    marker = Marker(key, run, attempt, "a" * 40, "blocked", findings, resolved)
    line = marker.line()
    assert read_marker(f"{line}\nText") == marker
    assert line.count("-->") == line.count("<!--") == 1
    assert len(line.splitlines()) == 1


@settings(max_examples=300, deadline=None, database=None)
@given(st.one_of(st.text(max_size=60), st.binary(max_size=60).map(repr), st.just("W10")))
def test_a_marker_that_is_none_is_none(text: str) -> None:
    assert read_marker(f"<!-- gatekeeper:v1 {text} -->") is None


@pytest.mark.parametrize(
    "values",
    [
        b"[]", b"7", b"{}", b'{"key": 7}', b"\xff", b"[" * 4_000,
    ],
)  # fmt: skip
def test_a_marker_that_holds_something_else_is_none(values: bytes) -> None:
    text = base64.urlsafe_b64encode(values).decode().rstrip("=")
    assert read_marker(f"<!-- gatekeeper:v1 {text} -->") is None


def test_what_people_put_into_a_marker_is_not_believed() -> None:
    values = {
        "key": "default", "run": "9", "attempt": True, "findings": ["<img>", 7, _ONE, "GK-1"],
        "resolved": {"x": 1}, "head": None,
    }  # fmt: skip
    text = base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")
    marker = read_marker(f"<!-- gatekeeper:v1 {text} -->")
    assert marker == Marker("default", 0, True, findings=(_ONE,))
