"""What a hostile pull request can do to the Action, and cannot."""

import textwrap
from pathlib import Path

from tests.action.conftest import PullRequest
from tests.github.fake import ACTIONS, FakeGitHub

_WITNESS = "raise SystemExit(__import__('pathlib').Path({place!r}).write_text('imported'))\n"
_ELSEWHERE = '[[index]]\nname = "theirs"\nurl = "http://127.0.0.1:1/simple"\ndefault = true\n'

# Each process above the migration, up to the first: number and parent.
_ANCESTORS = """
import os
def ancestors(number=None):
    number = number or os.getpid()
    while number > 1:
        yield number
        number = int(open(f"/proc/{number}/stat").read().rpartition(")")[2].split()[1])
"""
# Collects all that the environment and the command lines of those above it say.
_SEARCH = """
import pathlib
def search(place):
    seen = []
    for number in ancestors():
        for name in ("environ", "cmdline"):
            try:
                seen.append(open(f"/proc/{number}/{name}", "rb").read())
            except OSError:
                pass
    pathlib.Path(place).write_bytes(b"\\n".join(seen))
"""
# Detaches a process that waits for one that has a token, and writes down what it finds.
_LURK = """
import glob, time
def lurk(place):
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    pathlib.Path(place).write_bytes(b"waiting")
    end = time.time() + 60
    while time.time() < end:
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                command = open(path, "rb").read()
                if b"publish" in command and os.path.dirname(place).encode() in command:
                    pathlib.Path(place).write_bytes(open(path[:-7] + "environ", "rb").read())
                    os._exit(0)
            except OSError:
                pass
        time.sleep(0.01)
    os._exit(0)
"""
# Says what the runner obeys, where its own output goes and where that of those above it does.
_SPEAK = """
LINES = "::error::forged\\n::add-mask::orders\\n::set-output name=verdict::passed\\n"
def speak():
    print(LINES, flush=True)
    for number in ancestors():
        if b"gatekeeper" in open(f"/proc/{number}/cmdline", "rb").read():
            with open(f"/proc/{number}/fd/1", "w") as stream:
                stream.write(LINES)
"""
# Finds the files by which a step talks to the runner, and writes to them.
_WRITE = """
def write():
    for number in ancestors():
        for pair in open(f"/proc/{number}/environ", "rb").read().split(b"\\0"):
            name, _, path = pair.partition(b"=")
            if name in (b"GITHUB_OUTPUT", b"GITHUB_ENV", b"GITHUB_PATH"):
                with open(path, "a") as file:
                    file.write("verdict=passed\\nBASH_ENV=/tmp/theirs\\n")
"""


def _attack(*parts: str) -> str:
    return textwrap.dedent("".join(parts))


def test_code_of_the_pull_request_beside_the_gate(
    pull: PullRequest, github: FakeGitHub, tmp_path: Path
) -> None:
    """Modules that shadow ours, settings for the installer, a search for the token, forged lines."""
    imported, found, lurked = (tmp_path / name for name in ("imported", "found", "lurked"))
    witness = _WITNESS.format(place=str(imported))
    pull.workflow("one-job.yml")
    workflow = pull.app.root / ".github/workflows/one-job.yml"
    token = "    env:\n      GITHUB_TOKEN: ${{ github.token }}\n      DECOY: decoy-of-the-job\n    steps:\n"
    assert workflow.read_text().count("    steps:\n") == 1
    pull.app.write(
        ".github/workflows/one-job.yml", workflow.read_text().replace("    steps:\n", token)
    )
    for name in ("yaml.py", "sqlglot.py", "gatekeeper/__init__.py", "gatekeeper/__main__.py"):
        pull.app.write(name, witness)
    pull.app.write("sitecustomize.py", witness)
    pull.app.write("uv.toml", _ELSEWHERE)
    pull.app.write("config/uv/uv.toml", _ELSEWHERE)  # as an earlier step could leave it
    pull.environ["XDG_CONFIG_HOME"] = str(pull.app.root / "config")
    pull.app.write("pip.conf", "[global]\nindex-url = http://127.0.0.1:1/simple\n")
    pull.app.write(
        "pyproject.toml", f"[tool.uv]\n{_ELSEWHERE.replace('[[index]]', '[[tool.uv.index]]')}"
    )
    pull.app.revision(
        "0002",
        f"search({str(found)!r})",
        f"lurk({str(lurked)!r})",
        "speak()",
        "op.execute('ALTER TABLE orders DROP COLUMN note')",
        "op.execute('ALTER TABLE orders ADD COLUMN \"a\\n::error::forged\" text')",
        head=_attack(_ANCESTORS, _SEARCH, _LURK, _SPEAK),
    )
    pull.push()
    ran = pull.opened()
    assert not ran.passed
    assert ran.outputs["verdict"] == "blocked", ran.log
    assert not imported.exists()
    assert b"decoy-of-the-job" in found.read_bytes()  # the search finds what is there
    assert ACTIONS.encode() not in found.read_bytes()
    assert lurked.read_bytes() == b"waiting"
    assert "public.orders" in ran.log  # not masked
    assert not any(line.partition("::error")[2].startswith("::forged") for line in ran.errors())
    assert len(github.comments) == 1


def test_what_is_written_to_the_runners_files_is_taken_back(
    pull: PullRequest, github: FakeGitHub
) -> None:
    pull.workflow("one-job.yml")
    pull.app.revision("0002", "write()", head=_attack(_ANCESTORS, _WRITE))
    pull.push()
    ran = pull.opened()
    assert not ran.passed
    for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH"):
        assert any(f"wrote to {name}" in line for line in ran.errors()), ran.log
    assert ran.outputs["verdict"] == ""
    assert "BASH_ENV" not in ran.log
    assert github.requests == []
