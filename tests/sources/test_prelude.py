"""migrations.prelude: a script that makes ready before env.py and the revisions are loaded."""

import pytest

from gatekeeper.errors import SourceError
from tests.conftest import Project
from tests.sources.test_alembic import check, places  # noqa: F401 - fixtures

# What Flask does: an application that is only there within its context.
SHOP = """
from contextvars import ContextVar

_context = ContextVar("app")


class App:
    config = {"URL": "postgresql+psycopg://db.example.invalid/shop"}

    def app_context(self):
        return self

    def push(self):
        _context.set(self)


def create_app():
    return App()


def current_app():
    try:
        return _context.get()
    except LookupError:
        raise RuntimeError("Working outside of application context.") from None
"""
FLASK_ENV = """
from alembic import context
from sqlalchemy import create_engine

from shop import current_app

with create_engine(current_app().config["URL"]).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
PRELUDE = "from shop import create_app\n\ncreate_app().app_context().push()\n"


@pytest.fixture
def shop(project: Project) -> Project:
    """The layout of Flask-Migrate: alembic.ini beside env.py, and without script_location."""
    (project.root / "alembic.ini").unlink()
    project.write("migrations/alembic.ini", "[alembic]\n# template used to generate files\n")
    project.write("migrations/env.py", FLASK_ENV)
    project.write("shop.py", SHOP)
    project.revision("r1", 'op.execute("CREATE TABLE t (a int, b int)")')
    project.commit()
    project.branch()
    project.revision("r2", 'op.drop_column("t", "b")')
    return project


def test_a_context_that_env_py_wants(shop, check):  # noqa: F811
    """The base has no prelude yet: the head's serves."""
    shop.write("ops/ready.py", PRELUDE)
    found = places(check(shop, prelude="ops/ready.py"))
    assert found == {"column-dropped": "migrations/versions/r2.py:11"}
    assert not (shop.root / "ops" / "__pycache__").exists()


def test_without_it_env_py_says_what_it_wants(shop, check):  # noqa: F811
    assert "Working outside of application context" in check(shop).failure.message


def test_the_base_has_its_own(shop, check):  # noqa: F811
    """A revision that was edited: the base is built by its own tree, with its own prelude."""
    shop.git("stash", "--quiet", "--include-untracked")
    shop.git("checkout", "--quiet", "main")
    shop.write("ready.py", PRELUDE + "import builtins\nbuiltins.side = 'base'\n")
    shop.revision("r1", "import builtins", "op.execute(f'CREATE TABLE {builtins.side} (a int)')")
    first = shop.root / "migrations/versions/r1.py"
    first.write_text(first.read_text().replace("down_revision = 'r2'", "down_revision = None"))
    shop.commit()
    shop.git("checkout", "--quiet", "-B", "feature")
    shop.write("ready.py", PRELUDE + "import builtins\nbuiltins.side = 'head'\n")
    first.write_text(first.read_text() + "\n\nEDITED = True\n")
    shop.revision("r2", "import builtins", 'op.drop_table("base")', parent="r1")
    shop.revision("r3", "import builtins", "op.execute(f'CREATE TABLE {builtins.side} (a int)')")
    outcome = check(shop, prelude="ready.py")
    assert outcome.failure is None, outcome.failure
    assert "table-dropped" in places(outcome)


def test_it_is_there_before_the_revisions_and_after_alembic(shop, check):  # noqa: F811
    """A module that nobody has is stood in for; prepend_sys_path holds already."""
    shop.git("stash", "--quiet", "--include-untracked")
    shop.git("checkout", "--quiet", "main")
    shop.write(
        "migrations/alembic.ini",
        "[alembic]\nscript_location = migrations\nprepend_sys_path = lib\n",
    )
    shop.write("lib/stand_in.py", "NAME = 'made'\n")
    shop.commit()
    shop.git("checkout", "--quiet", "-B", "feature")
    shop.last = "r1"
    shop.write(
        "ready.py",
        "import sys\nimport stand_in\nassert 'alembic' in sys.modules\n"
        "sys.modules['licensed'] = stand_in\n" + PRELUDE,
    )
    shop.revision(
        "r3", 'op.execute(f"CREATE TABLE {NAME} (a int)")', head="from licensed import NAME"
    )
    outcome = check(shop, prelude="ready.py")
    assert outcome.failure is None, outcome.failure
    assert "missing-primary-key" in places(outcome)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n\nprint(1 / 0)\n", "ready.py:3: ZeroDivisionError: division by zero"),
        ("\ndef broken(:\n", "ready.py:2: SyntaxError: invalid syntax"),
        ("import sys\nsys.exit('no')\n", "ready.py:2: SystemExit: no"),
        (
            "import nowhere_at_all\n",
            "ready.py:1: ModuleNotFoundError: No module named 'nowhere_at_all'",
        ),
        (
            "import json\n\njson.loads('x')\n",
            "ready.py:3: JSONDecodeError: Expecting value: line 1",
        ),
    ],
)
def test_a_mistake_in_it_is_told_with_its_line(shop, check, text, message):  # noqa: F811
    shop.write("ready.py", text)
    with pytest.raises(SourceError) as caught:
        check(shop, prelude="ready.py")
    assert caught.value.message.startswith(f"the prelude fails: {message}")
    assert "migrations.prelude" in caught.value.hint


def test_one_that_is_not_there(shop, check):  # noqa: F811
    with pytest.raises(SourceError, match=r"migrations\.prelude .* no file ready\.py"):
        check(shop, prelude="ready.py")


def test_it_connects_to_nothing(shop, check):  # noqa: F811
    shop.write(
        "ready.py",
        "import sqlalchemy\nsqlalchemy.create_engine('postgresql+psycopg://h/d').connect()\n",
    )
    with pytest.raises(SourceError, match=r"ready\.py:2: .* opens a database connection while"):
        check(shop, prelude="ready.py")
