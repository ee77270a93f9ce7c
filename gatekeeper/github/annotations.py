"""Findings as annotations: of a check run, or as commands in a log of GitHub Actions."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from gatekeeper.policy.model import Finding
from gatekeeper.report.escape import shortened, visible, visible_lines
from gatekeeper.report.links import inside
from gatekeeper.report.outcome import Reviews
from gatekeeper.report.view import instead, message

_LEVELS = ("error", "warning", "notice")
_CHECK_LEVELS = {"error": "failure", "warning": "warning", "notice": "notice"}
_MOST = 500
_MOST_OF_A_LEVEL = 10  # GitHub shows so many of each level for a step, and drops the others
_LONGEST_TITLE = 200  # GitHub: 255 characters
_LONGEST_TEXT = 4_000  # GitHub: 64 KB


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark on a line; `level`: error, warning, notice."""

    path: str
    line: int
    level: str
    title: str
    message: str
    details: str = ""

    def of_check(self) -> dict[str, str | int]:
        """Give it as the Checks API wants it."""
        values: dict[str, str | int] = {
            "path": self.path,
            "start_line": self.line,
            "end_line": self.line,
            "annotation_level": _CHECK_LEVELS[self.level],
            "title": self.title,
            "message": self.message,
        }
        return values | ({"raw_details": self.details} if self.details else {})

    def command(self) -> str:
        """Give it as a workflow command."""
        place = f"file={_property(self.path)},line={self.line},title={_property(self.title)}"
        return f"::{self.level} {place}::{_data(self.message)}"


def annotations(reviews: Reviews) -> list[Annotation]:
    """Give a remark for every finding whose line is known and nobody waived, the worst first."""
    found = [made for finding in reviews.open_findings if (made := _of_finding(finding))]
    for failure in [part.failure for part in reviews.parts if part.failure is not None]:
        if path := inside(failure.file):
            title = f"The migrations failed ({failure.during})"
            text = shortened(visible_lines(failure.message), _LONGEST_TEXT)
            found.append(Annotation(path, failure.line or 1, "error", title, text))
    return sorted(found, key=lambda a: _LEVELS.index(a.level))[:_MOST]


def level_of(finding: Finding) -> str:
    """Give the level that a reader should see: what is on trial is no error yet."""
    return "warning" if finding.is_on_trial else finding.severity


def _of_finding(finding: Finding) -> Annotation | None:
    path, line = inside(finding.values.get("file")), finding.values.get("line")
    if path is None or not isinstance(line, int) or line < 1:
        return None
    return Annotation(
        path=path,
        line=line,
        level=level_of(finding),
        title=shortened(f"{finding.policy.id}: {visible(finding.subject)}", _LONGEST_TITLE),
        message=shortened(message(finding), _LONGEST_TEXT),
        details=shortened(visible_lines(instead(finding)), _LONGEST_TEXT),
    )


def log_commands(found: Sequence[Annotation]) -> list[str]:
    """Give the lines that annotate the log: as many of each level as GitHub shows."""
    lines = []
    for level in _LEVELS:
        own = [a for a in found if a.level == level]
        lines += [a.command() for a in own[:_MOST_OF_A_LEVEL]]
        if len(own) > _MOST_OF_A_LEVEL:
            lines.append(f"{len(own) - _MOST_OF_A_LEVEL} more of level {level} are in the report")
    return lines


@contextmanager
def commands_stopped(write: Callable[[str], object]) -> Iterator[None]:
    """Keep GitHub from obeying commands in what is printed meanwhile.

    A line of a log that begins with `::` or holds `##[` is a command to the runner. Output of
    migrations and names of tables must be none. Only who knows the random word ends it.
    """
    word = secrets.token_hex(16)
    write(f"::stop-commands::{word}\n")
    try:
        yield
    finally:
        write(f"\n::{word}::\n")


def _data(text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return "".join(c if c.isprintable() or c == "\t" else visible(c) for c in escaped)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def warning(text: str) -> str:
    """Give the line that puts a warning of ours at the top of the run's page."""
    return f"::warning title=Gatekeeper::{_data(text)}"
