"""What each output of a function can give out, in SQL and PL/pgSQL, and which cannot be traced."""

import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.access.lineage import Lineage
from gatekeeper.access.lineage_text import parsed
from gatekeeper.access.lineage_traced import UnreadableError
from gatekeeper.access.lineage_words import called_in, words_of
from gatekeeper.catalog.lineage import read_lineage_source, schemas_of
from gatekeeper.model.lineage import COPIED, FunctionCode, LineageSource, ReadRelation

SCHEMA = """
CREATE SCHEMA shop; CREATE SCHEMA other; CREATE EXTENSION IF NOT EXISTS hstore SCHEMA public;
CREATE TABLE shop.users (id int PRIMARY KEY, dropped int, email text, name text, salary int, kind text);
ALTER TABLE shop.users DROP COLUMN dropped;
CREATE TABLE shop.orders (id int PRIMARY KEY, user_id int, note text, doc jsonb);
CREATE TABLE other.users (id int, email text);
CREATE TABLE other.secrets (id int, token text);
CREATE VIEW shop.contacts AS SELECT id, email AS contact FROM shop.users;
CREATE FUNCTION shop.one(i int) RETURNS text LANGUAGE sql
    BEGIN ATOMIC SELECT email FROM shop.users WHERE id = i; END;
"""

