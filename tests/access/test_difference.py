"""Migrations on a real server, and who can read and write more or less after them."""

import pytest

from gatekeeper.access.difference import difference
from gatekeeper.access.grades import Exposure, Rows


@pytest.mark.parametrize(
    ("before", "migration"),
    [
        ("GRANT SELECT ON people TO staff", "REVOKE SELECT ON people FROM staff; GRANT SELECT (id, email, name) ON people TO staff"),
        ("GRANT SELECT (id, email) ON people TO staff", "GRANT SELECT (id) ON people TO staff; GRANT SELECT (email) ON people TO staff"),
        ("GRANT SELECT ON people TO PUBLIC", "GRANT SELECT ON people TO staff; GRANT SELECT (email) ON people TO reporting"),
        ("GRANT SELECT ON people TO staff", "GRANT SELECT ON people TO joe"),
        ("", "GRANT SELECT ON people TO reporting; REVOKE SELECT ON people FROM reporting"),
        ("", "CREATE SCHEMA hidden; CREATE TABLE hidden.t (a int); GRANT SELECT ON hidden.t TO staff"),
        ("", "ALTER TABLE people RENAME TO persons; ALTER TABLE persons RENAME email TO mail; ALTER ROLE joe RENAME TO jim"),
        ("GRANT SELECT ON people TO staff", "GRANT SELECT ON people TO staff WITH GRANT OPTION"),
        ("GRANT staff TO joe", "GRANT staff TO joe WITH ADMIN OPTION"),
    ],
)  # fmt: skip
def test_what_gives_nobody_anything(server_with, before, migration):
    if before:
        server_with.run(before)
    assert server_with.changes(migration) == []


def test_joining_a_group_is_a_gain(server_with):
    server_with.run("GRANT SELECT (email) ON people TO staff; CREATE ROLE boss")
    assert server_with.says("GRANT staff TO reporting; GRANT reporting TO boss") == [
        "gained boss SELECT people (email): member of reporting → member of staff → grant on public.people (email)",
        "gained reporting SELECT people (email): member of staff → grant on public.people (email)",
    ]


def test_public_and_everybody_gain(server_with):
    assert server_with.says(
        "GRANT SELECT (email) ON people TO PUBLIC", roles=["joe", "public"]
    ) == [
        "gained joe SELECT people (email): grant to PUBLIC on public.people (email)",
        "gained public SELECT people (email): grant to PUBLIC on public.people (email)",
    ]


def test_default_privileges_reach_new_tables(server_with):
    server_with.run("ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT SELECT ON TABLES TO reporting")
    (change,) = server_with.changes(
        "SET ROLE app; CREATE TABLE orders (id int, total int); RESET ROLE", roles=["reporting"]
    )
    assert (
        server_with.line(change)
        == "gained reporting SELECT orders (id, total): grant on public.orders"
    )
    assert change.relation_is_new
    assert not change.columns_are_new


def test_new_and_dropped_columns_say_so(server_with):
    server_with.run("GRANT SELECT ON people TO staff")
    (change,) = server_with.changes("ALTER TABLE people ADD phone text", roles=["staff"])
    assert (server_with.line(change), change.columns_are_new) == (
        "gained staff SELECT people (phone): grant on public.people",
        True,
    )
    (change,) = server_with.changes("ALTER TABLE people DROP phone", roles=["staff"])
    assert (change.change, change.columns_are_dropped) == ("lost", True)


def test_dropped_and_new_objects_say_so(server_with):
    server_with.run("GRANT SELECT ON people TO staff")
    (change,) = server_with.changes("DROP ROLE joe")
    assert (change.change, change.role_is_dropped) == ("lost", True)
    (change,) = server_with.changes("CREATE ROLE jane IN ROLE staff")
    assert (change.change, change.role_is_new) == ("gained", True)
    (change,) = server_with.changes("DROP TABLE people", roles=["staff"])
    assert (change.change, change.relation_is_dropped) == ("lost", True)


