"""What is read in the text of statements, where the server says nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.facts.sql_ddl import Ddl, read_ddl
from gatekeeper.facts.sql_tokens import MOST_CHARACTERS, listed, tokens_of
from gatekeeper.facts.sql_writes import Clause, clauses_of

# statement, what it is about, names without a schema, what would let it run twice
DDL = [
    ("CREATE TABLE orders (id int, a int REFERENCES customers (id))", "orders", ("orders", "customers"), "if not exists"),
    ("create table if not exists public.orders (id int)", "public.orders", (), None),
    ("CREATE UNIQUE INDEX CONCURRENTLY x ON ONLY orders (a)", "x", ("orders",), "if not exists"),
    ("CREATE INDEX ON public.orders (a)", None, (), "if not exists"),
    ('DROP TABLE a, s.b, "C d"', "a", ("a", '"C d"'), "if exists"),
    ("DROP FUNCTION f(int, text), g()", "f", ("f", "g"), "if exists"),
    ("drop index if exists x", "x", ("x",), None),
    ("ALTER TABLE o ADD COLUMN a numeric(3, 2), DROP COLUMN IF EXISTS c", "o", ("o",), "if not exists"),
    ("alter table o add column if not exists a int, add constraint k check (a > 0)", "o", ("o",), None),
    ("alter table o alter column a drop not null, drop constraint k", "o", ("o",), "if exists"),
    ("alter table only s.o rename column a to b", "s.o", (), None),
    ("ALTER TYPE s.status ADD VALUE 'x'", "s.status", (), "if not exists"),
    ("ALTER TYPE s.status ADD VALUE IF NOT EXISTS 'x'", "s.status", (), None),
    ("create or replace view v as select 1", "v", ("v",), None),
    ("create materialized view s.v as select 1", "s.v", (), "if not exists"),
    ("create trigger t before insert on orders for each row execute function f()", "t", ("orders",), "or replace"),
    ("create rule r as on insert to s.t do nothing", "r", (), "or replace"),
    ("CREATE TYPE s AS ENUM ('a')", "s", ("s",), None),
    ("create policy p on t using (true)", "p", ("t",), None),
    ("CREATE EXTENSION hstore", "hstore", (), "if not exists"),
    ("/* a /* b */ -- c\n create schema x", "x", (), "if not exists"),
    ("alter table s.log attach partition p for values in (1)", "s.log", ("p",), None),
    ("COMMENT ON TABLE s.orders IS 'drop table x'", "s.orders", (), None),
    ("create function s.f() returns int language sql as $$ create table x (); $$", "s.f", (), "or replace"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "target", "unqualified", "lacks"), DDL, ids=lambda v: str(v)[:40])
def test_ddl(sql, target, unqualified, lacks):
    assert read_ddl(sql) == Ddl(target, unqualified, lacks)


@pytest.mark.parametrize(
    "sql",
    ["CREATE TEMP TABLE x (a int)", "create local temporary table x (a int)", "SELECT 1", "UPDATE t SET a = 1",
     "GRANT SELECT ON t TO x", "VACUUM t", "", ";", "DO $$ BEGIN CREATE TABLE x (); END $$"],
)  # fmt: skip
def test_what_is_no_ddl_or_temporary(sql):
    assert read_ddl(sql) == Ddl()


def update(target, *columns, where=False, fills=(), pinned=()):
    return Clause("update", target, where, columns, fills, pinned)


WRITES = [
    ("UPDATE orders -- where\n SET note = 'where', \"State\"='new'", [update("orders", "note", "State")]),
    ("update only s.orders as o set a = coalesce(o.a, 1), (b, c) = (1, 2), d[1] = 3 where id = 5 returning id",
     [update("orders", "a", "b", "c", "d", where=True, fills=("a",), pinned=("id",))]),
    ("UPDATE t SET a = 1 WHERE true", [update("t", "a")]),
    ("UPDATE t SET a = coalesce(u.a, 1), b = b, c = c + 1 FROM u", [update("t", "a", "b", "c", fills=("b",))]),
    ("UPDATE t SET a = CASE WHEN x THEN 'where' ELSE (SELECT 1 WHERE y) END", [update("t", "a")]),
    ("UPDATE t SET a = 1 WHERE t.k = %(k)s AND id IN (1, 2) AND x > 3 AND y = z",
     [update("t", "a", where=True, pinned=("k", "id"))]),
    ("UPDATE t SET a = 1 WHERE k = 'b' OR k = 'c'", [update("t", "a", where=True)]),
    ("UPDATE t SET a = 1 WHERE id IN (SELECT id FROM u)", [update("t", "a", where=True)]),
    ("UPDATE t SET a = 1 WHERE id = (SELECT id FROM u)", [update("t", "a", where=True, pinned=("id",))]),
    ('DELETE FROM ONLY s."Lines"', [Clause("delete", "Lines", has_where=False)]),
    ("DELETE FROM a USING b WHERE a.id = b.id", [Clause("delete", "a", has_where=True)]),
    ("INSERT INTO t (a) VALUES (1)", [Clause("insert", "t", lists_rows=True)]),
    ("INSERT INTO t SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM t)", [Clause("insert", "t", lists_rows=True)]),
    ("INSERT INTO t SELECT a FROM (VALUES (1), (2)) v (a)", [Clause("insert", "t", lists_rows=True)]),
    ("INSERT INTO t SELECT * FROM u", [Clause("insert", "t")]),
    ("INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET a = excluded.a, b = coalesce(t.b, excluded.b)",
     [Clause("insert", "t", lists_rows=True),
      Clause("update", "t", has_where=True, columns=("a", "b"), fills=("b",), lists_rows=True)]),
    ("WITH x AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM x",
     [Clause("delete", "t", has_where=False), Clause("insert", "u")]),
    ('TRUNCATE TABLE a, ONLY s."B" RESTART IDENTITY CASCADE', [Clause("truncate", "a"), Clause("truncate", "B")]),
    ("COPY t (a) FROM stdin", [Clause("insert", "t")]),
    ("MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN UPDATE SET a = 1",
     [Clause(o, "t", has_where=True) for o in ("insert", "update", "delete")]),
    ("DO $$ BEGIN IF a THEN UPDATE t SET a = 1; END IF; EXECUTE 'DELETE FROM u WHERE id = 1'; EXECUTE format('DELETE FROM %I', v); END $$",
     [update("t", "a"), Clause("delete", "u", has_where=True, pinned=("id",))]),
    ("EXPLAIN DELETE FROM t", [Clause("delete", "t", has_where=False)]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "clauses"), WRITES, ids=lambda v: str(v)[:50])
def test_writes(sql, clauses):
    assert list(clauses_of(sql)) == clauses


@pytest.mark.parametrize(
    "sql",
    ["SELECT * FROM t FOR UPDATE", "CREATE TRIGGER x BEFORE UPDATE OR DELETE ON t EXECUTE FUNCTION f()",
     "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES b ON DELETE CASCADE ON UPDATE SET NULL",
     "GRANT UPDATE, DELETE ON t TO x", "SELECT 'DELETE FROM t'", "-- DELETE FROM t\nSELECT 1",
     "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DELETE FROM t'", "COMMENT ON TABLE t IS 'truncate a'"],
)  # fmt: skip
def test_words_that_write_nothing(sql):
    assert clauses_of(sql) == ()


def test_a_long_update_has_perhaps_a_condition_at_its_end():
    text = "x" * MOST_CHARACTERS
    (clause,) = clauses_of(f"UPDATE t SET a = '{text}' WHERE id = 1")
    assert (clause.has_where, clause.columns) == (None, ("a",))


def test_the_keys_of_an_index_as_they_are_written():
    definition = (
        'CREATE INDEX "a USING b (" ON public."c USING d" USING btree (lower((v)::text || \',(\'),'
        " c DESC NULLS LAST) INCLUDE (g) WHERE (a = 1)"
    )
    assert listed(definition, behind="using") == ["lower((v)::text || ',(')", "c DESC NULLS LAST"]
    assert listed("CREATE TABLE t", behind="using") == []


@given(
    st.text(alphabet=st.sampled_from("abUPDATE set where from()'\"$;,.-/*=%:1\n é\0"), max_size=60)
)
def test_no_text_makes_it_fail(text):
    tokens_of(text)
    clauses_of(text)
    clauses_of(f"DO {text}")
    read_ddl(text)
    for verb in ("UPDATE ", "DELETE FROM ", "INSERT INTO ", "ALTER TABLE ", "CREATE INDEX "):
        clauses_of(verb + text)
        read_ddl(verb + text)
