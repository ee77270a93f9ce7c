"""Chains of views, what the server says against what was found, and the ways to fail."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gatekeeper.access.lineage import Exposure, Lineage
from gatekeeper.access.lineage_traced import UnreadableError
from gatekeeper.access.lineage_tree import trace_tree
from gatekeeper.catalog.lineage import read_lineage_source
from gatekeeper.model.lineage import COPIED, DERIVED, LineageSource

SCHEMA = """
CREATE SCHEMA staff; CREATE SCHEMA reporting;
CREATE TABLE public.users (id int PRIMARY KEY, email text, phone text);
CREATE VIEW staff.people AS SELECT id, email AS contact FROM public.users;
CREATE VIEW reporting.contacts AS SELECT p.contact, count(*) AS n FROM staff.people p GROUP BY p.contact;
CREATE VIEW reporting.mixed AS SELECT lower(c.contact) AS x FROM reporting.contacts c
    UNION ALL SELECT u.email FROM public.users u;
CREATE VIEW reporting.hashed AS SELECT md5(contact) AS contact FROM reporting.contacts WHERE n > 1;
CREATE VIEW reporting.numbers AS SELECT count(*) AS n FROM public.users;
CREATE VIEW reporting.rows AS SELECT u, u.id FROM public.users u;
CREATE FUNCTION staff.mails() RETURNS TABLE (mail text, one int) LANGUAGE sql AS 'SELECT contact, 1 FROM staff.people';
CREATE FUNCTION staff.dynamic() RETURNS text LANGUAGE plpgsql AS 'BEGIN EXECUTE $x$SELECT 1$x$; RETURN 1; END';
CREATE FUNCTION staff.parsed() RETURNS text LANGUAGE sql
    BEGIN ATOMIC SELECT contact FROM staff.people WHERE id = 1; END;
CREATE FUNCTION staff.of_type() RETURNS public.users LANGUAGE sql AS $$ SELECT 1, 'x', 'y' $$;
CREATE VIEW reporting.called AS SELECT m.mail, m.one FROM staff.mails() m;
CREATE VIEW reporting.typed AS SELECT t.email, (staff.of_type()).phone FROM staff.of_type() t;
CREATE VIEW reporting.unsure AS SELECT email, staff.dynamic() AS d FROM public.users;
CREATE VIEW reporting.ids AS SELECT id FROM public.users;
CREATE VIEW reporting.nothing AS SELECT 1 AS id;
CREATE TABLE staff.cards (number text, hidden text GENERATED ALWAYS AS (md5(number)) STORED,
    shown text GENERATED ALWAYS AS (number || '!') STORED);
