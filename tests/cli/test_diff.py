"""gatekeeper diff as a user meets it: what the sides may be, output, exit status."""

import json
import sys

import pytest
from jsonschema import Draft202012Validator

ONE = "CREATE TABLE t (id int PRIMARY KEY, a int, gone text);"
OTHER = """
CREATE TABLE t (id int PRIMARY KEY, a bigint DEFAULT 7);
CREATE TABLE u (id int PRIMARY KEY, t_id int REFERENCES t);
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
"""


@pytest.fixture
def diff(tmp_path, gatekeeper):
    def run(*arguments, **files):
        for name, text in files.items():
            (tmp_path / f"{name}.sql").write_text(text)
        return gatekeeper("diff", *arguments)

    return run


def url_of(database, user="postgres"):
    return f"postgresql://{user}@/{database.database}?host={database.host}"


def test_what_differs_is_listed(diff):
    done = diff("one.sql", "other.sql", one=ONE, other=OTHER)
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "--- one.sql",
        "+++ other.sql",
        "",
        "+ table public.u",
        "    + column public.u.id  integer NOT NULL",
        "    + column public.u.t_id  integer",
        "    + constraint public.u.u_pkey  PRIMARY KEY (id)",
        "    + foreign key public.u.u_t_id_fkey  FOREIGN KEY (t_id) REFERENCES public.t(id)",
        "    + index public.u_pkey  CREATE UNIQUE INDEX u_pkey ON public.u USING btree (id)",
        "~ column public.t.a  default: none → 7",
        "~ column public.t.a  type: integer → bigint",
        "- column public.t.gone",
        "+ function public.f()  FUNCTION () RETURNS integer LANGUAGE sql SELECT 1",
        "",
        "5 differences: 2 added, 1 dropped, 2 changed",
    ]


def test_the_same_is_said_kindly(diff):
    done = diff("one.sql", "again.sql", one=ONE, again="-- a comment\n" + ONE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "No difference: one.sql and again.sql have the same schema.\n"


def test_json_keeps_to_its_schema(diff, gatekeeper, tmp_path):
    done = diff("one.sql", "other.sql", "-f", "json", one=ONE, other=OTHER)
    assert done.returncode == 1
    values = json.loads(done.stdout)
    schema = json.loads(gatekeeper("schema", "diff").stdout)
    Draft202012Validator.check_schema(schema)
    assert [e.message for e in Draft202012Validator(schema).iter_errors(values)] == []
    assert (values["same"], values["before"]["name"], values["notes"]) == (False, "one.sql", [])
    by_subject = {(c["kind"], c["subject"]): c for c in values["changes"]}
    assert by_subject["column.type_changed", "public.t.a"] == {
        "kind": "column.type_changed",
        "subject": "public.t.a",
        "before": "integer",
        "after": "bigint",
        "part_of": None,
    }
    assert by_subject["column.dropped", "public.t.gone"]["before"] == "text"
    assert by_subject["index.added", "public.u_pkey"]["part_of"] == "public.u"
    same = json.loads(diff("one.sql", "one.sql", "-f", "json").stdout)
    assert (same["same"], same["changes"]) == (True, [])
    assert list(Draft202012Validator(schema).iter_errors(same)) == []


def test_output_is_written_and_printed(diff, tmp_path):
    done = diff("one.sql", "other.sql", "-f", "json", "-o", "out/d.json", one=ONE, other=OTHER)
    assert done.returncode == 1
    assert done.stdout.startswith("--- one.sql\n")
    assert json.loads((tmp_path / "out" / "d.json").read_text())["same"] is False


def test_a_folder_runs_in_the_order_of_its_numbers(diff, tmp_path):
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "V10__last.sql").write_text("ALTER TABLE t ADD gone text;")
    (tmp_path / "all" / "V2__then.sql").write_text("ALTER TABLE t ADD a int;")
    (tmp_path / "all" / "V1__first.sql").write_text("CREATE TABLE t (id int PRIMARY KEY);")
    (tmp_path / "all" / "README.md").write_text("not SQL")
    assert diff("one.sql", "all", one=ONE).returncode == 0


