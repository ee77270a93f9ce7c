"""What is read of roles, grants and row security, on a real server."""

import pytest

from gatekeeper.catalog.security import read_security

SETUP = """
CREATE ROLE owner_one CREATEROLE CREATEDB LOGIN; CREATE ROLE reader NOINHERIT BYPASSRLS; CREATE ROLE "Big Boss" SUPERUSER REPLICATION;
COMMENT ON ROLE reader IS 'reads'; ALTER ROLE reader SET search_path = s;
GRANT owner_one TO reader WITH ADMIN OPTION; GRANT pg_monitor TO owner_one;
CREATE SCHEMA s AUTHORIZATION owner_one; CREATE SCHEMA gatekeeper; CREATE TABLE gatekeeper.ours (a int);
SET ROLE owner_one;
CREATE TABLE s.t (a int, gone int, "B c" text); ALTER TABLE s.t DROP gone;
CREATE VIEW s.v WITH (security_barrier, security_invoker = on) AS SELECT a, "B c" FROM s.t;
CREATE FUNCTION s.f(int) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = s AS 'SELECT 1';
CREATE FUNCTION s.fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE SEQUENCE s.q; CREATE TYPE s.e AS ENUM ('x');
RESET ROLE;
GRANT SELECT, UPDATE ("B c") ON s.t TO reader WITH GRANT OPTION; GRANT USAGE ON SEQUENCE s.q TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE owner_one REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE owner_one IN SCHEMA s GRANT SELECT ON TABLES TO reader;
ALTER TABLE s.t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY "p 1" ON s.t AS RESTRICTIVE FOR UPDATE TO reader, owner_one USING (a > 1) WITH CHECK (a > 2);
CREATE POLICY p2 ON s.t USING (true);
COMMENT ON POLICY p2 ON s.t IS 'all';
"""


@pytest.fixture
def security(connection):
    """Read it in the transaction that made it, which leaves no role behind."""
    with connection.transaction(force_rollback=True):
        connection.execute(SETUP)
        yield read_security(connection)


def by(objects, name="subject"):
    return {getattr(thing, name): thing for thing in objects}


def test_roles_and_memberships(security):
    roles = by(security.roles, "name")
    assert {name for name, role in roles.items() if role.is_predefined} == {
        "pg_database_owner", "pg_monitor", "pg_read_all_settings", "pg_read_all_stats", "pg_stat_scan_tables",
    }  # fmt: skip
    reader, boss = roles["reader"], roles["Big Boss"]
    assert (reader.inherits, reader.bypasses_row_security, reader.can_login) == (False, True, False)
    assert (reader.settings, reader.comment) == ("search_path=s", "reads")
    assert (boss.is_superuser, boss.can_replicate, boss.subject) == (True, True, '"Big Boss"')
    assert (roles["owner_one"].can_create_role, roles["owner_one"].can_create_database) == (
        True,
        True,
    )
    memberships = by(security.memberships)
    member = memberships["reader in owner_one"]
    assert (member.can_administer, member.inherits, member.can_set_role) == (True, False, True)
    assert memberships["postgres in pg_database_owner"].is_implicit
    assert "owner_one in pg_monitor" in memberships


def test_relations(security):
    table, view = security.relations
    assert (table.columns, table.owner) == ({1: "a", 3: "B c"}, "owner_one")
    assert (table.row_security, table.row_security_forced) == (True, True)
    assert (view.relation_kind, view.security_barrier, view.security_invoker) == (
        "view",
        True,
        True,
    )
    assert view.uses == ((table.oid, 1), (table.oid, 3))
    assert (view.accepts, view.passes_on, view.updatable_columns) == (
        ("INSERT", "UPDATE", "DELETE"),
    ) * 2 + ((1, 2),)


def test_functions_and_owners(security):
    function = by(security.functions)["s.f(integer)"]
    assert (function.is_security_definer, function.settings, function.is_trigger) == (
        True,
        "search_path=s",
        False,
    )
    assert by(security.functions)["s.fires()"].is_trigger
    owners = {(o.object_kind, o.subject): o.owner for o in security.owners}
    assert owners == {
        ("function", "s.f(integer)"): "owner_one",
        ("function", "s.fires()"): "owner_one",
        ("schema", "public"): "pg_database_owner",
        ("schema", "s"): "owner_one",
        ("sequence", "s.q"): "owner_one",
        ("table", "s.t"): "owner_one",
        ("type", "s.e"): "owner_one",
        ("view", "s.v"): "owner_one",
    }


def test_partitioned_tables_have_owners_too(connection):
    connection.execute("""
        CREATE TABLE parts (id int GENERATED ALWAYS AS IDENTITY, day date) PARTITION BY RANGE (day);
        CREATE TABLE part PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    """)
    owners = {(o.object_kind, o.subject) for o in read_security(connection).owners}
    assert owners == {
        ("partitioned", "public.parts"),
        ("schema", "public"),
        ("table", "public.part"),
    }


def test_grants(security):
    assert not any(grant.schema_name == "gatekeeper" for grant in security.grants)
    grants = by(security.grants)
    column = grants['UPDATE on s.t."B c" to reader']
    assert (column.object_kind, column.is_grantable, column.grantors) == (
        "column",
        True,
        ("owner_one",),
    )
    assert column.object_ident == ("pg_class", security.relations[0].oid, 3)
    assert not grants["SELECT on s.t to reader"].is_default
    assert grants["EXECUTE on s.f(integer) to PUBLIC"].is_default
    assert grants["USAGE on s.q to PUBLIC"].object_kind == "sequence"
    assert len({grant.ident for grant in security.grants}) == len(security.grants)


def test_default_privileges(security):
    assert [entry.subject for entry in security.default_privileges] == [
        "EXECUTE on functions of owner_one revoked from PUBLIC",
        "SELECT on tables of owner_one in s granted to reader",
    ]


def test_row_policies(security):
    first, second = security.row_policies
    assert (first.subject, first.command, first.is_permissive) == ('s.t."p 1"', "update", False)
    assert (first.roles, first.using, first.check) == (
        ("reader", "owner_one"),
        "(a > 1)",
        "(a > 2)",
    )
    assert (second.roles, second.role_oids, second.command, second.comment) == (
        ("public",),
        (0,),
        "all",
        "all",
    )


def test_the_callers_settings_stay(connection):
    with connection.transaction():
        connection.execute("SET LOCAL search_path = information_schema")
        read_security(connection)
        assert connection.execute("SHOW search_path").fetchone() == ("information_schema",)
    assert read_security(connection) == read_security(connection)


def test_splitting_a_grant_between_grantors_is_one_row(connection):
    with connection.transaction(force_rollback=True):
        connection.execute(
            "CREATE ROLE one; CREATE ROLE two; CREATE TABLE t (a int); GRANT SELECT ON t TO one WITH GRANT OPTION;"
            "GRANT SELECT ON t TO two"
        )
        before = read_security(connection)
        connection.execute("SET ROLE one; GRANT SELECT ON t TO two; RESET ROLE")
        after = read_security(connection)
    assert before == after
    assert by(after.grants)["SELECT on public.t to two"].grantors == ("one", "postgres")
