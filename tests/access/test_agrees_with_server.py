"""Random roles, grants, schemas and views: every answer is compared with what the server does.

A world is made in a transaction that is rolled back, its roles with it. Every column of a table
holds its own name, so what a role sees through views tells which columns it has read.
"""

from dataclasses import dataclass, field
from itertools import product

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.access.effective import Access, has
from gatekeeper.access.grades import Exposure, Rows
from gatekeeper.catalog.security import read_security
from gatekeeper.model.security import PUBLIC

SCHEMAS = ("s0", "s1")
COLUMNS = ("a", "b")
TABLE_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
OF_COLUMNS = ("SELECT", "INSERT", "UPDATE", "REFERENCES")
PREDEFINED = ("pg_read_all_data", "pg_write_all_data", "pg_maintain")


@dataclass
class World:
    """SQL that makes it, and what the test must know of it. Relations are written s0.t0."""

    roles: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    views: list[str] = field(default_factory=list)
    joins: bool = False
    filters: bool = False
    sql: list[str] = field(default_factory=list)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lineage: dict[tuple[str, int], list[tuple[str, str, str]]] = field(default_factory=dict)


@st.composite
def worlds(draw, version):
    def often(times, of):
        return draw(st.integers(1, of)) > of - times

    def one(things):
        return draw(st.sampled_from(things))

    world = World()
    _roles(world, often, one, version)
    for schema in SCHEMAS:
        world.sql.append(f"CREATE SCHEMA {schema}")
    for number in range(one([2, 1])):
        name = f"{one(SCHEMAS)}.t{number}"
        world.tables.append(name)
        world.columns[name] = COLUMNS
        values = ", ".join(f"'{name}.{column}'" for column in COLUMNS)
        world.sql.append(
            f"CREATE TABLE {name} (a text, b text); INSERT INTO {name} VALUES ({values})"
        )
    kinds = ["VIEW", "VIEW", "VIEW", "MATERIALIZED VIEW"]
    filters, joins = one([(True, False), (False, True), (True, True)])
    for number in range(one([4, 3, 2, 5])):
        _view(world, f"{one(SCHEMAS)}.v{number}", one(kinds), often, one, joins=joins)
    _owners_and_grants(world, often, one)
    for table in world.tables if filters else ():
        _row_security(world, table, often, one)
    return world


def _roles(world, often, one, version):
    for number in range(one([4, 3])):
        might = [
            w for w, of in (("SUPERUSER", 12), ("BYPASSRLS", 8), ("NOINHERIT", 4)) if often(1, of)
        ]
        world.roles.append(f"r{number}")
        world.sql.append(f"CREATE ROLE r{number} {' '.join(might)}")
        for group in world.roles[:-1]:
            if often(2, 5):
                world.sql.append(f"GRANT {group} TO r{number} {_membership(one, version)}")
        if often(1, 10):
            group = one(PREDEFINED if version >= 17 else PREDEFINED[:2])
            world.sql.append(f"GRANT {group} TO r{number} {_membership(one, version)}")
    if often(1, 4):
        world.sql.append(
            f"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO {one(world.roles)}', current_database()); END $$"
        )


def _membership(one, version):
    if version < 16:
        return one(["", "WITH ADMIN OPTION"])
    chosen = [
        f"{option} {one(['TRUE', 'FALSE'])}"
        for option in ("INHERIT", "SET", "ADMIN")
        if one([True, False])
    ]
    return f"WITH {', '.join(chosen)}" if chosen else ""


def _view(world, name, kind, often, one, *, joins):
    sources = [one(world.tables + 2 * world.views)]
    if joins and often(1, 3):
        sources.append(one(world.tables + world.views))
        world.joins = True
    parts, columns, lineage = [], [], []
    for number in range(one([1, 2])):
        place = one(list(range(len(sources))))
        column = one(world.columns[sources[place]])
        columns.append(f"x{number}")
        parts.append(f"f{place}.{column} AS x{number}")
        lineage.append([(sources[place], column, "copied")])
    where = ""
    if often(1, 3):
        column = one(world.columns[sources[0]])
        where = f" WHERE f0.{column} IS NOT NULL"
        for sources_of in lineage:
            sources_of.append((sources[0], column, "condition"))
    joined = ", ".join(f"{source} f{place}" for place, source in enumerate(sources))
    invoker = " WITH (security_invoker)" if kind == "VIEW" and often(1, 3) else ""
    world.sql.append(
        f"CREATE {kind} {name}{invoker} AS SELECT {', '.join(parts)} FROM {joined}{where}"
    )
    world.views.append(name)
    world.columns[name] = tuple(columns)
    world.lineage.update({(name, at): sources_of for at, sources_of in enumerate(lineage, 1)})


