"""Every attribute of views, sequences, functions, types and the rest: one gives its change."""

import pytest

from gatekeeper.catalog.read import read_schema

TABLE = "CREATE TABLE t (id int PRIMARY KEY, a int, b text);"
VIEW = TABLE + "CREATE VIEW v AS SELECT id, a FROM t;"
MATERIALIZED = TABLE + "CREATE MATERIALIZED VIEW v AS SELECT id, b FROM t;"
SEQUENCE = TABLE + "CREATE SEQUENCE s;"
FUNCTION = "CREATE FUNCTION f(a int, b text) RETURNS SETOF int LANGUAGE sql AS 'SELECT 1';"
ANEW = "CREATE OR REPLACE FUNCTION f(a int, b text) RETURNS SETOF int"
TRIGGER = (
    TABLE + "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';"
    "CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION g();"
)
RULE = TABLE + "CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING;"
ENUM = "CREATE TYPE e AS ENUM ('a', 'b');"
DOMAIN = "CREATE DOMAIN d AS text CONSTRAINT k CHECK (value > 'a');"
COMPOSITE = "CREATE TYPE c AS (x int, y text);"
WRAPPER = "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
EVENT_TRIGGER = (
    "CREATE FUNCTION g() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
    "CREATE EVENT TRIGGER x ON ddl_command_end EXECUTE FUNCTION g();"
)
STATISTICS = TABLE + "CREATE STATISTICS z ON a, b FROM t;"
SEARCH = (
    "CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple);"
    "CREATE TEXT SEARCH CONFIGURATION c (COPY = simple);"
)

VIEWS = [
    (TABLE, "CREATE VIEW v AS SELECT 1", "view.added", "v"),
    (
        VIEW,
        "CREATE OR REPLACE VIEW v AS SELECT id, a + 1 AS a FROM t",
        "view.definition_changed",
        "v",
    ),
    (VIEW, "ALTER VIEW v SET (security_barrier)", "view.options_changed", "v"),
    (VIEW, "ALTER VIEW v SET (security_invoker)", "view.options_changed", "v"),
    (VIEW, "ALTER VIEW v SET (check_option = local)", "view.options_changed", "v"),
    (VIEW, "ALTER VIEW v ALTER a SET DEFAULT 1", "view.column_settings_changed", "v"),
    (VIEW, "COMMENT ON COLUMN v.a IS 'x'", "view.column_comments_changed", "v"),
    (VIEW, "COMMENT ON VIEW v IS 'x'", "view.comment_changed", "v"),
    (MATERIALIZED, "ALTER MATERIALIZED VIEW v SET (fillfactor = 70)", "view.options_changed", "v"),
    (
        MATERIALIZED,
        "ALTER MATERIALIZED VIEW v ALTER b SET STATISTICS 5",
        "view.column_settings_changed",
        "v",
    ),
    (
        MATERIALIZED,
        "ALTER MATERIALIZED VIEW v ALTER b SET STORAGE external",
        "view.column_settings_changed",
        "v",
    ),
    (MATERIALIZED, "CREATE INDEX i ON v (id)", "index.added", "i"),
    (MATERIALIZED, "COMMENT ON MATERIALIZED VIEW v IS 'x'", "view.comment_changed", "v"),
    (
        MATERIALIZED + "CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler;",
        "ALTER MATERIALIZED VIEW v SET ACCESS METHOD other",
        "view.access_method_changed",
        "v",
    ),
]

