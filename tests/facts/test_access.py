"""Who can read what, before and after: facts from migrations that really ran."""

from collections.abc import Callable
from typing import Any

import pytest

from gatekeeper.config_data import ColumnGlob, DataClass, DataConfig
from gatekeeper.observe import Setup, observe
from gatekeeper.sources.split import split_script
from gatekeeper.sources.sql_files import SqlFiles

Rows = list[dict[str, Any]]
Facts = Callable[..., dict[str, Rows]]

_PII = DataClass(
    name="pii",
    columns=(ColumnGlob("public", "users", "email"),),
    readers=("billing",),
    writers=(),
)
_USERS = "CREATE TABLE users (id bigint PRIMARY KEY, email text);"
_ROLES = ("reporting", "staff", "joe", "billing")


@pytest.fixture
def facts(server: Any) -> Any:
    """Run `migration` on what `before` builds; give the facts of the head."""
    with server.create_database().connect() as admin:
        for role in _ROLES:
            admin.execute(f"CREATE ROLE facts_{role}")
    databases: list[str] = []

    def run(migration: str, before: str = _USERS, data: DataConfig | None = None) -> Any:
        database = server.create_database()
        databases.append(database.database)
        source = SqlFiles.of_scripts(
            split_script(_named(before), "before.sql"),
            [split_script(_named(migration), "migration.sql")],
        )
        setup = Setup(data=data or DataConfig(classes=(_PII,)))
        return observe(source, source.prepare(), database, setup).facts.head

    yield run
    for name in databases:
        server.drop_database(name)
    with server.create_database().connect() as admin:
        for role in _ROLES:
            admin.execute(f"DROP ROLE facts_{role}")


def _named(text: str) -> str:
    """Give the roles their names on the server, which are nobody else's."""
    for role in _ROLES:
        text = text.replace(f"<{role}>", f"facts_{role}")
    return text


def _access(rows: Rows, *keys: str) -> set[tuple[Any, ...]]:
    return {tuple(row[key] for key in keys) for row in rows}


_CHAIN = """
    CREATE SCHEMA inner_one;
    CREATE VIEW inner_one.people {how} AS SELECT id, email AS contact FROM public.users;
    CREATE VIEW inner_one.again {how} AS SELECT contact FROM inner_one.people;
    CREATE VIEW public.contacts {how} AS SELECT {what} FROM inner_one.again;
    GRANT SELECT ON public.contacts TO <reporting>;
"""


def test_a_chain_of_views_leads_to_the_column_that_it_renames(facts: Facts) -> None:
    rows = facts(_CHAIN.format(how="", what="contact"))["access"]
    (found,) = [row for row in rows if row["sensitivity"]]
    assert found["subject"] == "public.users.email to facts_reporting"
    assert (found["privilege"], found["change"], found["exposure"]) == (
        "SELECT",
        "gained",
        "copied",
    )
    assert (found["sensitivity"], found["sensitivity_source"]) == ("pii", "config")
    assert found["permitted"] == "no"
    chain = ("grant on public.contacts", "inner_one.again", "inner_one.people")
    assert all(step in found["via"] for step in chain)
    assert (found["via_kind"], found["file"], found["line"]) == ("view", "migration.sql", 6)


def test_a_chain_that_reads_as_its_reader_gives_nothing(facts: Facts) -> None:
    rows = facts(_CHAIN.format(how="WITH (security_invoker)", what="contact"))["access"]
    assert not [row for row in rows if row["table_name"] == "users"]


def test_a_count_is_derived(facts: Facts) -> None:
    rows = facts(_CHAIN.format(how="", what="count(contact)"))["access"]
    assert ("public.users.email", "derived") in _access(rows, "object_subject", "exposure")