def _owners_and_grants(world, often, one):
    everybody = [*world.roles, *world.roles, "PUBLIC"]
    for schema in SCHEMAS:
        if often(1, 2):
            world.sql.append(
                f"ALTER SCHEMA {schema} OWNER TO {one([*world.roles, 'pg_database_owner'])}"
            )
        for grantee in everybody:
            if often(1, 2):
                world.sql.append(f"GRANT USAGE ON SCHEMA {schema} TO {grantee}")
    for relation in world.tables + world.views:
        owner = one([*world.roles, None])
        if owner:
            world.sql.append(f"ALTER TABLE {relation} OWNER TO {owner}")
            if often(1, 4):
                world.sql.append(f"REVOKE {one(['ALL', 'SELECT'])} ON {relation} FROM {owner}")
        for _ in range(one([3, 2, 1, 0, 4])):
            place = ""
            if often(1, 3):
                place = f"({one(world.columns[relation])})"
            privilege = one(
                ("SELECT", "SELECT", "UPDATE", *(OF_COLUMNS if place else TABLE_PRIVILEGES))
            )
            option = one([*world.roles, "", ""])
            grantee = option or one(everybody)
            with_grant = " WITH GRANT OPTION" if option and often(1, 5) else ""
            world.sql.append(f"GRANT {privilege}{place} ON {relation} TO {grantee}{with_grant}")