SEQUENCES = [
    (SEQUENCE, "ALTER SEQUENCE s AS int", "sequence.type_changed", "s"),
    (SEQUENCE, "ALTER SEQUENCE s SET UNLOGGED", "sequence.persistence_changed", "s"),
    (SEQUENCE, "ALTER SEQUENCE s START 5", "sequence.start_changed", "s"),
    (SEQUENCE, "ALTER SEQUENCE s INCREMENT 5", "sequence.increment_changed", "s"),
    (SEQUENCE, "ALTER SEQUENCE s MINVALUE -5", "sequence.minimum_changed", "s"),
    (SEQUENCE, "ALTER SEQUENCE s MAXVALUE 5", "sequence.maximum_changed", "s"),
    (SEQUENCE, "ALTER SEQUENCE s CACHE 5", "sequence.cache_changed", "s"),
    (SEQUENCE, "ALTER SEQUENCE s CYCLE", "sequence.cycling_changed", "s"),
    (SEQUENCE, "ALTER SEQUENCE s OWNED BY t.a", "sequence.ownership_changed", "s"),
    (SEQUENCE, "COMMENT ON SEQUENCE s IS 'x'", "sequence.comment_changed", "s"),
]

FUNCTIONS = [
    (FUNCTION, f"{ANEW} LANGUAGE sql AS 'SELECT 2'", "body"),
    (
        FUNCTION,
        f"SET check_function_bodies = off; {ANEW} LANGUAGE plpgsql AS 'SELECT 1'",
        "language",
    ),
    (
        FUNCTION,
        f"{ANEW.replace('b text', 'b text DEFAULT 1')} LANGUAGE sql AS 'SELECT 1'",
        "arguments",
    ),
    (FUNCTION, "ALTER FUNCTION f STABLE", "volatility"),
    (FUNCTION, "ALTER FUNCTION f STRICT", "strictness"),
    (FUNCTION, "ALTER FUNCTION f SECURITY DEFINER", "security"),
    (FUNCTION, "ALTER FUNCTION f LEAKPROOF", "leakproofness"),
    (FUNCTION, "ALTER FUNCTION f PARALLEL SAFE", "parallel"),
    (FUNCTION, "ALTER FUNCTION f COST 5", "cost"),
    (FUNCTION, "ALTER FUNCTION f ROWS 5", "rows"),
    (FUNCTION, "ALTER FUNCTION f SUPPORT generate_series_int4_support", "support"),
    (FUNCTION, "ALTER FUNCTION f SET search_path = pg_catalog, pg_temp", "settings"),
    (FUNCTION, "COMMENT ON FUNCTION f IS 'x'", "comment"),
]

PROGRAMS = [
    ("", FUNCTION, "function.added", "f(integer, text)"),
    ("", "CREATE PROCEDURE p(a int) LANGUAGE sql AS ''", "function.added", "p(integer)"),
    (
        "CREATE AGGREGATE m(int) (SFUNC = int4pl, STYPE = int);",
        "CREATE OR REPLACE AGGREGATE m(int) (SFUNC = int4pl, STYPE = int, INITCOND = '7')",
        "function.body_changed",
        "m(integer)",
    ),
    (
        TRIGGER,
        "CREATE OR REPLACE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION g()",
        "trigger.definition_changed",
        "t.x",
    ),
    (TRIGGER, "ALTER TABLE t DISABLE TRIGGER x", "trigger.enabled_changed", "t.x"),
    (TRIGGER, "COMMENT ON TRIGGER x ON t IS 'x'", "trigger.comment_changed", "t.x"),
    (
        RULE,
        "CREATE OR REPLACE RULE r AS ON DELETE TO t DO ALSO NOTHING",
        "rule.definition_changed",
        "t.r",
    ),
    (RULE, "ALTER TABLE t DISABLE RULE r", "rule.enabled_changed", "t.r"),
    (RULE, "COMMENT ON RULE r ON t IS 'x'", "rule.comment_changed", "t.r"),
]

