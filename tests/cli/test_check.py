"""The command as a user meets it: output, exit status, errors with the way out."""

import json
import os
import sys

import pytest

SCHEMA = "CREATE TABLE t (id int PRIMARY KEY, a int);"


@pytest.fixture
def sql(tmp_path, gatekeeper):
    def run(migration, *arguments, before=SCHEMA):
        (tmp_path / "before.sql").write_text(before)
        (tmp_path / "m.sql").write_text(migration)
        return gatekeeper("check", "--schema", "before.sql", "m.sql", *arguments)

    return run


@pytest.mark.parametrize(
    ("migration", "status", "words"),
    [
        ("ALTER TABLE t ADD COLUMN b int;", 0, "Passed"),
        ("ALTER TABLE t DROP COLUMN a;", 1, "Blocked by 1 error"),
        ("ALTER TABLE u ADD COLUMN b int;", 2, "Undecided"),
    ],
)
def test_exit_status_and_last_words(sql, migration, status, words):
    done = sql(migration)
    assert done.returncode == status, done.stderr
    assert words in done.stdout
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


def test_json_goes_to_standard_output_alone(sql):
    report = json.loads(sql("ALTER TABLE t DROP COLUMN a;", "--format", "json").stdout)
    assert report["verdict"] == "blocked"
    assert [(f["policy"], f["file"], f["line"]) for f in report["findings"]] == [
        ("column-dropped", "m.sql", 1)
    ]


def test_output_writes_the_file_and_prints_the_verdict(sql, tmp_path):
    done = sql("ALTER TABLE t DROP COLUMN a;", "-f", "markdown", "--output", "out/comment.md")
    assert "Blocked by 1 error" in done.stdout
    assert (tmp_path / "out/comment.md").read_text().startswith("### ❌ Gatekeeper: blocked")


def test_output_that_cannot_be_written(sql, tmp_path):
    (tmp_path / "file").write_text("")
    done = sql("SELECT 1;", "-f", "json", "--output", "file/report.json")
    assert done.returncode == 2
    assert "file/report.json: cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("form", ["json", "markdown"])
def test_two_runs_on_the_same_commits_give_the_same_bytes(project, gatekeeper, form):
    project.revision("r1", 'op.execute("CREATE TABLE t (id int PRIMARY KEY, a int, b int)")')
    project.commit()
    project.branch()
    project.revision(
        "r2",
        'op.execute("ALTER TABLE t DROP a, ALTER b TYPE bigint, ADD u_id int NOT NULL")',
        'op.execute("CREATE TABLE u (id int, t_id int); CREATE INDEX i ON t (b)")',
    )
    project.commit()
    arguments = ("check", "--head", "HEAD", "--python", sys.executable, "--format", form)
    first = gatekeeper(*arguments, cwd=project.root)
    second = gatekeeper(*arguments, cwd=project.root)
    assert first.returncode == 1, first.stderr
    assert first.stdout == second.stdout


def test_configuration_mistakes_come_all_at_once(sql, tmp_path):
    (tmp_path / "gatekeeper.yml").write_text(
        "migration:\n  x: 1\npolicies:\n  column-droped: off\n  table-dropped: eror\n"
    )
    done = sql("SELECT 1;")
    assert done.returncode == 2
    assert "gatekeeper.yml:1: unknown key 'migration'; did you mean migrations?" in done.stderr
    assert "gatekeeper.yml:5: 'eror' is no severity; did you mean error?" in done.stderr
    (tmp_path / "gatekeeper.yml").write_text("policies:\n  column-droped: off\n")
    done = sql("SELECT 1;")
    assert ":2: there is no policy 'column-droped'; did you mean column-dropped?" in done.stderr


def test_a_policy_may_be_off_weaker_or_on_trial(sql, tmp_path):
    for setting, status in (("off", 0), ("warning", 0), ("{mode: dry-run}", 0), ("error", 1)):
        (tmp_path / "gatekeeper.yml").write_text(f"policies:\n  column-dropped: {setting}\n")
        done = sql("ALTER TABLE t DROP COLUMN a;")
        assert done.returncode == status, (setting, done.stdout)
        assert ("column-dropped" in done.stdout) == (setting != "off")


def test_house_policies_of_both_kinds(sql, tmp_path):
    (tmp_path / "house.yml").write_text(
        "pack: house\npolicies:\n"
        "  - id: short-names\n    title: t\n    severity: error\n    for: columns\n"
        "    where: change = 'added'\n    require: length(column_name) > 2\n"
        "    message: '{{ column }} is short'\n    why: w\n"
        "  - id: busy\n    title: t\n    severity: warning\n"
        "    query: select table_subject as subject, count(*) as n from columns"
        " where change = 'added' group by 1 having n > 1\n"
        "    message: '{{ subject }} gets {{ n }} columns'\n    why: w\n"
    )
    (tmp_path / "gatekeeper.yml").write_text("packs: [house.yml]\n")
    done = sql("ALTER TABLE t ADD b int, ADD long_name int, DROP a;")
    assert "public.t.b is short" in done.stdout
    assert "public.t gets 2 columns" in done.stdout
    assert "column-dropped" not in done.stdout


