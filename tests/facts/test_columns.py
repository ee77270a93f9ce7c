"""Facts about columns, constraints and indexes that are read from several parts of the schema."""

import pytest

from gatekeeper.facts.vocabulary import TABLES

BEFORE = """
CREATE TYPE state AS ENUM ('new', 'paid'); CREATE DOMAIN zip AS varchar(10) CHECK (VALUE <> '');
CREATE TYPE point_3d AS (x int, y int, z int); CREATE TYPE days AS RANGE (subtype = date);
CREATE TABLE t (
    id serial PRIMARY KEY, number int GENERATED ALWAYS AS IDENTITY, state state, states state[], zip zip,
    place point_3d, during days, short varchar(20), code char(3), name text, plain varchar,
    CONSTRAINT once UNIQUE (number) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT late FOREIGN KEY (number) REFERENCES t DEFERRABLE,
    CONSTRAINT trap CHECK (name <> ' DEFERRABLE'),
    CONSTRAINT loose CHECK (name <> '') NOT ENFORCED
);
COMMENT ON TABLE t IS 'One thing. @small because there are few';
CREATE TABLE log (at date NOT NULL, line text) PARTITION BY RANGE (at);
CREATE TABLE log_2026 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX odd ON t (lower(name), code DESC NULLS LAST, plain text_pattern_ops) INCLUDE (zip) WHERE name > ',(';
CREATE TABLE child (more text) INHERITS (t);
CREATE FUNCTION f(a int, b text DEFAULT 'x') RETURNS int LANGUAGE sql AS 'SELECT 1';
"""


@pytest.fixture
def facts(head):
    tables = head("SELECT 1", BEFORE)

    def run(table, *columns):
        rows = tables[table]
        names = {r["subject"].removeprefix("public."): tuple(r[c] for c in columns) for r in rows}
        return {k: v[0] if len(v) == 1 else v for k, v in names.items()}

    return run


def test_what_kind_a_type_is(facts):
    kinds = facts("columns", "type_kind")
    assert {k: v for k, v in kinds.items() if v and k.startswith("t.")} == {
        "t.state": "enum",
        "t.states": "enum",
        "t.zip": "domain",
        "t.place": "composite",
        "t.during": "range",
    }


def test_how_long_a_text_may_be(facts):
    lengths = facts("columns", "max_length")
    assert {k: v for k, v in lengths.items() if v and k.startswith("t.")} == {
        "t.zip": 10,
        "t.short": 20,
        "t.code": 3,
    }


def test_the_sequence_of_a_column(facts):
    sequences = facts("columns", "owned_sequence")
    assert {k: v for k, v in sequences.items() if v} == {
        "t.id": "public.t_id_seq",
        "t.number": "public.t_number_seq",
    }


def test_what_is_known_of_the_table_of_a_part(facts):
    columns = facts("columns", "table_tags", "table_is_partition")
    assert columns["t.id"] == (" small ", False)
    assert columns["log.at"] == (None, False)
    assert columns["log_2026.at"] == (None, True)
    assert facts("indexes", "table_tags")["odd"] == " small "
    assert facts("foreign_keys", "table_tags")["t.late"] == " small "


def test_when_a_constraint_is_checked(facts):
    found = facts("constraints", "is_deferrable", "is_enforced")
    assert {k: found[f"t.{k}"] for k in ("once", "late", "trap", "loose", "t_pkey")} == {
        "once": (True, True),
        "late": (True, True),
        "trap": (False, True),
        "loose": (False, False),
        "t_pkey": (False, True),
    }


def test_the_keys_of_an_index(facts):
    assert facts("indexes", "keys", "included_columns")["odd"] == (
        "lower(name), code DESC NULLS LAST, plain text_pattern_ops",
        "zip",
    )


def test_inheritance_and_signatures(facts):
    assert facts("tables", "inherits", "is_partition")["child"] == ("public.t", False)
    assert facts("tables", "inherits")["log_2026"] is None
    assert facts("functions", "signature")["f(integer, text)"] == (
        "a integer, b text DEFAULT 'x'::text"
    )


def test_what_the_text_of_a_statement_says(head):
    rows = head("CREATE TABLE n (id int REFERENCES t); DROP TABLE n; SELECT 1", BEFORE)[
        "statements"
    ]
    assert [(r["target"], r["unqualified_names"], r["lacks_guard"]) for r in rows] == [
        ("n", "n, t", "if not exists"),
        ("n", "n", "if exists"),
        (None, None, None),
    ]


def test_every_fact_is_explained():
    for table in TABLES.values():
        names = [column.name for column in table.columns]
        assert len(names) == len(set(names)), table.name
        assert "subject" in names
        for column in table.columns:
            assert column.doc.strip(), (table.name, column.name)
            assert not column.doc[0].isupper() or column.doc.split()[0].isupper(), column.doc
