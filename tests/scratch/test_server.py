"""A server given by its URL: our databases only, and nothing of ours afterwards."""

import os

import psycopg
import pytest

from gatekeeper.config_database import ProductionRole
from gatekeeper.errors import ScratchError
from gatekeeper.scratch.server import UrlServer


@pytest.fixture
def url(server):
    address = server.create_database()
    yield f"postgresql+psycopg://postgres@/{address.database}?host={address.host}"
    server.drop_database(address.database)


def names(connection) -> set[str]:
    rows = connection.execute("SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles")
    return {name for (name,) in rows}


def test_nothing_of_ours_stays(url, connection):
    before = names(connection)
    server = UrlServer(url)
    server.create_roles((ProductionRole("reporting"),))
    address = server.create_database()
    with address.connect() as ours:
        ours.execute("CREATE TABLE t (id int); CREATE ROLE made_by_a_migration")
        ours.execute("GRANT SELECT ON t TO made_by_a_migration")
    assert names(connection) - before == {address.database, "reporting", "made_by_a_migration"}
    server.close()
    assert names(connection) == before


def test_databases_of_a_killed_run_are_swept_and_of_a_living_one_are_not(url, connection):
    living = UrlServer(url)
    kept = living.create_database().database
    connection.execute("CREATE DATABASE gatekeeper_00000000aa_1")
    other = UrlServer(url)
    assert "gatekeeper_00000000aa_1" not in names(connection)
    assert kept in names(connection)
    other.close()
    living.close()


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("postgresql://u@db.example.invalid/x", "not on this machine"),
        ("postgresql://u@localhost,db.example.invalid/x", "not on this machine"),
        ("postgresql://u@10.0.0.5/x", "not on this machine"),
        ("postgresql://u@127.0.0.1:1/x", "cannot connect"),
        ("not a url", "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_said(bad, says):
    with pytest.raises(ScratchError, match=says):
        UrlServer(bad)


def test_somebody_without_rights_is_told(url, connection, server):
    connection.execute("CREATE ROLE weak LOGIN")
    try:
        with pytest.raises(ScratchError, match="not a superuser"):
            UrlServer(url.replace("postgres@", "weak@"))
    finally:
        connection.execute("DROP ROLE weak")


def test_check_runs_on_a_given_server(url, gatekeeper, tmp_path, connection):
    before = names(connection)
    (tmp_path / "before.sql").write_text("CREATE TABLE t (id int PRIMARY KEY, a int);")
    (tmp_path / "m.sql").write_text("ALTER TABLE t DROP a;")
    done = gatekeeper("check", "--schema", "before.sql", "m.sql", "--database-url", url)
    assert done.returncode == 1, done.stderr
    assert "column-dropped" in done.stdout
    assert names(connection) == before
    assert os.listdir(tmp_path).count("m.sql") == 1  # noqa: PTH208


def test_a_connection_lost_on_the_way_is_an_error_of_its_own(server):
    address = server.create_database()
    connection = address.connect()
    server.drop_database(address.database)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()


def test_roles_are_made_as_production_has_them_and_go(url, connection):
    server = UrlServer(url)
    try:
        before = names(connection)
        boss = ProductionRole("boss", ("staff", "pg_read_all_data"), ("login", "bypassrls"))
        server.create_roles((boss, ProductionRole("staff", (), ("noinherit",))))
        row = connection.execute(
            "SELECT rolcanlogin, rolbypassrls, rolsuper, pg_has_role('boss', 'staff', 'USAGE'),"
            " pg_has_role('boss', 'pg_read_all_data', 'USAGE') FROM pg_roles"
            " WHERE rolname = 'boss'"
        ).fetchone()
        assert row == (True, True, False, True, True)
        server.create_roles((boss,))  # what is there stays as it is
        server.drop_new_roles()
        assert names(connection) == before
        circle = (ProductionRole("one", ("other",)), ProductionRole("other", ("one",)))
        with pytest.raises(ScratchError, match=r"role other of .* cannot be created"):
            server.create_roles(circle)
        with pytest.raises(ScratchError, match="pg_mine"):
            server.create_roles((ProductionRole("pg_mine"),))
    finally:
        server.close()


def test_a_history_that_makes_roles_runs_twice(gatekeeper, tmp_path):
    """The second run is the one with the role that nobody made."""
    script = tmp_path / "s.sql"
    script.write_text("CREATE ROLE staff; CREATE TABLE t (id int); GRANT SELECT ON t TO foreigner")
    done = gatekeeper("diff", "s.sql", "s.sql")
    assert (done.returncode, done.stderr) == (0, "")
