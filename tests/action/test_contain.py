"""What is below the migrations ends with them, and the runner's files stay as they were."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.action.conftest import ROOT

_CONTAIN = ROOT / ".github" / "action" / "contain.py"
Start = Callable[..., "subprocess.Popen[str]"]
# Detached twice over, deaf to what asks it to end, and with a child of its own.
_DAEMON = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.fork()
        with open(sys.argv[1], "a") as file:
            file.write(f"{os.getpid()}\\n")
        time.sleep(100)
    os._exit(0)
os.wait()
while not os.path.exists(sys.argv[1]) or open(sys.argv[1]).read().count("\\n") < 2:
    time.sleep(0.01)
"""


@pytest.fixture
def start(tmp_path: Path) -> Start:
    def run(code: str, *arguments: object, **environ: object) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-I", _CONTAIN, sys.executable, "-c", code, *map(str, arguments)],
            env=os.environ | {name: str(value) for name, value in environ.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


def test_the_status_is_that_of_the_command(start: Start) -> None:
    for code, status in (("", 0), ("raise SystemExit(7)", 7)):
        contained = start(code)
        output, _ = contained.communicate(timeout=20)
        assert contained.returncode == status
        assert ("::error::" in output) is (status != 0)


def test_what_detached_itself_is_gone(start: Start, tmp_path: Path) -> None:
    contained = start(_DAEMON, tmp_path / "numbers")
    output, _ = contained.communicate(timeout=20)
    numbers = [int(line) for line in (tmp_path / "numbers").read_text().split()]
    assert len(numbers) == 2
    assert not any(psutil.pid_exists(number) for number in numbers)
    assert contained.returncode == 0, output


def test_what_is_printed_lies_between_the_stop_words(start: Start) -> None:
    contained = start("import sys; print('::error::a'); sys.stderr.write('::error::b\\n')")
    output, errors = contained.communicate(timeout=20)
    first, *said, last = output.splitlines()
    assert sorted(said) == ["::error::a", "::error::b"]
    assert first == f"::stop-commands::{last.strip(':')}"
    assert len(last) > len("::stop-::") + 30
    assert errors == ""


@pytest.mark.parametrize(
    "code",
    [
        "open(sys.argv[1], 'a').write('X=1')",
        "os.unlink(sys.argv[1]); os.symlink('/etc/passwd', sys.argv[1])",
        "os.unlink(sys.argv[1]); os.mkdir(sys.argv[1])",
        "os.unlink(sys.argv[1]); os.mkfifo(sys.argv[1])",
        "os.unlink(sys.argv[1])",
    ],
)
@pytest.mark.parametrize("name", ["GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
def test_the_runners_files(start: Start, tmp_path: Path, name: str, code: str) -> None:
    file = tmp_path / "file"
    file.write_text("BEFORE=1\n")
    contained = start(f"import os, sys; {code}", file, **{name: file})
    output, _ = contained.communicate(timeout=20)
    assert contained.returncode == 2
    assert f"wrote to {name}" in output
    assert not file.is_symlink()
    assert file.read_text() == "BEFORE=1\n"


def test_the_runners_end_is_passed_on(start: Start, tmp_path: Path) -> None:
    place = tmp_path / "got"
    code = (
        "import pathlib, signal, sys, time\n"
        "def end(*_): pathlib.Path(sys.argv[1]).write_text('ended'); raise SystemExit(143)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "pathlib.Path(sys.argv[1]).write_text('ready')\n"
        "time.sleep(30)\n"
    )
    contained = start(code, place)
    end = time.monotonic() + 20
    while not (place.exists() and place.read_text()) and time.monotonic() < end:
        time.sleep(0.01)
    contained.send_signal(signal.SIGTERM)
    output, _ = contained.communicate(timeout=20)
    assert place.read_text() == "ended"
    assert contained.returncode == 143, output
