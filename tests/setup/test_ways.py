"""Another way to run a project, found by trying it: what doctor proposes and init writes."""

import sys
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from gatekeeper.config import load_config
from gatekeeper.errors import ScratchError
from gatekeeper.git import Repository
from gatekeeper.scratch.local import find_programs
from gatekeeper.scratch.private import PrivateCluster
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.setup.adopt import Tried, try_out
from gatekeeper.setup.steps import Step
from gatekeeper.setup.subject import Subject, Way
from gatekeeper.setup.texts import Needs, config_text
from gatekeeper.sources.alembic.baseline import Start
from gatekeeper.sources.alembic.revisions import AlembicOptions
from gatekeeper.sources.sql_files import SqlText
from tests.conftest import Project

MODELS = (
    "import sqlalchemy as sa\n\nmetadata = sa.MetaData()\n"
    "sa.Table('users', metadata, sa.Column('id', sa.Integer, primary_key=True))\n"
)


def _machine_has_a_server() -> bool:
    try:
        find_programs()
    except ScratchError:
        return False
    return True


@pytest.fixture
def tried(server: PrivateCluster, project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server, "close", lambda: None)  # it is shared by all tests

    def run(
        *, fill_in: bool = False, embedded: bool = True, baseline: Start | None = None
    ) -> Tried:
        def subject(_: RunDirectory) -> Subject:
            options = AlembicOptions(python=sys.executable, baseline=baseline)
            return Subject(Repository(project.root), options, lambda: server, embedded=embedded)

        return try_out(
            subject, lambda: closing(RunDirectory()), {}, lambda _: None, fill_in=fill_in
        )

    return run


def step(tried: Tried, name: str) -> Step:
    return next(step for step in tried.checkup.steps if step.name == name)


@pytest.fixture
def shop(project: Project) -> Project:
    project.revision("r1", 'op.execute("CREATE TABLE t (id bigint PRIMARY KEY)")')
    project.commit()
    return project


def test_an_env_py_that_cannot_be_imported(shop, tried):
    shop.write("migrations/env.py", "import a_heavy_one\n")
    failed = step(tried(), "env.py")
    assert failed.state == "fails"
    assert failed.advice.startswith("The version files run without the project's env.py.")
    assert "    env_py: bare\n" in failed.advice
    assert "--python" in failed.advice  # what would make env.py itself run is still said


def test_version_files_that_fail_as_well(shop, tried):
    shop.write("migrations/env.py", "import a_heavy_one\n")
    shop.revision("r2", 'op.execute("ALTER TABLE nowhere ADD a int")')
    advice = step(tried(), "env.py").advice
    assert advice.startswith("Install what provides a_heavy_one")
    assert "env_py: bare was tried: " in advice
    assert 'relation "nowhere" does not exist' in advice


def test_init_goes_the_way_that_it_found(shop, tried, tmp_path: Path):
    shop.write("migrations/env.py", "import a_heavy_one\n")
    found = tried(fill_in=True)
    assert found.checkup.works
    assert found.ways == (Way.bare,)
    assert "in place of the project's" in step(found, "env.py").found
    path = tmp_path / "gatekeeper.yml"
    path.write_text(config_text(["recommended"], [Needs(roles=("app",), ways=found.ways)]))
    assert load_config(path, tmp_path).migrations.env_py == "bare"


@pytest.fixture
def grown(project: Project) -> Project:
    """A project whose first table no revision makes; one revision is new."""
    env = (project.root / "migrations/env.py").read_text()
    given = "(connection=connection, target_metadata=models.metadata)"
    project.write("models.py", MODELS)
    project.write(
        "migrations/env.py", "import models\n" + env.replace("(connection=connection)", given)
    )
    project.revision("r1", 'op.execute("ALTER TABLE users ADD old int")')
    project.commit()
    project.branch()
    project.revision("r2", 'op.execute("ALTER TABLE users ADD phone text")')
    return project


def test_a_history_that_starts_from_the_models(grown, tried):
    text = config_text(["recommended"], [Needs(roles=("app",), ways=(Way.models,))])
    assert yaml.safe_load(text)["database"] == {"baseline": "metadata", "roles": ["app"]}
    advice = step(tried(), "base history").advice
    assert yaml.safe_load(advice.partition("gatekeeper.yml:\n")[2]) == {
        "database": {"baseline": "metadata"}
    }


@pytest.mark.parametrize(
    "start",
    [
        Start(),
        Start(SqlText("old.sql", "CREATE TABLE users (id int PRIMARY KEY, old int)"), ("r1",)),
    ],
    ids=["models", "dump"],
)
def test_a_baseline_that_is_given(grown, tried, start):
    found = tried(baseline=start)
    assert found.checkup.works
    assert step(found, "base history").found == "1 revision ran"
    assert step(found, "new revisions").found == "1 revision ran"


def test_models_that_do_not_describe_it(project, tried):
    project.revision("r1", 'op.execute("ALTER TABLE users ADD email text")')
    project.commit()
    advice = step(tried(), "base history").advice
    assert "baseline: {dump: schema.sql, revision: ID}" in advice
    assert "baseline: metadata was tried: env.py gives context.configure() no target" in advice


@pytest.mark.skipif(not _machine_has_a_server(), reason="the machine has no PostgreSQL server")
def test_a_server_of_the_machine_that_has_more(project, tried):
    sort = "CREATE COLLATION german (provider = icu, locale = 'de')"
    project.revision("r1", f'op.execute("{sort}")')
    project.commit()
    assert "    server: local" in step(tried(), "base history").advice


def test_what_a_chosen_server_lacks(project, tried):
    project.revision("r1", "op.execute('CREATE EXTENSION nobody_has_this')")
    project.commit()
    advice = step(tried(embedded=False), "base history").advice
    assert "server: local" not in advice
    assert "url: postgresql://" in advice


def test_several_databases_become_projects(shop, tried):
    shop.write(
        "migrations/env.py",
        "from alembic import context\nfrom sqlalchemy import create_engine\n"
        "for name in ('orders', 'billing'):\n"
        "    url = 'postgresql+psycopg://db.example.invalid/' + name\n"
        "    connection = create_engine(url).connect()\n"
        "    context.configure(connection=connection, upgrade_token=name)\n"
        "    context.run_migrations()\n",
    )
    found = tried()
    failed = step(found, "env.py")
    assert failed.found == "env.py migrates several databases"
    assert found.databases == ("billing", "orders")
    lines = failed.advice.partition("gatekeeper.yml:\n")[2]
    assert yaml.safe_load(lines)["projects"] == {
        name: {"migrations": {"database": name}} for name in found.databases
    }
