"""What revisions of real projects do that would make a tool wrong."""

from tests.conftest import POLICIES
from tests.sources.test_alembic import check, places, shop  # noqa: F401 - fixtures
from tests.sources.test_traps import DROP, on_base


def test_a_session_an_inspector_and_rows(shop, check):  # noqa: F811
    """Statements of the ORM have the line of the call that sent them."""
    shop.revision(
        "r2",
        "bind = op.get_bind()",
        'assert "phone" in {c["name"] for c in sa.inspect(bind).get_columns("customers")}',
        "session = Session(bind=bind)",
        "session.add_all([Customer(id=n, name='x' * n) for n in range(3)])",
        "session.commit()",
        'assert session.query(Customer).filter_by(name="xx").one().id == 2',
        'op.drop_column("customers", "phone")',
        'print("x" * 3_000_000)',
        head="from sqlalchemy.orm import Session, declarative_base\n\n\n"
        "class Customer(declarative_base()):\n    __tablename__ = 'customers'\n"
        "    id = sa.Column(sa.BigInteger, primary_key=True)\n    name = sa.Column(sa.Text)\n",
    )
    outcome = check(shop)
    assert places(outcome) == {"column-dropped": "migrations/versions/r2.py:24"}
    written = next(s for s in outcome.statements if s.sql.startswith("INSERT"))
    assert written.line == 22


def test_comments_before_a_statement_and_several_in_one(shop, check):  # noqa: F811
    ini = (shop.root / "alembic.ini").read_text()
    shop.write("alembic.ini", ini.replace("+psycopg:", "+psycopg2:"))
    on_base(shop)
    shop.revision(
        "r2",
        'op.execute("""-- squawk-ignore ban-drop-column',
        "    /* of old; unused */ ALTER TABLE customers DROP phone;",
        '    CREATE TABLE lonely (n int); -- the end""")',
    )
    found = places(check(shop))
    assert found.keys() == {"column-dropped", "missing-primary-key"}
    assert {place.rpartition(":")[0] for place in found.values()} == {"migrations/versions/r2.py"}


def test_a_role_of_the_whole_server_when_the_history_runs_again(project, check):  # noqa: F811
    """The role outlives the database of the first attempt, which ended for a missing setting."""
    project.revision("r1", 'op.execute("CREATE ROLE shop_robot")')
    project.revision("r2", 'op.execute("CREATE TABLE t (a int PRIMARY KEY, b int)")')
    project.revision("r3", "import os", "os.environ['SHOP_DATABASE_URL']")
    project.commit()
    project.branch()
    project.revision("r4", 'op.drop_column("t", "b")')
    for _ in range(2):
        outcome = check(project)
        assert places(outcome) == {"column-dropped": "migrations/versions/r4.py:11"}
        assert any("SHOP_DATABASE_URL" in note for note in outcome.notes)


def test_names_that_the_server_keeps_when_a_table_is_renamed(shop, check):  # noqa: F811
    """PostgreSQL 18 has NOT NULL as constraints, whose names stay those of the old table."""
    shop.revision("r2", 'op.rename_table("customers", "clients")')
    outcome = check(shop)
    assert places(outcome) == {"table-renamed": "migrations/versions/r2.py:11"}
    assert [change.subject for change in outcome.changes] == ["public.clients"]


def test_a_file_that_is_not_there(shop, check):  # noqa: F811
    shop.revision("r2", DROP, 'open("data/continents.json")')
    failure = check(shop).failure
    assert "data/continents.json" in failure.message
    assert (failure.file, failure.line) == ("migrations/versions/r2.py", 12)


def test_a_history_that_was_squashed(shop, check):  # noqa: F811
    """One file in place of all: a database that ran them cannot go on, and is not made anew."""
    shop.revision("r2", DROP)
    on_base(shop)
    for name in ("r1", "r2"):
        (shop.root / f"migrations/versions/{name}.py").unlink()
    shop.last = None
    shop.revision("squashed", 'op.execute("CREATE TABLE customers (id bigint PRIMARY KEY)")')
    outcome = check(shop, policies=POLICIES)
    assert outcome.verdict == "undecided"
    assert "no longer has: r1, r2" in outcome.failure.message
