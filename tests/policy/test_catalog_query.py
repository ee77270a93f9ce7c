"""Queries on the scratch database itself: what is refused at load, and what they are answered."""

from pathlib import Path
from typing import Any

import pytest

from gatekeeper.errors import ConfigError
from gatekeeper.policy.catalog_compile import catalog_tables
from gatekeeper.policy.catalog_query import bind
from gatekeeper.policy.load import load_files
from gatekeeper.policy.model import CatalogQuery
from gatekeeper.review import review
from gatekeeper.sources.split import split_script
from gatekeeper.sources.sql_files import SqlFiles

_COUNT = "SELECT relname::text AS subject, relpages AS pages FROM pg_class"


def test_it_is_compiled(policy: Any) -> None:
    made = policy(catalog_query=_COUNT, message="'{{ subject }} {{ pages }} {{ file }}'")
    assert made.judge == CatalogQuery(_COUNT, ("subject", "pages"))


@pytest.mark.parametrize(
    ("query", "mistake"),
    [
        ("select relname as subject from pg_clas", "no system catalog 'pg_clas'; did you mean pg_"),
        ("select relnam as subject from pg_class", "there is no column 'relnam'; did you mean rel"),
        ("select c.relnam as subject from pg_class c", "c has no column 'relnam'; did you mean re"),
        (
            "select table_name as subject from information_schema.colums",
            "there is no information_schema.colums; did you mean columns?",
        ),
        (
            "with x as (select oid as o from pg_class) select ox as subject from x",
            "there is no column 'ox'",
        ),
        (
            "select relname as subject from pg_class where exists"
            " (select from pg_index where indrelid = pg_class.oi)",
            "pg_class has no column 'oi'; did you mean oid?",
        ),
        ("select id as subject from orders", "'orders'; other tables need their schema"),
        ("select relname from pg_class", "the query must give a column subject"),
        ("select * from pg_class", "name every column that it gives"),
        (
            "select relname as subject from pg_class where relpages > :most",
            "unknown parameter :mos",
        ),
        ("delete from pg_class", "a catalog_query is one SELECT"),
        ("with x as (delete from pg_class returning 1) select 1 as subject", "is one SELECT"),
        ("select 1 as subject; select 2 as subject", "a catalog_query is one SELECT"),
        ("select (((", "not a query that PostgreSQL understands"),
    ],
)
def test_a_mistake_is_refused_at_load(mistakes: Any, query: str, mistake: str) -> None:
    (found,) = mistakes(catalog_query=repr(query))
    assert mistake in found


def test_mistakes_name_their_line(mistakes: Any) -> None:
    query = "|\n      SELECT relname AS subject\n      FROM pg_class\n      WHERE relpage > 0"
    assert [line.partition(":")[0] for line in mistakes(catalog_query=query)] == ["10"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT c.oid::regclass::text AS subject FROM pg_class c, pg_index i WHERE i.indrelid = c.oid",
        "SELECT n.nspname || '.' || c.relname AS subject FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY subject",
        "WITH big AS (SELECT oid AS id, * FROM pg_class) SELECT relname AS subject FROM big",
        "SELECT a.attname AS subject FROM pg_attribute a, unnest(a.attacl) AS u(x)",
        "SELECT o.number::text AS subject FROM public.orders o",
        "SELECT table_name AS subject FROM information_schema.columns WHERE ordinal_position = 1",
        "SELECT relname AS subject FROM pg_class WHERE ctid IS NOT NULL AND tableoid > 0",
        "SELECT x AS subject FROM (VALUES ('a')) AS v(x)",
        "SELECT s AS subject FROM pg_stats s",
        "SELECT evtname AS subject FROM pg_event_trigger UNION ALL SELECT relname FROM pg_class",
        "SELECT p.oid::regprocedure::text AS subject, (aclexplode(p.proacl)).grantee FROM pg_proc p",
    ],
)
def test_what_postgresql_takes_is_taken(policy: Any, connection: Any, query: str) -> None:
    connection.execute("CREATE TABLE orders (number int)")
    connection.execute(query)
    assert isinstance(policy(catalog_query=repr(query)).judge, CatalogQuery)


@pytest.mark.parametrize(
    ("value", "literal"), [(3, "(3)"), (-1.5, "(-1.5)"), ("o'b", "'o''b'"), (True, "true")]
)
def test_parameters_become_literals(value: Any, literal: str) -> None:
    query = CatalogQuery("select 'a:n', b::text, c[1:2] from t where x = :n -- :n", ("subject",))
    expected = f"select 'a:n', b::text, c[1:2] from t where x = {literal} -- :n"
    assert bind(query, {"n": value}) == expected