# `<signature> <language>`, the body, and what is expected: by output, then what is used besides.
SQL = [
    ("() RETURNS text", "SELECT email FROM shop.users", "1 =users.email |"),
    ("() RETURNS void", "DELETE FROM shop.users", "|"),
    ("() RETURNS int", "SELECT count(*)::int FROM shop.users WHERE email = 'x'", "1 | users.email"),
    ("(i int) RETURNS text", "SELECT email FROM shop.users WHERE id = i", "1 =users.email | users.id"),
    ("(email text) RETURNS text", "SELECT email FROM shop.orders", "1 |"),
    ("(e text) RETURNS text", "SELECT $1 || x.e FROM (SELECT 'x' AS b) x(e)", "1 |"),
    ("(email text) RETURNS int", "SELECT id FROM shop.users u WHERE u.email = {f}.email",
     "1 =users.id | users.email"),
    ("(OUT a text, OUT b int)", "SELECT email, id FROM shop.users", "1 =users.email; 2 =users.id |"),
    ("(x int, OUT a text)", "SELECT email FROM shop.users", "1 =users.email |"),
    ("() RETURNS TABLE (a int, b text)", "SELECT id, lower(email) FROM shop.users",
     "1 =users.id; 2 ~users.email |"),
    ("() RETURNS SETOF shop.users", "SELECT * FROM shop.users",
     "1 =users.id; 3 =users.email; 4 =users.name; 5 =users.salary; 6 =users.kind |"),
    ("() RETURNS shop.contacts", "SELECT u.id, u.name FROM shop.users u", "1 =users.id; 2 =users.name |"),
    ("() RETURNS SETOF shop.contacts", "SELECT c FROM shop.contacts c",
     "1 =contacts.id =contacts.contact; 2 =contacts.id =contacts.contact |"),
    ("() RETURNS SETOF record", "SELECT id, email FROM shop.users", "0 =users.id =users.email |"),
    ("() RETURNS text", "UPDATE shop.users SET name = 'x' WHERE salary > 1 RETURNING email",
     "1 =users.email | users.name users.salary"),
    ("() RETURNS int", "INSERT INTO shop.users (id, email) SELECT id, note FROM shop.orders RETURNING id",
     "1 =users.id | orders.id orders.note"),
    ("() RETURNS SETOF text", "DELETE FROM shop.users u USING shop.orders o WHERE o.user_id = u.id RETURNING o.note",
     "1 =orders.note | orders.user_id users.id"),
    ("() RETURNS text", "WITH gone AS (DELETE FROM shop.users RETURNING email) SELECT email FROM gone",
     "1 =users.email |"),
    ("() RETURNS int", "INSERT INTO shop.users (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = excluded.email RETURNING salary",
     "1 =users.salary | users.email users.id users.name"),
    ("() RETURNS text", "SELECT note FROM shop.orders; SELECT email FROM shop.users", "1 =users.email | orders.note"),
    ("() RETURNS text", "SELECT shop.one(1)", "1 =one(integer) |"),
    ("() RETURNS text", "SELECT upper(shop.one(id)) FROM shop.users", "1 ~users.id ~one(integer) |"),
    ("() RETURNS int", "SELECT id FROM shop.users WHERE shop.one(1) = 'x'", "1 =users.id | one(integer)"),
    ("() RETURNS text", "SELECT max(doc -> 'x' ->> 'y') FROM shop.orders", "1 =orders.doc |"),
    ("() RETURNS jsonb", "SELECT jsonb_agg(doc -> note) FROM shop.orders", "1 =orders.note =orders.doc |"),
    ("() RETURNS text", "SELECT /* email */ 'email' -- salary\n FROM shop.users", "1 |"),
    ("() RETURNS text SET search_path = shop", "SELECT email FROM users", "1 =users.email |"),
    ("() RETURNS text SET search_path = other, shop", "SELECT email FROM users", "1 =other.users.email |"),
    ("() RETURNS int SET search_path = shop", "SELECT count(*)::int FROM pg_class WHERE relname = 'x'",
     "1 | pg_catalog.pg_class.relname"),
    # Nobody knows which of the two the caller's search_path leads to.
    ("() RETURNS text", "SELECT email FROM users", "1 =users.email =other.users.email |"),
    ("() RETURNS text", "SELECT date_trunc(kind, now())::text FROM shop.users", "the place of kind"),
    ("() RETURNS text", "SELECT query_to_xml('SELECT 1', true, false, '')::text",
     "it runs SQL that is given as text: query_to_xml()"),
    ("() RETURNS text", "CREATE TEMP TABLE t AS SELECT email FROM shop.users; SELECT 'x'", "neither a query"),
    ("() RETURNS SETOF record", "SELECT * FROM missing", "which is no table or view"),
    ("() RETURNS SETOF record", "SELECT * FROM pg_temp.users", "which is no table or view"),
    # It fails, and shows nothing.
    ("() RETURNS SETOF record", "SELECT m.*, u.id FROM shop.missing m JOIN shop.users u ON u.id = m.id", "0 =users.id |"),
    ("() RETURNS text SET search_path = shop", "SELECT token FROM secrets", "1 |"),
    ("() RETURNS int", "SELECT o.id FROM shop.orders o JOIN shop.users u ON u.id = o.user_id FOR UPDATE OF o, u",
     "1 =orders.id | orders.user_id users.id"),
    ("() RETURNS int", "INSERT INTO shop.users (id) VALUES (1) ON CONFLICT ON CONSTRAINT users_pkey DO NOTHING RETURNING salary",
     "1 =users.salary |"),
    ("() RETURNS text", "SELECT nowhere FROM shop.users", "what nowhere means"),
    ("() RETURNS text", "SELECT " + "(" * 100 + "1" + ")" * 100, "nested too deeply"),
]  # fmt: skip

