"""What a step tells the runner through files: its summary and its outputs."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from gatekeeper.github.errors import PublishError

SUMMARY_LIMIT = 900_000  # bytes; GitHub drops a summary of more than 1 MiB for a step, whole


def write_summary(environ: Mapping[str, str], render: Callable[[int], str]) -> bool:
    """Append to the step's summary; `render` gives the text from the most bytes it may have.

    Give False where there is none to write to. Raises PublishError when it cannot be written.
    """
    path = _file(environ, "GITHUB_STEP_SUMMARY")
    if path is None:
        return False
    try:
        there = path.stat().st_size if path.exists() else 0
        text = f"{render(SUMMARY_LIMIT - there).strip()}\n\n".encode()
        if there + len(text) > SUMMARY_LIMIT:
            raise PublishError("the summary of this step has no room left for the report")
        with path.open("ab") as file:
            file.write(text)
    except OSError as error:
        raise PublishError(f"{path}: the summary cannot be written: {error.strerror}") from error
    return True


def write_outputs(environ: Mapping[str, str], values: Mapping[str, str]) -> bool:
    """Set outputs of the step. No value can set another one: a random word ends it."""
    path = _file(environ, "GITHUB_OUTPUT")
    if path is None:
        return False
    lines = []
    for name, value in values.items():
        word = f"end_{secrets.token_hex(16)}"
        lines.append(f"{name}<<{word}\n{value}\n{word}\n")
    try:
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write("".join(lines))
    except OSError as error:
        raise PublishError(f"{path}: outputs cannot be written: {error.strerror}") from error
    return True


def _file(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None