def _row_security(world, table, often, one):
    if not often(2, 3):
        return
    world.filters = True
    world.sql.append(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    if often(1, 2):
        world.sql.append(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for number in range(one([0, 1, 2])):
        kind, command = (
            one(["PERMISSIVE", "PERMISSIVE", "RESTRICTIVE"]),
            one(["ALL", "SELECT", "UPDATE"]),
        )
        world.sql.append(
            f"CREATE POLICY p{number} ON {table} AS {kind} FOR {command} TO {one([*world.roles, *world.roles, 'PUBLIC'])} USING (true)"
        )


# What a role gets, as an array of one value; what the server says when it refuses.
ASK = """
CREATE FUNCTION pg_temp.ask(role text, command text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE got text[];
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    IF command LIKE 'EXPLAIN%' THEN EXECUTE command; ELSE EXECUTE command INTO got; END IF;
    RESET ROLE;
    RETURN coalesce(got, '{}');
EXCEPTION
    WHEN insufficient_privilege OR object_not_in_prerequisite_state OR wrong_object_type
         OR feature_not_supported THEN RETURN NULL;
END $$;
CREATE FUNCTION pg_temp.becomes(role text, other text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', role);
    EXECUTE format('SET LOCAL ROLE %I', other);
    RESET ROLE;
    RESET SESSION AUTHORIZATION;
    RETURN true;
EXCEPTION
    WHEN insufficient_privilege THEN RETURN false;
END $$;
"""


class Answers:
    """A world on the server, and what we say of it."""

    def __init__(self, world, connection):
        self.world = world
        self.connection = connection
        connection.execute("; ".join(world.sql))
        security = read_security(connection)
        names = {f"{r.schema_name}.{r.name}": r for r in security.relations}
        self.relations = {name: names[name] for name in world.tables + world.views}
        self.numbers = {
            (name, column): number
            for name, relation in self.relations.items()
            for number, column in relation.columns.items()
        }
        lineage = {
            (names[view].oid, number): tuple(
                (names[source].oid, self.numbers[source, column], how)
                for source, column, how in sources
            )
            for (view, number), sources in world.lineage.items()
        }
        self.access = Access(security, lineage)
        self.oids = {role.name: role.oid for role in self.access.graph.roles.values()}
        self.roles = [role for role in world.roles if role in self.oids]

    def all(self, query, rows):
        """Ask one question about many rows; give the answers as they come."""
        columns = [list(column) for column in zip(*rows, strict=True)]
        arrays = ", ".join("%s::text[]" for _ in columns)
        names = ", ".join(f"x{n}" for n in range(len(columns)))
        asked = f"SELECT {query.replace('%', '%%')} FROM unnest({arrays}) u({names})"
        return [answer for (answer,) in self.connection.execute(asked, columns)]

    def tells_the_same(self, rows, says, ours):
        ours = [ours(*row) for row in rows]
        assert dict(zip(rows, ours, strict=True)) == dict(zip(rows, says, strict=True)), (
            self.world.sql
        )


def test_random_worlds(connection):
    """Direct rights, memberships, and what each role can really read and write."""
    version = connection.info.server_version // 10000
    connection.execute(ASK)

    @settings(
        max_examples=200, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(worlds(version))
    def agrees(world):
        with connection.transaction(force_rollback=True):
            answers = Answers(world, connection)
            memberships_agree(answers, version)
            direct_rights_agree(answers, version)
            reading_agrees(answers)
            writing_agrees(answers)

    agrees()


def memberships_agree(answers, version):
    graph, oids = answers.access.graph, answers.oids
    rows = list(product(answers.roles, [r for r in oids if r != "public"]))
    kinds = {"USAGE": graph.has_rights_of, "MEMBER": graph.is_member}
    if version >= 16:
        kinds["SET"] = graph.can_become
    for kind, ours in kinds.items():
        says = answers.all(f"pg_has_role(x0, x1, '{kind}')", rows)
        answers.tells_the_same(rows, says, lambda role, group, o=ours: o(oids[role], oids[group]))
    says = answers.all("pg_temp.becomes(x0, x1)", rows)
    answers.tells_the_same(
        rows, says, lambda role, group: graph.can_become(oids[role], oids[group])
    )


def direct_rights_agree(answers, version):
    direct, oids = answers.access.direct, answers.oids
    roles = [*answers.roles, "public"]
    privileges = [*TABLE_PRIVILEGES, *(["MAINTAIN"] if version >= 17 else [])]
    rights = {
        (role, name): direct.rights(oids[role], relation.oid)
        for role in roles
        for name, relation in answers.relations.items()
    }
    bits = {p: 1 << n for n, p in enumerate([*TABLE_PRIVILEGES, "MAINTAIN"])}
    rows = list(product(roles, answers.relations, privileges))
    says = answers.all("has_table_privilege(x0, x1, x2)", rows)
    answers.tells_the_same(
        rows, says, lambda role, name, p: bool(rights[role, name].whole & bits[p])
    )
    rows = [(role, *place, p) for role in roles for place in answers.numbers for p in OF_COLUMNS]
    says = answers.all("has_column_privilege(x0, x1, x2, x3)", rows)
    answers.tells_the_same(
        rows,
        says,
        lambda role, name, column, p: rights[role, name].has(
            bits[p], answers.numbers[name, column]
        ),
    )
    rows = list(product(roles, SCHEMAS))
    schemas = {schema.name: schema.oid for schema in answers.access.security.schemas}
    says = answers.all("has_schema_privilege(x0, x1, 'USAGE')", rows)
    answers.tells_the_same(rows, says, lambda role, name: direct.may_use(oids[role], schemas[name]))


def reading_agrees(answers):
    access, oids, world = answers.access, answers.oids, answers.world
    roles = [role for role in oids if role != "public"]  # one can SET ROLE to a predefined one
    rows = [(role, *place) for role in roles for place in answers.numbers]
    got = answers.all("pg_temp.ask(x0, format('SELECT array_agg(%I) FROM %s', x2, x1))", rows)
    entry = {
        (role, name): access.entry(oids[role], relation)
        for role in roles
        for name, relation in answers.relations.items()
    }
    answers.tells_the_same(
        rows,
        [values is not None for values in got],
        lambda role, name, column: has(entry[role, name], "SELECT", answers.numbers[name, column]),
    )
    seen = {role: set() for role in roles}
    for (role, _, _), values in zip(rows, got, strict=True):
        seen[role].update(values or ())
    for role in answers.roles:
        as_others = set().union(
            *(seen[o] for o in roles if access.graph.can_become(oids[role], oids[o]))
        )
        for own, real in ((True, seen[role]), (False, seen[role] | as_others)):
            ours = _readable(answers, role, own=own)
            # A join with a table that hides its rows has none, of either side.
            assert (real <= ours) if world.joins and world.filters else (real == ours), (
                role,
                world.sql,
            )


def _readable(answers, role, *, own):
    held = answers.access.held(answers.oids[role])
    found = set()
    for table in answers.world.tables:
        relation = answers.relations[table]
        for number, column in relation.columns.items():
            here = held.get(relation.oid, {})
            grades = here.get(("SELECT", 0), frozenset()) | here.get(
                ("SELECT", number), frozenset()
            )
            if any(
                g.exposure is Exposure.COPIED and g.rows > Rows.NONE and (g.is_own or not own)
                for g in grades
            ):
                found.add(f"{table}.{column}")
    return found


def writing_agrees(answers):
    access, oids = answers.access, answers.oids
    commands = {
        "UPDATE": "EXPLAIN UPDATE {0} SET {1} = NULL",
        "INSERT": "EXPLAIN INSERT INTO {0} ({1}) VALUES (NULL)",
        "DELETE": "EXPLAIN DELETE FROM {0}",
    }
    rows = []
    for role, (name, column), privilege in product(answers.roles, answers.numbers, commands):
        if privilege != "DELETE" or column == answers.world.columns[name][0]:
            rows.append((role, name, column, privilege))
    asked = [(row[0], commands[row[3]].format(row[1], row[2])) for row in rows]
    got = answers.all("pg_temp.ask(x0, x1) IS NOT NULL", asked)

    def ours(role, name, column, privilege):
        number = 0 if privilege == "DELETE" else answers.numbers[name, column]
        return has(access.entry(oids[role], answers.relations[name]), privilege, number)

    answers.tells_the_same(rows, got, ours)


def test_public_is_a_role(connection):
    """Nobody but PUBLIC may be there to see a grant to it."""
    connection.execute("CREATE TABLE t (a int); GRANT SELECT ON t TO PUBLIC")
    access = Access(read_security(connection))
    (table,) = access.doors.relations
    assert set(access.held(PUBLIC)[table]) == {("SELECT", 0)}
    with pytest.raises(psycopg.errors.UndefinedObject):
        connection.execute("SELECT has_table_privilege('nobody', 't', 'SELECT')")