PLPGSQL = [
    ("() RETURNS text", "BEGIN RETURN (SELECT email FROM shop.users LIMIT 1); END", "1 =users.email |"),
    ("() RETURNS text", "DECLARE v text; BEGIN SELECT email INTO v FROM shop.users; RETURN v; END",
     "1 =users.email |"),
    ("() RETURNS text", "DECLARE v text; w text; BEGIN SELECT email, name INTO STRICT v, w FROM shop.users; RETURN w; END;",
     "1 =users.name | users.email"),
    ("() RETURNS text", "DECLARE v text := 'a'; w text; BEGIN w = upper(v) || 'x'; SELECT email FROM shop.users INTO v; RETURN w; END",
     "1 ~users.email |"),
    ("() RETURNS text", "DECLARE r shop.users%ROWTYPE; BEGIN SELECT * INTO r FROM shop.users; RETURN r.name; END",
     "1 =users.id =users.email =users.name =users.salary =users.kind |"),
    ("() RETURNS text", "DECLARE r record; BEGIN FOR r IN SELECT email FROM shop.users WHERE id > 1 LOOP RETURN r.email; END LOOP; RETURN NULL; END",
     "1 =users.email | users.id"),
    ("() RETURNS SETOF text", "DECLARE v text; BEGIN FOR v IN SELECT email FROM shop.users LOOP RETURN NEXT v; END LOOP; END",
     "1 =users.email |"),
    ("() RETURNS TABLE (a int, b text)", "BEGIN RETURN QUERY SELECT u.id, u.email FROM shop.users u WHERE u.name = 'x'; END",
     "1 =users.id; 2 =users.email | users.name"),
    ("() RETURNS TABLE (a int, b text)", "BEGIN FOR a IN 1 .. 3 LOOP b := (SELECT email FROM shop.users WHERE id = a); RETURN NEXT; END LOOP; END",
     "1; 2 =users.email | users.id"),
    ("() RETURNS SETOF shop.contacts", "BEGIN RETURN QUERY SELECT id, name FROM shop.users; END",
     "1 =users.id; 2 =users.name |"),
    ("(OUT a text, OUT b int)", "BEGIN SELECT u.email, u.id INTO a, b FROM shop.users u; END", "1 =users.email; 2 =users.id |"),
    ("(x int, INOUT a text)", "BEGIN a := (SELECT email FROM shop.users); END", "1 =users.email |"),
    ("() RETURNS bool", "BEGIN RETURN EXISTS (SELECT 1 FROM shop.users WHERE email = 'x'); END", "1 ~users.email |"),
    ("() RETURNS bool", "BEGIN PERFORM 1 FROM shop.users WHERE email = 'x'; RETURN found; END", "1 ~users.email |"),
    ("() RETURNS int", "DECLARE n int; BEGIN SELECT salary INTO n FROM shop.users; IF n > 10 THEN RETURN 1; ELSIF n < 5 THEN RETURN 2; ELSE RETURN 3; END IF; END",
     "1 ~users.salary |"),
    ("() RETURNS int", "BEGIN CASE (SELECT kind FROM shop.users) WHEN 'a' THEN RETURN 1; ELSE RETURN 2; END CASE; END",
     "1 ~users.kind |"),
    ("() RETURNS int", "BEGIN CASE WHEN 1 > 2 THEN RETURN CASE WHEN true THEN 1 ELSE 2 END; END CASE; RETURN (SELECT id FROM shop.users); END",
     "1 =users.id |"),
    ("() RETURNS int", "DECLARE n int := 0; BEGIN <<outer>> WHILE n < (SELECT max(salary) FROM shop.users) LOOP n := n + 1; EXIT outer WHEN n > 5; CONTINUE WHEN n = 2; END LOOP outer; RETURN n; END",
     "1 ~users.salary |"),
    ("() RETURNS text", "DECLARE c CURSOR (k int) FOR SELECT email FROM shop.users WHERE id = k; v text; BEGIN OPEN c(1); FETCH NEXT FROM c INTO v; CLOSE c; RETURN v; END",
     "1 =users.email | users.id"),
    ("() RETURNS refcursor", "DECLARE c refcursor; BEGIN OPEN c FOR SELECT email FROM shop.users; RETURN c; END",
     "1 =users.email |"),
    ("(a int[]) RETURNS text", "DECLARE x int; v text[]; BEGIN FOREACH x IN ARRAY a LOOP v[x] := (SELECT name FROM shop.users WHERE id = x); END LOOP; RETURN v[1]; END",
     "1 =users.name | users.id"),
    ("() RETURNS text", "DECLARE v text; BEGIN INSERT INTO shop.users (id) VALUES (1) RETURNING email INTO v; RETURN v; EXCEPTION WHEN unique_violation OR others THEN RETURN sqlerrm; END",
     "1 =users.email |"),
    ("() RETURNS void", "DECLARE v text; BEGIN SELECT email INTO v FROM shop.users; PERFORM pg_notify('x', v); END",
     "0 | users.email"),
    ("() RETURNS void", "DECLARE v text; BEGIN SELECT email INTO v FROM shop.users; RAISE NOTICE 'no % here', v USING hint = (SELECT max(name) FROM shop.users); END",
     "0 =users.email =users.name |"),
    ("() RETURNS int", "BEGIN RAISE EXCEPTION 'no'; END", "1 |"),
    ("() RETURNS text", "DECLARE v text; w ALIAS FOR v; BEGIN SELECT email INTO w FROM shop.users; ASSERT w <> '', 'empty'; RETURN v; END",
     "1 =users.email |"),
    ("(email text) RETURNS text", "#variable_conflict use_variable\nDECLARE n int; BEGIN GET DIAGNOSTICS n = ROW_COUNT; RETURN {f}.email; END", "1 |"),
    ("() RETURNS text", "BEGIN RETURN shop.one(1); END", "1 =one(integer) |"),
    ("() RETURNS trigger", "BEGIN EXECUTE 'x'; RETURN NEW; END", "0 |"),
    ("() RETURNS text", "DECLARE v text; BEGIN EXECUTE 'SELECT email FROM shop.users' INTO v; RETURN v; END", "EXECUTE"),
    ("() RETURNS SETOF text", "BEGIN RETURN QUERY EXECUTE 'SELECT email FROM shop.users'; END", "EXECUTE"),
    ("() RETURNS text", "DECLARE r record; BEGIN FOR r IN EXECUTE 'SELECT 1' LOOP RETURN r; END LOOP; END", "EXECUTE"),
    ("() RETURNS refcursor", "DECLARE c refcursor; BEGIN OPEN c FOR EXECUTE 'SELECT 1'; RETURN c; END", "EXECUTE"),
    ("() RETURNS text", "BEGIN CREATE TEMP TABLE t AS SELECT email FROM shop.users; RETURN 'x'; END", "not understood: create"),
    ("() RETURNS text", "BEGIN RETURN (SELECT x FROM temporary); END", "temporary, which is no table"),
    ("() RETURNS text", "DECLARE v text; BEGIN SELECT kind INTO v FROM shop.users; RETURN date_trunc(v, now()); END",
     "the place of v"),
]  # fmt: skip


