"""The same for what is behind views, functions and parents."""

import psycopg
import pytest

from gatekeeper.access.cells import matrix
from gatekeeper.access.grades import Rows

CHAIN = """
SET ROLE app;
CREATE VIEW one AS SELECT id, email AS mail FROM people;
CREATE VIEW two AS SELECT mail AS address FROM one;
CREATE VIEW three AS SELECT address AS contact FROM two;
RESET ROLE;
"""
CHAIN_SOURCES = {
    "one.id": ["people.id copied"], "one.mail": ["people.email copied"],
    "two.address": ["one.mail copied"], "three.contact": ["two.address copied"],
}  # fmt: skip


def test_a_chain_of_views_is_named(server_with):
    server_with.run(CHAIN)
    server_with.views = CHAIN_SOURCES
    found = {
        c.cells.thing.name: c for c in server_with.changes("GRANT SELECT ON three TO reporting")
    }
    assert server_with.line(found["people"]) == (
        "gained reporting SELECT people (email): grant on public.three → view public.three (contact) as app"
        " → view public.two (address) as app → view public.one (mail) as app"
    )
    assert not found["people"].cells.is_granted
    assert found["three"].cells.is_granted


def test_an_invoker_view_gives_only_what_its_reader_has(server_with):
    server_with.run(CHAIN + "ALTER VIEW one SET (security_invoker = true)")
    server_with.views = CHAIN_SOURCES
    assert server_with.changes("GRANT SELECT ON three TO reporting") == []
    changes = server_with.changes("GRANT SELECT (id, email) ON people TO reporting")
    assert {c.cells.thing.name for c in changes} == {"one", "two", "three", "people"}


def test_a_view_whose_owner_lost_its_right_shows_nothing(server_with):
    server_with.run(
        CHAIN
        + "ALTER VIEW two OWNER TO staff; GRANT SELECT ON one TO staff; GRANT SELECT ON three TO reporting; GRANT SELECT ON two TO app"
    )
    server_with.views = CHAIN_SOURCES
    changes = server_with.changes("REVOKE SELECT ON one FROM staff", roles=["reporting"])
    assert {(c.change, c.cells.thing.name) for c in changes} == {
        ("lost", n) for n in ("one", "two", "three", "people")
    }
    (cells,) = server_with.cells("reporting", "three")
    assert (cells.is_granted, cells.worth) == (True, frozenset())


def test_derived_values_and_conditions_are_less(server_with):
    server_with.run(
        "SET ROLE app; CREATE VIEW counted AS SELECT count(email) AS n FROM people WHERE id > 0; RESET ROLE"
    )
    server_with.views = {"counted.n": ["people.email derived"]}
    way = "grant on public.counted → view public.counted (n) as app"
    assert (
        server_with.says("GRANT SELECT ON counted TO reporting")[1:]
        == [
            f"gained reporting SELECT people (id) condition: {way}",  # nobody named it: the server says it is used
            f"gained reporting SELECT people (email) derived: {way}",
        ]
    )
    assert server_with.says("GRANT SELECT (email) ON people TO reporting") == [
        "widened reporting SELECT people (email): grant on public.people (email)"
    ]


def test_a_view_made_anew_with_the_same_columns_changes_nothing_behind(server_with):
    view = "SET ROLE app; CREATE VIEW one AS SELECT email FROM people; GRANT SELECT ON one TO staff; RESET ROLE;"
    server_with.run(view)
    server_with.views = {"one.email": ["people.email copied"]}
    changes = server_with.changes("DROP VIEW one;" + view)
    assert {(c.change, c.cells.thing.name, c.relation_is_new) for c in changes} == {
        ("gained", "one", True),
        ("lost", "one", False),
    }


def test_untraced_views_are_undecided(server_with):
    server_with.run(
        "CREATE FUNCTION f() RETURNS SETOF text SECURITY DEFINER LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE MATERIALIZED VIEW copy AS SELECT x FROM f() x;"
        "SET ROLE app; CREATE VIEW one AS SELECT email AS x FROM people; RESET ROLE"
    )
    assert server_with.says("GRANT SELECT ON copy, one TO reporting") == [
        "gained reporting SELECT copy (x): grant on public.copy",
        "gained reporting UNTRACED copy (x) untraced: grant on public.copy",
        "gained reporting SELECT one (x): grant on public.one",
        "gained reporting UNTRACED one (x) untraced: grant on public.one",
        "gained reporting SELECT people (email) untraced: grant on public.one → view public.one (x) as app",
    ]
    changes = server_with.changes(
        "CREATE OR REPLACE VIEW one AS SELECT name AS x FROM people", roles=["reporting"]
    )
    assert [(c.change, c.cells.privilege, c.cells.is_undecided) for c in changes] == [
        ("widened", "UNTRACED", True), ("lost", "SELECT", True), ("gained", "SELECT", True),
    ]  # fmt: skip


