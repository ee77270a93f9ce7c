"""Queries of a reading are sent many at once; plans and the caller's settings are kept."""

import gc

import psycopg
import pytest

from gatekeeper.catalog.access import read_access, read_state
from gatekeeper.catalog.read import KINDS, read_schema
from gatekeeper.catalog.rows import asked
from gatekeeper.catalog.security import read_security, security_queries

Connection = psycopg.Connection[str]

_SETTINGS = (
    "SELECT current_setting('search_path') || ' ' || current_setting('join_collapse_limit')"
    " || ' ' || current_setting('lock_timeout')"
)
_READERS = (read_schema, read_security, read_access, read_state)


def test_one_reading_is_what_two_are(connection: Connection) -> None:
    connection.execute(
        "CREATE TABLE t (id int PRIMARY KEY, other int REFERENCES t); GRANT SELECT ON t TO PUBLIC;"
        "CREATE VIEW v AS SELECT id FROM t; CREATE TABLE version (id int)"
    )
    schema, access = read_state(connection, ignored_tables=[("public", "version")])
    assert schema == read_schema(connection, ignored_tables=[("public", "version")])
    assert access.security == read_security(connection)
    assert len(access.security.relations) == 3  # who can read the version table is told, too


def test_the_server_keeps_its_plans(connection: Connection, database) -> None:
    """What it planned before the migration serves after it; else the test is slow, not wrong."""
    first, _ = read_state(connection, again=True)
    with database.connect() as migration:
        migration.execute("CREATE TABLE t (id int PRIMARY KEY)")
    second, _ = read_state(connection, again=True)
    assert (len(first.tables), len(second.tables)) == (0, 1)
    rows = connection.execute("SELECT generic_plans FROM pg_prepared_statements").fetchall()
    assert rows == [(2,)] * (len(KINDS) + len(security_queries()))


def test_the_garbage_collector_works_again_after_a_reading(connection: Connection) -> None:
    read_state(connection)
    assert gc.isenabled()
    with pytest.raises(psycopg.errors.SyntaxError):
        _ask_in_vain(connection)
    assert gc.isenabled()


def _ask_in_vain(connection: Connection) -> None:
    with asked(connection, {"wrong": "SELEC"}) as answers:
        assert not gc.isenabled()
        answers["wrong"].fetchall()


def test_objects_that_share_an_acl_have_the_grants_of_each(connection: Connection) -> None:
    connection.execute(
        "CREATE TABLE a (id int); CREATE TABLE b (id int); CREATE TABLE c (id int);"
        "GRANT SELECT ON a, b TO PUBLIC; REVOKE ALL ON c FROM CURRENT_USER"
    )
    found = read_security(connection).grants
    of = {name: [g for g in found if g.object_name == name] for name in "abc"}
    assert [(g.grantee, g.privilege, g.grantors) for g in of["a"]] == [
        (g.grantee, g.privilege, g.grantors) for g in of["b"]
    ]
    assert [g.privilege for g in of["a"] if not g.grantee_oid] == ["SELECT"]
    assert {g.object_subject for g in of["b"]} == {"public.b"}
    assert of["c"] == []


@pytest.mark.parametrize("read", _READERS)
def test_settings_are_put_back(connection: Connection, read) -> None:
    connection.execute("SET search_path = pg_catalog; SET lock_timeout = '7s'")
    before = connection.execute(_SETTINGS).fetchone()
    read(connection)
    assert connection.execute(_SETTINGS).fetchone() == before
    with connection.transaction():
        connection.execute("SET LOCAL search_path = public; CREATE TABLE t (id int PRIMARY KEY)")
        inside = connection.execute(_SETTINGS).fetchone()
        read(connection)
        assert connection.execute(_SETTINGS).fetchone() == inside
        connection.execute("INSERT INTO t VALUES (1)")  # the transaction can still write
    assert connection.execute("SELECT count(*) FROM public.t").fetchone() == (1,)


def test_a_reading_sees_what_its_transaction_did(connection: Connection) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
        assert [table.name for table in read_state(connection)[0].tables] == ["t"]
    assert read_state(connection)[0].tables == ()
