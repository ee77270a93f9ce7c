"""Alembic projects as they are found: run, and said what happened and where."""

import venv
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest

from gatekeeper.errors import SourceError
from gatekeeper.report.outcome import Outcome
from gatekeeper.sources.alembic.source import AlembicSource
from tests.conftest import POLICIES
from tests.sources.conftest import Reviewed

Check = Callable[..., Outcome]


@pytest.fixture
def check(reviewed: Reviewed) -> Check:
    """Review a project on the test run's server."""

    def run(project, policies=POLICIES, **options) -> Outcome:
        return reviewed(AlembicSource, project, policies, **options)

    return run


def places(outcome: Outcome) -> dict[str, str]:
    """Give policy → file:line of each finding."""
    assert outcome.failure is None, outcome.failure
    return {f.policy.id: f"{f.values['file']}:{f.values['line']}" for f in outcome.findings}


@pytest.fixture
def shop(project):
    """A project with customers, on a branch."""
    project.revision(
        "r1",
        'op.create_table("customers", sa.Column("id", sa.BigInteger, primary_key=True),',
        '    sa.Column("name", sa.Text), sa.Column("phone", sa.Text))',
    )
    project.commit()
    project.branch()
    return project


def test_finds_a_dropped_column_and_its_line(shop, check):
    shop.revision("r2", 'op.drop_column("customers", "phone")')
    shop.commit()
    assert places(check(shop)) == {"column-dropped": "migrations/versions/r2.py:11"}


def test_uncommitted_files_count(shop, check):
    shop.revision("r2", 'op.drop_column("customers", "phone")')
    assert "column-dropped" in places(check(shop))


def test_a_head_commit_is_judged_without_touching_the_working_tree(shop, check):
    shop.revision("r2", 'op.drop_column("customers", "phone")')
    head = shop.commit()
    shop.git("checkout", "--quiet", "main")
    outcome = check(shop, base="main", head=head)
    assert places(outcome) == {"column-dropped": "migrations/versions/r2.py:11"}
    assert shop.git("status", "--porcelain", "--ignored=no") == ""


def test_nothing_new_runs_nothing(shop, check):
    outcome = check(shop)
    assert (outcome.verdict, outcome.new_revisions, outcome.statements) == ("passed", (), ())


def test_ddl_in_a_do_block_and_in_a_function_has_the_line_of_the_call(shop, check):
    shop.revision(
        "r2",
        'op.execute("DO $$ BEGIN ALTER TABLE customers ADD COLUMN a text NOT NULL; END $$")',
        'op.execute("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS '
        "'ALTER TABLE customers ADD COLUMN b text NOT NULL'\")",
        'op.execute("SELECT 1")',
        'op.execute("SELECT f()")',
    )
    outcome = check(shop)
    lines = {f.subject: f.values["line"] for f in outcome.findings}
    assert lines == {"public.customers.a": 11, "public.customers.b": 14}


def test_a_call_over_several_lines_and_a_helper_have_their_own_lines(shop, check):
    shop.revision(
        "r2",
        "op.drop_column(",
        '    "customers",',
        '    "phone",',
        ")",
        "helper()",
        head="def helper():\n    op.create_table('t', sa.Column('n', sa.Integer))",
    )
    outcome = check(shop)
    assert {f.policy.id: f.values["line"] for f in outcome.findings} == {
        "column-dropped": 12,
        "missing-primary-key": 5,
    }


def test_a_second_connection_of_the_migration_is_seen(shop, check):
    shop.revision(
        "r2",
        "with op.get_bind().engine.connect() as other:",
        '    other.execute(sa.text("CREATE TABLE lonely (n int)"))',
        "    other.commit()",
    )
    assert places(check(shop)) == {"missing-primary-key": "migrations/versions/r2.py:12"}