def test_joining_a_group_gives_what_the_group_has(facts: Facts) -> None:
    before = f"{_USERS} GRANT SELECT ON users TO <staff>;"
    rows = facts("SELECT 1;\nGRANT <staff> TO <joe>;", before)["access"]
    assert _access(rows, "subject", "via_kind", "line") == {
        ("public.users.id to facts_joe", "grant", 2),
        ("public.users.email to facts_joe", "grant", 2),
    }
    assert all(row["via"].startswith("member of facts_staff") for row in rows)


@pytest.mark.parametrize(
    ("before", "migration"),
    [
        (
            "GRANT SELECT ON users TO <staff>;",
            "REVOKE SELECT ON users FROM <staff>; GRANT SELECT (id) ON users TO <staff>;"
            "GRANT SELECT (email) ON users TO <staff>;",
        ),
        ("GRANT SELECT ON users TO PUBLIC;", "GRANT SELECT ON users TO <staff>;"),
        ("GRANT SELECT ON users TO <staff>;", "ALTER TABLE users RENAME TO people;"),
        ("CREATE VIEW v AS SELECT id FROM users;", "DROP VIEW v; CREATE TABLE other (id int);"),
    ],
)
def test_the_same_access_by_other_means_is_no_difference(
    facts: Facts, before: str, migration: str
) -> None:
    assert facts(migration, f"{_USERS} {before}")["access"] == []


def test_readers_that_the_configuration_names_are_permitted(facts: Facts) -> None:
    other = DataClass("pii", _PII.columns, readers=("facts_billing",), writers=None)
    migration = "GRANT SELECT, UPDATE ON users TO <billing>; GRANT SELECT ON users TO <joe>;"
    rows = facts(migration, data=DataConfig(classes=(other,)))["access"]
    found = {(r["role_name"], r["privilege"], r["permitted"]) for r in rows if r["sensitivity"]}
    assert found == {
        ("facts_billing", "SELECT", "yes"),
        ("facts_billing", "UPDATE", None),
        ("facts_joe", "SELECT", "no"),
    }


def test_a_tag_that_the_migration_takes_away_still_counts(facts: Facts) -> None:
    before = f"{_USERS} COMMENT ON COLUMN users.email IS 'where to write @pii';"
    migration = "COMMENT ON COLUMN users.email IS '@public'; GRANT SELECT ON users TO <joe>;"
    rows = facts(migration, before, DataConfig())["access"]
    assert ("public.users.email", "pii", "tag") in _access(
        rows, "object_subject", "sensitivity", "sensitivity_source"
    )


def test_a_function_that_cannot_be_traced_is_said_to_be_so(facts: Facts) -> None:
    migration = """
        CREATE FUNCTION peep(q text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS
            'BEGIN RETURN QUERY EXECUTE q; END';
    """
    rows = facts(migration)["access"]
    untraced = [row for row in rows if not row["is_certain"]]
    assert {(r["table_name"], r["exposure"]) for r in untraced} == {("peep", "untraced")}


def test_a_row_policy_that_opens_a_table_is_the_cause(facts: Facts) -> None:
    rows = facts(
        """ALTER TABLE users ADD COLUMN name text;
        CREATE POLICY deletes ON users FOR DELETE USING (id = 1);""",
        _USERS
        + "ALTER TABLE users ENABLE ROW LEVEL SECURITY; GRANT SELECT, DELETE ON users TO <joe>;"
        "CREATE POLICY reads ON users FOR SELECT USING (id = 1);",
    )["access"]
    gained = [row for row in rows if row["privilege"] == "DELETE" and row["change"] == "widened"]
    assert _access(gained, "subject", "rows", "line") == {
        ("public.users to facts_joe", "some", 2),
    }