def test_a_view_that_reads_itself_ends(server_with):
    server_with.run(
        "CREATE VIEW one AS SELECT 1 AS x; CREATE VIEW two AS SELECT x FROM one;"
        "CREATE OR REPLACE VIEW one AS SELECT x FROM two; GRANT SELECT ON one TO PUBLIC"
    )
    server_with.views = {"one.x": ["two.x copied"], "two.x": ["one.x copied"]}
    access = server_with.access()
    assert all(
        not cells.worth
        for cells in matrix(access, roles=[0])
        if cells.privilege == "SELECT" and cells.thing.name == "one"
    )


def test_a_materialized_view_is_a_copy(server_with):
    server_with.run(
        "SET ROLE app; CREATE MATERIALIZED VIEW copy AS SELECT email FROM people; RESET ROLE;"
        "REVOKE ALL ON people FROM app; ALTER TABLE people ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
    )
    server_with.views = {"copy.email": ["people.email copied"]}
    change = server_with.changes("GRANT SELECT ON copy TO reporting")[1]
    assert server_with.line(change) == (
        "gained reporting SELECT people (email): grant on public.copy → materialized view public.copy (email)"
    )
    assert change.cells.best.rows is Rows.ALL


def test_row_security_behind_a_view_is_the_owners(server_with):
    server_with.run(
        "ALTER TABLE people ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON people TO staff USING (id = 1);"
        "GRANT SELECT ON people TO staff; CREATE VIEW one AS SELECT email FROM people; ALTER VIEW one OWNER TO staff"
    )
    server_with.views = {"one.email": ["people.email copied"]}
    change = server_with.changes("GRANT SELECT ON one TO reporting")[1]
    assert (change.cells.best.rows, change.paths[0].policies) == (Rows.SOME, ("p",))
    (change,) = server_with.changes("ALTER VIEW one OWNER TO app", roles=["reporting"])
    assert server_with.line(change).startswith("widened reporting SELECT people (email)")


def test_definer_functions(server_with):
    server_with.run(
        "SET ROLE app;"
        "CREATE FUNCTION traced() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT email FROM people';"
        "CREATE FUNCTION dynamic() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN END';"
        "CREATE FUNCTION plain() RETURNS text LANGUAGE sql AS 'SELECT email FROM people';"
        "CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN END';"
        "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC; RESET ROLE"
    )
    server_with.functions = {"traced": ["people.email copied"], "plain": ["people.email copied"]}
    assert server_with.says("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO reporting") == [
        "gained reporting EXECUTE dynamic(): grant on public.dynamic()",
        "gained reporting UNTRACED dynamic() untraced: grant on public.dynamic()",
        "gained reporting SELECT people (email): grant on public.traced() → definer function public.traced() as app",
        "gained reporting EXECUTE plain(): grant on public.plain()",
        "gained reporting EXECUTE traced(): grant on public.traced()",
    ]
    body = "CREATE OR REPLACE FUNCTION dynamic() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN 1; END'"
    assert server_with.says(body, roles=["reporting"]) == [
        "widened reporting UNTRACED dynamic() untraced: grant on public.dynamic()"
    ]
    assert server_with.says(
        "REVOKE SELECT (email), SELECT ON people FROM app", roles=["reporting"]
    ) == [
        "lost reporting SELECT people (email): grant on public.traced() → definer function public.traced() as app"
    ]


def test_a_view_calls_a_function_that_has_no_name_for_its_reader(server_with):
    server_with.run(
        "CREATE SCHEMA apart AUTHORIZATION app; SET ROLE app; CREATE FUNCTION apart.f() RETURNS text LANGUAGE sql SECURITY DEFINER"
        " AS 'SELECT email FROM public.people'; CREATE VIEW one AS SELECT apart.f() AS x;"
        "CREATE VIEW two AS SELECT x FROM one; RESET ROLE"
    )
    server_with.views = {"one.x": [], "two.x": ["one.x copied"]}
    server_with.functions = {"f": ["people.email derived"]}
    way = "grant on public.two → view public.two"
    assert server_with.says("GRANT SELECT ON two TO reporting", roles=["reporting"]) == [
        f"gained reporting EXECUTE apart.f(): {way} as app",
        f"gained reporting SELECT one (x): {way} (x) as app",
        f"gained reporting SELECT people (email) derived: {way} as app → definer function apart.f() as app",
        "gained reporting SELECT two (x): grant on public.two",
    ]