TYPES = [
    ("", "CREATE DOMAIN d AS int", "type.added", "d"),
    (ENUM, "ALTER TYPE e ADD VALUE 'c' BEFORE 'a'", "enum_value.added", "e.c"),
    (ENUM, "COMMENT ON TYPE e IS 'x'", "type.comment_changed", "e"),
    (
        ENUM,
        "UPDATE pg_enum SET enumsortorder = 9 WHERE enumlabel = 'a'",
        "type.order_changed",
        "e",
    ),
    (DOMAIN, "ALTER DOMAIN d SET DEFAULT 'z'", "type.definition_changed", "d"),
    (DOMAIN, "ALTER DOMAIN d SET NOT NULL", "type.definition_changed", "d"),
    (DOMAIN, "ALTER DOMAIN d ADD CHECK (value < 'z') NOT VALID", "type.definition_changed", "d"),
    (DOMAIN, "COMMENT ON CONSTRAINT k ON DOMAIN d IS 'x'", "type.member_comments_changed", "d"),
    (DOMAIN, "COMMENT ON DOMAIN d IS 'x'", "type.comment_changed", "d"),
    (COMPOSITE, "ALTER TYPE c ADD ATTRIBUTE z int", "type.definition_changed", "c"),
    (COMPOSITE, "ALTER TYPE c ALTER ATTRIBUTE x TYPE bigint", "type.definition_changed", "c"),
    (
        COMPOSITE,
        'ALTER TYPE c ALTER ATTRIBUTE y TYPE text COLLATE "C"',
        "type.definition_changed",
        "c",
    ),
    (COMPOSITE, "COMMENT ON COLUMN c.x IS 'x'", "type.member_comments_changed", "c"),
]

OTHERS = [
    (EVENT_TRIGGER, "ALTER EVENT TRIGGER x DISABLE", "event_trigger.definition_changed", "x"),
    (EVENT_TRIGGER, "COMMENT ON EVENT TRIGGER x IS 'x'", "event_trigger.comment_changed", "x"),
    (TABLE, "CREATE STATISTICS z ON a, b FROM t", "statistics.added", "public.z"),
    (
        STATISTICS,
        "ALTER STATISTICS z SET STATISTICS 5",
        "statistics.definition_changed",
        "public.z",
    ),
    (STATISTICS, "COMMENT ON STATISTICS z IS 'x'", "statistics.comment_changed", "public.z"),
    ("", 'CREATE COLLATION k FROM "C"', "collation.added", "public.k"),
    ("", "CREATE FOREIGN DATA WRAPPER w", "foreign_data_wrapper.added", "w"),
    (
        WRAPPER,
        "ALTER FOREIGN DATA WRAPPER w OPTIONS (ADD debug 'on')",
        "foreign_data_wrapper.definition_changed",
        "w",
    ),
    (WRAPPER, "ALTER SERVER s VERSION '2'", "foreign_server.definition_changed", "s"),
    (WRAPPER, "ALTER SERVER s OPTIONS (ADD host 'x')", "foreign_server.definition_changed", "s"),
    (WRAPPER, "COMMENT ON SERVER s IS 'x'", "foreign_server.comment_changed", "s"),
    (WRAPPER, "CREATE USER MAPPING FOR postgres SERVER s", "user_mapping.added", "s.postgres"),
    (
        WRAPPER + "CREATE USER MAPPING FOR postgres SERVER s;",
        "ALTER USER MAPPING FOR postgres SERVER s OPTIONS (ADD password 'secret')",
        "user_mapping.definition_changed",
        "s.postgres",
    ),
    (
        SEARCH,
        "ALTER TEXT SEARCH CONFIGURATION c ALTER MAPPING FOR asciiword WITH d, simple",
        "text_search_configuration.definition_changed",
        "public.c",
    ),
    (
        SEARCH,
        "ALTER TEXT SEARCH DICTIONARY d (accept = false)",
        "text_search_dictionary.definition_changed",
        "public.d",
    ),
    ("", "CREATE EXTENSION citext", "extension.added", "citext"),
    (
        "CREATE SCHEMA s; CREATE EXTENSION citext;",
        "ALTER EXTENSION citext SET SCHEMA s",
        "extension.schema_changed",
        "citext",
    ),
    (
        "CREATE EXTENSION pg_trgm VERSION '1.5';",
        "ALTER EXTENSION pg_trgm UPDATE TO '1.6'",
        "extension.version_changed",
        "pg_trgm",
    ),
    (
        "CREATE EXTENSION citext;",
        "COMMENT ON EXTENSION citext IS 'x'",
        "extension.comment_changed",
        "citext",
    ),
]

