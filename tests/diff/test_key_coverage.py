"""Every attribute of constraints and indexes: altering one gives exactly its change."""

import pytest

TABLE = "CREATE TABLE t (id int PRIMARY KEY, a int, b text);"
PARTITIONED = "CREATE TABLE t (id int, a int) PARTITION BY RANGE (id);"
INDEX = TABLE + "CREATE INDEX i ON t (a);"
KEYS = TABLE + "CREATE TABLE r (id int PRIMARY KEY); ALTER TABLE t ADD CONSTRAINT k "

CONSTRAINTS = [
    (TABLE, "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 1)", [("constraint.added", "public.t.c")]),
    (
        TABLE + "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 1) NOT VALID;",
        "ALTER TABLE t VALIDATE CONSTRAINT c",
        [("constraint.validation_changed", "public.t.c")],
    ),
    (
        TABLE + "ALTER TABLE t ADD CONSTRAINT c UNIQUE (a);",
        "COMMENT ON CONSTRAINT c ON t IS 'x'",
        [("constraint.comment_changed", "public.t.c")],
    ),
    (
        KEYS + "FOREIGN KEY (a) REFERENCES r NOT VALID;",
        "ALTER TABLE t VALIDATE CONSTRAINT k",
        [("foreign_key.validation_changed", "public.t.k")],
    ),
    (
        KEYS + "FOREIGN KEY (a) REFERENCES r;",
        "ALTER TABLE t ALTER CONSTRAINT k DEFERRABLE INITIALLY DEFERRED",
        [("foreign_key.definition_changed", "public.t.k")],
    ),
    (
        KEYS + "FOREIGN KEY (a) REFERENCES r;",
        "ALTER TABLE t ALTER CONSTRAINT k NOT ENFORCED",
        [("foreign_key.enforcement_changed", "public.t.k")],
    ),
    (
        KEYS + "FOREIGN KEY (a) REFERENCES r;",
        "COMMENT ON CONSTRAINT k ON t IS 'x'",
        [("foreign_key.comment_changed", "public.t.k")],
    ),
]

# By identity a constraint cannot be changed in these; one made anew under its name is another.
DEFINITIONS = [
    ("CHECK (a > 1)", "CHECK (a > 2)"),
    ("CHECK (a > 1)", "CHECK (a > 1) NO INHERIT"),
    ("UNIQUE (a)", "UNIQUE (a, b)"),
    ("UNIQUE (a)", "UNIQUE NULLS NOT DISTINCT (a)"),
    ("UNIQUE (a)", "UNIQUE (a) INCLUDE (b)"),
    ("UNIQUE (a)", "UNIQUE (a) DEFERRABLE"),
    ("EXCLUDE (a WITH =)", "EXCLUDE (a WITH =) WHERE (a > 1)"),
    ("FOREIGN KEY (a) REFERENCES t", "FOREIGN KEY (a) REFERENCES t ON DELETE CASCADE"),
    ("FOREIGN KEY (a) REFERENCES t", "FOREIGN KEY (a) REFERENCES t ON UPDATE SET NULL"),
    ("FOREIGN KEY (a) REFERENCES t", "FOREIGN KEY (a) REFERENCES t MATCH FULL"),
    ("FOREIGN KEY (a) REFERENCES t", "FOREIGN KEY (a) REFERENCES t DEFERRABLE"),
]

INDEXES = [
    (TABLE, "CREATE INDEX i ON t (a)", [("index.added", "public.i")]),
    (INDEX, "ALTER INDEX i SET (fillfactor = 70)", [("index.definition_changed", "public.i")]),
    (INDEX, "COMMENT ON INDEX i IS 'x'", [("index.comment_changed", "public.i")]),
    (INDEX, "ALTER TABLE t CLUSTER ON i", [("index.clustering_changed", "public.i")]),
    (
        TABLE + "CREATE INDEX i ON t ((a + 1));",
        "ALTER INDEX i ALTER 1 SET STATISTICS 500",
        [("index.statistics_target_changed", "public.i")],
    ),
    (
        TABLE + "CREATE UNIQUE INDEX i ON t (id);",
        "ALTER TABLE t REPLICA IDENTITY USING INDEX i",
        [
            ("index.replica_identity_changed", "public.i"),
            ("table.replica_identity_changed", "public.t"),
        ],
    ),
    (
        INDEX,
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass",
        [("index.validity_changed", "public.i")],
    ),
    (
        PARTITIONED + "CREATE TABLE p PARTITION OF t DEFAULT; CREATE INDEX i ON ONLY t (a);"
        "CREATE INDEX j ON p (a);",
        "ALTER INDEX i ATTACH PARTITION j",
        [("index.partition_changed", "public.j"), ("index.validity_changed", "public.i")],
    ),
]

INDEX_DEFINITIONS = [
    "(b)",
    "(a, b)",
    "(a DESC)",
    "(a NULLS FIRST)",
    "(a) INCLUDE (b)",
    "(a) WHERE a > 1",
    "((a + 1))",
    "(b text_pattern_ops)",
    '(b COLLATE "C")',
    "USING hash (a)",
]


def _id(value):
    return str(value)[-60:] if isinstance(value, str) else ""


@pytest.mark.parametrize(("before", "alteration", "expected"), CONSTRAINTS + INDEXES, ids=_id)
def test_one_attribute_is_one_change(altered, before, alteration, expected):
    assert altered(before, alteration) == sorted(expected)


@pytest.mark.parametrize(("was", "now"), DEFINITIONS)
def test_a_constraint_made_anew_has_another_definition(by_name, was, now):
    kind = "foreign_key" if was.startswith("FOREIGN") else "constraint"
    add = TABLE + "ALTER TABLE t ADD CONSTRAINT c "
    found = by_name(add + was, add + now)
    assert (f"{kind}.definition_changed", "public.t.c") in found
    assert {k for k, _ in found} <= {f"{kind}.definition_changed", "index.definition_changed"}


@pytest.mark.parametrize(
    ("unique", "definition"),
    [
        (unique, definition)
        for unique in ("", "UNIQUE ")
        for definition in INDEX_DEFINITIONS
        if not (unique and "hash" in definition)
    ],
)
def test_an_index_made_anew_has_another_definition(by_name, unique, definition):
    before = TABLE + f"CREATE {unique}INDEX i ON t (a)"
    after = TABLE + f"CREATE {unique}INDEX i ON t {definition}"
    assert by_name(before, after) == [("index.definition_changed", "public.i")]


def test_all_of_it_survives_a_dump(round_trip, apart):
    scripts = [c[0] + c[1] for c in CONSTRAINTS + INDEXES if "pg_index" not in c[1]]
    scripts += [TABLE + f"CREATE INDEX i ON t {definition}" for definition in INDEX_DEFINITIONS]
    scripts += [TABLE + f"ALTER TABLE t ADD CONSTRAINT c {now}" for _, now in DEFINITIONS]
    assert round_trip(apart(scripts), least=30) == []
