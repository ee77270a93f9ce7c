"""The workflow for GitHub Actions: the packaged example of two jobs, made this repository's."""

import json
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from textwrap import indent

from gatekeeper import __version__
from gatekeeper.setup.install import Install

_OURS = "OWNER/gatekeeper@0000000000000000000000000000000000000000 # v0.1.0"
_INSTALL = "        run: python3 -m venv .venv && .venv/bin/pip install -r requirements.txt\n"
GUESSED = "# A guess:"
_SNAPSHOT = "          mode: snapshot\n"
_JUDGE = "/gatekeeper-snapshot.json\n"
_GITHUB = re.compile(r"(?:https|ssh|git)://(?:git@)?github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?\Z")


def example() -> str:
    """Give the example as it is shipped."""
    here = Path(__file__).parent
    installed = here / "two-jobs.yml"
    checkout = here.parent.parent / ".github" / "examples" / "two-jobs.yml"
    return (installed if installed.is_file() else checkout).read_text("utf-8")


def release() -> str | None:
    """Give `owner/name@commit # v1.2.3` if this Gatekeeper was installed from GitHub by git."""
    try:
        said = json.loads(distribution("schema-gatekeeper").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return None
    found = _GITHUB.match(str(said.get("url", "")))
    commit = str(said.get("vcs_info", {}).get("commit_id", ""))
    if not found or not re.fullmatch(r"[0-9a-f]{40}", commit):
        return None
    return f"{found[1]}@{commit} # v{__version__}"


def workflow(
    install: Install | None, *, more: Iterable[Install] = (), name: str = "", config_file: str = ""
) -> str:
    """Give the text of the workflow.

    `name` tells several of one repository apart, `config_file` is the gatekeeper.yml that each
    uses then. Without `install` the step says that it must be written; `more` are steps after it.
    """
    path = f"gatekeeper-{name}.yml" if name else "gatekeeper.yml"
    text = _replaced(example(), "workflows/gatekeeper.yml", f"workflows/{path}")
    further = (f"      - name: Install what is in {one.folder}\n{_step(one)}" for one in more)
    text = _replaced(text, _INSTALL, _step(install) + "".join(further))
    text = _replaced(text, _OURS, release() or _OURS)
    if config_file:
        line = f"          config-file: {_plain(config_file)}\n"
        text = _replaced(text, _SNAPSHOT, _SNAPSHOT + line)
        text = _replaced(text, _JUDGE, _JUDGE + line)
    return _named(text, name) if name else text


def _named(text: str, name: str) -> str:
    text = _replaced(text, "name: Gatekeeper\n", f"name: Gatekeeper {name}\n")
    text = _replaced(text, "  group: gatekeeper-$", f"  group: gatekeeper-{name}-$")
    text = _replaced(
        text, "    name: run the migrations", f"    name: run the migrations of {name}"
    )
    text = _replaced(text, "    name: gatekeeper\n", f"    name: gatekeeper ({name})\n")
    text = _replaced(text, "name: gatekeeper-snapshot\n", f"name: gatekeeper-snapshot-{name}\n")
    return _replaced(
        text, "          mode: judge\n", f"          mode: judge\n          key: {name}\n"
    )


def _step(install: Install | None) -> str:
    if install is None:
        return (
            f"        {GUESSED} make the interpreter that env.py runs in, best a .venv.\n"
            "        run: |\n"
            "          python3 -m venv .venv\n"
            '          .venv/bin/pip install alembic sqlalchemy "psycopg[binary]"\n'
        )
    text = ""
    if install.folder != ".":
        text = f"        working-directory: {_plain(install.folder)}\n"
    if len(install.lines) == 1:
        return f"{text}        run: {install.lines[0]}\n"
    return f"{text}        run: |\n{indent(chr(10).join(install.lines), ' ' * 10)}\n"


def _plain(path: str) -> str:
    """Give a path as YAML reads it; one with other characters is quoted."""
    return path if re.fullmatch(r"[A-Za-z0-9_][\w./-]*", path) else json.dumps(path)


def _replaced(text: str, old: str, new: str) -> str:
    if old not in text:
        raise AssertionError(f"the example has no {old!r} any more")
    return text.replace(old, new)