def test_roles_memberships_and_grants_are_rows(facts: Facts) -> None:
    found = facts(
        "ALTER ROLE <joe> CREATEROLE;\nGRANT <staff> TO <joe> WITH ADMIN OPTION;\n"
        "GRANT SELECT ON users TO <joe> WITH GRANT OPTION;\nREVOKE SELECT ON users FROM <staff>;\n"
        "ALTER DEFAULT PRIVILEGES FOR ROLE <joe> GRANT SELECT ON TABLES TO PUBLIC;",
        f"{_USERS} GRANT SELECT ON users TO <staff>;",
    )
    (joe,) = [row for row in found["roles"] if row["change"]]
    assert (joe["name"], joe["powers_gained"], joe["line"]) == ("facts_joe", "CREATEROLE", 1)
    (member,) = [row for row in found["memberships"] if row["change"]]
    assert (member["subject"], member["can_administer"]) == ("facts_joe in facts_staff", True)
    assert (member["role_is_powerful"], member["line"]) == (False, 2)
    grants = [row for row in found["grants"] if row["change"]]
    assert {(g["subject"], g["change"], g["is_grantable"], g["line"]) for g in grants} == {
        ("SELECT on public.users to facts_joe", "added", True, 3),
        ("SELECT on public.users to facts_staff", "dropped", False, 4),
    }
    (default,) = [row for row in found["default_privileges"] if row["change"]]
    assert (default["to_public"], default["object_kind"]) == (True, "tables")
    assert default["line"] == 5


def test_what_default_privileges_give_comes_from_who_makes_the_object(facts: Facts) -> None:
    before = "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO <joe>;"
    found = facts("SELECT 1;\nCREATE TABLE t (a int);", before)
    (grant,) = [row for row in found["grants"] if row["change"]]
    assert (grant["subject"], grant["line"]) == ("SELECT on public.t to facts_joe", 2)
    assert grant["object_is_new"]


def test_row_security_is_a_fact_of_its_table(facts: Facts) -> None:
    before = f"{_USERS} ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON users USING (id > 0);"
    found = facts(
        "ALTER TABLE users DISABLE ROW LEVEL SECURITY;\nALTER TABLE users FORCE ROW LEVEL SECURITY;\n"
        "ALTER POLICY p ON users USING (true);\nALTER TABLE users ADD COLUMN n int;",
        before,
    )
    (table,) = found["tables"]
    assert (table["row_security"], table["row_security_dropped"]) == (False, True)
    assert (table["row_security_forced"], table["row_policy_count"]) == (True, 1)
    (policy,) = found["row_policies"]
    assert (policy["using_expression"], policy["using_before"]) == ("true", "(id > 0)")
    assert (policy["change"], policy["line"], policy["roles"]) == ("altered", 3, "public")
    places = {row["kind"]: row["line"] for row in found["changes"]}
    assert places["table.row_security_changed"] == 1
    assert places["table.row_security_forcing_changed"] == 2


def test_owners_and_rights_of_functions_and_views(facts: Facts) -> None:
    found = facts(
        "ALTER TABLE users OWNER TO <joe>;\n"
        "CREATE VIEW v WITH (security_invoker = on, security_barrier = on) AS SELECT 1 AS a;\n"
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n"
        "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1';\n"
        "REVOKE EXECUTE ON FUNCTION g() FROM PUBLIC;"
    )
    assert found["tables"][0]["owner"] == "facts_joe"
    assert [(c["kind"], c["line"]) for c in found["changes"] if c["verb"] == "owner_changed"] == [
        ("table.owner_changed", 1)
    ]
    (view,) = found["views"]
    assert (view["is_security_invoker"], view["is_security_barrier"]) == (True, True)
    assert {(f["name"], f["public_can_execute"]) for f in found["functions"]} == {
        ("f", True),
        ("g", False),
    }


def test_columns_know_their_class(facts: Facts) -> None:
    found = facts("CREATE TABLE sessions (id bigint, api_token text, email_sent_at timestamptz);")
    classes = {row["column_name"]: row for row in found["columns"]}
    assert classes["email"]["sensitivity_source"] == "config"
    assert (classes["api_token"]["sensitivity"], classes["api_token"]["is_plaintext_secret"]) == (
        "secret",
        True,
    )
    assert classes["email_sent_at"]["sensitivity"] is None
