"""One scratch server a run, one database a test; projects live in temporary git repositories."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gatekeeper.policy.load import load_all
from gatekeeper.scratch.base import Address
from gatekeeper.scratch.embedded import start_embedded
from gatekeeper.scratch.private import PrivateCluster
from gatekeeper.scratch.rundir import RunDirectory


@pytest.fixture(scope="session")
def server() -> Iterator[PrivateCluster]:
    run = RunDirectory()
    try:
        cluster = start_embedded(run)
        yield cluster
        cluster.close()
    finally:
        run.close()


@pytest.fixture
def database(server: PrivateCluster) -> Iterator[Address]:
    address = server.create_database()
    yield address
    server.drop_database(address.database)


@pytest.fixture
def connection(database: Address) -> Iterator[psycopg.Connection[Any]]:
    with database.connect() as connection:
        yield connection


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine of the day has set must not matter."""
    for name in list(os.environ):
        if (
            name.startswith(("PG", "GIT_", "GITHUB_", "DATABASE_", "GATEKEEPER_"))
            or name == "VIRTUAL_ENV"
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CI", "true")  # nothing is kept between runs, unless a test asks for it
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "test@example.invalid")


# Tests of the pipeline judge by these, whatever policies come later; a case of its own tests a policy.
_JUDGED_BY = (
    "blocking-index-build", "cascade-dropped", "column-dropped", "column-renamed",
    "concurrently-in-transaction", "constraint-dropped", "lossy-type-change", "missing-foreign-key",
    "missing-primary-key", "required-column-added", "table-dropped", "table-renamed",
    "table-rewritten",
)  # fmt: skip
_SHIPPED = load_all()
POLICIES = tuple(_SHIPPED[name] for name in _JUDGED_BY)

ENV_PY = """
from alembic import context
from sqlalchemy import engine_from_config, pool

engine = engine_from_config(
    context.config.get_section("alembic"), prefix="sqlalchemy.", poolclass=pool.NullPool
)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


class Project:
    """An Alembic project in a git repository of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.last: str | None = None
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.write(
            "alembic.ini",
            "[alembic]\nscript_location = %(here)s/migrations\n"
            "sqlalchemy.url = postgresql+psycopg://nobody@db.example.invalid/shop\n",
        )
        self.write("migrations/env.py", ENV_PY)
        (root / "migrations" / "versions").mkdir()

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True
        ).stdout.strip()

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return file

    def revision(self, name: str, *body: str, parent: str | None = None, head: str = "") -> Path:
        """Write a revision file after the last one; `body` are the lines of upgrade()."""
        down = repr(parent or self.last)
        lines = "\n    ".join(body) or "pass"
        self.last = name
        return self.write(
            f"migrations/versions/{name}.py",
            f'"""{name}."""\nimport sqlalchemy as sa\nfrom alembic import op\n{head}\n\n'
            f"revision = {name!r}\ndown_revision = {down}\n\n\ndef upgrade():\n    {lines}\n\n\n"
            "def downgrade():\n    pass\n",
        )

    def commit(self, message: str = "work") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str = "feature") -> None:
        self.git("checkout", "--quiet", "-b", name)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "app")


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def gatekeeper(tmp_path: Path) -> Run:
    """Run the command as a user would; `cwd` is where."""

    def run(
        *arguments: str, cwd: Path | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gatekeeper", *arguments],
            cwd=cwd or tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
            **options,
        )

    return run
