"""A database that is used again is as empty as a new one, or it is not used again."""

from collections.abc import Iterator

import psycopg
import pytest

from gatekeeper.catalog.access import read_state
from gatekeeper.scratch.base import Address
from gatekeeper.scratch.private import PrivateCluster
from gatekeeper.scratch.reuse import Databases
from gatekeeper.witness.read import install

MADE = """
    CREATE TABLE one (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, word text COLLATE "C");
    CREATE TABLE two (id serial PRIMARY KEY, one_id bigint REFERENCES one (id) UNIQUE);
    CREATE TABLE parts (id int, day date) PARTITION BY RANGE (day);
    CREATE TABLE part PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE child () INHERITS (one);
    CREATE INDEX ON two ((one_id + 1)); CREATE STATISTICS many (dependencies) ON id, day FROM part;
    CREATE VIEW shown AS SELECT * FROM one; CREATE MATERIALIZED VIEW kept AS SELECT * FROM shown;
    CREATE SEQUENCE counted; CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TYPE pair AS (a int);
    CREATE DOMAIN short AS text CHECK (length(VALUE) < 9); CREATE TYPE span AS RANGE (subtype = mood);
    CREATE FUNCTION half(int) RETURNS int LANGUAGE sql RETURN $1 / 2;
    CREATE FUNCTION react() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER reacts BEFORE INSERT ON one FOR EACH ROW EXECUTE FUNCTION react();
    CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';
    CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);
    CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int);
    CREATE COLLATION "same order" (provider = libc, locale = 'C');
    CREATE RULE silent AS ON DELETE TO two DO INSTEAD NOTHING;
    CREATE SCHEMA "other place" CREATE TABLE three (id int); COMMENT ON TABLE one IS 'first';
    ALTER TABLE one ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON one USING (id > 1);
    GRANT SELECT ON one TO PUBLIC; INSERT INTO one (word) VALUES ('a'); ANALYZE one;
"""
STAYS = {
    "grant on public": "GRANT CREATE ON SCHEMA public TO PUBLIC",
    "comment on public": "COMMENT ON SCHEMA public IS 'ours'",
    "no public": "DROP SCHEMA public",
    "a function of the server": "ALTER FUNCTION pg_catalog.int4pl(int, int) COST 7",
    "defaults": "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    "large object": "SELECT lo_create(0)",
    "setting": "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 64',"
    " current_database()); END $$",
    "comment on it": "DO $$ BEGIN EXECUTE format('COMMENT ON DATABASE %I IS ''ours''',"
    " current_database()); END $$",
    "a server": "CREATE FOREIGN DATA WRAPPER none",
    "publication": "CREATE PUBLICATION news",
    "access method": "CREATE ACCESS METHOD plain TYPE TABLE HANDLER heap_tableam_handler",
}


@pytest.fixture
def databases(server: PrivateCluster) -> Iterator[Databases]:
    lender = Databases(server)
    yield lender
    lender.close()


def _there(address: Address) -> bool:
    try:
        address.connect().close()
    except psycopg.OperationalError:
        return False
    return True


def test_what_was_made_is_gone(databases: Databases, connection: psycopg.Connection[str]) -> None:
    with databases.lend() as first, first.connect() as made:
        for statement in MADE.split(";\n"):
            made.execute(statement.encode())
        install(made)
    with databases.lend() as second:
        assert second == first
        with second.connect() as again:
            assert read_state(again)[0] == read_state(connection)[0]
            assert read_state(again)[1].security == read_state(connection)[1].security


@pytest.mark.parametrize("statement", STAYS.values(), ids=STAYS)
def test_what_stays_is_not_lent_again(databases: Databases, statement: str) -> None:
    with databases.lend() as first, first.connect() as connection:
        connection.execute(statement.encode())
    assert not _there(first)
    with databases.lend() as second:
        assert second != first


def test_after_an_error_it_is_dropped(databases: Databases) -> None:
    with pytest.raises(ZeroDivisionError), databases.lend() as lent:
        raise ZeroDivisionError
    assert not _there(lent)


def test_who_borrows_at_the_same_time_has_another(databases: Databases) -> None:
    with databases.lend() as one, databases.lend() as other:
        assert one != other
    databases.close()
    assert [_there(one), _there(other)] == [False, False]
