"""gatekeeper access as a user meets it: the matrix, filters, ways, changes, the committed file."""

import json
import sys

import pytest
from jsonschema import Draft202012Validator

SCHEMA = """
CREATE ROLE staff; CREATE ROLE reporting IN ROLE staff; CREATE ROLE tenant; CREATE ROLE billing;
CREATE ROLE switcher NOINHERIT IN ROLE tenant; CREATE ROLE mighty SUPERUSER;
CREATE TABLE people (id int PRIMARY KEY, email text, name text, phone text);
CREATE VIEW a AS SELECT email AS mail FROM people;
CREATE VIEW b AS SELECT mail AS m2 FROM a;
CREATE VIEW contacts AS SELECT m2 AS contact FROM b;
CREATE VIEW counted AS SELECT count(phone) AS n FROM people;
GRANT SELECT ON contacts, counted TO staff;
GRANT SELECT (id, name), UPDATE (name) ON people TO tenant;
ALTER TABLE people ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON people FOR SELECT TO tenant USING (name = current_user);
CREATE TABLE help (id int, "No" text);
GRANT SELECT, INSERT ON help TO PUBLIC;
GRANT DELETE ON help TO nobody_made_it;
"""
HIDDEN = """
CREATE FUNCTION anything(q text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER
AS $$ BEGIN RETURN QUERY EXECUTE q; END $$;
REVOKE EXECUTE ON FUNCTION anything FROM PUBLIC;
GRANT EXECUTE ON FUNCTION anything TO billing;
CREATE FUNCTION plain() RETURNS int LANGUAGE sql AS 'SELECT 1';
"""


@pytest.fixture
def access(tmp_path, gatekeeper):
    def run(*arguments, sql=SCHEMA, **options):
        (tmp_path / "s.sql").write_text(sql)
        return gatekeeper("access", "s.sql", *arguments, **options)

    return run


def rows(done):
    """Give the lines of the matrix, without what explains it."""
    assert (done.returncode, done.stderr) == (0, ""), done
    lines = done.stdout.splitlines()
    below = (i for i, line in enumerate(lines) if line[:1] != " " and " " in line)
    return lines[: next(below)]


def test_the_matrix(access):
    done = access("--role", "p*", "--role", "[n-t]*", "--role", "s*")
    assert rows(done) == [
        "PUBLIC",
        "  public.help  SELECT, INSERT",
        "nobody_made_it",
        "  public.help  SELECT, INSERT, DELETE",
        "reporting",
        "  public.contacts  SELECT",
        "  public.counted  SELECT",
        "  public.help  SELECT, INSERT",
        "  public.people  SELECT (1 of 4 columns; through),"
        " SELECT (1 of 4 columns; derived; through)",
        "staff",
        "  public.contacts  SELECT",
        "  public.counted  SELECT",
        "  public.help  SELECT, INSERT",
        "  public.people  SELECT (1 of 4 columns; through),"
        " SELECT (1 of 4 columns; derived; through)",
        "switcher",
        "  public.help  SELECT, INSERT",
        "  public.people  SELECT (2 of 4 columns; some-rows; set-role),"
        " UPDATE (1 of 4 columns; no-rows; set-role)",
        "tenant",
        "  public.help  SELECT, INSERT",
        "  public.people  SELECT (2 of 4 columns; some-rows), UPDATE (1 of 4 columns; no-rows)",
    ]
    assert "some-rows: the rows that row policies let through\n" in done.stdout
    assert done.stdout.endswith("\n6 roles, 4 objects in s.sql\n")
    assert "superusers, who can do everything: mighty" in access().stdout.replace("postgres, ", "")


def test_a_chain_of_three_views_is_the_way(access):
    done = access("--paths", "--column", "email", "--role", "reporting")
    assert rows(done) == [
        "reporting",
        "  public.people",
        "    SELECT (email; through)",
        "      member of staff → grant on public.contacts → view public.contacts (contact) as"
        " postgres → view public.b (m2) as postgres → view public.a (mail) as postgres",
    ]
    way = access("--paths", "--role", "switcher", "--table", "people", "--privilege", "select")
    assert "      SET ROLE tenant → grant on public.people (id) [row policies: own]" in rows(way)


def test_columns_are_named_on_demand(access):
    done = access("--columns", "--table", "public.*", "--role", "tenant")
    assert rows(done)[1:] == [
        '  public.help  SELECT (id, "No"), INSERT (id, "No")',
        "  public.people  SELECT (id, name; some-rows), UPDATE (name; no-rows)",
    ]


