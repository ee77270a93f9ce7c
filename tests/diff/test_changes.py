"""Migrations on a real server: which changes are seen, and which statement made each."""

import pytest

from gatekeeper.catalog.conversion import classify_conversions
from gatekeeper.catalog.read import read_schema
from gatekeeper.diff.attribute import attribute
from gatekeeper.diff.compare import compare
from gatekeeper.sources.split import split_script
from gatekeeper.sources.sql_files import SqlFiles
from gatekeeper.witness.read import install, read_events

TABLE = """
CREATE TABLE t (id int PRIMARY KEY, a int DEFAULT 1, b text);
CREATE FUNCTION h() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE DOMAIN dom AS int; CREATE VIEW w AS SELECT id FROM t;
"""

CASES = [
    ("ALTER TABLE t ADD c int;", [("column.added", "public.t.c", 1)]),
    (
        "ALTER TABLE t ADD c int;\nALTER TABLE t ALTER c TYPE bigint;\nALTER TABLE t ADD d int;",
        [("column.added", "public.t.c", 1), ("column.added", "public.t.d", 3)],
    ),
    (
        "ALTER TABLE t ALTER a SET NOT NULL;\nALTER TABLE t ALTER a SET DEFAULT 2;\n"
        "ALTER TABLE t ALTER a TYPE bigint;\nCOMMENT ON COLUMN t.a IS 'x';",
        [
            ("column.comment_changed", "public.t.a", 4),
            ("column.default_changed", "public.t.a", 2),
            ("column.nullability_changed", "public.t.a", 1),
            ("column.type_changed", "public.t.a", 3),
        ],
    ),
    (
        "ALTER TABLE t RENAME TO u;\nALTER TABLE u ADD c int;\nALTER TABLE u RENAME a TO z;\n"
        "COMMENT ON TABLE u IS 'x';",
        [
            ("table.comment_changed", "public.u", 4),
            ("table.renamed", "public.u", 1),
            ("column.renamed", "public.u.z", 3),
            ("column.added", "public.u.c", 2),
        ],
    ),
    (
        "SELECT 1;\nCREATE INDEX i ON t (a);\nALTER TABLE t ADD UNIQUE (b);",
        [("constraint.added", "public.t.t_b_key", 3), ("index.added", "public.i", 2)],
    ),
    (
        "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;\n"
        "ALTER TABLE t VALIDATE CONSTRAINT c;",
        [("constraint.added", "public.t.c", 1)],
    ),
    ("CREATE TYPE e AS ENUM ('x');\nALTER TYPE e ADD VALUE 'y';", [("type.added", "public.e", 1)]),
    (
        "CREATE SEQUENCE s;\nCREATE VIEW v AS SELECT a FROM t;\nCREATE EXTENSION citext;",
        [
            ("view.added", "public.v", 2),
            ("sequence.added", "public.s", 1),
            ("extension.added", "citext", 3),
        ],
    ),
    (
        "CREATE SCHEMA s;\nALTER TABLE t SET SCHEMA s;",
        [("schema.added", "s", 1), ("table.schema_changed", "s.t", 2)],
    ),
    (
        "BEGIN;\nALTER TABLE t DROP b;\nROLLBACK;\nALTER TABLE t DROP a;",
        [("column.dropped", "public.t.a", 4)],
    ),
    (
        "DO $$ BEGIN\n ALTER TABLE t DROP a; END $$;\nSELECT 1;",
        [("column.dropped", "public.t.a", 1)],
    ),
    (
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'ALTER TABLE t ADD c int';\n"
        "SELECT 1;\nSELECT f();",
        [("column.added", "public.t.c", 3), ("function.added", "public.f()", 1)],
    ),
    (
        "CREATE FUNCTION g(int, VARIADIC text[]) RETURNS int LANGUAGE sql AS 'SELECT 1';\n"
        "CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';\n"
        "CREATE TRIGGER x BEFORE UPDATE OF a ON t FOR EACH ROW EXECUTE FUNCTION h();\n"
        "ALTER TABLE t DISABLE TRIGGER x;\n"
        "CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING;\n"
        "CREATE OR REPLACE FUNCTION h() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        " SET search_path = pg_catalog AS 'BEGIN RETURN old; END';\n"
        "CREATE DOMAIN d AS int CHECK (value > 0);\nCREATE TYPE c AS (x int, y text);\n"
        "CREATE TYPE i AS RANGE (subtype = int);",
        [
            ("function.added", "public.g(integer, text[])", 1),
            ("function.added", "public.p()", 2),
            ("trigger.added", "public.t.x", 3),
            ("rule.added", "public.t.r", 5),
            ("function.body_changed", "public.h()", 6),
            ("function.security_changed", "public.h()", 6),
            ("function.settings_changed", "public.h()", 6),
            ("type.added", "public.d", 7),
            ("type.added", "public.c", 8),
            ("type.added", "public.i", 9),
        ],
    ),
    (
        "ALTER DOMAIN dom ADD CONSTRAINT small CHECK (value < 9);\n"
        "ALTER TABLE t SET (fillfactor = 70);\nALTER TABLE t REPLICA IDENTITY FULL;\n"
        "CREATE OR REPLACE VIEW w AS SELECT id, b FROM t;\nALTER TABLE t SET UNLOGGED;",
        [
            ("type.definition_changed", "public.dom", 1),
            ("table.options_changed", "public.t", 2),
            ("table.replica_identity_changed", "public.t", 3),
            ("view.definition_changed", "public.w", 4),
            ("table.persistence_changed", "public.t", 5),
        ],
    ),
    (
        "CREATE ROLE somebody_else;\nGRANT ALL ON t TO somebody_else;\nALTER TABLE t OWNER TO "
        "somebody_else;\nSET ROLE somebody_else;\nALTER TABLE t ADD c int;\nRESET ROLE;\n"
        "ALTER TABLE t OWNER TO postgres;\nDROP OWNED BY somebody_else;\nDROP ROLE somebody_else;",
        [("column.added", "public.t.c", 5)],
    ),
    (
        "ALTER TABLE t DROP CONSTRAINT t_pkey;",
        [
            ("constraint.dropped", "public.t.t_pkey", 1),
        ],
    ),
]