# What no ALTER TYPE changes: seen only between databases.
RANGES = [
    'SUBTYPE = text, COLLATION = "C"',
    "SUBTYPE = text, SUBTYPE_OPCLASS = text_pattern_ops",
    "SUBTYPE = text, MULTIRANGE_TYPE_NAME = many",
    "SUBTYPE = varchar",
]


def _id(value):
    return str(value)[-60:]


@pytest.mark.parametrize(
    ("before", "alteration", "kind", "name"), VIEWS + SEQUENCES + PROGRAMS + TYPES, ids=_id
)
def test_one_attribute_is_one_change(altered, before, alteration, kind, name):
    assert altered(before, alteration) == [(kind, f"public.{name}")]


@pytest.mark.parametrize(("before", "alteration", "what"), FUNCTIONS, ids=_id)
def test_one_attribute_of_a_function_is_one_change(altered, before, alteration, what):
    assert altered(before, alteration) == [(f"function.{what}_changed", "public.f(integer, text)")]


@pytest.mark.parametrize(("before", "alteration", "kind", "subject"), OTHERS, ids=_id)
def test_the_rarer_kinds(altered, before, alteration, kind, subject):
    assert altered(before, alteration) == [(kind, subject)]


@pytest.mark.parametrize("definition", RANGES)
def test_a_range_made_anew_has_another_definition(by_name, definition):
    before, after = (f"CREATE TYPE r AS RANGE ({d})" for d in ("SUBTYPE = text", definition))
    assert by_name(before, after) == [("type.definition_changed", "public.r")]


def test_an_enum_in_another_order(by_name):
    before, after = ENUM, ENUM.replace("'a', 'b'", "'b', 'c', 'a'")
    assert by_name(before, after) == [
        ("enum_value.added", "public.e.c"),
        ("type.order_changed", "public.e"),
    ]


def test_functions_of_other_names_for_arguments_are_the_same_function(by_name):
    before, after = FUNCTION, FUNCTION.replace("a int", "other int")
    assert by_name(before, after) == [("function.arguments_changed", "public.f(integer, text)")]


def test_what_belongs_to_an_extension_is_not_compared(altered):
    """The extension's own version says what it brings."""
    member = TABLE + (
        "CREATE EXTENSION citext; CREATE VIEW v AS SELECT 1; CREATE SEQUENCE s;"
        "CREATE FUNCTION g() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER x ON ddl_command_end EXECUTE FUNCTION g();"
    )
    kinds = ("TABLE t", "VIEW v", "SEQUENCE s", "FUNCTION g()", "EVENT TRIGGER x")
    joined = ";".join(f"ALTER EXTENSION citext ADD {kind}" for kind in kinds)
    changes = altered(member + "CREATE INDEX i ON t (a);", joined)
    assert {kind.partition(".")[2] for kind, _ in changes} == {"dropped"}
    assert {subject for _, subject in changes} >= {"public.t", "public.t.a", "public.i", "x"}
    assert ("extension.dropped", "citext") not in changes


def test_passwords_of_user_mappings_are_not_read(connection):
    connection.execute(
        WRAPPER + "CREATE USER MAPPING FOR postgres SERVER s OPTIONS (user 'u', password 'secret')"
    )
    assert "secret" not in repr(read_schema(connection))


def test_all_of_it_survives_a_dump(round_trip, apart):
    scripts = [c[0] + c[1] for c in VIEWS + SEQUENCES + PROGRAMS + TYPES + FUNCTIONS]
    local = [script for script in scripts if "METHOD" not in script]
    assert round_trip(apart(local), least=20) == []
