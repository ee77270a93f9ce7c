"""Locks and scans as the server reports them, against what another connection sees."""

import psycopg
import pytest

from gatekeeper.catalog.read import read_schema
from gatekeeper.diff.attribute import attribute
from gatekeeper.diff.compare import compare
from gatekeeper.facts.build import build_facts
from gatekeeper.model.evidence import LOCK_RANK, Evidence
from gatekeeper.sources.split import split_script
from gatekeeper.sources.sql_files import SqlFiles
from gatekeeper.witness.read import LockWatch, install, read_events

BEFORE = """
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE t (id int PRIMARY KEY, a int, b int CHECK (b IS NOT NULL), c varchar(20), d timestamp);
CREATE INDEX t_a ON t (a);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
"""


@pytest.fixture
def statements(database, connection):
    """Run a migration; give the rows of the fact table statements."""

    def run(migration, before=BEFORE):
        source = SqlFiles.of_scripts(split_script(before, "b"), [split_script(migration, "m")])
        source.build_base(database)
        old = read_schema(connection)
        install(connection)
        watch = LockWatch(connection)
        ran = source.apply(database, watch.look)
        events = read_events(connection)
        new = read_schema(connection)
        changes = attribute(compare(old, new), events, old)
        evidence = Evidence((), ran, events, watch.seen)
        return build_facts(old, new, changes, evidence).head["statements"]

    return run


# statement, table, lock mode as the manual names it, read from end to end, written anew
CASES = [
    ("ALTER TABLE t ADD COLUMN n int", "t", "AccessExclusiveLock", False, False),
    ("ALTER TABLE t ADD COLUMN n int NOT NULL DEFAULT 3", "t", "AccessExclusiveLock", False, False),
    (
        "ALTER TABLE t ADD COLUMN n uuid DEFAULT gen_random_uuid()",
        "t",
        "AccessExclusiveLock",
        True,
        True,
    ),
    ("ALTER TABLE t ALTER a TYPE bigint", "t", "AccessExclusiveLock", True, True),
    ("ALTER TABLE t ALTER c TYPE varchar(40)", "t", "AccessExclusiveLock", False, False),
    ("ALTER TABLE t ALTER c TYPE text", "t", "AccessExclusiveLock", False, False),
    ("ALTER TABLE t ALTER c TYPE varchar(10)", "t", "AccessExclusiveLock", True, True),
    ("ALTER TABLE t ALTER d TYPE timestamptz", "t", "AccessExclusiveLock", False, False),
    ("ALTER TABLE t ALTER a SET NOT NULL", "t", "AccessExclusiveLock", True, False),
    ("ALTER TABLE t ALTER b SET NOT NULL", "t", "AccessExclusiveLock", False, False),
    ("ALTER TABLE t ADD CHECK (a > 0)", "t", "AccessExclusiveLock", True, False),
    ("ALTER TABLE t ADD CHECK (a > 0) NOT VALID", "t", "AccessExclusiveLock", False, False),
    ("ALTER TABLE t ADD UNIQUE (a)", "t", "AccessExclusiveLock", True, False),
    (
        "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES parent",
        None,
        "ShareRowExclusiveLock",
        True,
        False,
    ),
    (
        "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES parent NOT VALID",
        None,
        "ShareRowExclusiveLock",
        False,
        False,
    ),
    ("CREATE TABLE n (id int REFERENCES parent)", "parent", "ShareRowExclusiveLock", False, False),
    ("CREATE INDEX ON t (b)", "t", "ShareLock", True, False),
    ("DROP INDEX t_a", "t", "AccessExclusiveLock", False, False),
    (
        "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "t",
        "ShareRowExclusiveLock",
        False,
        False,
    ),
    ("COMMENT ON TABLE t IS 'x'", "t", "ShareUpdateExclusiveLock", False, False),
    ("ALTER TABLE t SET (fillfactor = 70)", "t", "ShareUpdateExclusiveLock", False, False),
    ("TRUNCATE t", "t", "AccessExclusiveLock", False, False),
    ("LOCK TABLE t IN EXCLUSIVE MODE", "t", "ExclusiveLock", False, False),
    ("UPDATE t SET a = 1", "t", "RowExclusiveLock", False, False),
    ("SELECT count(*) FROM t", "t", "AccessShareLock", False, False),
    ("REINDEX TABLE t", "t", "ShareLock", True, False),
    (
        "DO $$ BEGIN ALTER TABLE t ADD CHECK (a > 0); END $$",
        "t",
        "AccessExclusiveLock",
        True,
        False,
    ),
]