def test_by_class(access, tmp_path):
    (tmp_path / "gatekeeper.yml").write_text("data: {internal: {columns: [people.id]}}")
    assert rows(access("--class", "internal")) == [
        "switcher",
        "  public.people  SELECT (id; some-rows; set-role)",
        "tenant",
        "  public.people  SELECT (id; some-rows)",
    ]
    # A suggestion counts; a derived value says that it is one.
    found = rows(access("--class", "pii", "--role", "staff"))
    assert found == [
        "staff",
        "  public.people  SELECT (email; through), SELECT (phone; derived; through)",
    ]
    done = access("--class", "health")
    assert "note: no column is of class health\n" in done.stdout


def test_what_cannot_be_traced_is_never_clean(access):
    def billing(*arguments):
        return access("--role", "billing", *arguments, sql=SCHEMA + HIDDEN)

    assert rows(billing())[1:] == [
        "  public.anything(text)  EXECUTE, UNTRACED",
        "  public.help  SELECT, INSERT",
    ]
    # Whichever column is asked for: it may be shown.
    assert rows(billing("--class", "pii"))[1:] == ["  public.anything(text)  UNTRACED"]
    done = billing("--table", "people")
    assert done.stdout.splitlines() == [
        "note: public.anything(text) could not be traced: what it lets billing reach is not known",
        "Nobody but superusers can do any of that in s.sql.",
    ]
    assert "public.plain()  EXECUTE" in billing("--privilege", "execute").stdout


def test_json_keeps_to_its_schema(access, gatekeeper, tmp_path):
    schema = json.loads(gatekeeper("schema", "access").stdout)
    Draft202012Validator.check_schema(schema)

    def values(*arguments):
        found = json.loads(access(*arguments, "-f", "json").stdout)
        assert [e.message for e in Draft202012Validator(schema).iter_errors(found)] == []
        return found

    found = values("--paths", "--role", "reporting", "--column", "phone")
    assert found["entries"] == [
        {
            "role": "reporting",
            "subject": "public.people",
            "kind": "table",
            "privilege": "SELECT",
            "columns": ["phone"],
            "all_columns": False,
            "limits": ["derived"],
            "through": True,
            "ways": [
                "member of staff → grant on public.counted → view public.counted (n) as postgres"
            ],
        }
    ]
    assert "mighty" in values()["superusers"]
    (tmp_path / "access.yml").write_text("staff: superuser\n")
    drift = values("--expect", "access.yml")["drift"]
    assert {one["privilege"] for one in drift if one["subject"] is None} == {"SUPERUSER"}


def test_markdown_keeps_names_as_code(access):
    sql = (
        'CREATE ROLE "a|b<i>`x"; CREATE TABLE "t|1`" (id int); GRANT SELECT ON "t|1`" TO "a|b<i>`x"'
    )
    done = access("-f", "markdown", "--role", "a*", "-o", "out.md", sql=sql)
    assert done.returncode == 0
    done = access("-f", "markdown", "--role", '"a*', sql=sql)
    assert done.stdout.splitlines()[:3] == [
        "| role | object | can |",
        "|---|---|---|",
        '| ``"a\\u007cb<i>`x"`` | ``public."t\\u007c1`"`` | `SELECT` |',
    ]


def test_the_file_is_what_the_database_says(access, tmp_path):
    assert access("--write", "access.yml", sql=SCHEMA + HIDDEN).returncode == 0
    text = (tmp_path / "access.yml").read_text()
    assert "mighty: superuser\n" in text
    assert (
        "switcher:\n  public.help: {select: all, insert: all}\n  public.people:\n"
        "    select some-rows set-role: [id, name]\n    update no-rows set-role: [name]\n"
    ) in text
    assert "  public.anything(text): {execute: all, untraced: all}\n" in text
    same = access("--expect", "access.yml", sql=SCHEMA + HIDDEN)
    assert same.returncode == 0, same.stdout
    assert "Access in s.sql is as access.yml says.\n" in same.stdout
    access("--write", "again.yml", sql=SCHEMA + HIDDEN)
    assert (tmp_path / "again.yml").read_text() == text


