"""Which rows of existing tables a migration changes: the server says the table, the text the rows."""

import psycopg
import pytest

from gatekeeper.catalog.read import read_schema
from gatekeeper.witness.read import install, read_events, uninstall

BEFORE = """
CREATE TABLE parent (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE t (id int PRIMARY KEY, parent_id int REFERENCES parent ON DELETE CASCADE, a int, b text,
                c int GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE log (at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE log_2026 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE VIEW v AS SELECT id, parent_id FROM t;
INSERT INTO parent VALUES (1); INSERT INTO t VALUES (1, 1);
"""


@pytest.fixture
def writes(head):
    """Give (statement, table, operation) of every write, and the rows themselves."""

    def run(migration, before=BEFORE):
        rows = head(migration, before)["writes"]
        return [(r["statement"], r["subject"], r["operation"]) for r in rows], rows

    return run


# statement, what it writes: the table, how, and whether the statement itself does
CASES = [
    ("UPDATE t SET a = 1", [("t", "update", False)]),
    ("UPDATE v SET parent_id = 1", [("t", "update", False)]),
    ("DELETE FROM parent WHERE id = 2", [("parent", "delete", False)]),
    ("DELETE FROM parent", [("parent", "delete", False), ("t", "delete", True)]),
    ("TRUNCATE parent CASCADE", [("parent", "truncate", False), ("t", "truncate", True)]),
    ("TRUNCATE t, parent", [("t", "truncate", False), ("parent", "truncate", False)]),
    ("INSERT INTO t (id) VALUES (9)", [("t", "insert", False)]),
    (
        "INSERT INTO t (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 2",
        [("t", "insert", False), ("t", "update", False)],
    ),
    (
        "MERGE INTO t USING parent p ON t.id = p.id WHEN MATCHED THEN DELETE",
        [("t", "delete", False)],
    ),
    (
        "WITH gone AS (DELETE FROM t RETURNING id) INSERT INTO parent SELECT id + 5 FROM gone",
        [("parent", "insert", False), ("t", "delete", False)],
    ),
    ("DO $$ BEGIN EXECUTE format('DELETE FROM %I', 't'); END $$", [("t", "delete", False)]),
    ("INSERT INTO log VALUES ('2026-05-05')", [("log", "insert", False)]),
    ("INSERT INTO log_2026 VALUES ('2026-05-05')", [("log_2026", "insert", False)]),
    ("SELECT * FROM t FOR UPDATE", []),
    ("CREATE TABLE n AS SELECT * FROM t; UPDATE n SET a = 1", []),
    ("CREATE TEMP TABLE t (a int); DELETE FROM t", []),
    ("ALTER TABLE t ALTER a TYPE bigint", []),
]


@pytest.mark.parametrize(("sql", "expected"), CASES, ids=lambda v: str(v)[:50])
def test_what_a_statement_writes(writes, sql, expected):
    _, rows = writes(sql)
    found = [(r["table_name"], r["operation"], r["is_indirect"]) for r in rows]
    assert found == expected


def test_data_of_a_script_is_a_write(writes):
    found, rows = writes("COPY t (id) FROM stdin;\n7\n8\n\\.\n")
    assert found == [(1, "public.t", "insert")]
    assert not rows[0]["names_rows"]


def test_a_condition_is_unknown_where_the_text_does_not_say(writes):
    _, rows = writes(
        "DELETE FROM t; DELETE FROM t WHERE a = 1; DO $$ BEGIN EXECUTE format('DELETE FROM %I', 't'); END $$;"
        "DO $$ BEGIN DELETE FROM t WHERE id = 1; END $$; TRUNCATE t"
    )
    assert [r["has_where"] for r in rows] == [False, True, None, True, None]


def test_columns_that_are_overwritten(writes):
    _, rows = writes(
        "ALTER TABLE t ADD new int; UPDATE t SET new = 1, a = 2, b = coalesce(b, 'x');"
        "ALTER TABLE t RENAME a TO z; UPDATE t SET z = 3; ALTER TABLE t DROP b; UPDATE t SET c = DEFAULT;"
        "DO $$ BEGIN EXECUTE format('UPDATE %I SET z = 1', 't'); END $$"
    )
    assert [(r["column_names"], r["overwrites"]) for r in rows] == [
        ("new, a, b", "z"),
        ("z", "z"),
        ("c", ""),
        (None, None),
    ]


