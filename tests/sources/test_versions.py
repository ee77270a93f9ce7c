"""The oldest alembic and SQLAlchemy that the probe serves, beside the newest, which all else uses."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.git import Repository
from gatekeeper.observe import Setup
from gatekeeper.policy.load import load_all
from gatekeeper.replay import replay
from gatekeeper.report.outcome import Outcome
from gatekeeper.report.view import message
from gatekeeper.scratch.private import PrivateCluster
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.sources.alembic.baseline import Start
from gatekeeper.sources.alembic.drift import ModelledSource
from gatekeeper.sources.alembic.history import History
from gatekeeper.sources.alembic.revisions import AlembicOptions
from tests.conftest import POLICIES, Project
from tests.sources.conftest import Reviewed
from tests.sources.test_downgrade import revision
from tests.sources.test_drift import change_model, env, write_models
from tests.sources.test_drivers import ASYNC_ENV

ALL = load_all()
ASKED = (*POLICIES, ALL["models-out-of-sync"], ALL["downgrade-incomplete"], ALL["downgrade-fails"])
OLD = Path(sys.prefix) / "old" / "bin" / "python"
Check = Callable[..., Outcome]


@pytest.fixture(scope="session")
def old() -> Path:
    """The interpreter that has alembic 1.8 and SQLAlchemy 1.4."""
    if not OLD.exists():
        why = f"there is no {OLD}; `make test` installs it where Python is 3.11 or 3.12"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    ask = "import alembic, sqlalchemy; print(alembic.__version__, sqlalchemy.__version__)"
    said = subprocess.run([OLD, "-c", ask], check=True, capture_output=True, text=True).stdout
    assert said.startswith("1.8.")
    assert " 1.4." in said
    return OLD


@pytest.fixture
def check(reviewed: Reviewed) -> Check:
    """Review a project with all that asks the probe for something: upgrade, compare, downgrade."""

    def run(project: Project, python: Path, **options: Any) -> Outcome:
        return reviewed(ModelledSource, project, ASKED, python=str(python), **options)

    return run


def found(outcome: Outcome) -> dict[str, tuple[str, int]]:
    """Give policy → file and line of each finding."""
    assert outcome.failure is None, outcome.failure
    assert outcome.notes == ()
    return {f.policy.id: (f.values["file"], f.values["line"]) for f in outcome.findings}


def use(project: Project, driver: str) -> None:
    ini = (project.root / "alembic.ini").read_text()
    project.write("alembic.ini", ini.replace("+psycopg:", f"+{driver}:"))
    if driver == "asyncpg":
        project.write("migrations/env.py", env(ASYNC_ENV))


@pytest.fixture
def shop(project: Project) -> Project:
    write_models(project)
    return project


@pytest.fixture(
    params=["old psycopg2", "old asyncpg", "new psycopg2", "new psycopg", "new asyncpg"]
)
def python(request: pytest.FixtureRequest, shop: Project) -> Path:
    """An interpreter; the project uses one of the drivers that its SQLAlchemy knows."""
    age, driver = request.param.split()
    use(shop, driver)
    shop.commit()
    shop.git("branch", "--force", "main")
    return request.getfixturevalue("old") if age == "old" else Path(sys.executable)


@pytest.fixture
def old_shop(shop: Project, old: Path) -> Project:
    """The same for the old interpreter alone; other files test all of this with the newest."""
    use(shop, "psycopg2")
    shop.commit()
    shop.git("branch", "--force", "main")
    return shop


def test_up_compare_down(shop: Project, check: Check, python: Path) -> None:
    revision(
        shop,
        "r2",
        'op.alter_column("orders", "state", new_column_name="status")\n'
        "with op.get_context().autocommit_block():\n"
        '    op.create_index("i", "orders", ["status"], postgresql_concurrently=True)',
        'op.alter_column("orders", "status", new_column_name="state")',
    )
    change_model(shop)
    outcome = check(shop, python)
    file = "migrations/versions/r2.py"
    assert found(outcome) == {
        "column-renamed": (file, 11),
        "models-out-of-sync": (file, 11),
        "downgrade-incomplete": (file, 16),
    }
    assert [s.autocommit for s in outcome.statements] == [False, True]
    said = {f.policy.id: message(f) for f in outcome.findings}
    assert "index public.i" in said["downgrade-incomplete"]


def test_errors_have_their_place_and_the_servers_words(
    shop: Project, check: Check, python: Path
) -> None:
    shop.revision("r2", "pass", 'op.execute("ALTER TABLE nowhere ADD a int")')
    failure = check(shop, python).failure
    assert failure is not None
    assert failure.message == 'relation "nowhere" does not exist'
    assert (failure.sqlstate, failure.file, failure.line) == (
        "42P01",
        "migrations/versions/r2.py",
        12,
    )
    assert failure.sql == "ALTER TABLE nowhere ADD a int"


def test_the_base_is_made_of_the_models(old_shop: Project, check: Check, old: Path) -> None:
    change_model(old_shop)
    old_shop.revision("r2", 'op.add_column("orders", sa.Column("paid", sa.Boolean))')
    outcome = check(old_shop, old, baseline=Start())
    assert outcome.failure is None, outcome.failure
    assert [change.subject for change in outcome.changes] == ["public.orders.paid"]


def test_a_prelude_and_no_env_py(old_shop: Project, check: Check, old: Path) -> None:
    old_shop.write("migrations/env.py", "raise SystemExit('not imported')\n")
    old_shop.write("ready.py", "import builtins\nbuiltins.column = 'state'\n")
    old_shop.revision("r2", 'op.drop_column("orders", column)', head="column")
    outcome = check(old_shop, old, bare=True, prelude="ready.py")
    assert outcome.failure is None, outcome.failure
    assert [f.subject for f in outcome.findings][:1] == ["public.orders.state"]


def test_a_rehearsal(old_shop: Project, server: PrivateCluster, check: Check, old: Path) -> None:
    del check  # it keeps the server open
    old_shop.revision("r2", 'op.drop_column("orders", "state")')
    old_shop.revision("r3", 'op.execute("SELECT 1")')
    head, directory = old_shop.commit(), RunDirectory()
    options = AlembicOptions(python=str(old))
    history = History(
        Repository(old_shop.root), directory, head=head, last=2, since=None, options=options
    )
    try:
        run = replay(history, lambda: server, POLICIES, Setup())
    finally:
        history.close()
        directory.close()
    assert run.failure is None, run.failure
    assert [[f.policy.id for f in one.findings] for one in run.replayed] == [["column-dropped"], []]


MULTIDB = """
from alembic import context
from sqlalchemy import create_engine, pool

for name in ("orders", "billing"):
    engine = create_engine("postgresql+psycopg2://db.example.invalid/" + name, poolclass=pool.NullPool)
    with engine.connect() as connection, connection.begin():
        context.configure(connection=connection, upgrade_token=name + "_upgrades")
        context.run_migrations(engine_name=name)
"""


def test_one_of_several_databases(project: Project, check: Check, old: Path) -> None:
    """Both have a table of that name, and only one of them loses it."""
    project.write("migrations/env.py", MULTIDB)
    for name, body in (("r1", "CREATE TABLE t (id int PRIMARY KEY)"), ("r2", "DROP TABLE t")):
        last = name == "r2"
        file = project.revision(
            name, f'if engine_name == "billing" or not {last}:', f'    op.execute("{body}")'
        )
        file.write_text(file.read_text().replace("upgrade()", "upgrade(engine_name)"))
        if not last:
            project.commit()
            project.branch()
    assert "{migrations: {database: billing}}" in str(check(project, old).failure)
    for database, findings in (("orders", {}), ("billing", {"table-dropped"})):
        outcome = check(project, old, database=database)
        assert outcome.failure is None, outcome.failure
        assert {f.policy.id for f in outcome.findings} - {"downgrade-incomplete"} == {*findings}