@pytest.mark.parametrize(("migration", "expected"), CASES, ids=lambda v: str(v)[:40])
def test_changes_and_their_statements(run, migration, expected):
    assert sorted(run(TABLE, migration)) == sorted(expected)


RENAMES = """
CREATE TABLE parent (id serial PRIMARY KEY, "Weird ""name" text);
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent, m mood DEFAULT 'ok',
    n int CHECK (n > 0 AND n < 10), g int GENERATED ALWAYS AS (n * 2) STORED,
    UNIQUE (parent_id, n));
CREATE INDEX child_part ON child ((n + 1), n) INCLUDE (parent_id) WHERE n > 3;
CREATE FUNCTION body(x int) RETURNS bigint LANGUAGE sql
    BEGIN ATOMIC SELECT count(*) FROM child WHERE n > x; END;
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER fires BEFORE UPDATE OF n ON child FOR EACH ROW WHEN (new.n > 2) EXECUTE FUNCTION fire();
CREATE DOMAIN odd AS int CHECK (value % 2 = 1);
CREATE TYPE pair AS (a odd, b mood);
CREATE VIEW v AS
    SELECT c.id, c.n, p."Weird ""name" FROM child c JOIN parent p ON p.id = c.parent_id;
"""


@pytest.mark.parametrize(
    ("migration", "expected"),
    [
        ("ALTER TABLE child RENAME n TO amount", ["column.renamed"]),
        ("ALTER TABLE parent RENAME id TO number", ["column.renamed"]),
        ("ALTER TABLE parent RENAME TO mother", ["table.renamed"]),
        ('ALTER TABLE child RENAME TO "Kid\'s"', ["table.renamed"]),
        ("ALTER INDEX child_part RENAME TO part", ["index.renamed"]),
        ("ALTER SEQUENCE parent_id_seq RENAME TO s", ["sequence.renamed"]),
        ("ALTER TYPE mood RENAME TO feeling", ["type.renamed"]),
        ("ALTER TABLE child RENAME CONSTRAINT child_n_check TO n_small", ["constraint.renamed"]),
        ('ALTER TABLE child RENAME parent_id TO "from"', ["column.renamed"]),
        (
            "ALTER TABLE child RENAME g TO n2; ALTER TABLE child RENAME n TO g",
            ["column.renamed"] * 2,
        ),
    ],
    ids=lambda v: str(v)[:40],
)
def test_a_rename_changes_nothing_else(run, migration, expected):
    assert [kind for kind, _, _ in run(RENAMES, migration)] == expected