def declared() -> Iterable[tuple[str, str, str, str]]:
    for language, cases in (("sql", SQL), ("plpgsql", PLPGSQL)):
        for number, (signature, body, expected) in enumerate(cases):
            name = f"{language}_{number}"
            sql = body.replace("{f}", name)
            yield (
                name,
                f"CREATE FUNCTION shop.{name}{signature} LANGUAGE {language} AS $body$ {sql} $body$",
                sql,
                expected,
            )


CASES = list(declared())


@pytest.fixture(scope="module")
def source(server) -> Iterable[LineageSource]:
    address = server.create_database()
    with address.connect() as connection:
        connection.execute("SET check_function_bodies = off")
        connection.execute(SCHEMA)
        for _, statement, _, _ in CASES:
            connection.execute(statement)
        connection.execute(
            "CREATE FUNCTION shop.reads() RETURNS text LANGUAGE sql AS 'SELECT token FROM other.secrets';"
            "CREATE FUNCTION shop.keep(state text, value int) RETURNS text LANGUAGE sql AS 'SELECT shop.reads()';"
            "CREATE AGGREGATE shop.odd (int) (sfunc = shop.keep, stype = text);"
            "CREATE VIEW shop.odd_view AS SELECT shop.odd(id) AS o FROM shop.users;"
        )
        yield read_lineage_source(connection)
    server.drop_database(address.database)


