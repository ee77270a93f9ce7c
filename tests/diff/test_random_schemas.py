"""Random schemas, dumped with pg_dump and restored, are the same schemas.

They come in batches, each in a PostgreSQL schema of its own, since most of the time goes into making
databases and starting pg_dump.
"""

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gatekeeper.model.names import qualified, quoted

BATCH, BATCHES = 20, 10

NAMES = (
    "a",
    "select",
    'Weird "name',
    "it's",
    "größe",
    "50%",
    "semi;colon",
    "$$",
    "--",
    "/* c",
    "名",
)
COMMENTS = (
    "plain",
    "it's",
    'a "b"',
    "two\nlines",
    "$$ $x$",
    "-- no",
    "\\n back",
    "/*",
    "🙂",
    "x" * 300,
)
TYPES = {  # a type, and a default for it
    "integer": "7",
    "bigint": "(1 + 2) * 3",
    "smallint": "'-1'::integer",
    "text": "'it''s'",
    "varchar(20)": "'x'",
    "char(3)": "'abc'",
    "numeric(10,2)": "1.5",
    "boolean": "true",
    "timestamptz": "now()",
    "date": "'2024-02-29'",
    "uuid": "gen_random_uuid()",
    "jsonb": "'{}'",
    "bytea": "'\\x00'",
    "text[]": "ARRAY['a', 'b']",
    "interval": "'1 day'",
    "int4range": "int4range(1, 5)",
    "double precision": "0.1",
    "inet": "'10.0.0.1'",
}
CHECKS = (
    "{v} IN ('x', 'y')",
    "{v} NOT IN ('x', 'y') OR {n} BETWEEN 1 AND 5",
    "{n} > 0 AND ({n} < 10 OR {v} LIKE 'a%')",
    "lower({v}) = {v} AND length({v}) > {n}",
    "CASE {v} WHEN 'a' THEN {n} > 1 ELSE {n} IS DISTINCT FROM 2 END",
    "coalesce({v}, 'x') <> ALL (ARRAY['p', 'q'])",
)
ACTIONS = (
    "",
    " ON DELETE CASCADE",
    " ON UPDATE SET NULL",
    " ON DELETE SET DEFAULT DEFERRABLE",
    " MATCH FULL",
)


