"""Runs a command that runs code of strangers, and leaves nothing of it behind.

Whatever the code starts stays below this process, also what detaches itself: Linux hands orphans to
the nearest ancestor that asked for them (PR_SET_CHILD_SUBREAPER, prctl(2)). When the command has
ended they are killed, so that none is there when a later step has the token. What the code wrote to
the files by which a step talks to the runner is taken back and fails the step. What it prints is no
workflow command: a word that only this process knows suspends them.

The exit status is that of the command; 2 if something of the above had to be refused.
"""

import ctypes
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

SET_CHILD_SUBREAPER = 36
PATIENCE = 10.0  # seconds for the killed to be gone
REFUSED = 2
LARGEST = 10_000_000  # bytes; the runner takes 1 MiB
# Where a step sets variables, the search path, outputs, state and its summary for the runner.
FILES = ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")


def main(command: list[str]) -> int:
    """Run the command; give the exit status of the step."""
    if not sys.platform.startswith("linux"):
        say("::error::the Action runs migrations on Linux only; use a runner with Linux")
        return REFUSED
    word = f"stop-{secrets.token_hex(16)}"
    before = {path: content(path) for path in runner_files().values()}
    if ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        say("::error::this system does not hand orphans on; what migrations start could stay")
        return REFUSED
    say(f"::stop-commands::{word}")
    try:
        status = run(command)
        left = end_descendants()
    finally:
        say(f"::{word}::")
    for name, path in runner_files().items():
        if content(path) != before[path]:
            restore(path, before[path])
            say(f"::error::code that the migrations ran wrote to {name}, which is not theirs")
            status = REFUSED
    if left:
        say("::error::processes that the migrations started cannot be ended: " + ", ".join(left))
        status = REFUSED
    if status:
        say("::error::Gatekeeper has taken no snapshot; the log of this step says why")
    return status


def run(command: list[str]) -> int:
    """Run the command, to which signals for us are passed on."""
    # One stream: the runner reads two apart, and a line of one might overtake the stop word.
    process = subprocess.Popen(command, stderr=subprocess.STDOUT)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: process.send_signal(got))
    status = process.wait()
    return status if status >= 0 else 128 - status


def end_descendants() -> list[str]:
    """Kill all that is left below us; name what is still there when patience is over.

    Who is killed leaves its own children to us, so this goes on until there are none.
    """
    end = time.monotonic() + PATIENCE
    while found := children():
        for number in found:
            try:
                os.kill(number, signal.SIGKILL)
            except OSError:  # gone by itself, or somebody else's
                continue
        if time.monotonic() > end:
            return [f"{number} {name}" for number, name in found.items()]
        time.sleep(0.01)
    return []


def children() -> dict[int, str]:
    """Collect the dead among our children and give the living: number → name."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # "12 (name, which may hold anything) S 1 …": state and parent follow the last bracket
            start, _, rest = path.read_text(errors="replace").rpartition(")")
        except OSError:  # gone meanwhile
            continue
        number = int(path.parent.name)
        if int(rest.split()[1]) == os.getpid() and not os.waitpid(number, os.WNOHANG)[0]:
            found[number] = repr(start.partition("(")[2])
    return found


def runner_files() -> dict[str, Path]:
    """Give the runner's files that the environment names."""
    return {name: Path(os.environ[name]) for name in FILES if os.environ.get(name)}


def content(path: Path) -> bytes | None:
    """Read a file; None where there is none, or something else by now."""
    if path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as file:
        return file.read(LARGEST)


def restore(path: Path, before: bytes | None) -> None:
    """Put back what was there, whatever is there now."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if before is not None:
        path.write_bytes(before)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
