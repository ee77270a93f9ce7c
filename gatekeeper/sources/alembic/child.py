"""The process that runs the probe, seen from our side."""

import contextlib
import json
import os
import re
import select
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatekeeper.errors import SourceError
from gatekeeper.scratch.rundir import RunDirectory, end_group

if TYPE_CHECKING:  # a process is started before anything is imported that knows databases
    from gatekeeper.scratch.base import Address

PROBE = Path(__file__).with_name("probe.py")

# What a migration has no business with: tokens and files of the CI runner, and whatever would send
# libpq elsewhere.
_HIDDEN = (
    "GITHUB_",
    "ACTIONS_",
    "RUNNER_",
    "INPUT_",
    "GATEKEEPER_",
    "PG",
    "GH_TOKEN",
    "CI_JOB_TOKEN",
)
_DEAD_URL = "postgresql://gatekeeper:gatekeeper@127.0.0.1:1/gatekeeper"
# Names that settings modules commonly demand; connections are redirected, so the values are moot.
_URLS = (
    "DATABASE_URL",
    "DATABASE_URI",
    "SQLALCHEMY_DATABASE_URI",
    "SQLALCHEMY_DATABASE_URL",
    "DB_URL",
)

DEAD_URL = "postgresql://gatekeeper:gatekeeper@127.0.0.1:1/gatekeeper"
_SERVER_IN_URL = re.compile(r"^(postgres(?:ql)?(?:\+\w+)?://)[^/?#]*")

Report = dict[str, Any]


class ProbeFailed(Exception):
    """The probe reported that a step failed; `report` holds what it said."""

    def __init__(self, report: Report, output: str) -> None:
        super().__init__(report.get("message", ""))
        self.report = report
        self.output = output


class Child:
    """One run of probe.py under the application's interpreter.

    `only` names the one database that is meant, where env.py migrates several.
    """

    def __init__(
        self,
        run: RunDirectory,
        interpreter: Path,
        directory: Path,
        *,
        environment: dict[str, str],
        timeout: int,
        only: str | None = None,
    ) -> None:
        self.started_as = (interpreter, dict(environment))
        self._only = only
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._buffer = b""
        self._log = run.folder("logs") / f"migrations-{time.monotonic_ns()}.log"
        commands_read, self._commands = os.pipe()
        self._reports, reports_write = os.pipe()
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    [str(interpreter), str(PROBE), str(commands_read), str(reports_write)],
                    cwd=directory,
                    env=environment_of(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(commands_read, reports_write),
                    start_new_session=True,
                )
        except OSError as error:
            os.close(self._commands)
            os.close(self._reports)
            raise SourceError(
                f"{interpreter} cannot be run: {error.strerror}",
                "Give the application's interpreter: --python .venv/bin/python",
            ) from error
        finally:
            os.close(commands_read)
            os.close(reports_write)
        self._open = [self._commands, self._reports]
        run.record(self._process)

    def renew(self) -> None:
        """Give the process its whole time once more: another run begins."""
        self._deadline = time.monotonic() + self._timeout

    def send(self, do: str, **fields: Any) -> None:  # noqa: ANN401
        """Give the probe its next command."""
        line = json.dumps({"do": do, **fields}) + "\n"
        with contextlib.suppress(BrokenPipeError):  # the next read says why it is gone
            os.write(self._commands, line.encode())

    def connect(self, database: "Address") -> None:
        """Say which scratch database takes the place of the application's; nothing is opened.

        Where only one of several is meant, connections to the others get another.
        """
        fields: dict[str, object] = {"address": asdict(database)}
        if self._only is not None:
            from gatekeeper.scratch.base import others_beside

            fields |= {"only": self._only, "others": asdict(others_beside(database))}
        self.send("connect", **fields)

    def expect(self, kind: str, on_other: Callable[[Report], None] | None = None) -> Report:
        """Wait for a report of this kind; others go to `on_other`.

        Raises ProbeFailed when a step failed, SourceError when the process is gone or too slow.
        """
        while True:
            report = self._read()
            if report.get("kind") == "failed":
                raise ProbeFailed(report, self.output())
            if report.get("kind") == kind:
                return report
            if on_other is not None:
                on_other(report)

    def output(self) -> str:
        """Give the end of what the application printed."""
        with self._log.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - 4000))
            return log.read().decode(errors="replace").strip()

    def close(self) -> None:
        """End the process and all that it started."""
        if self._process.poll() is None:
            end_group(self._process.pid)
        self._process.wait()
        while self._open:  # closing one twice might close another's
            os.close(self._open.pop())

    def _read(self) -> Report:
        while b"\n" not in self._buffer:
            left = self._deadline - time.monotonic()
            ready, _, _ = select.select([self._reports], [], [], max(0.0, left))
            if not ready:
                self.close()
                raise SourceError(
                    f"the migrations did not finish within {self._timeout} seconds",
                    "Allow more with migrations.timeout in gatekeeper.yml (seconds), or find out"
                    f" what they wait for. The end of their output:\n{self.output() or '(none)'}",
                )
            data = os.read(self._reports, 1 << 16)
            if not data:
                self._process.wait()
                raise SourceError(
                    f"the process that runs the migrations ended early (exit status"
                    f" {self._process.returncode})",
                    f"The end of its output:\n{self.output() or '(none)'}",
                )
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        report: Report = json.loads(line)
        return report


def environment_of(extra: Mapping[str, str]) -> dict[str, str]:
    """Give the variables that the application's process gets: ours, harmless, and `extra`."""
    kept = {k: _defused(v) for k, v in os.environ.items() if not k.startswith(_HIDDEN)}
    kept["PYTHONUNBUFFERED"] = "1"
    return kept | dict(extra)


def _defused(value: str) -> str:
    """Give a database URL the address of nobody, so that no client of any kind can follow it."""
    return _SERVER_IN_URL.sub(r"\1gatekeeper:gatekeeper@127.0.0.1:1", value)