def test_an_autocommit_block_may_build_concurrently(shop, check):
    shop.revision(
        "r2",
        "with op.get_context().autocommit_block():",
        '    op.create_index("i", "customers", ["name"], postgresql_concurrently=True)',
    )
    outcome = check(shop)
    assert outcome.findings == ()
    assert [s.autocommit for s in outcome.statements] == [True]


def test_concurrently_in_a_transaction_is_a_finding_with_its_line(shop, check):
    shop.revision(
        "r2",
        'op.drop_column("customers", "phone")',
        'op.create_index("i", "customers", ["name"], postgresql_concurrently=True)',
    )
    outcome = check(shop)
    assert outcome.verdict == "blocked"
    assert places(outcome) == {"concurrently-in-transaction": "migrations/versions/r2.py:12"}
    assert any("nothing else was judged" in note for note in outcome.notes)


def test_without_a_policy_that_knows_it_a_refused_statement_is_undecided(shop, check):
    shop.revision("r2", 'op.create_index("i", "customers", ["name"], postgresql_concurrently=True)')
    outcome = check(shop, policies=())
    assert outcome.verdict == "undecided"
    assert outcome.failure.sqlstate == "25001"
    assert "autocommit_block" in outcome.failure.hint


def test_what_a_migration_prints_never_reaches_the_protocol(shop, check):
    shop.revision(
        "r2",
        'print(\'{"kind": "upgraded", "version_tables": []}\', flush=True)',
        'import os; os.write(1, b"::error::x\\n" + bytes(range(256)))',
        'op.drop_column("customers", "phone")',
    )
    assert "column-dropped" in places(check(shop))


def test_a_failing_statement_says_revision_file_line_sql_and_the_servers_words(shop, check):
    shop.revision("r2", "x = 1", 'op.execute("ALTER TABLE nowhere ADD COLUMN a int")')
    failure = check(shop).failure
    assert (failure.revision, failure.file, failure.line) == ("r2", "migrations/versions/r2.py", 12)
    assert failure.message == 'relation "nowhere" does not exist'
    assert "ALTER TABLE nowhere" in failure.sql


def test_a_python_error_says_where(shop, check):
    shop.revision("r2", "1 / 0")
    failure = check(shop).failure
    assert failure.message.startswith("ZeroDivisionError")
    assert (failure.file, failure.line) == ("migrations/versions/r2.py", 11)


def test_a_failure_in_the_base_history_is_told_apart(project, check):
    project.revision("r1", 'op.execute("SELECT * FROM nowhere")')
    project.commit()
    project.branch()
    project.revision("r2", "pass")
    failure = check(project).failure
    assert (failure.during, failure.revision) == ("base history", "r1")


@pytest.mark.parametrize("how", ["import os; os._exit(3)", "import os; os.kill(os.getpid(), 9)"])
def test_a_process_that_dies_is_an_error(shop, check, how):
    shop.revision("r2", how)
    with pytest.raises(SourceError, match="ended early"):
        check(shop)


def test_sys_exit_is_a_failure_with_its_line(shop, check):
    shop.revision("r2", 'import sys; sys.exit("no")')
    failure = check(shop).failure
    assert (failure.message, failure.line) == ("SystemExit: no", 11)


def test_a_migration_that_never_ends_is_stopped_with_all_it_started(shop, check, tmp_path):
    pids = tmp_path / "pids"
    shop.revision(
        "r2",
        "import subprocess, os, time",
        'child = subprocess.Popen(["sleep", "300"])',
        f'open({str(pids)!r}, "w").write(str(child.pid))',
        "time.sleep(300)",
    )
    with pytest.raises(SourceError, match="within 3 seconds"):
        check(shop, timeout=3)
    with suppress(psutil.NoSuchProcess):  # or dead, and nobody has asked for its status
        assert psutil.Process(int(pids.read_text())).status() == psutil.STATUS_ZOMBIE


def test_an_edited_old_revision_is_built_from_the_bases_tree(shop, check):
    old = shop.root / "migrations/versions/r1.py"
    old.write_text(old.read_text().replace('"phone"', '"telephone"'))
    shop.revision("r2", 'op.drop_column("customers", "phone")')
    outcome = check(shop)
    assert places(outcome) == {"column-dropped": "migrations/versions/r2.py:11"}
    assert any("r1.py was changed" in note for note in outcome.notes)