@pytest.fixture(scope="module")
def lineage(source) -> Lineage:
    return Lineage(source)


def by_name(source: LineageSource, name: str) -> tuple[str, int, int]:
    return next(("pg_proc", f.oid, 0) for f in source.functions.values() if f.name == name)


@pytest.mark.parametrize(
    ("name", "statement", "body", "expected"), [pytest.param(*c, id=c[2][:70]) for c in CASES]
)
def test_what_a_function_can_give_out(lineage, source, name, statement, body, expected):
    trace = lineage.trace(by_name(source, name))
    if trace.reason is not None:
        assert expected in trace.reason
        return
    outputs = "; ".join(
        str(number)
        + "".join(
            (" =" if e.how == COPIED else " ~") + lineage.subject(e.origin).removeprefix("shop.")
            for e in exposures
        )
        for number, exposures in trace.outputs.items()
    )
    used = " ".join(sorted(lineage.subject(c).removeprefix("shop.") for c in trace.conditions))
    assert f"{outputs} | {used}".strip() == expected


def test_what_cannot_be_traced_has_a_reason(lineage, source):
    traced = [name for name, _, _, expected in CASES if "|" not in expected]
    reasons = {name: lineage.trace(by_name(source, name)).reason for name in traced}
    assert None not in reasons.values()


def test_an_aggregate_gives_what_its_parts_read(lineage, source):
    view = next(("pg_class", r.oid, 1) for r in source.relations.values() if r.name == "odd_view")
    found = lineage.resolve(view)
    assert [lineage.describe(path) for path in found.paths] == [
        "shop.users.id → shop.odd_view.o",
        "other.secrets.token → shop.reads() → shop.keep(text, integer) → shop.odd(integer) → shop.odd_view.o",
    ]
    assert {path.how for path in found.paths} == {"derived"}


def test_functions_in_c_read_no_tables(lineage, source):
    trace = lineage.trace(by_name(source, "hstore_to_json"))
    assert (trace.reason, dict(trace.outputs)) == (None, {1: ()})


WORDS = sorted(
    {word for _, _, body, _ in CASES for word in re.split(r"(\W)", body) if word.strip()}
)


@given(st.sampled_from(["sql", "plpgsql"]), st.lists(st.sampled_from(WORDS), max_size=30))
def test_any_body_is_read_or_refused(language, words):
    users = ReadRelation(1, "shop", "users", "r", ((1, "id"), (2, "email")))
    code = FunctionCode(2, "shop", "f", language=language, body=" ".join(words))
    trace = Lineage(LineageSource({1: users}, functions={2: code})).trace(("pg_proc", 2, 0))
    assert trace.reason != ""


def test_words_of_a_text():
    text = """Select "We""ird".x, E'a\\'b', $t$ ; 'x $t$ /* a /* b */ c */ FROM t -- end\n WHERE f (1..2) := $1"""
    assert [w.text for w in words_of(text)] == [
        "select", 'We"ird', ".", "x", ",", "E'a\\'b'", ",", "$t$ ; 'x $t$", "from", "t", "where", "f", "(", "1",
        "..", "2", ")", ":=", "$", "1",
    ]  # fmt: skip
    assert called_in(words_of(text)) == {"f"}
    assert [w.text for w in words_of("a /* never closed")] == ["a"]


@pytest.mark.parametrize(
    ("setting", "schemas"),
    [
        ('shop, "$user", public', ("shop", "$user", "public")),
        ('""', ()),
        ('"A, b", "x""y"', ("A, b", 'x"y')),
    ],
)
def test_schemas_of_a_search_path(setting, schemas):
    assert schemas_of(setting) == schemas


def test_long_text_is_not_read():
    with pytest.raises(UnreadableError, match="too long"):
        parsed("SELECT " + "1," * 200_000 + "1")