class Maker:
    """Writes the SQL of one random schema; `draw` is Hypothesis's."""

    def __init__(self, draw, namespace):
        self.draw = draw
        self.namespace = namespace
        self.used = set()
        self.script = [f"CREATE SCHEMA {quoted(namespace)}"]

    def maybe(self):
        return self.draw(st.booleans())

    def one(self, choices):
        return self.draw(st.sampled_from(tuple(choices)))

    def name(self, *, plain=""):
        """Give a name that nothing else in this schema has."""
        stem = self.one(NAMES) if self.maybe() else plain or "n"
        name = next(n for n in (f"{stem}{i or ''}" for i in range(999)) if n not in self.used)
        self.used.add(name)
        return name

    def fresh(self):
        return qualified(self.namespace, self.name())

    def add(self, *statements):
        self.script += statements

    def comment(self, what):
        if self.draw(st.integers(0, 3)) == 0:
            text = self.one(COMMENTS).replace("'", "''")
            self.add(f"COMMENT ON {what} IS '{text}'")

    def types(self):
        """Make an enum, a domain, a composite type; give what columns can have beyond TYPES."""
        enum, domain, composite = self.fresh(), self.fresh(), self.fresh()
        labels = self.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
        listed = ", ".join("'" + label.replace("'", "''") + "'" for label in labels)
        self.add(f"CREATE TYPE {enum} AS ENUM ({listed})")
        check = self.one(CHECKS).format(v="value", n="length(value)")
        base = self.one(("text", "varchar(9)"))
        not_null = " NOT NULL" if self.maybe() else ""
        self.add(f"CREATE DOMAIN {domain} AS {base} DEFAULT 'x'{not_null} CHECK ({check})")
        self.add(f"CREATE TYPE {composite} AS (x int, {quoted(self.one(NAMES))} {enum})")
        self.comment(f"DOMAIN {domain}")
        self.comment(f"TYPE {composite}")
        first = "'" + labels[0].replace("'", "''") + "'"
        return {enum: first, domain: "'y'", composite: "NULL", f"{enum}[]": "'{}'"}

    def functions(self):
        """Make a function of each sort; give the one that indexes may use, and a trigger's."""
        add, fire, body = self.fresh(), self.fresh(), self.fresh()
        options = self.one(
            ("", " STRICT", " PARALLEL SAFE COST 7", " SECURITY DEFINER SET search_path = ''")
        )
        self.add(
            f"CREATE FUNCTION {add}(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE{options}"
            " AS 'SELECT a + 1'",
            f"CREATE FUNCTION {fire}() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN\n RETURN new;\nEND$f$",
            f"CREATE FUNCTION {body}(v varchar, VARIADIC t text[] = '{{}}') RETURNS TABLE (o int, p text)"
            " LANGUAGE sql STABLE ROWS 5 BEGIN ATOMIC SELECT 1, v WHERE v IN ('a', 'b'); END",
        )
        self.comment(f"FUNCTION {add}(int, int)")
        return add, fire

    def table(self, types, functions, others):
        """Make a table with all that belongs to it; give its name and that of its key."""
        table, key = self.fresh(), self.name(plain="id")
        v, n, extra = self.name(plain="v"), self.name(plain="n"), []
        for _ in range(self.draw(st.integers(0, 3))):
            type_ = self.one(types)
            words = [quoted(self.name(plain="c")), type_]
            words += [f"DEFAULT {types[type_]}"] if self.maybe() else []
            words += ["NOT NULL"] if self.maybe() else []
            extra.append(" ".join(words))
        identity = self.one(
            ("", " GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 3)", " DEFAULT 7")
        )
        q = {"k": quoted(key), "v": quoted(v), "n": quoted(n), "t": table, "f": functions[0]}
        generated = self.one(
            (
                "",
                ", g int GENERATED ALWAYS AS ({n} + 1) STORED",
                ", g text GENERATED ALWAYS AS ({v}) VIRTUAL",
            )
        )
        columns = ", ".join(
            [
                "{k} int" + identity,
                "{v} varchar(20)" + self.one(("", ' COLLATE "C"')),
                "{n} int",
                *extra,
            ]
        )
        partition = self.one((None, None, "RANGE ({k})", "LIST ({k})", "HASH ({k})"))
        kind = "UNLOGGED " if partition is None and not others and self.maybe() else ""
        suffix = (
            f" PARTITION BY {partition}" if partition else self.one(("", " WITH (fillfactor = 70)"))
        )
        # Names may hold braces no more than any other text: only our own are replaced.
        self.add(self.fill(f"CREATE {kind}TABLE {{t}} ({columns}{generated}){suffix}", q))
        if partition:
            bound = {"R": "FROM (1) TO (9)", "L": "IN (1, 2)", "H": "WITH (MODULUS 2, REMAINDER 0)"}
            self.add(
                self.fill(
                    f"CREATE TABLE {self.fresh()} PARTITION OF {{t}} FOR VALUES {bound[partition[0]]}",
                    q,
                )
            )
            if partition[0] != "H" and self.maybe():
                self.add(self.fill(f"CREATE TABLE {self.fresh()} PARTITION OF {{t}} DEFAULT", q))
        self.add(
            self.fill(
                f"ALTER TABLE {{t}} ADD CONSTRAINT {quoted(self.name(plain='pk'))} PRIMARY KEY ({{k}})",
                q,
            )
        )
        self.parts(q, functions, others, partitioned=partition is not None)
        self.comment(f"TABLE {table}")
        self.comment(f"COLUMN {table}.{quoted(v)}")
        return table, key, q, kind

    def fill(self, text, names):
        for letter, name in names.items():
            text = text.replace("{" + letter + "}", name)
        return text

    def parts(self, q, functions, others, *, partitioned):
        """Add constraints, indexes, triggers and the like to a table."""
        constraint, index, trigger = (quoted(self.name(plain=p)) for p in ("c", "i", "x"))
        alter = "ALTER TABLE {t} "
        rule = quoted(self.name(plain="r"))
        choices = [
            # A child that comes after a check NOT VALID holds it valid; pg_dump makes children first.
            "SELECT 1"
            if partitioned
            else f"CREATE TABLE {self.fresh()} (own int) INHERITS ({{t}})",
            f"{alter}ADD CONSTRAINT {constraint} CHECK ({self.one(CHECKS)})"
            + self.one(("", " NOT VALID")),
            f"{alter}ALTER {{v}} SET NOT NULL",
            f"{alter}ALTER {{v}} SET STATISTICS 50, ALTER {{v}} SET STORAGE external",
            f"{alter}REPLICA IDENTITY FULL",
            f"CREATE INDEX {index} ON {{t}} ({{f}}({{n}}, 1), {{v}} DESC) WHERE {self.one(CHECKS)}",
            f"CREATE UNIQUE INDEX {index} ON {{t}} ({{k}}, {{v}} text_pattern_ops) INCLUDE ({{n}}) NULLS NOT DISTINCT",
            f"CREATE TRIGGER {trigger} BEFORE UPDATE OF {{v}} ON {{t}} FOR EACH ROW WHEN (old.{{v}} IN ('a', 'b'))"
            f" EXECUTE FUNCTION {functions[1]}('it''s', 1)",
            f"CREATE RULE {rule} AS ON DELETE TO {{t}} WHERE old.{{v}} IN ('a', 'b') DO INSTEAD NOTHING",
            f"CREATE STATISTICS {self.fresh()} (ndistinct, mcv) ON {{v}}, {{n}} FROM {{t}}",
        ]
        if not partitioned:
            choices.append(f"{alter}ADD EXCLUDE USING btree ({{n}} WITH =) WHERE ({{n}} > 1)")
        lasting = [other for other in others if not other[3]]
        if lasting:
            other, other_key, _, _ = self.one(lasting)
            action = self.one(ACTIONS)
            choices.append(
                f"{alter}ADD FOREIGN KEY ({{n}}) REFERENCES {other} ({quoted(other_key)}){action}"
            )
        chosen = self.draw(st.sets(st.sampled_from(range(len(choices))), max_size=5))
        if {5, 6} <= chosen:
            chosen -= {6}  # both would have the same name
        self.add(*(self.fill(choices[i], q) for i in sorted(chosen)))
        if 5 in chosen:
            self.comment(f"INDEX {quoted(self.namespace)}.{index}")

    def views(self, tables):
        """Make a view and a materialized view of tables."""
        (one, key, q, _), (other, other_key, p, _) = self.one(tables), self.one(tables)
        view, materialized = self.fresh(), self.fresh()
        options = self.one(("", " WITH (security_barrier)", " WITH (security_invoker = true)"))
        self.add(
            f"CREATE VIEW {view}{options} AS WITH c AS (SELECT * FROM {one}) SELECT c.{q['v']} AS v, count(*) AS "
            f"{quoted(self.one(NAMES))} FROM c JOIN {other} o ON c.{quoted(key)} = o.{quoted(other_key)}"
            f" WHERE c.{q['v']} IN ('a', 'b') GROUP BY c.{q['v']} ORDER BY 1",
            f"CREATE MATERIALIZED VIEW {materialized} AS SELECT {p['v']} AS v, {p['n']} + 1 AS n FROM {other}",
            f"CREATE INDEX ON {materialized} (v)",
        )
        self.comment(f"VIEW {view}")
        self.comment(f"COLUMN {view}.v")

    def make(self):
        types = TYPES | self.types()
        functions = self.functions()
        self.add(
            f"CREATE SEQUENCE {self.fresh()}"
            + self.one(("", " AS int CYCLE", " INCREMENT -2 CACHE 3", " MAXVALUE 9"))
        )
        tables = []
        for _ in range(self.draw(st.integers(1, 3))):
            tables.append(self.table(types, functions, tables))
        if self.maybe():
            self.views(tables)
        return ";\n".join(self.script) + ";\n"


@st.composite
def batches(draw):
    scripts = [Maker(draw, f"{draw(st.sampled_from(NAMES))} {i}").make() for i in range(BATCH)]
    return "\n".join(scripts)


@given(script=batches())
@settings(
    max_examples=BATCHES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(
        Phase.explicit,
        Phase.reuse,
        Phase.generate,
    ),  # the change says enough; shrinking takes minutes
)
def test_random_schemas(round_trip, script):
    assert round_trip(script, least=BATCH) == []