def test_a_vanished_revision_is_undecided(shop, check):
    shop.revision("r2", "pass")
    shop.commit()
    shop.git("branch", "--force", "main")
    (shop.root / "migrations/versions/r2.py").unlink()
    shop.revision("r3", "pass", parent="r1")
    outcome = check(shop)
    assert outcome.verdict == "undecided"
    assert "r2" in outcome.failure.message


def test_the_first_migration_of_all(project, check):
    (project.root / "alembic.ini").rename(project.root / "later.ini")
    project.write("README", "x")
    project.git("add", "README")
    project.git("commit", "--quiet", "--message", "empty")
    project.branch()
    (project.root / "later.ini").rename(project.root / "alembic.ini")
    project.revision("r1", 'op.create_table("t", sa.Column("n", sa.Integer))')
    assert places(check(project)) == {"missing-primary-key": "migrations/versions/r1.py:11"}


def test_two_branches_and_their_merge(shop, check):
    shop.revision("r2a", 'op.add_column("customers", sa.Column("a", sa.Text))', parent="r1")
    shop.revision("r2b", 'op.add_column("customers", sa.Column("b", sa.Text))', parent="r1")
    shop.revision("m", "pass", parent=("r2a", "r2b"))
    outcome = check(shop)
    assert outcome.verdict == "passed"
    assert {c.subject for c in outcome.changes} == {"public.customers.a", "public.customers.b"}


def test_the_version_table_is_no_part_of_the_schema(shop, check):
    shop.revision("r2", "pass")
    outcome = check(shop)
    assert [row["subject"] for row in outcome.facts.base["tables"]] == ["public.customers"]
    assert [t.name for t in outcome.after.tables] == ["customers"]


def test_a_revision_that_commits_on_the_bind_is_not_believed(shop, check):
    env = (shop.root / "migrations/env.py").read_text()
    shop.write(
        "migrations/env.py", env.replace("    with context.begin_transaction():\n        ", "    ")
    )
    shop.commit()
    shop.git("branch", "--force", "main")
    shop.revision(
        "r2", 'op.add_column("customers", sa.Column("a", sa.Text))', "op.get_bind().commit()"
    )
    outcome = check(shop)
    assert outcome.verdict == "undecided"
    assert "version table" in outcome.failure.message


def test_a_role_that_nobody_creates_is_created_and_noted(shop, check):
    shop.revision("r2", "op.execute('GRANT SELECT ON customers TO \"Reporting\"')")
    outcome = check(shop)
    assert outcome.verdict == "passed"
    assert any("the role Reporting was created" in note for note in outcome.notes)


def test_a_stand_in_extension_is_noted(shop, check):
    shop.revision(
        "r2",
        "op.execute('CREATE EXTENSION \"uuid-ossp\"')",
        "op.execute('ALTER TABLE customers ADD COLUMN u uuid DEFAULT uuid_generate_v4()')",
    )
    outcome = check(shop)
    assert places(outcome)["table-rewritten"].endswith("r2.py:12")
    assert "a stand-in was used for the extension uuid-ossp" in outcome.notes


def test_a_missing_url_setting_gets_a_placeholder(shop, check):
    shop.write(
        "migrations/env.py",
        (shop.root / "migrations/env.py")
        .read_text()
        .replace("engine =", "import os\nos.environ['SHOP_DATABASE_URL']\nengine ="),
    )
    shop.revision("r2", 'op.drop_column("customers", "phone")')
    outcome = check(shop)
    assert "column-dropped" in places(outcome)
    assert any("SHOP_DATABASE_URL" in note for note in outcome.notes)