CREATE VIEW reporting.cards AS SELECT hidden, shown FROM staff.cards;
CREATE MATERIALIZED VIEW reporting.kept AS SELECT contact FROM reporting.contacts;
"""


@pytest.fixture(scope="module")
def source(server) -> Iterable[LineageSource]:
    address = server.create_database()
    with address.connect() as connection:
        connection.execute(SCHEMA)
        yield read_lineage_source(connection)
    server.drop_database(address.database)


@pytest.fixture
def lineage(source) -> Lineage:
    return Lineage(source)


def oid_of(source: LineageSource, name: str) -> int:
    every = [*source.relations.values(), *source.functions.values()]
    return next(thing.oid for thing in every if f"{thing.schema_name}.{thing.name}" == name)


def column(source: LineageSource, relation: str, name: str) -> tuple[str, int, int]:
    oid = oid_of(source, relation)
    return ("pg_class", oid, next(n for n, c in source.relations[oid].columns if c == name))


def chains(lineage: Lineage, ident: tuple[str, int, int]) -> list[tuple[str, str]]:
    return [(path.how, lineage.describe(path)) for path in lineage.resolve(ident).paths]


def test_a_chain_of_three_is_told_name_by_name(lineage, source):
    assert chains(lineage, column(source, "reporting.kept", "contact")) == [
        (
            COPIED,
            "public.users.email → staff.people.contact → reporting.contacts.contact → reporting.kept.contact",
        )
    ]


def test_a_step_names_the_next_view_only(lineage, source):
    contact = column(source, "reporting.contacts", "contact")
    step = lineage.trace(contact).output(contact[2])
    assert step == (Exposure(column(source, "staff.people", "contact"), COPIED),)


def test_what_is_computed_anywhere_on_the_way_is_derived(lineage, source):
    hashed = column(source, "reporting.hashed", "contact")
    assert chains(lineage, hashed) == [
        (
            DERIVED,
            "public.users.email → staff.people.contact → reporting.contacts.contact → reporting.hashed.contact",
        )
    ]
    assert lineage.trace(hashed).conditions == {column(source, "reporting.contacts", "n")}


def test_of_two_ways_the_one_that_copies_counts(lineage, source):
    assert chains(lineage, column(source, "reporting.mixed", "x")) == [
        (COPIED, "public.users.email → reporting.mixed.x")
    ]


def test_a_chain_through_a_function(lineage, source):
    assert chains(lineage, column(source, "reporting.called", "mail")) == [
        (
            COPIED,
            "public.users.email → staff.people.contact → staff.mails().mail → reporting.called.mail",
        )
    ]
    assert chains(lineage, column(source, "reporting.called", "one")) == []


def test_a_generated_column_shows_what_it_is_computed_from(lineage, source):
    assert chains(lineage, column(source, "reporting.cards", "hidden")) == [
        (DERIVED, "staff.cards.number → staff.cards.hidden → reporting.cards.hidden"),
        (COPIED, "staff.cards.hidden → reporting.cards.hidden"),
    ]
    assert chains(lineage, column(source, "staff.cards", "shown")) == [
        (COPIED, "staff.cards.number → staff.cards.shown")
    ]
    assert chains(lineage, column(source, "staff.cards", "number")) == []


def test_a_generated_column_that_cannot_be_read_possibly_shows_all_others(source):
    hidden = column(source, "staff.cards", "hidden")
    lineage = Lineage(replace(source, generated={hidden: "{VAR :varno 7}"}))
    assert [(e.origin[2], e.certain) for e in lineage.generated(hidden)] == [(1, False), (3, False)]


def test_a_column_of_a_table_has_no_lineage(lineage, source):
    assert lineage.resolve(column(source, "public.users", "email")).paths == ()


def test_a_function_that_cannot_be_traced_leaves_the_view_undecided(lineage, source):
    found = lineage.resolve(column(source, "reporting.unsure", "d"))
    assert found.paths == ()
    assert found.undecided == (
        (
            ("pg_proc", oid_of(source, "staff.dynamic"), 0),
            "it runs SQL that it puts together (EXECUTE)",
        ),
    )
    assert lineage.resolve(column(source, "reporting.unsure", "email")).undecided == ()


def test_a_function_that_was_not_read_leaves_the_view_undecided(source):
    found = Lineage(replace(source, functions={})).resolve(
        column(source, "reporting.called", "mail")
    )
    assert [reason for _, reason in found.undecided] == ["it is a function that is not known"]


def depends(source: LineageSource, name: str) -> dict[str, set[int]]:
    kind = "pg_proc" if oid_of(source, name) in source.functions else "pg_class"
    found: dict[str, set[int]] = {}
    for _, oid, number in source.depends.get((kind, oid_of(source, name), 0), ()):
        found.setdefault(source.relations[oid].subject, set()).add(number)
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("reporting.numbers", {"public.users": {0}}),  # count(*): the table as a whole
        ("reporting.rows", {"public.users": {1}}),  # of the whole row there is no trace
        ("reporting.contacts", {"staff.people": {2}}),  # the view below, not the table
        ("reporting.called", {}),  # the function, not what it reads
        (
            "reporting.typed",
            {"public.users": {2, 3}},
        ),  # the columns of a type, though nothing is read
        ("staff.parsed", {"staff.people": {1, 2}}),
        ("staff.mails", {}),  # a body that is text
    ],
)
def test_what_the_server_itself_says_is_used(source, name, expected):
    assert depends(source, name) == expected


def test_columns_named_through_a_type_are_not_read(lineage, source):
    trace = lineage.trace(column(source, "reporting.typed", "email"))
    assert trace.reason is None
    assert lineage.resolve(column(source, "reporting.typed", "email")).paths == ()


def with_tree(source: LineageSource, name: str, tree: str, definition: str = "") -> LineageSource:
    oid = oid_of(source, name)
    changed = replace(source.views[oid], tree=tree, definition=definition)
    return replace(source, views={**source.views, oid: changed})


def test_a_column_that_the_server_names_and_we_missed_is_possibly_exposed(source):
    other = source.views[oid_of(source, "reporting.ids")].tree
    contact = column(source, "staff.people", "contact")
    trace = Lineage(with_tree(source, "staff.people", other)).trace(contact)
    email = column(source, "public.users", "email")
    assert Exposure(email, COPIED, certain=False) in trace.output(contact[2])
    assert trace.reason == "the server says that it uses columns whose way is not understood"


def test_a_table_that_the_server_names_and_we_missed_is_possibly_exposed(source):
    nothing = source.views[oid_of(source, "reporting.nothing")].tree
    ident = column(source, "reporting.numbers", "n")
    trace = Lineage(with_tree(source, "reporting.numbers", nothing)).trace(ident)
    users = source.relations[oid_of(source, "public.users")]
    assert trace.output(1) == tuple(
        Exposure(("pg_class", users.oid, n), COPIED, certain=False) for n, _ in users.columns
    )


def test_without_a_tree_that_can_be_read_the_text_is(source):
    definition = source.views[oid_of(source, "staff.people")].definition
    contact = column(source, "staff.people", "contact")
    lineage = Lineage(with_tree(source, "staff.people", "{QUERY :rtable", definition))
    assert chains(lineage, contact) == [(COPIED, "public.users.email → staff.people.contact")]


def test_a_view_that_cannot_be_read_possibly_exposes_all_it_reads(source):
    contact = column(source, "reporting.contacts", "contact")
    found = Lineage(with_tree(source, "reporting.contacts", "{QUERY :rtable")).resolve(contact)
    assert {(path.base[2], path.certain) for path in found.paths} == {(1, False), (2, False)}
    assert [reason for _, reason in found.undecided] == ["the server's rule ends too early"]


@given(st.text(alphabet="{}()[]<> :\\abQUERYVAR0123456789\n") | st.text())
@example("({QUERY :commandType 1 :targetList ({TARGETENTRY :expr {VAR :varno 9}})})")
@example("({QUERY :commandType 1 :targetList ({TARGETENTRY :expr {VAR :varno 1 :varlevelsup 3}})})")
def test_a_tree_of_any_shape_is_read_or_refused(text):
    with suppress(UnreadableError):  # anything else fails the test
        trace_tree(text, frozenset(), frozenset())


def test_expressions_may_be_long_and_queries_deep(connection):
    long = " || ".join(["email"] * 3000)
    deep = "SELECT email FROM public.users"
    for number in range(300):
        deep = f"SELECT x{number}.email FROM ({deep}) x{number}"
    connection.execute("CREATE TABLE users (email text)")
    connection.execute(f"CREATE VIEW long AS SELECT {long} AS e FROM users")
    connection.execute(f"CREATE VIEW deep AS {deep}")
    source = read_lineage_source(connection)
    lineage = Lineage(source)
    assert [path.how for path in lineage.resolve(column(source, "public.long", "e")).paths] == [
        COPIED
    ]
    found = lineage.resolve(column(source, "public.deep", "email"))
    assert [path.base for path in found.paths] == [column(source, "public.users", "email")]
    assert found.undecided == () or "too deeply" in found.undecided[0][1]


def test_only_what_is_asked_for_is_parsed_and_that_once(source):
    trace_tree.cache_clear()
    Lineage(source).resolve(column(source, "reporting.contacts", "contact"))
    assert trace_tree.cache_info().misses == 2
    Lineage(source).resolve(column(source, "reporting.contacts", "n"))
    assert trace_tree.cache_info().misses == 2


def test_200_views_over_1000_tables_take_little_time(connection):
    columns = ", ".join(f"c{n} text" for n in range(11))
    for number in range(1000):
        connection.execute(f"CREATE TABLE t{number} (id int, {columns})")
    for number in range(200):
        one, other = number * 5, number * 5 + 1
        before = f"v{number - 1}" if number % 4 else f"t{other + 1}"
        connection.execute(
            f"CREATE VIEW v{number} AS SELECT a.*, b.c1 AS d1, lower(b.c2) AS d2, x.c3 AS d3"
            f" FROM t{one} a JOIN t{other} b USING (id) LEFT JOIN {before} x ON x.id = a.id"
            f" WHERE a.c5 <> '' AND EXISTS (SELECT FROM t{one} y WHERE y.id = b.id)"
        )
    trace_tree.cache_clear()
    start = time.perf_counter()
    source = read_lineage_source(connection)
    read = time.perf_counter()
    lineage = Lineage(source)
    found = [
        lineage.resolve(("pg_class", v, n))
        for v in source.views
        for n, _ in source.relations[v].columns
    ]
    done = time.perf_counter()
    print(f"read in {read - start:.2f} s, traced in {done - read:.2f} s")
    assert sum(len(resolved.paths) for resolved in found) >= 200 * 15
    assert done - start < 2
