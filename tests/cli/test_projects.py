"""Several projects in one repository: a verdict each, one report."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.conftest import Project

Run = Callable[..., subprocess.CompletedProcess[str]]
_CONFIG = """\
packs: [destructive]
projects:
  orders: {migrations: {config: orders/alembic.ini}}
  billing: {migrations: {config: billing/alembic.ini}}
"""


def _add(project: Project, name: str, number: str, sql: str) -> None:
    down = repr(f"{int(number) - 1:04}") if number != "0001" else "None"
    project.write(
        f"{name}/migrations/versions/{number}.py",
        f'"""{number}."""\nfrom alembic import op\n\nrevision = {number!r}\n'
        f"down_revision = {down}\n\n\ndef upgrade():\n    op.execute({sql!r})\n\n\n"
        'def downgrade():\n    raise NotImplementedError("rows are gone")\n',
    )


@pytest.fixture
def both(project: Project) -> Project:
    """Two services, each with a table `people` in a database of its own, and a feature branch."""
    env = (project.root / "migrations" / "env.py").read_text("utf-8")
    for name in ("orders", "billing"):
        project.write(f"{name}/alembic.ini", (project.root / "alembic.ini").read_text("utf-8"))
        project.write(f"{name}/migrations/env.py", env)
        _add(project, name, "0001", "CREATE TABLE people (id bigint PRIMARY KEY, phone text)")
    (project.root / "alembic.ini").unlink()
    project.git("config", "core.quotepath", "off")
    project.write("gatekeeper.yml", _CONFIG)
    project.commit()
    project.branch()
    return project


def _checked(gatekeeper: Run, project: Project, *arguments: str) -> dict[str, Any]:
    done = gatekeeper("check", "--format", "json", *arguments, cwd=project.root)
    assert done.returncode in (0, 1), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_each_project_has_its_verdict(both: Project, gatekeeper: Run) -> None:
    _add(both, "orders", "0002", "ALTER TABLE people DROP COLUMN phone")
    _add(both, "billing", "0002", "ALTER TABLE people ADD COLUMN fax text")
    both.commit()
    report = _checked(gatekeeper, both)
    schema = json.loads(gatekeeper("schema", "reports").stdout)
    jsonschema.Draft202012Validator(schema).validate(report)
    assert report["verdict"] == "blocked"
    assert [(p["project"], p["verdict"]) for p in report["projects"]] == [
        ("orders", "blocked"),
        ("billing", "passed"),
    ]
    assert [f["policy"] for f in report["projects"][0]["findings"]] == ["column-dropped"]
    one = _checked(gatekeeper, both, "--project", "billing")
    assert (one["project"], one["verdict"]) == ("billing", "passed")
    jsonschema.Draft202012Validator(json.loads(gatekeeper("schema", "report").stdout)).validate(one)


def test_the_comment_has_a_row_for_each_and_a_section_where_something_is_new(
    both: Project, gatekeeper: Run, tmp_path: Path
) -> None:
    _add(both, "orders", "0002", "ALTER TABLE people DROP COLUMN phone")
    both.commit()
    taken = gatekeeper("snapshot", "--output", "../both.json", cwd=both.root)
    assert taken.stdout.splitlines() == [
        "orders: 1 new migration: ../both.json",
        "billing: 0 new migrations: ../both.json",
    ]
    done = gatekeeper("judge", "../both.json", "--format", "markdown", cwd=both.root)
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert lines[0] == "### ❌ Gatekeeper: blocked by 1 error"
    assert (
        "| ❌ | `orders` | blocked by 1 error | 1 new migration, 1 statement, 1 schema change |"
        in (lines)
    )
    assert "| ✅ | `billing` | passed | nothing new |" in lines
    assert [line for line in lines if line.startswith("####")] == [
        "#### ❌ `orders`: blocked by 1 error"
    ]
    assert "$ gatekeeper check --project orders" in lines
    # What nobody ran must not pass.
    snapshot = json.loads((tmp_path / "both.json").read_text("utf-8"))
    snapshot["snapshots"].pop(0)
    (tmp_path / "both.json").write_text(json.dumps(snapshot), "utf-8")
    less = gatekeeper("judge", "../both.json", cwd=both.root)
    assert less.returncode == 2
    assert "there is no snapshot of the project orders" in less.stderr


def test_a_waiver_may_be_of_one_project(both: Project, gatekeeper: Run) -> None:
    for name in ("orders", "billing"):
        _add(both, name, "0002", "ALTER TABLE people DROP COLUMN phone")
    done = gatekeeper(
        "waive", "column-dropped", "public.people.phone", "--because", "nobody calls any more",
        "--project", "billing", cwd=both.root,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    both.commit()
    report = _checked(gatekeeper, both)
    assert [p["verdict"] for p in report["projects"]] == ["blocked", "passed"]
    found = [f["fingerprint"] for p in report["projects"] for f in p["findings"]]
    assert len(set(found)) == len(found) == 2
    for name, blocked in (("orders", 1), ("billing", 0)):
        done = gatekeeper(
            "dry-run", "--last", "1", "--project", name, "--format", "json", cwd=both.root
        )
        assert json.loads(done.stdout)["blocked"] == blocked, done.stderr


def test_a_command_about_one_project_asks_which(both: Project, gatekeeper: Run) -> None:
    done = gatekeeper("audit", cwd=both.root)
    assert done.returncode == 2
    assert "--project orders\n" in done.stderr
    assert "there is no project 'order'" in gatekeeper(
        "audit", "--project", "order", cwd=both.root
    ).stderr  # fmt: skip


_MULTIDB = """
from alembic import context
from sqlalchemy import create_engine, pool

