"""not-replayable: the head's code no longer runs the base's history, and the base's own does."""

import pytest

from gatekeeper.policy.load import load_all
from tests.conftest import Project
from tests.sources.test_alembic import check  # noqa: F401 - a fixture
from tests.sources.test_drivers import ASYNC_ENV

POLICY = (load_all()["not-replayable"],)


@pytest.fixture
def shop(project: Project) -> Project:
    """An old revision that uses what the application has, on a branch with a new one."""
    project.write(
        "alembic.ini", (project.root / "alembic.ini").read_text() + "prepend_sys_path = .\n"
    )
    project.write(
        "shop.py", 'ROWS = "INSERT INTO t (a) VALUES (1)"\n\n\ndef setting():\n    pass\n'
    )
    project.write("rows.sql", "SELECT 1")
    project.revision("r1", 'op.execute("CREATE TABLE t (a int PRIMARY KEY)")')
    project.revision(
        "r2",
        "import shop",
        "op.execute(shop.ROWS)",
        "op.execute(open('rows.sql').read())",
        "shop.setting()",
    )
    project.commit()
    project.branch()
    project.revision("r3", 'op.execute("ALTER TABLE t ADD b int")')
    return project


def found(outcome) -> list[tuple[object, ...]]:
    assert outcome.failure is None, outcome.failure
    return [(f.subject, f.values["line"], f.values["not_replayable"]) for f in outcome.findings]


def change(shop: Project, old: str, new: str) -> None:
    shop.write("shop.py", (shop.root / "shop.py").read_text().replace(old, new))


def test_an_old_revision_uses_what_the_head_has_changed(shop, check):  # noqa: F811
    change(shop, "(a)", "(b)")
    outcome = check(shop, policies=POLICY)
    assert found(outcome) == [("r2", 12, 'column "b" of relation "t" does not exist')]
    assert outcome.findings[0].values["file"] == "migrations/versions/r2.py"
    assert any("its own tree ran it" in note for note in outcome.notes)


def test_what_it_uses_is_gone(shop, check):  # noqa: F811
    change(shop, "ROWS", "SEEDS")
    said = "AttributeError: module 'shop' has no attribute 'ROWS'"
    assert found(check(shop, policies=POLICY)) == [("r2", 12, said)]


def test_a_file_that_it_reads_is_gone(shop, check):  # noqa: F811
    (shop.root / "rows.sql").unlink()
    ((subject, line, said),) = found(check(shop, policies=POLICY))
    assert (subject, line) == ("r2", 13)
    assert said.startswith("FileNotFoundError: ")


@pytest.mark.parametrize(
    "body",
    [
        "raise RuntimeError('SHOP_KEY must be set')",  # a setting that production has
        "raise KeyError('SHOP_KEY')",
        "from sqlalchemy import create_engine; create_engine('sqlite://').connect()",
    ],
)
def test_what_may_be_the_surroundings_is_a_note_alone(shop, check, body):  # noqa: F811
    change(shop, "pass", body)
    outcome = check(shop, policies=POLICY)
    assert found(outcome) == []
    assert any("its own tree ran it" in note for note in outcome.notes)


def test_a_role_that_nobody_creates(shop, check):  # noqa: F811
    change(shop, "INSERT INTO t (a) VALUES (1)", "GRANT SELECT ON t TO reporting")
    assert found(check(shop, policies=POLICY)) == []


def test_a_change_that_the_old_revisions_bear(shop, check):  # noqa: F811
    change(shop, "VALUES (1)", "VALUES (2)")
    assert found(check(shop, policies=POLICY)) == []


def test_a_base_that_does_not_run_either(project, check):  # noqa: F811
    project.revision("r1", 'op.execute("ALTER TABLE nowhere ADD a int")')
    project.commit()
    project.branch()
    project.revision("r2", "pass")
    outcome = check(project, policies=POLICY)
    assert outcome.failure.message == 'relation "nowhere" does not exist'
    assert outcome.findings == ()


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg", "asyncpg", "pg8000"])
def test_an_error_that_the_revision_swallows(shop, check, driver):  # noqa: F811
    """Alembic stumbles over it where it notes the version: what the server said first is told."""
    shop.git("checkout", "--quiet", "main")
    ini = (shop.root / "alembic.ini").read_text()
    shop.write("alembic.ini", ini.replace("+psycopg:", f"+{driver}:"))
    (shop.root / "migrations/versions/r3.py").unlink()
    (shop.root / "migrations/versions/r2.py").unlink()
    shop.last = "r1"
    shop.revision(
        "r2",
        "import shop",
        "try:",
        "    op.execute(shop.ROWS)",
        "except Exception:",
        "    print('was there before')",
    )
    if driver == "asyncpg":
        shop.write("migrations/env.py", ASYNC_ENV)
    shop.commit()
    shop.git("checkout", "--quiet", "-B", "feature")
    shop.revision("r3", 'op.execute("ALTER TABLE t ADD b int")')
    change(shop, "INTO t", "INTO nowhere")
    outcome = check(shop, policies=POLICY)
    assert found(outcome) == [("r2", 13, 'relation "nowhere" does not exist')]