def test_each_drift_is_named(access, tmp_path):
    access("--write", "access.yml")
    line = (tmp_path / "access.yml").read_text().splitlines().index("tenant:") + 1
    later = """
    GRANT SELECT (email) ON people TO tenant;
     REVOKE INSERT ON help FROM PUBLIC;
    CREATE ROLE other SUPERUSER; ALTER TABLE help ADD more int; GRANT staff TO billing;
    """
    done = access("--expect", "access.yml", sql=SCHEMA + later)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert "access.yml: unexpected: other is a superuser" in lines
    at = lines.index(
        f"access.yml:{line + 3}: unexpected: tenant can SELECT (email; some-rows) on public.people"
    )
    assert lines[at + 1] == "    grant on public.people (email) [row policies: own]"
    assert not lines[at + 2].startswith(" ")
    assert "access.yml:4: missing: PUBLIC cannot INSERT on public.help" in lines
    assert "access.yml: unexpected: billing can SELECT on public.contacts" in lines
    assert "    member of staff → grant on public.contacts" in lines
    # all covers columns to come.
    assert not any("SELECT" in line and "on public.help" in line for line in lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: {t: {selct: all}}", "access.yml:1: 'selct' is no privilege; did you mean select?"),
        ("a: {t: {select sometimes: all}}", "'sometimes' cannot stand here"),
        ("a:\n  t: {delete: [id]}", "access.yml:2: delete is of a whole object: delete: all"),
        ("a: {t: {select: most}}", "expected all, or a list of columns"),
        ("a: {t: {select: []}}", "an empty list; leave select out"),
        ("a: {t: {select: [id, id]}}", "the column 'id' is given twice"),
        ("a: {t: {select set-role derived: all, select derived set-role: all}}", "is given twice"),
        ("a: {t: all}", "t takes a mapping"),
        ("a: king", "a takes a mapping of tables, or the word superuser"),
        ("- a", "access.yml:1: expected a mapping"),
    ],
)
def test_mistakes_in_the_file_are_named(access, tmp_path, text, words):
    (tmp_path / "access.yml").write_text(text)
    done = access("--expect", "access.yml")
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--role", "biling"), "no role is like biling"),
        (("--table", "peple"), "no table, view or function is like peple"),
        (("--column", "emial"), "no column is like emial"),
        (("--class", "pi"), "pi is no class of data; did you mean pii?"),
        (("--privilege", "selct"), "SELCT is no privilege; did you mean select?"),
        (("--expect", "a.yml", "--write", "b.yml"), "do not go together"),
        (("--expect", "a.yml"), "a.yml: cannot be read"),
        (("--base", "main"), "--base needs --changed"),
        (("--changed",), "s.sql is none"),
    ],
)
def test_mistakes_of_the_call_are_named(access, tmp_path, gatekeeper, arguments, words):
    if "--changed" in arguments:
        import subprocess

        subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    done = access(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_branch_gives_and_takes(project, gatekeeper):
    def run(*arguments):
        options = ("--python", sys.executable)
        return gatekeeper("access", *arguments, *options, cwd=project.root)

    project.write(
        "gatekeeper.yml",
        "database:\n  roles:\n    - {name: billing, member_of: [staff], attributes: [login]}\n",
    )
    people = 'op.execute("CREATE TABLE people (id int, email text)")'
    project.revision("r1", people, 'op.execute("CREATE ROLE reporting")')
    project.commit()
    project.branch()
    project.revision(
        "r2",
        'op.execute("CREATE VIEW contacts AS SELECT email AS contact FROM people")',
        'op.execute("GRANT SELECT ON contacts TO staff")',
        'op.execute("CREATE ROLE boss SUPERUSER")',
    )
    # Uncommitted work counts; the tool's own table does not; billing is in staff by the file.
    assert rows(run("--role", "billing", "--columns")) == [
        "billing",
        "  public.contacts  SELECT (contact)",
        "  public.people  SELECT (email; through)",
    ]
    done = run("--changed", "--class", "pii")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:6] == [
        "billing",
        "  + public.people  SELECT (email; through)",
        "      member of staff → grant on public.contacts → view public.contacts (contact) as"
        " postgres",
        "staff",
        "  + public.people  SELECT (email; through)",
        "      grant on public.contacts → view public.contacts (contact) as postgres",
    ]
    assert "note: boss becomes a superuser" in lines
    assert lines[-1].startswith("2 gained, 0 lost: the working tree against main (")
    assert rows(run("main", "--role", "PUBLIC")) == []
    project.commit()
    project.revision("r3", 'op.execute("REVOKE SELECT ON contacts FROM staff")')
    project.commit()
    taken = run("feature", "--changed", "--base", "feature~1", "--role", "billing")
    assert "  - public.people  SELECT (1 of 2 columns; through)\n" in taken.stdout
    none = run("--changed", "--base", "HEAD")
    assert none.returncode == 0
    assert "note: no migration is new against HEAD" in none.stdout


def test_a_database_is_read(access, gatekeeper, database, connection):
    connection.execute("CREATE TABLE people (id int); GRANT SELECT ON people TO PUBLIC")
    url = f"postgresql://postgres:secret@/{database.database}?host={database.host}"
    done = gatekeeper("access", url, "--role", "public")
    assert rows(done) == ["PUBLIC", "  public.people  SELECT"]
    assert "secret" not in done.stdout