def test_a_database_is_read_and_not_changed(diff, database, connection):
    connection.execute("CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE v (n int)")
    before = connection.execute("SELECT count(*), max(oid) FROM pg_class").fetchone()
    done = diff("one.sql", url_of(database, "postgres:secret"), one=ONE)
    assert done.returncode == 1, done.stderr
    assert "- column public.t.gone\n" in done.stdout
    assert "+ table public.v\n" in done.stdout
    assert "secret" not in done.stdout
    assert connection.execute("SELECT count(*), max(oid) FROM pg_class").fetchone() == before
    assert diff(url_of(database), url_of(database)).returncode == 0


def test_git_revisions_are_migrated(project, gatekeeper, database, connection):
    project.revision("r1", 'op.execute("CREATE TABLE t (id int PRIMARY KEY, a int)")')
    first = project.commit()
    project.git("tag", "v1")
    project.branch()
    project.revision("r2", 'op.execute("ALTER TABLE t ADD b text")')
    project.commit()

    def run(*arguments):
        return gatekeeper("diff", *arguments, "--python", sys.executable, cwd=project.root)

    done = run("v1", "feature")
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[0] == f"--- v1 ({first[:12]})"
    assert done.stdout.splitlines()[3:] == [
        "+ column public.t.b  text",
        "",
        "1 difference: 1 added",
    ]
    # The migration tool's own table is no difference, whichever side has it.
    connection.execute("CREATE TABLE t (id int PRIMARY KEY, a int)")
    assert run(url_of(database), "v1").returncode == 0
    connection.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    assert run("v1", url_of(database)).returncode == 0
    assert run("v1", first[:9]).returncode == 0


def test_a_file_wins_over_a_revision(project, gatekeeper):
    project.write("schema.sql", ONE)
    project.commit()
    project.git("branch", "schema.sql")
    done = gatekeeper("diff", "schema.sql", "schema.sql", cwd=project.root)
    assert done.stdout.startswith("No difference: schema.sql and schema.sql have")


def test_roles_that_nobody_made_are_made(diff):
    granted = ONE + "GRANT SELECT ON t TO somebody; ALTER TABLE t OWNER TO somebody_else;"
    done = diff("one.sql", "granted.sql", one=ONE, granted=granted)
    assert done.returncode == 1
    assert "+ grant SELECT on public.t to somebody" in done.stdout
    assert "1 difference: 1 added" in done.stdout  # an owner is the cluster's business


def test_row_security_is_compared(diff):
    rules = "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (id = 1);"
    other = "CREATE POLICY p ON t USING (id = 2); CREATE POLICY q ON t USING (true);"
    done = diff("one.sql", "other.sql", one=ONE + rules, other=ONE + other)
    assert "~ table public.t  row security: true → false" in done.stdout
    assert "~ row policy public.t.p  using: (id = 1) → (id = 2)" in done.stdout
    assert "+ row policy public.t.q" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("missing.sql", "one.sql"), "missing.sql is neither a file or folder nor a git revision"),
        (("one.sql", "empty"), "empty is a folder without *.sql files"),
        (("one.sql", "mysql://me:secret@host/shop"), "mysql:// is no URL of a PostgreSQL database"),
        (("one.sql", "postgresql://me:se@cret/@host/shop"), "the URL cannot be read"),
        (("one.sql", "postgresql://me:secret@127.0.0.1:1/shop"), "cannot connect"),
        (("one.sql", "broken.sql"), 'broken.sql:2: column "x" does not exist'),
        (("one.sql", "open.sql"), "open.sql:1: cannot be read as SQL"),
    ],
)
def test_mistakes_are_named(diff, tmp_path, arguments, words):
    (tmp_path / "empty").mkdir()
    broken = "CREATE TABLE t (id int);\nCREATE INDEX ON t (x);"
    done = diff(*arguments, one=ONE, broken=broken, open="SELECT 'a")
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr
    assert done.stdout == ""


def test_a_migration_that_fails_is_named(project, gatekeeper):
    project.revision("r1", 'op.execute("SELECT 1")', 'op.execute("SELECT x")')
    project.commit()
    done = gatekeeper("diff", "HEAD", "HEAD", "--python", sys.executable, cwd=project.root)
    assert done.returncode == 2
    assert 'migrations/versions/r1.py:12: column "x" does not exist' in done.stderr.replace(
        "\n", " "
    )