def test_the_shipped_list_knows_every_catalog_of_our_server(connection: Any) -> None:
    rows = connection.execute("""
        SELECT CASE nspname WHEN 'pg_catalog' THEN '' ELSE nspname || '.' END || relname,
               array_agg(attname::text)
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute a
             ON attrelid = c.oid AND attnum > 0
        WHERE nspname IN ('pg_catalog', 'information_schema') AND relkind IN ('r', 'v') GROUP BY 1
    """).fetchall()
    known = catalog_tables()
    missing = {name: set(columns) - known.get(name, set()) for name, columns in rows}
    assert not {name: columns for name, columns in missing.items() if columns}


_PACK = """
policies:
  - id: house
    title: T
    severity: error
    catalog_query: |
      {query}
    message: "{{{{ subject }}}}"
    why: W
"""


def _judged(server: Any, folder: Path, query: str, before: str, migration: str) -> Any:
    path = folder / "house.yml"
    path.write_text(_PACK.format(query=query), "utf-8")
    source = SqlFiles.of_scripts(
        split_script(before, "before.sql"), [split_script(migration, "migration.sql")]
    )
    return review(source, lambda: _Kept(server), load_files([path]), _setup())


class _Kept:
    """A server that a review may use and not stop."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)

    def close(self) -> None:
        pass


def _setup() -> Any:
    from gatekeeper.observe import Setup

    return Setup()


_TRIGGERS = (
    "SELECT tgrelid::regclass::text AS subject, count(*) AS n FROM pg_trigger"
    " WHERE NOT tgisinternal GROUP BY 1"
)
_BEFORE = """
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE a (x int); CREATE TABLE b (x int);
CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();
"""


def test_a_new_row_is_a_finding_and_an_old_one_is_not(server: Any, tmp_path: Path) -> None:
    outcome = _judged(
        server,
        tmp_path,
        _TRIGGERS,
        _BEFORE,
        "CREATE TRIGGER t AFTER INSERT ON b FOR EACH ROW EXECUTE FUNCTION f();",
    )
    assert [(f.subject, f.values["n"]) for f in outcome.findings] == [("public.b", 1)]
    assert outcome.verdict == "blocked"


def test_it_stands_where_its_subject_changed(server: Any, tmp_path: Path) -> None:
    query = (
        "SELECT oid::regclass::text AS subject FROM pg_class WHERE relkind = 'r' AND oid > 16383"
    )
    outcome = _judged(server, tmp_path, query, "", "SELECT 1;\n\nCREATE TABLE t (a int);")
    (finding,) = outcome.findings
    assert (finding.subject, finding.values["file"]) == ("public.t", "migration.sql")
    assert finding.values["line"] == 3


def test_what_gatekeeper_installs_is_not_seen(server: Any, tmp_path: Path) -> None:
    for query in (
        "SELECT evtname AS subject FROM pg_event_trigger",
        "SELECT nspname AS subject FROM pg_namespace",
        "SELECT proname AS subject FROM pg_proc WHERE oid > 16383",
    ):
        outcome = _judged(server, tmp_path, query, "", "CREATE TABLE t (a int);")
        assert outcome.findings == ()


def test_nothing_of_a_migration_stands_in_for_what_is_named(server: Any, tmp_path: Path) -> None:
    query = (
        "SELECT relname::text AS subject FROM pg_class WHERE relname = 'gone' AND upper('a') = 'A'"
    )
    migration = """
        CREATE TABLE public.pg_class (relname text, oid oid);
        CREATE FUNCTION public.upper(text) RETURNS text LANGUAGE sql AS 'SELECT ''no''';
        CREATE TABLE gone (a int);
    """
    outcome = _judged(server, tmp_path, query, "", migration)
    assert [f.subject for f in outcome.findings] == ["gone"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT x.relname AS subject FROM public.orders x", 'relation "public.orders" does not'),
        ("SELECT no_such(oid) AS subject FROM pg_class", "function no_such(oid) does not exist"),
        ("SELECT null::text AS subject", "gives a subject that is null"),
        ("SELECT set_config('a.b', 'c', false) AS subject, 1/0 AS y", "division by zero"),
    ],
)
def test_a_query_that_the_server_refuses_is_named(
    server: Any, tmp_path: Path, query: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        _judged(server, tmp_path, query, "", "CREATE TABLE t (a int);")
    assert f"{tmp_path / 'house.yml'}:3" in caught.value.message
    assert message in caught.value.message