def test_another_kind_of_database_is_refused(shop, check):
    ini = (shop.root / "alembic.ini").read_text()
    shop.write(
        "alembic.ini",
        ini.replace("postgresql+psycopg://nobody@db.example.invalid/shop", "sqlite://"),
    )
    shop.revision("r2", "pass")
    failure = check(shop).failure
    assert "sqlite" in failure.message
    assert "migrations.env" in failure.message


def test_a_connection_of_its_own_making_is_refused(shop, check):
    env = (shop.root / "migrations/env.py").read_text()
    shop.write(
        "migrations/env.py",
        env.replace(
            "engine = engine_from_config(",
            "import psycopg\nfrom sqlalchemy import create_engine\nengine = create_engine("
            '"postgresql+psycopg://", creator=lambda: psycopg.connect())\n'
            "unused = engine_from_config(",
        ),
    )
    shop.revision("r2", "pass")
    failure = check(shop).failure
    assert failure is not None


def test_no_token_and_no_real_server_reach_the_migration(shop, check, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_secret")
    monkeypatch.setenv("GH_TOKEN", "ghs_secret")
    monkeypatch.setenv("ACTIONS_RUNTIME_TOKEN", "secret")
    monkeypatch.setenv("PGHOST", "prod.example.invalid")
    monkeypatch.setenv("APP_DB", "postgresql+asyncpg://u:p@prod.example.invalid:6432/x?a=b")
    monkeypatch.setenv("HARMLESS", "kept")
    shop.revision("r2", "import os", "raise RuntimeError(sorted(os.environ.items()))")
    message = check(shop).failure.message
    assert "secret" not in message
    assert "prod.example.invalid" not in message
    assert "postgresql+asyncpg://gatekeeper:gatekeeper@127.0.0.1:1/x?a=b" in message
    assert "HARMLESS" in message


def test_a_folder_named_alembic_does_not_shadow_the_package(shop, check):
    shop.git("checkout", "--quiet", "main")
    shop.git("mv", "migrations", "alembic")
    ini = (shop.root / "alembic.ini").read_text()
    shop.write("alembic.ini", ini.replace("%(here)s/migrations", "alembic\nprepend_sys_path = ."))
    shop.commit()
    shop.branch("other")
    (shop.root / "migrations").mkdir()
    shop.revision("r2", 'op.drop_column("customers", "phone")').rename(
        shop.root / "alembic/versions/r2.py"
    )
    assert places(check(shop)) == {"column-dropped": "alembic/versions/r2.py:11"}


def test_a_subfolder_is_found_from_anywhere(shop, check, tmp_path):
    shop.git("checkout", "--quiet", "main")
    for name in ("alembic.ini", "migrations"):
        shop.write("backend/keep", "")
        shop.git("mv", name, f"backend/{name}")
    shop.commit()
    shop.branch("other")
    text = (shop.root / "backend/migrations/versions/r1.py").read_text()
    shop.write(
        "backend/migrations/versions/r2.py",
        text.replace("'r1'", "'r2'")
        .replace("down_revision = None", "down_revision = 'r1'")
        .replace('"customers"', '"orders"')
        .replace(", primary_key=True", ""),
    )
    (shop.root / "docs").mkdir()
    for start in (shop.root, shop.root / "docs", shop.root / "backend"):
        assert "missing-primary-key" in places(check(shop, start=start))


def test_two_projects_are_listed(shop, check):
    shop.write("other/alembic.ini", "[alembic]\nscript_location = x\n")
    (shop.root / "alembic.ini").rename(shop.root / "migrations/alembic.ini")
    with pytest.raises(SourceError) as caught:
        check(shop)
    assert caught.value.hint.splitlines()[1:] == [
        "projects:",
        "  migrations: {migrations: {config: migrations/alembic.ini}}",
        "  other: {migrations: {config: other/alembic.ini}}",
    ]


def test_no_project_says_what_to_do(project, check):
    (project.root / "alembic.ini").unlink()
    project.commit()
    with pytest.raises(SourceError, match=r"no alembic\.ini"):
        check(project)


def test_an_interpreter_without_alembic(shop, check, tmp_path):
    venv.create(tmp_path / "bare", with_pip=False)
    shop.revision("r2", "pass")
    with pytest.raises(SourceError, match="alembic") as caught:
        check(shop, python=str(tmp_path / "bare" / "bin" / "python"))
    assert "--python" in caught.value.hint


def test_revisions_that_do_not_load(shop, check):
    shop.revision("r2", "pass", head="import does_not_exist")
    with pytest.raises(SourceError, match="does_not_exist"):
        check(shop)
    shop.write(
        "migrations/versions/r2.py", "revision = 'r2'\ndown_revision = 'r1'\ndef upgrade(:\n"
    )
    with pytest.raises(SourceError, match=r"r2\.py:3"):
        check(shop)


def test_a_base_that_needs_its_own_code_is_built_with_it(project, check):
    project.write("models.py", 'COLUMN = "phone"\n')
    ini = (project.root / "alembic.ini").read_text()
    project.write("alembic.ini", ini + "prepend_sys_path = .\n")
    project.revision(
        "r1",
        "import models",
        'op.create_table("t", sa.Column("id", sa.Integer, primary_key=True),',
        "    sa.Column(models.COLUMN, sa.Text))",
    )
    project.commit()
    project.branch()
    project.write("models.py", "# nothing is left\n")
    project.revision("r2", 'op.drop_column("t", "phone")')
    outcome = check(project)
    assert places(outcome) == {"column-dropped": "migrations/versions/r2.py:11"}
    assert any("head's code" in note for note in outcome.notes)


def test_a_version_table_wherever_the_search_path_leads(shop, check):
    env = (shop.root / "migrations/env.py").read_text()
    shop.write(
        "migrations/env.py",
        env.replace(
            "    context.configure(",
            '    connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS app")\n'
            '    connection.exec_driver_sql("SET search_path = app")\n'
            "    connection.commit()\n    context.configure(",
        ),
    )
    shop.commit()
    shop.git("branch", "--force", "main")
    shop.revision("r2", 'op.drop_column("customers", "phone")')
    outcome = check(shop)
    assert [f.subject for f in outcome.findings] == ["app.customers.phone"]
    assert [t.subject for t in outcome.after.tables] == ["app.customers"]


def test_a_branch_that_depends_on_another(shop, check):
    shop.revision("side", "pass", parent=None)
    text = (shop.root / "migrations/versions/side.py").read_text()
    shop.write(
        "migrations/versions/side.py",
        text.replace("down_revision = 'r1'", "down_revision = None\ndepends_on = 'r1'"),
    )
    assert check(shop).verdict == "passed"


def test_connections_that_are_cut_leave_it_undecided(shop, check):
    shop.revision(
        "r2",
        'op.execute("SELECT pg_terminate_backend(pg_backend_pid())")',
    )
    outcome = check(shop)
    assert outcome.verdict == "undecided"
    assert outcome.failure.line == 11


def test_statements_are_counted_within_their_file(shop, check):
    shop.revision("r2", 'op.execute("SELECT 1")', 'op.execute("SELECT 2")')
    shop.revision("r3", 'op.execute("SELECT 3")')
    rows = check(shop).facts.head["statements"]
    assert [(r["number"], r["subject"]) for r in rows] == [
        (1, "r2.py#1"),
        (2, "r2.py#2"),
        (3, "r3.py#1"),
    ]


def test_revisions_in_another_folder_are_not_overlooked(shop, check):
    ini = (shop.root / "alembic.ini").read_text()
    shop.write(
        "alembic.ini", ini + "version_locations = %(here)s/migrations/versions %(here)s/more\n"
    )
    shop.write("more/keep", "")
    shop.commit()
    shop.git("branch", "--force", "main")
    shop.revision("r2", 'op.drop_column("customers", "phone")').rename(shop.root / "more/r2.py")
    assert places(check(shop)) == {"column-dropped": "more/r2.py:11"}
