"""Annotations, workflow commands, the step's summary and outputs: nothing in them is forged."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.github.annotations import (
    Annotation,
    annotations,
    commands_stopped,
    log_commands,
)
from gatekeeper.github.errors import PublishError
from gatekeeper.github.runner import SUMMARY_LIMIT, write_outputs, write_summary
from gatekeeper.report.outcome import alone

_HOSTILE = st.text(
    st.one_of(st.sampled_from("\r\n%:,=#[]\x1b\u2028\u202e \t"), st.characters()), max_size=40
)
_COMMAND = re.compile(r"::(error|warning|notice) file=([^,:]*),line=(\d+),title=([^,:]*)::(.*)")


def _unescaped(text: str) -> str:
    """Read a command as the runner does."""
    for code, meant in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, meant)
    return text


@settings(max_examples=500, deadline=None, database=None)
@given(_HOSTILE, _HOSTILE, _HOSTILE)
def test_a_command_is_one_line_that_says_what_it_should(path: str, title: str, text: str) -> None:
    line = Annotation(path, 3, "error", title, text).command()
    assert len(line.splitlines()) == 1
    found = _COMMAND.fullmatch(line)
    assert found is not None
    if all(c.isprintable() for c in path + title + text):
        assert [_unescaped(found[n]) for n in (2, 4, 5)] == [path, title, text]
    line.encode()


def test_what_looks_escaped_is_escaped() -> None:
    line = Annotation("a%2Cb", 3, "error", "100%3A", "%0A::error::forged").command()
    assert line == "::error file=a%252Cb,line=3,title=100%253A::%250A::error::forged"


def test_findings_are_annotated_where_they_are(outcome: Any, finding: Any) -> None:
    found = annotations(
        alone(
            outcome(
                finding("unindexed-foreign-key", file="m/2.py", line=9),
                finding("table-dropped", file="m/1.py", takes_along=None),
                finding("table-dropped", file=None),
                finding("table-dropped", file="m/1.py", line=None),
                finding("table-dropped", file="../../etc/passwd"),
                finding("table-dropped", file="/etc/passwd"),
            )
        )
    )
    assert [(a.level, a.path, a.line) for a in found] == [
        ("error", "m/1.py", 12),
        ("warning", "m/2.py", 9),
    ]
    assert found[0].title == "table-dropped: public.orders"
    assert found[0].message == "The table public.orders is dropped."
    assert "RENAME TO" in found[0].details


def test_what_is_on_trial_is_no_error(outcome: Any, finding: Any, policies: Any) -> None:
    trial = replace(policies["table-dropped"], mode="dry-run")
    assert [a.level for a in annotations(alone(outcome(finding(trial, file="m/1.py"))))] == [
        "warning"
    ]


def test_a_failure_is_annotated(failed: Any) -> None:
    (found,) = annotations(alone(failed("relation does not exist", file="m/1.py")))
    assert (found.level, found.path, found.line) == ("error", "m/1.py", 7)
    assert found.message == "relation does not exist"
    assert annotations(alone(failed(file=None))) == []


def test_texts_keep_to_githubs_limits(outcome: Any, finding: Any, failed: Any) -> None:
    for made in (
        outcome(finding("table-dropped", "x" * 99_999, file="m.py")),
        failed("x" * 99_999, file="m.py"),
    ):
        (found,) = annotations(alone(made))
        assert len(found.title) <= 255
        assert len(found.message.encode()) <= 64_000
        assert len(found.details.encode()) <= 64_000


def test_the_log_holds_what_github_shows(outcome: Any, finding: Any) -> None:
    errors = [finding("table-dropped", f"t{n}", file="m.py") for n in range(13)]
    warnings = [finding("unindexed-foreign-key", f"t{n}", file="m.py") for n in range(10)]
    lines = log_commands(annotations(alone(outcome(*warnings, *errors))))
    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 10 + ["3"] + [
        "::warning"
    ] * 10
    assert lines[10] == "3 more of level error are in the report"


def test_output_meanwhile_is_no_command() -> None:
    written: list[str] = []

    def migrate() -> None:
        with commands_stopped(written.append):
            written.append("::error::forged\nno end of line")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        migrate()
    lines = "".join(written).split("\n")
    word = lines[0].removeprefix("::stop-commands::")
    assert len(word) == 32
    assert lines[1:] == ["::error::forged", "no end of line", f"::{word}::", ""]


def test_each_time_the_word_is_another() -> None:
    words: list[str] = []
    for _ in range(2):
        with commands_stopped(words.append):
            pass
    assert words[0] != words[2]


def test_the_summary_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    path.write_text("of another tool\n\n", "utf-8")
    assert write_summary({"GITHUB_STEP_SUMMARY": str(path)}, lambda limit: f"limit {limit}")
    assert path.read_text("utf-8") == f"of another tool\n\nlimit {SUMMARY_LIMIT - 17}\n\n"


def test_without_a_runner_there_is_no_summary() -> None:
    assert not write_summary({}, lambda _: "never asked")
    assert not write_outputs({}, {"verdict": "passed"})


def test_a_summary_that_would_be_dropped_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    path.write_text("x" * SUMMARY_LIMIT, "utf-8")
    with pytest.raises(PublishError, match="no room left"):
        write_summary({"GITHUB_STEP_SUMMARY": str(path)}, lambda _: "too much")
    assert path.stat().st_size == SUMMARY_LIMIT


def test_a_summary_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="cannot be written"):
        write_summary({"GITHUB_STEP_SUMMARY": str(tmp_path)}, lambda _: "x")
    with pytest.raises(PublishError, match="cannot be written"):
        write_outputs({"GITHUB_OUTPUT": str(tmp_path)}, {"verdict": "passed"})


def _outputs(text: str) -> dict[str, str]:
    """Read the file as the runner does."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        if line:
            name, _, word = line.partition("<<")
            value = []
            while (part := next(lines)) != word:
                value.append(part)
            found[name] = "\n".join(value)
    return found


def test_an_output_cannot_set_another(tmp_path: Path) -> None:
    path = tmp_path / "output"
    values = {"verdict": "blocked", "path": "x\nverdict=passed\nverdict<<E\npassed\nE", "empty": ""}
    assert write_outputs({"GITHUB_OUTPUT": str(path)}, values)
    assert _outputs(path.read_text("utf-8")) == values