found = {}
for name in ("orders", "billing"):
    engine = create_engine("postgresql+psycopg://db.example.invalid/" + name, poolclass=pool.NullPool)
    found[name] = engine.connect()
    found[name].begin()
for name, connection in found.items():
    context.configure(connection=connection, upgrade_token=name + "_upgrades")
    context.run_migrations(engine_name=name)
for connection in found.values():
    connection.commit()
"""


def _multidb(number: str, orders: str, billing: str) -> str:
    down = repr(f"{int(number) - 1:04}") if number != "0001" else "None"
    return (
        f"from alembic import op\n\nrevision = {number!r}\ndown_revision = {down}\n\n\n"
        'def upgrade(engine_name):\n    globals()["upgrade_" + engine_name]()\n\n\n'
        'def downgrade(engine_name):\n    raise NotImplementedError("rows are gone")\n\n\n'
        f"def upgrade_orders():\n    op.execute({orders!r})\n\n\n"
        f"def upgrade_billing():\n    op.execute({billing!r})\n"
    )


def test_one_env_py_that_migrates_several_databases(project: Project, gatekeeper: Run) -> None:
    """As alembic's template multidb does."""
    project.write("migrations/env.py", _MULTIDB)
    table = "CREATE TABLE {} (id bigint PRIMARY KEY, phone text)"
    project.write(
        "migrations/versions/0001.py",
        _multidb("0001", table.format("orders"), table.format("invoices")),
    )
    project.commit()
    project.branch()
    project.write(
        "migrations/versions/0002.py",
        _multidb("0002", "ALTER TABLE orders ADD fax text", "ALTER TABLE invoices DROP phone"),
    )
    project.commit()
    undecided = gatekeeper("check", cwd=project.root)
    assert undecided.returncode == 2
    assert "  billing: {migrations: {database: billing}}\n" in undecided.stdout
    lines = [line for line in undecided.stdout.splitlines() if "{migrations: {database: " in line]
    project.write("gatekeeper.yml", "packs: [destructive]\nprojects:\n" + "\n".join(lines) + "\n")
    report = _checked(gatekeeper, project)
    assert {p["project"]: p["verdict"] for p in report["projects"]} == {
        "billing": "blocked",
        "orders": "passed",
    }
    assert {p["project"]: [c["subject"] for c in p["changes"]] for p in report["projects"]} == {
        "billing": ["public.invoices.phone"],
        "orders": ["public.orders.fax"],
    }
