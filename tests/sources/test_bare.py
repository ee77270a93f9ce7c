"""migrations.env_py: bare - the version files alone, under an env.py of ours."""

import pytest
import yaml
from jsonschema import Draft202012Validator

from gatekeeper.config import load_config
from gatekeeper.errors import ConfigError
from gatekeeper.policy.config_schema import config_schema
from tests.conftest import ENV_PY, Project
from tests.sources.test_alembic import check, places  # noqa: F401 - fixtures

BROKEN = "import nowhere_at_all\n\nraise SystemExit('too heavy')\n"


@pytest.fixture
def shop(project: Project) -> Project:
    """Two heads on purpose, on a branch; env.py cannot be imported."""
    project.write("migrations/env.py", BROKEN)
    project.revision("r1", 'op.execute("CREATE TABLE t (a int PRIMARY KEY, b int)")')
    project.revision("s1", 'op.execute("CREATE TABLE s (a int PRIMARY KEY)")', parent=None)
    second = project.root / "migrations/versions/s1.py"
    second.write_text(second.read_text().replace("down_revision = 'r1'", "down_revision = None"))
    project.commit()
    project.branch()
    project.revision("r2", 'op.drop_column("t", "b")', parent="r1")
    return project


def based(project: Project) -> None:
    """Let the base have all but the new revision."""
    (project.root / "migrations/versions/r2.py").rename(project.root / "r2")
    project.commit()
    project.git("branch", "--force", "main")
    (project.root / "r2").rename(project.root / "migrations/versions/r2.py")


def use(project: Project, url: str) -> None:
    project.write(
        "alembic.ini", f"[alembic]\nscript_location = %(here)s/migrations\nsqlalchemy.url = {url}\n"
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg2://nobody@db.example.invalid/shop",
        "postgresql+asyncpg://nobody@db.example.invalid/shop",
        "sqlite:///shop.db",
        "",
    ],
)
def test_every_driver_and_none(shop, check, url):  # noqa: F811
    use(shop, url)
    shop.revision(
        "r3",
        "with op.get_context().autocommit_block():",
        '    op.execute("CREATE INDEX CONCURRENTLY i ON t (a)")',
        'op.execute("ALTER TABLE t ADD c int")',
    )
    assert places(check(shop, bare=True)) == {"column-dropped": "migrations/versions/r2.py:11"}
    assert not (shop.root / "shop.db").exists()


def test_a_project_without_an_env_py(shop, check):  # noqa: F811
    (shop.root / "migrations/env.py").unlink()
    assert "column-dropped" in places(check(shop, bare=True))


def test_what_env_py_says_of_versions_and_transactions(shop, check):  # noqa: F811
    """It is read, not run: r3 commits what r2 did only in a transaction of its own."""
    shop.write(
        "migrations/env.py",
        BROKEN + "context.configure(version_table='versions', version_table_schema='Ops',"
        " transaction_per_migration=True, target_metadata=nothing.metadata)\n",
    )
    based(shop)
    shop.revision(
        "r3",
        "told = 'SELECT count(*) FROM \"Ops\".versions'",
        "assert op.get_bind().exec_driver_sql(told).scalar() == 2",
        "op.execute('ROLLBACK; BEGIN')",
        "op.execute('ALTER TABLE t ADD c int')",
    )
    outcome = check(shop, bare=True)
    assert places(outcome) == {"column-dropped": "migrations/versions/r2.py:11"}


def test_the_ini_wins(shop, check):  # noqa: F811
    shop.write("migrations/env.py", "context.configure(version_table='a')\n")
    ini = (shop.root / "alembic.ini").read_text()
    shop.write("alembic.ini", ini + "version_table = b\n")
    based(shop)
    shop.revision("r3", "op.execute('LOCK TABLE b; ALTER TABLE t ADD c int')")
    assert "column-dropped" in places(check(shop, bare=True))


def test_a_prelude_for_what_the_version_files_import(shop, check):  # noqa: F811
    shop.write("ready.py", "import builtins\nbuiltins.column = 'c'\n")
    shop.revision("r3", "op.execute(f'ALTER TABLE t ADD {column} int')", head="column")
    assert "column-dropped" in places(check(shop, bare=True, prelude="ready.py"))


def test_the_models_are_not_compared(project, gatekeeper):
    """They are env.py's to name; that is no note either."""
    project.revision("r1", 'op.execute("CREATE TABLE t (a int PRIMARY KEY)")')
    project.write("gatekeeper.yml", "migrations: {env_py: bare}\npacks: [strict]\n")
    project.write("models.py", "from sqlalchemy import Column\n")
    project.commit()
    project.branch()
    project.write("migrations/env.py", ENV_PY + BROKEN)
    project.write("models.py", "from sqlalchemy import Column, Integer\n")
    project.revision("r2", 'op.execute("ALTER TABLE t ADD b int")')
    done = gatekeeper("check", cwd=project.root)
    assert "1 new migration, 1 statement" in done.stdout, done.stdout + done.stderr
    assert "not compared" not in done.stdout


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("database: {baseline: metadata}\nmigrations:\n  env_py: bare\n", 3),
        ("migrations: {env_py: bare}\nprojects:\n  a: {database: {baseline: metadata}}\n", 3),
    ],
)
def test_models_as_the_base_need_the_projects_own(tmp_path, text, line):
    path = tmp_path / "gatekeeper.yml"
    path.write_text(text)
    assert Draft202012Validator(config_schema(())).is_valid(yaml.safe_load(text))
    with pytest.raises(ConfigError, match="env_py: bare excludes") as caught:
        load_config(path, tmp_path)
    assert f"gatekeeper.yml:{line}" in caught.value.message
