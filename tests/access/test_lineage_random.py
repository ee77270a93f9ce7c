"""Random views over views: what lineage says is compared with the data that really comes out.

Every column of a table holds a marker that is nowhere else. A marker that is seen in an output must
be in its lineage; a column that is said to be copied must be seen where every row has to hold it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.access.lineage import Lineage
from gatekeeper.catalog.lineage import read_lineage_source
from gatekeeper.model.lineage import COPIED, FunctionCode
from gatekeeper.model.names import quoted

NAMES = ("email", "E Mail", 'we"ird', "select", ":resno", "Ünï", "x.y", "a", "b", "users")
TABLES = {
    "t0": ("email", "E Mail", "a"),
    "T 1": ('we"ird', ":resno", "email"),
    "t2": ("select", "x.y", "b"),
}
MOST_ROWS_A_KEY = 6


def marker(table: str, column: str) -> str:
    number = list(TABLES).index(table) * 3 + TABLES[table].index(column)
    return f"mk{'abcdefghi'[number]}km"


MARKERS = {(t, c): marker(t, c) for t, columns in TABLES.items() for c in columns}


@dataclass(frozen=True)
class Column:
    """A column by its SQL. `full`: in every row it holds all that it copies, and is not null."""

    sql: str
    full: bool


@dataclass(frozen=True)
class Relation:
    """Something with a column k, the key, that is 1 and 2, so that joins by it lose no rows."""

    sql: str
    columns: tuple[tuple[str, bool], ...]  # name, full
    rows: int = 1  # most rows that one key has

    def refs(self, alias: str) -> list[Column]:
        return [Column(f"{alias}.{quoted(name)}", full) for name, full in self.columns]


class Maker:
    """Draws queries. `relations` are what can be read from, views that were made among them."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self._draw = draw
        self.relations = [
            Relation(quoted(t), tuple((c, True) for c in columns)) for t, columns in TABLES.items()
        ]

    def number(self, most: int) -> int:
        return int(self._draw(st.integers(0, most)))

    def one(self, things: Iterable[Any]) -> Any:
        return self._draw(st.sampled_from(list(things)))

    def names(self, count: int) -> list[str]:
        found = self._draw(
            st.lists(st.sampled_from(NAMES), min_size=count, max_size=count, unique=True)
        )
        return list(found)

    def value(self, refs: list[Column], key: str, depth: int = 0) -> Column:
        """Draw an expression of type text."""
        a, b = self.one(refs), self.one(refs)
        if depth < 2 and self.number(3) == 0:
            a = self.value(refs, key, depth + 1)
        both = a.full and b.full
        other = self.one(self.relations)
        name, full = self.one(other.columns)
        scalar = f"(SELECT max(z.{quoted(name)}) FROM {other.sql} z WHERE z.k = {key})"
        there = (
            f"EXISTS (SELECT FROM {other.sql} z WHERE z.k = {key} AND z.{quoted(name)} <> {a.sql})"
        )
        return self.one([
            a, a, a,
            Column(f"{a.sql}::varchar::text", a.full),
            Column(f"({a.sql} || '/' || {b.sql})", both),
            Column(f"concat({a.sql}, '+', {b.sql})", both),
            Column(f"format('%s %s', {a.sql}, {b.sql})", both),
            Column(f"upper({a.sql})", a.full),
            Column(f"md5({a.sql})", a.full),
            Column(f"left({a.sql}, 200)", a.full),
            Column(f"length({a.sql})::text", a.full),
            Column(f"({a.sql} = {b.sql})::text", both),
            Column("'nothing'::text", True),
            Column(f"CASE WHEN {key} = 1 THEN {a.sql} ELSE {b.sql} END", False),
            Column(f"CASE {b.sql} WHEN 'x' THEN 'y' ELSE {a.sql} END", False),
            Column(f"coalesce({a.sql}, {b.sql})", False),
            Column(f"nullif({a.sql}, {b.sql})", False),
            Column(f"greatest({a.sql}, {b.sql})", False),
            Column(f"json_build_object('x', {a.sql}, 'y', {b.sql})::text", both),
            Column(f"(json_build_object('x', {a.sql}) ->> 'x')", a.full),
            Column(f"ARRAY[{a.sql}, {b.sql}]::text", both),
            Column(f"(ARRAY[{a.sql}, {b.sql}])[1]", False),
            Column(f"ROW({a.sql}, {b.sql})::text", both),
            Column(scalar, full),
            Column(f"{there}::text", True),
            Column(f"({a.sql} IN (SELECT z.{quoted(name)} FROM {other.sql} z))::text", a.full and full),
            Column(f"array_to_string(ARRAY(SELECT z.{quoted(name)} FROM {other.sql} z), ',')", full),
        ])  # fmt: skip

    def source(self, alias: str) -> tuple[str, Relation]:
        """Draw one entry of FROM, called by an alias."""
        relation = self.one(self.relations)
        kind = self.number(4)
        if kind == 0:
            names = self.names(len(relation.columns))
            columns = tuple((n, full) for n, (_, full) in zip(names, relation.columns, strict=True))
            sql = f"{relation.sql} AS {alias}(k, {', '.join(map(quoted, names))})"
            return sql, replace(relation, columns=columns)
        if kind == 1:
            value = self.value(relation.refs("q"), "q.k")
            name = self.one(NAMES)
            sql = f"(SELECT q.k, {value.sql} AS {quoted(name)} FROM {relation.sql} q) {alias}"
            return sql, replace(relation, columns=((name, value.full),))
        if kind == 2:
            other = self.one(self.relations)
            names = self.names(len(relation.columns) + len(other.columns))[:6]
            every = (*relation.columns, *other.columns)
            columns = tuple((n, full) for n, (_, full) in zip(names, every, strict=True))
            how = self.one(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
            sql = (
                f"({relation.sql} {how} {other.sql} y_{alias} USING (k))"
                f" AS {alias}(k, {', '.join(map(quoted, names))})"
            )
            return sql, Relation("", columns, relation.rows * other.rows)
        return f"{relation.sql} AS {alias}", relation

    def from_(self) -> tuple[str, list[Column], int, list[str]]:
        """Draw FROM and WHERE; give what can be read there, and how many rows a key has."""
        first, relation = self.source("f1")
        refs = relation.refs("f1")
        name = self.one(relation.columns)[0]
        kind = self.number(7)
        if kind <= 1:
            always = f"f1.{quoted(name)} IS DISTINCT FROM ''"
            return f"{first} WHERE {always}", refs, relation.rows, ["f1"]
        second, other = self.source("f2")
        rows = relation.rows * other.rows
        both = [*refs, *other.refs("f2")]
        if kind == 2:
            return f"{first} JOIN {second} ON f2.k = f1.k", both, rows, ["f1", "f2"]
        if kind == 3:
            return f"{first}, {second} WHERE f1.k = f2.k", both, rows, ["f1", "f2"]
        if kind == 4:
            return f"{first} FULL JOIN {second} USING (k)", both, rows, ["f1", "f2"]
        if kind == 5:
            inner = self.value(both, "f1.k")
            lateral = f"(SELECT {inner.sql} AS e FROM {second} WHERE f2.k = f1.k) f3"
            sql = f"{first} LEFT JOIN LATERAL {lateral} ON true"
            return sql, [*refs, Column("f3.e", inner.full)], rows, ["f1", "f3"]
        one, two = self.one(refs), self.one(refs)
        if kind == 6:
            sql = f"{first}, unnest(ARRAY[{one.sql}, {two.sql}]) AS f2(e)"
        else:
            sql = f"{first}, LATERAL (VALUES ({one.sql}), ({two.sql})) AS f2(e)"
        return sql, [*refs, Column("f2.e", False)], relation.rows * 2, ["f1", "f2"]

    def select(self, count: int) -> tuple[list[str], list[bool], int, str]:
        """Draw a SELECT; give its outputs, whether they are full, rows a key, and the rest."""
        from_, refs, rows, aliases = self.from_()
        kind = self.number(6)
        values = [self.value(refs, "f1.k") for _ in range(count)]
        full = [value.full for value in values]
        if kind == 0 or rows > MOST_ROWS_A_KEY:
            outputs = [f"string_agg({v.sql}, ',' ORDER BY {self.one(refs).sql})" for v in values]
            return ["f1.k", *outputs], full, 1, f"FROM {from_} GROUP BY f1.k"
        if kind == 1:
            outputs = [
                f"first_value({v.sql}) OVER (PARTITION BY f1.k ORDER BY {self.one(refs).sql})"
                for v in values
            ]
            return ["f1.k", *outputs], full, rows, f"FROM {from_}"
        if kind == 2:
            outputs = [v.sql for v in values]
            by = self.one(refs).sql
            return [*["f1.k"], *outputs], full, rows, f"FROM {from_} ORDER BY {by}, f1.k"
        if kind == 3:
            alias = self.one(aliases)
            values[0] = Column(self.one((f"{alias}::text", f"to_jsonb({alias})::text")), False)
            full[0] = False
        return ["f1.k", *(v.sql for v in values)], full, rows, f"FROM {from_}"

    def query(self) -> tuple[str, Relation]:
        """Draw the query of a view; give it, and the columns it has."""
        count = 1 + self.number(2)
        names = self.names(count)
        outputs, full, rows, rest = self.select(count)
        listed = ", ".join(
            f"{o} AS {quoted(n)}" for o, n in zip(outputs, ["k", *names], strict=True)
        )
        sql = f"SELECT {listed} {rest}"
        kind = self.number(6)
        if kind == 0:
            more, _, other, tail = self.select(count)
            how = self.one(("UNION", "UNION ALL"))
            sql = f"({sql}) {how} (SELECT {', '.join(more)} {tail})"
            full, rows = [False] * count, rows + other
        elif kind == 1:
            more, _, _, tail = self.select(count)
            sql = f"({sql}) EXCEPT (SELECT {', '.join([f'{more[0]} + 10', *more[1:]])} {tail})"
        elif kind == 2:
            sql = f"WITH c AS ({sql}), d AS (SELECT * FROM c) SELECT d.* FROM d"
        elif kind == 3:
            columns = ", ".join(map(quoted, names))
            shifted = ", ".join(map(quoted, [*names[1:], names[0]]))
            sql = (
                f"WITH RECURSIVE r(k, n, {columns}) AS (SELECT x.k, 1, {', '.join('x.' + quoted(n) for n in names)}"
                f" FROM ({sql}) x UNION SELECT k, n + 1, {shifted} FROM r WHERE n < 3) SELECT k, {columns} FROM r"
            )
            full, rows = [False] * count, rows * 3
        return sql, Relation("", tuple(zip(names, full, strict=True)), rows)


@st.composite
def worlds(draw: Callable[..., Any]) -> list[tuple[str, str, Relation]]:
    """Draw views: their names, queries and columns."""
    maker = Maker(draw)
    made: list[tuple[str, str, Relation]] = []
    for number in range(draw(st.integers(1, 5))):
        sql, relation = maker.query()
        name = f"v{number}"
        made.append((name, sql, relation))
        maker.relations.append(replace(relation, sql=name))
    return made


@pytest.fixture(scope="module")
def database(server) -> Iterable[psycopg.Connection[Any]]:
    address = server.create_database()
    with address.connect() as connection:
        connection.prepare_threshold = None  # the same names are other views all the time
        for table, columns in TABLES.items():
            listed = ", ".join(f"{quoted(c)} text" for c in columns)
            connection.execute(f"CREATE TABLE {quoted(table)} (k int PRIMARY KEY, {listed})")
            for k in (1, 2):
                values = ", ".join(f"'{marker(table, c)}{k}'" for c in columns)
                connection.execute(f"INSERT INTO {quoted(table)} VALUES ({k}, {values})")
        yield connection
    server.drop_database(address.database)


@dataclass
class Count:
    """How much the examples have really compared; an empty test would pass as well."""

    seen: int = 0
    copied: int = 0
    read: int = 0
    refused: int = 0


def bases(lineage: Lineage, ident: tuple[str, int, int]) -> dict[str, str]:
    """Give the markers that a column shows by its lineage, and how."""
    found = lineage.resolve(ident)
    assert found.undecided == ()
    assert all(path.certain for path in found.paths)
    names = {lineage.subject(path.base): path.how for path in found.paths}
    return {
        m: names[f"public.{quoted(t)}.{quoted(c)}"]
        for (t, c), m in MARKERS.items()
        if f"public.{quoted(t)}.{quoted(c)}" in names
    }


def test_lineage_agrees_with_what_comes_out(database):
    count = Count()

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(world=worlds())
    def examples(world):
        names = [name for name, _, _ in world]
        try:
            for name, sql, _ in world:
                database.execute(f"CREATE VIEW {name} AS {sql}")
            _compare_with_data(database, world, count)
        finally:
            database.execute(f"DROP VIEW IF EXISTS {', '.join(reversed(names))}")

    examples()
    assert count.seen > 1000
    assert count.copied > 200
    assert count.read > 20 * count.refused


def _compare_with_data(database, world, count):
    source = read_lineage_source(database)
    lineage = Lineage(source)
    views = {r.name: r for r in source.relations.values() if r.oid in source.views}
    for name, _, relation in world:
        rows = database.execute(f"SELECT * FROM {name}").fetchall()
        assert rows
        assert lineage.trace(("pg_class", views[name].oid, 0)).reason is None
        for index, (_, full) in enumerate(relation.columns, 1):
            said = bases(lineage, ("pg_class", views[name].oid, index + 1))
            values = [str(row[index]) for row in rows]
            seen = {m for m in MARKERS.values() if any(m in value for value in values)}
            assert seen <= set(said)
            count.seen += len(seen)
            if full:
                copied = {m for m, how in said.items() if how == COPIED}
                assert all(m in value for m in copied for value in values)
                count.copied += len(copied)
    _compare_with_text(lineage, source, views, world, count)


def _compare_with_text(lineage, source, views, world, count):
    """See that text, of the view or in a function, shows no less than the server's rule."""
    functions = {
        -number: FunctionCode(
            -number,
            "public",
            f"f{number}",
            outputs=views[name].columns,
            body=sql,
            search_path=("public",),
        )
        for number, (name, sql, _) in enumerate(world, 1)
    }
    texts = {oid: replace(view, tree="") for oid, view in source.views.items()}
    by_text = Lineage(replace(source, views=texts, functions=functions))
    for number, (name, _, _) in enumerate(world, 1):
        exact = lineage.trace(("pg_class", views[name].oid, 0))
        for ident in (("pg_class", views[name].oid, 0), ("pg_proc", -number, 0)):
            trace = by_text.trace(ident)
            if trace.reason is not None:
                count.refused += 1
                continue
            count.read += 1
            for column, exposures in exact.outputs.items():
                found = {e.origin: e.how for e in trace.outputs[column]}
                for exposure in exposures:
                    assert found.get(exposure.origin) in (exposure.how, COPIED)