@pytest.mark.parametrize(
    ("sql", "table", "mode", "scanned", "rewritten"), CASES, ids=lambda v: str(v)[:50]
)
def test_the_reported_lock_is_the_one_another_connection_sees(
    statements, database, connection, sql, table, mode, scanned, rewritten
):
    (row,) = statements(sql)
    assert row["lock_mode"] == mode
    assert row["locked_table"] == (f"public.{table}" if table else row["locked_table"])
    assert (row["scanned_table"] is not None, row["rewritten_table"] is not None) == (
        scanned,
        rewritten,
    )
    connection.execute("DROP SCHEMA gatekeeper CASCADE")
    connection.execute("DROP TABLE IF EXISTS n, t, parent CASCADE")
    connection.execute(BEFORE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    with database.connect() as other:
        other.execute("BEGIN")
        other.execute(sql)
        assert strongest(connection, other) == mode
        other.execute("ROLLBACK")


def strongest(connection: psycopg.Connection, other: psycopg.Connection) -> str:
    rows = connection.execute(
        "SELECT mode FROM pg_locks WHERE pid = %s AND relation IN ('t'::regclass, 'parent'::regclass)",
        [other.info.backend_pid],
    )
    return max((mode for (mode,) in rows), key=LOCK_RANK.__getitem__)


def test_concurrently_lets_everybody_through(statements):
    rows = statements("CREATE INDEX CONCURRENTLY ON t (b); DROP INDEX CONCURRENTLY t_a;")
    assert [(r["blocks_reads"], r["blocks_writes"], r["transaction_number"]) for r in rows] == [
        (False, False, None),
        (False, False, None),
    ]


def test_locks_are_held_until_the_transaction_ends(statements):
    rows = statements(
        "BEGIN; ALTER TABLE t ADD n int; UPDATE parent SET id = 1; COMMIT; BEGIN; SELECT 1; COMMIT;"
    )
    held = [(r["kind"], r["held_table"], r["held_lock_mode"], r["held_since"]) for r in rows]
    assert held[2] == ("update", "public.t", "AccessExclusiveLock", 2)
    assert held[5] == ("select", None, None, None)
    assert [r["transaction_number"] for r in rows] == [1, 1, 1, None, 2, 2, None]


def test_a_table_that_is_made_here_has_no_impact(statements):
    rows = statements(
        "CREATE TABLE n (id int); ALTER TABLE n ALTER id TYPE bigint; CREATE INDEX ON n (id);"
    )
    assert {(r["locked_table"], r["scanned_table"], r["rewritten_table"]) for r in rows} == {
        (None, None, None)
    }


def test_timeouts_in_force(statements):
    rows = statements(
        "SET lock_timeout = '5s'; SET statement_timeout = '1min'; ALTER TABLE t ADD n int;"
    )
    assert (rows[2]["lock_timeout_ms"], rows[2]["statement_timeout_ms"]) == (5000, 60000)


@pytest.mark.parametrize(
    ("sql", "rewritten"),
    [
        ("CLUSTER t USING t_pkey", True),
        ("-- gatekeeper: transaction off\nVACUUM FULL t", True),
        ("ALTER TABLE t SET TABLESPACE elsewhere", True),
        ("ALTER TABLE t ALTER a TYPE bigint", True),
        ("VACUUM t", False),
        ("TRUNCATE t", False),
        ("DROP TABLE t; CREATE TABLE t (id int)", False),
        ("UPDATE t SET a = 1; REINDEX TABLE t", False),
    ],
)
def test_tables_that_are_written_anew(head, connection, sql, rewritten):
    connection.execute("SET allow_in_place_tablespaces = on")
    connection.execute("DROP TABLESPACE IF EXISTS elsewhere")
    connection.execute("CREATE TABLESPACE elsewhere LOCATION ''")
    rows = [r for r in head(sql, BEFORE)["tables"] if r["subject"] == "public.t"]
    connection.execute("DROP TABLE t")
    connection.execute("DROP TABLESPACE elsewhere")
    assert [r["rewritten"] for r in rows] == [rewritten] * len(rows)
    if sql.startswith("CLUSTER"):
        assert [(r["line"], r["lock_mode"]) for r in rows] == [(1, "AccessExclusiveLock")]
