"""Migrations of the rarer kinds: their statements are named, and a rename elsewhere is no change."""

import pytest

BEFORE = """
CREATE TABLE t (id int, n int, s text) PARTITION BY RANGE (n);
CREATE TABLE child (id int PRIMARY KEY);
CREATE STATISTICS z ON n, s FROM t;
CREATE FUNCTION fired() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER x ON sql_drop EXECUTE FUNCTION fired();
CREATE FUNCTION larger(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a';
CREATE AGGREGATE most(int) (SFUNC = larger, STYPE = int);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE moods (m mood);
"""


@pytest.mark.parametrize(
    ("migration", "expected"),
    [
        (
            "SELECT 1;\nCREATE STATISTICS y ON id, n FROM t;\nALTER STATISTICS z SET STATISTICS 5;",
            [("statistics.added", "public.y", 2), ("statistics.definition_changed", "public.z", 3)],
        ),
        (
            "CREATE FOREIGN DATA WRAPPER w;\nCREATE SERVER s FOREIGN DATA WRAPPER w;\n"
            "ALTER SERVER s VERSION '2';",
            [("foreign_data_wrapper.added", "w", 1), ("foreign_server.added", "s", 2)],
        ),
        ("ALTER TABLE t RENAME n TO m;", [("column.renamed", "public.t.m", 1)]),
        ("ALTER TABLE t RENAME TO u;", [("table.renamed", "public.u", 1)]),
        ("ALTER STATISTICS z RENAME TO y;", [("statistics.renamed", "public.y", 1)]),
        ("ALTER FUNCTION fired RENAME TO gone;", [("function.renamed", "public.gone()", 1)]),
        (
            "CREATE OR REPLACE FUNCTION larger(a int, b int DEFAULT 2) RETURNS int LANGUAGE sql"
            " IMMUTABLE COST 5 AS 'SELECT a';",
            [
                ("function.arguments_changed", "public.larger(integer, integer)", 1),
                ("function.cost_changed", "public.larger(integer, integer)", 1),
            ],
        ),
        (
            "ALTER TABLE t ALTER s SET STORAGE external;\nALTER TABLE t ALTER s SET STATISTICS 5;",
            [
                ("column.statistics_target_changed", "public.t.s", 2),
                (
                    "column.storage_changed",
                    "public.t.s",
                    2,
                ),  # one of the two; both touch the column
            ],
        ),
        (
            "ALTER TYPE mood RENAME TO was; CREATE TYPE mood AS ENUM ('happy', 'ok', 'sad');"
            "ALTER TABLE moods ALTER m TYPE mood USING m::text::mood; DROP TYPE was;",
            [("type.order_changed", "public.mood", 1)],
        ),
        ("DROP TABLE t;", [("table.dropped", "public.t", 1)]),
    ],
    ids=lambda v: str(v)[:50],
)
def test_changes_and_their_statements(run, migration, expected):
    assert sorted(run(BEFORE, migration)) == sorted(expected)