def test_bad_usage_is_an_error_with_the_way_out(gatekeeper, tmp_path, project):
    cases = [
        (("check",), tmp_path, "not in a git repository"),
        (("check", "m.sql"), tmp_path, "need --schema"),
        (("check", "--schema", "m.sql"), tmp_path, "at least one migration"),
        (("check", "--schema", "no.sql", "no.sql"), tmp_path, "no.sql: cannot be read"),
        (("check",), project.root, "no commit yet"),
        (("check", "--config-file", "no.yml"), tmp_path, "no.yml: there is no such file"),
        (("explain", "column-droped"), tmp_path, "did you mean column-dropped"),
    ]
    for arguments, where, words in cases:
        done = gatekeeper(*arguments, cwd=where)
        assert done.returncode == 2, arguments
        assert words in done.stderr, (arguments, done.stderr)
        assert "Traceback" not in done.stderr


def test_an_unknown_revision(project, gatekeeper):
    project.commit()
    done = gatekeeper("check", "--base", "nowhere", cwd=project.root)
    assert done.returncode == 2
    assert "git knows no revision 'nowhere'" in done.stderr
    done = gatekeeper("check", "--base", "--upload-pack=x", cwd=project.root)
    assert done.returncode == 2


def test_escape_sequences_in_names_do_not_reach_the_terminal(sql):
    done = sql(
        'ALTER TABLE t DROP COLUMN "\x1b[2J\x07";', before='CREATE TABLE t ("\x1b[2J\x07" int);'
    )
    assert done.returncode == 1, done.stdout
    assert "\x1b" not in done.stdout
    assert "\\u001b[2J" in done.stdout


def test_query_sees_the_facts_and_writes_nothing(gatekeeper, tmp_path):
    (tmp_path / "b.sql").write_text(SCHEMA)
    (tmp_path / "m.sql").write_text("ALTER TABLE t DROP a;")
    files = ("--schema", "b.sql", "--migration", "m.sql")
    done = gatekeeper("query", "select subject, change from columns where change <> ''", *files)
    assert "public.t.a  dropped" in done.stdout
    done = gatekeeper("query", "delete from columns", *files)
    assert done.returncode == 2
    assert "SQLite refuses" in done.stderr


def test_the_demo_shows_six_policies_with_their_places(gatekeeper, tmp_path):
    done = gatekeeper("demo", env={**os.environ, "TMPDIR": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert "Blocked by" in done.stdout
    headings = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("error ")]
    assert len(set(headings)) >= 6
    comment = next(line for line in done.stdout.splitlines() if "comment" in line).split()[-1]
    with open(comment, encoding="utf-8") as text:  # noqa: PTH123
        assert "### ❌ Gatekeeper: blocked by" in text.read()


def test_the_examples_of_a_policy_without_its_condition_fail(gatekeeper, tmp_path):
    pack = (
        "pack: p\npolicies:\n  - id: no-key\n    title: t\n    severity: error\n    for: tables\n"
        "    require: has_primary_key\n    message: m\n    why: w\n    examples:\n"
        "      - {name: a, migration: CREATE TABLE a (i int), finds: [public.a]}\n"
        "      - {name: b, migration: CREATE TABLE b (i int PRIMARY KEY), finds: []}\n"
    )
    (tmp_path / "p.yml").write_text(pack)
    done = gatekeeper("policy", "test", "p.yml")
    assert (done.returncode, done.stdout) == (0, "1 policies, 2 examples, 0 failed\n"), done.stderr
    (tmp_path / "p.yml").write_text(pack.replace("    require: has_primary_key\n", ""))
    assert gatekeeper("policy", "test", "p.yml").returncode == 2
    (tmp_path / "p.yml").write_text(pack.replace("has_primary_key", "not has_primary_key"))
    done = gatekeeper("policy", "test", "p.yml")
    assert done.returncode == 1
    assert "2 failed" in done.stdout
    (tmp_path / "p.yml").write_text(pack[: pack.rindex("      - {name: b")])
    done = gatekeeper("policy", "test", "p.yml")
    assert done.returncode == 2
    assert "no example that finds nothing" in done.stderr


def test_bootstrap_scripts_run_before_the_first_migration(project, gatekeeper):
    project.write(
        "dump.sql",
        "CREATE TABLE old (id int PRIMARY KEY, a text);\nCOPY old FROM stdin;\n1\tx\n\\.\n",
    )
    project.write(
        "gatekeeper.yml",
        f"migrations: {{python: {sys.executable}}}\ndatabase: {{bootstrap: dump.sql}}\n",
    )
    project.revision("r1", 'op.execute("UPDATE old SET a = a")')
    project.commit()
    project.branch()
    project.revision("r2", 'op.drop_column("old", "a")')
    done = gatekeeper("check", cwd=project.root)
    assert done.returncode == 1, done.stderr
    assert "public.old.a (text) is dropped" in done.stdout