def test_what_a_function_returns_is_not_read_from_its_table(server_with):
    """The server's dependencies name the columns of a row type; its checks do not."""
    server_with.run(
        "SET ROLE app; CREATE FUNCTION f() RETURNS SETOF people LANGUAGE sql SECURITY DEFINER"
        " AS 'SELECT * FROM public.people'; RESET ROLE;"
        "CREATE VIEW one AS SELECT email FROM f(); ALTER VIEW one OWNER TO staff"
    )
    server_with.views = {"one.email": []}
    server_with.functions = {"f": ["people copied"]}
    found = server_with.says(
        "GRANT SELECT ON one TO reporting; REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC; GRANT EXECUTE ON FUNCTION f() TO reporting",
        roles=["reporting"],
    )
    assert found == ["gained reporting SELECT one (email): grant on public.one"]
    server_with.run("SET ROLE reporting; SELECT email FROM one; RESET ROLE")


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("SELECT p FROM people p", ["id", "email", "name"]),
        ("SELECT count(*) FROM people", ["email"]),
        ("SELECT p.id FROM people p TABLESAMPLE SYSTEM (50) WHERE p.name <> ''", ["id", "name"]),
        ("SELECT (SELECT max(email) FROM people) AS m", ["email"]),
    ],
)
def test_what_the_server_asks_of_a_views_owner(server_with, query, asked):
    """The view opens with the rights on exactly these columns, on the server and here."""
    server_with.run(
        f"CREATE VIEW one AS {query}; ALTER VIEW one OWNER TO staff; GRANT SELECT ON one TO reporting"
    )
    for columns, is_open in ((asked[1:], False), (asked, True)):
        server_with.run(
            "".join(f"GRANT SELECT ({column}) ON people TO staff;" for column in columns)
        )
        (cells,) = server_with.cells("reporting", "one")
        server_with.run("SET ROLE reporting")
        try:
            server_with.run("SELECT * FROM one")
        except psycopg.errors.InsufficientPrivilege:
            assert not is_open
        else:
            assert is_open
        finally:
            server_with.run("RESET ROLE")
        assert bool(cells.worth) is is_open


def test_partitions_are_read_through_their_parent(server_with):
    server_with.run(
        "CREATE TABLE log (k int, a text) PARTITION BY LIST (k); GRANT SELECT, INSERT ON log TO staff;"
        "CREATE TABLE log_1 (a text, k int); CREATE TABLE base (x int); CREATE TABLE heir (extra int) INHERITS (base)"
    )
    assert server_with.says(
        "ALTER TABLE log ATTACH PARTITION log_1 FOR VALUES IN (1)", roles=["staff"]
    ) == [
        "gained staff SELECT log_1 (a, k): grant on public.log → parent public.log",
        "gained staff INSERT log_1 (a, k): grant on public.log → parent public.log",
    ]
    assert server_with.says("GRANT SELECT (k) ON log TO reporting", roles=["reporting"]) == [
        "gained reporting SELECT log (k): grant on public.log (k)",
        "gained reporting SELECT log_1 (k): grant on public.log (k) → parent public.log (k)",
    ]
    assert server_with.says("GRANT SELECT, INSERT ON base TO reporting", roles=["reporting"]) == [
        "gained reporting SELECT base (x): grant on public.base",
        "gained reporting INSERT base (x): grant on public.base",
        "gained reporting SELECT heir (x): grant on public.base → parent public.base",
    ]
    server_with.run("CREATE VIEW one AS SELECT a FROM log")
    server_with.views = {"one.a": ["log.a copied"]}
    assert "gained joe SELECT log_1" not in "".join(server_with.says("GRANT SELECT ON one TO joe"))
    assert server_with.says("GRANT SELECT ON one TO app", roles=["app"])[1] == (
        "gained app SELECT log_1 (a): grant on public.one → view public.one (a) as postgres → parent public.log (a)"
    )


def test_updatable_views_write_to_the_table_behind(server_with):
    server_with.run(CHAIN)
    server_with.views = CHAIN_SOURCES
    way = "grant on public.three → view public.three (contact) as app → view public.two (address) as app → view public.one (mail) as app"
    assert f"gained reporting UPDATE people (email): {way}" in server_with.says(
        "GRANT UPDATE ON three TO reporting"
    )
    way = way.replace(" (contact)", "").replace(" (address)", "").replace(" (mail)", "")
    assert f"gained reporting DELETE people: {way}" in server_with.says(
        "GRANT DELETE ON three TO reporting"
    )
    changes = server_with.changes("REVOKE UPDATE ON people FROM app", roles=["reporting"])
    assert {c.cells.thing.name for c in changes} == {"one", "two", "three", "people"}