def test_row_security_narrows_and_bypassing_widens(server_with):
    server_with.run(
        "GRANT SELECT (email) ON people TO staff; CREATE POLICY mine ON people TO staff USING (id = 1)"
    )
    changes = server_with.changes("ALTER TABLE people ENABLE ROW LEVEL SECURITY")
    assert {(c.change, c.cells.role.name) for c in changes} == {
        ("narrowed", "joe"),
        ("narrowed", "staff"),
    }
    changes = server_with.changes("ALTER ROLE joe BYPASSRLS")
    assert [server_with.line(c) for c in changes] == [
        "widened joe SELECT people (email): member of staff → grant on public.people (email)"
    ]
    (staff,) = server_with.cells("staff", "people")
    assert staff.best.rows is Rows.SOME
    changes = server_with.changes("DROP POLICY mine ON people")
    assert [(c.change, c.paths[0].policies) for c in changes] == [("narrowed", ("mine",))]
    changes = server_with.changes("ALTER TABLE people FORCE ROW LEVEL SECURITY")
    assert {(c.change, c.cells.role.name) for c in changes} == {("narrowed", "app")}
    assert server_with.says(
        "GRANT app TO reporting; ALTER TABLE people NO FORCE ROW LEVEL SECURITY",
        roles=["reporting"],
    )[0] == (
        "gained reporting SELECT people (id, email, name): member of app → owner of public.people"
    )


def test_set_role_is_another_way(server_with):
    server_with.run("GRANT SELECT (email) ON people TO staff; REVOKE staff FROM joe")
    assert server_with.says("GRANT staff TO joe WITH INHERIT FALSE, SET TRUE") == [
        "gained joe SELECT people (email): SET ROLE staff → grant on public.people (email)"
    ]
    assert server_with.says("GRANT staff TO joe WITH INHERIT TRUE") == [
        "widened joe SELECT people (email): member of staff → grant on public.people (email)"
    ]
    assert server_with.says("GRANT staff TO joe WITH INHERIT FALSE, SET FALSE, ADMIN TRUE")[
        0
    ].startswith("lost joe")


def test_a_superuser_needs_no_grant(server_with):
    before = server_with.access()
    server_with.run(
        "ALTER ROLE reporting SUPERUSER; CREATE ROLE deputy; GRANT reporting TO deputy WITH INHERIT TRUE"
    )
    changes = difference(before, server_with.access())
    reads = {server_with.line(c) for c in changes if c.cells.privilege == "SELECT"}
    assert reads == {
        "gained deputy SELECT people (id, email, name): SET ROLE reporting → superuser",
        "gained reporting SELECT people (id, email, name): superuser",
    }


def test_predefined_roles(server_with):
    server_with.run(
        "GRANT SELECT ON people TO reporting; REVOKE USAGE ON SCHEMA public FROM PUBLIC"
    )
    assert server_with.says("GRANT pg_read_all_data TO staff")[0] == (
        "gained joe SELECT people (id, email, name): member of staff → predefined role pg_read_all_data"
    )
    (cells,) = server_with.cells("reporting", "people")
    assert (cells.is_granted, cells.worth) == (True, frozenset())
    assert server_with.says("GRANT USAGE ON SCHEMA public TO reporting") == [
        "gained reporting SELECT people (id, email, name): grant on public.people"
    ]


def test_an_owner_may_have_revoked_its_own_right(server_with):
    (change,) = server_with.changes("REVOKE SELECT ON people FROM app")
    assert (
        server_with.line(change)
        == "lost app SELECT people (id, email, name): owner of public.people"
    )


def test_names_are_quoted(server_with):
    server_with.run(
        'CREATE ROLE "Big Boss"; CREATE TABLE "T" ("E-Mail" text); GRANT SELECT ("E-Mail") ON "T" TO "Big Boss"'
    )
    (change,) = server_with.changes('GRANT "Big Boss" TO joe', roles=["joe"])
    assert str(change.paths[0]) == 'member of "Big Boss" → grant on public."T" ("E-Mail")'
    assert change.cells.idents == (("pg_class", change.cells.thing.oid, 1),)


def test_exposure_words():
    """Facts and configuration name them so."""
    assert [e.name.lower() for e in Exposure] == [
        "nothing",
        "condition",
        "untraced",
        "derived",
        "copied",
    ]