def test_a_cascade_is_told_from_a_part(run, connection, database):
    source = SqlFiles.of_scripts(
        split_script(RENAMES, "b"), [split_script("DROP TABLE parent CASCADE;", "m")]
    )
    source.build_base(database)
    old = read_schema(connection)
    install(connection)
    source.apply(database)
    changes = attribute(compare(old, read_schema(connection)), read_events(connection), old)
    cascaded = {c.subject: c.part_of for c in changes if c.cascaded and c.part_of is None}
    assert set(cascaded) == {"public.v", "public.child.child_parent_id_fkey"}
    parts = {c.subject for c in changes if c.part_of == "public.parent"}
    assert parts == {
        "public.parent.id",
        'public.parent."Weird ""name"',
        "public.parent.parent_pkey",
        "public.parent_pkey",
        "public.parent_id_seq",
    }


@pytest.mark.parametrize(
    ("was", "becomes", "word"),
    [
        ("varchar(20)", "varchar(40)", "none"),
        ("varchar(40)", "text", "none"),
        ("numeric(10,2)", "numeric(12,2)", "none"),
        ("timestamp", "timestamptz", "none"),
        ("integer", "bigint", "widening"),
        ("integer", "text", "widening"),
        ("date", "timestamptz", "widening"),
        ("json", "jsonb", "widening"),
        ("numeric(10,2)", "integer", "lossy"),
        ("numeric(10,2)", "numeric(10,1)", "lossy"),
        ("timestamptz", "date", "lossy"),
        ("double precision", "real", "lossy"),
        ("varchar(40)", "varchar(39)", "may_fail"),
        ("bigint", "integer", "may_fail"),
        ("text", "integer", "may_fail"),
        ("text", "uuid", "may_fail"),
        ("numeric(12,2)", "numeric(10,2)", "may_fail"),
    ],
)
def test_the_server_says_what_a_type_change_does(database, connection, was, becomes, word):
    connection.execute(f"CREATE TABLE t (id int PRIMARY KEY, a {was})")
    old = read_schema(connection)
    connection.execute(f"ALTER TABLE t ALTER a TYPE {becomes} USING a::{becomes}")
    changes = compare(old, read_schema(connection))
    assert list(classify_conversions(connection, changes, old).values()) == [word]
    assert connection.execute(
        "SELECT count(*) FROM pg_class WHERE relname ~ 'gatekeeper'"
    ).fetchone() == (0,)


def test_an_enum_made_anew_under_its_name_has_changed_values(run):
    before = "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (id int PRIMARY KEY, a mood);"
    migration = (
        "ALTER TYPE mood RENAME TO mood_old;CREATE TYPE mood AS ENUM ('ok', 'happy');"
        "ALTER TABLE t ALTER a TYPE mood USING a::text::mood;DROP TYPE mood_old;"
    )
    assert [(kind, subject) for kind, subject, _ in run(before, migration)] == [
        ("enum_value.added", "public.mood.happy"),
        ("enum_value.dropped", "public.mood.sad"),
    ]


@pytest.mark.parametrize(
    ("labels", "word"), [("'sad', 'ok', 'happy'", "widening"), ("'sad'", "may_fail")]
)
def test_another_enum_is_judged_by_its_labels(connection, labels, word):
    connection.execute("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (a mood)")
    old = read_schema(connection)
    connection.execute(
        f"CREATE TYPE feeling AS ENUM ({labels});"
        "ALTER TABLE t ALTER a TYPE feeling USING a::text::feeling; DROP TYPE mood"
    )
    changes = compare(old, read_schema(connection))
    assert set(classify_conversions(connection, changes, old).values()) == {word}


@pytest.mark.parametrize(
    ("migration", "expected"),
    [
        ("ALTER TABLE parent ALTER id TYPE bigint", ["column.type_changed", "sequence"]),
        ("ALTER TABLE child ALTER id TYPE bigint", ["column.type_changed"]),
        (
            "ALTER TABLE child DROP CONSTRAINT child_n_check, "
            "ADD CONSTRAINT child_n_check CHECK (n > 1)",
            ["constraint.definition_changed"],
        ),
    ],
)
def test_what_alter_table_makes_anew_in_passing_is_no_drop(run, migration, expected):
    kinds = [
        kind
        for kind, _, _ in run(
            RENAMES.replace("CREATE VIEW", "-- CREATE VIEW").replace("    SELECT c.id", "--"),
            migration,
        )
    ]
    assert [k for k in kinds if not k.startswith("sequence")] == [
        k for k in expected if k != "sequence"
    ]
