"""What a command does not need is not imported: nobody waits for it."""

import subprocess
import sys
from pathlib import Path

import pytest

_COMMAND = "from gatekeeper.cli.main import run; run()"
_TOLD = (
    f"import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); {_COMMAND}"
)

# Who publishes, reads SQL or runs alembic in a process of its own pays for these.
ELSEWHERE = {
    "alembic", "sqlalchemy", "sqlglot", "github", "requests", "jwt", "nacl", "urllib3", "pydantic",
    "cattrs", "jinja2", "http", "xml", "multiprocessing", "unittest",
}  # fmt: skip
# What psycopg brings along, and what only judging needs.
OF_A_DATABASE = {"psycopg", "psutil", "asyncio", "ssl", "email", "logging", "sqlite3", "concurrent"}


def _imported(folder: Path, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _TOLD, *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return {name.partition(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize(
    ("line", "needless"),
    [
        ("--help", {"yaml", "rich"}),
        ("explain tables", {"yaml"}),
        ("explain table-dropped", set()),
        ("policy list", set()),
    ],
)
def test_looking_something_up(line: str, needless: set[str], tmp_path: Path) -> None:
    found = _imported(tmp_path, *line.split())
    assert "typer" in found
    assert found & (ELSEWHERE | OF_A_DATABASE | needless) == set()


def test_a_check_of_alembic_migrations(project) -> None:
    project.revision(
        "r1",
        'op.execute("CREATE TABLE t (id bigint PRIMARY KEY); CREATE VIEW v AS SELECT id FROM t")',
    )
    project.commit()
    project.branch()
    project.revision("r2", 'op.execute("ALTER TABLE t ADD COLUMN note text")')
    # Filling in the message of a finding takes jinja2.
    project.write("gatekeeper.yml", "policies: {missing-downgrade: 'off'}\n")
    found = _imported(project.root, "check", "--python", sys.executable)
    assert "psycopg" in found
    assert found & ELSEWHERE == set()