def test_rows_that_the_statement_names(writes):
    _, rows = writes(
        "UPDATE t SET a = 1 WHERE id = 5; UPDATE t SET a = 1 WHERE a = 5;"
        "DELETE FROM parent WHERE code IN ('a', 'b'); INSERT INTO parent SELECT id + 9 FROM t;"
        "INSERT INTO parent VALUES (70)"
    )
    assert [r["names_rows"] for r in rows] == [True, False, True, False, True]


def test_refilled_and_where_it_stands(writes):
    _, rows = writes(
        "DELETE FROM t;\nBEGIN; UPDATE parent SET code = 1; COMMIT;\nINSERT INTO t (id) VALUES (1);"
    )
    assert [(r["refilled"], r["line"], r["transaction_number"]) for r in rows] == [
        (True, 1, None),
        (False, 2, 1),
        (False, 3, None),
    ]


def test_a_table_is_called_what_it_is_called_afterwards(writes):
    _, rows = writes(
        "UPDATE t SET a = 1; ALTER TABLE t RENAME TO u; DELETE FROM u; DROP TABLE parent CASCADE"
    )
    assert [(r["subject"], r["has_where"], r["table_is_dropped"]) for r in rows] == [
        ("public.u", False, False),
        ("public.u", False, False),
    ]


def test_the_table_that_a_statement_writes_to(head):
    rows = head("ALTER TABLE t ADD n int; DELETE FROM parent", BEFORE)["statements"]
    assert [r["writes_table"] for r in rows] == [None, "public.parent"]
    assert [r["kind"] for r in rows] == ["alter table", "delete"]


@pytest.mark.parametrize(
    "how", ["ALTER TABLE t DISABLE TRIGGER ALL", "ALTER TABLE t DISABLE TRIGGER USER, ADD n int"]
)
def test_disabled_triggers_are_the_application_s(writes, head, how):
    found, _ = writes(f"{how}; DELETE FROM t; ALTER TABLE t ENABLE TRIGGER ALL")
    assert found == [(2, "public.t", "delete")]


def test_replicas_write_as_well(writes):
    found, _ = writes("SET session_replication_role = replica; DELETE FROM t")
    assert found == [(2, "public.t", "delete")]


def test_the_witness_is_no_part_of_the_schema(database, connection):
    connection.execute(BEFORE)
    before = read_schema(connection)
    install(connection)
    assert read_schema(connection) == before
    uninstall(connection)
    assert read_schema(connection) == before
    triggers = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"
    assert connection.execute(triggers).fetchone() == (0,)


def test_event_triggers_of_the_application_do_not_see_the_witness(database, connection):
    connection.execute(BEFORE)
    connection.execute(
        "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'no triggers here'; END $$;"
        " CREATE EVENT TRIGGER no ON ddl_command_end WHEN TAG IN ('CREATE TRIGGER') EXECUTE FUNCTION no()"
    )
    install(connection)
    connection.execute("UPDATE t SET a = 1 /* gatekeeper:1 */")
    assert [(e.kind, e.tag, e.statement) for e in read_events(connection)] == [
        ("write", "UPDATE", 1)
    ]


def test_a_loop_is_one_write(database, connection):
    connection.execute(BEFORE)
    install(connection)
    connection.execute(
        "DO $$ BEGIN FOR i IN 1..500 LOOP UPDATE t SET a = i; END LOOP; END $$ /* gatekeeper:1 */"
    )
    assert len(read_events(connection)) == 1


def test_what_is_rolled_back_was_not_written(database, connection):
    connection.execute(BEFORE)
    install(connection)
    with connection.transaction():
        connection.execute("SAVEPOINT s; UPDATE t SET a = 1 /* gatekeeper:1 */; ROLLBACK TO s")
        connection.execute("UPDATE t SET a = 1 /* gatekeeper:2 */")
    assert [e.statement for e in read_events(connection)] == [2]


def test_someone_without_rights_on_the_witness_writes(database, connection):
    connection.execute(BEFORE)
    install(connection)
    with connection.transaction() as transaction:
        connection.execute("CREATE ROLE writer; GRANT ALL ON t TO writer; SET LOCAL ROLE writer")
        connection.execute("UPDATE t SET a = 1 /* gatekeeper:1 */")
        connection.execute("RESET ROLE")
        assert [e.kind for e in read_events(connection) if e.statement] == ["write"]
        raise psycopg.Rollback(transaction)
