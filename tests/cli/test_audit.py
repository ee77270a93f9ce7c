"""gatekeeper audit as a team lives with it: a baseline of debt, and only growth fails."""

import json
import sys

import pytest

TABLES = 60
CONFIG = "packs: [integrity, modelling]\npolicies: {missing-primary-key: error}\n"
RED = 'op.execute("CREATE TABLE extra (note text)")'


def with_debt():
    """Give SQL of tables that each have a key too few, and four columns of the wrong type."""
    return [
        f"CREATE TABLE t{i} (price real, amount float, doc json, seen timestamp);"
        for i in range(TABLES)
    ]


@pytest.fixture
def shop(project):
    lines = (f'op.execute("{sql}")' for sql in with_debt())
    project.revision("r1", *lines)
    project.write("gatekeeper.yml", CONFIG)
    project.commit()
    return project


@pytest.fixture
def audit(project, gatekeeper):
    def run(*arguments, command="audit"):
        done = gatekeeper(command, "--python", sys.executable, *arguments, cwd=project.root)
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def scripts(tmp_path, gatekeeper):
    """Audit a schema in plain SQL; `config` is gatekeeper.yml."""

    def run(sql, *arguments, config=""):
        (tmp_path / "now.sql").write_text(sql)
        (tmp_path / "gatekeeper.yml").write_text(config)
        return gatekeeper("audit", "--schema", "now.sql", *arguments)

    return run


def test_a_branch_cannot_add_to_the_baseline_of_its_base(shop, audit):
    audit("--write-baseline")
    shop.commit()
    shop.branch()
    shop.revision("r2", RED)
    audit("--write-baseline")
    assert audit().returncode == 0
    done = audit("--config-from", "main")
    assert done.returncode == 1
    assert "Blocked by 1 new error; 300 known findings left\n" in done.stdout
    done = audit("--config-from", "main", "--prune")
    assert done.returncode == 2
    assert "Leave --config-from out." in done.stderr


def test_a_commit_is_audited_as_it_was(shop, audit):
    shop.revision("r2", RED)
    shop.commit()
    assert "60 tables by " in audit("--head", "HEAD~1").stdout
    assert "61 tables by " in audit("--head", "HEAD").stdout


LOG = "CREATE TABLE log (t text);"


@pytest.mark.parametrize(
    ("fail_on", "severity", "status"),
    [
        ("error", "error", 1), ("error", "warning", 0), ("warning", "warning", 1),
        ("warning", "notice", 0), ("none", "error", 0),
        ("warning", "{severity: error, mode: dry-run}", 0),
    ],
)  # fmt: skip
def test_what_fails(scripts, fail_on, severity, status):
    config = f"packs: [integrity]\npolicies: {{missing-primary-key: {severity}}}\n"
    done = scripts(LOG, "--fail-on", fail_on, config=config)
    assert done.returncode == status
    assert "missing-primary-key" in done.stdout


def test_waivers_that_nothing_needs(scripts):
    entry = "  - {policy: %s, subject: %s, because: we looked at it closely%s}\n"
    config = "projects: {other: {}}\npacks: [integrity, destructive]\nwaivers:\n" + "".join(
        entry % values
        for values in (
            ("missing-primary-key", "public.log", ""),
            ("missing-primary-key", "public.gone", ""),
            ("column-dropped", "public.log.x", ""),  # of what a change may do, nobody knows here
            ("missing-primary-key", "public.past", ", until: 2001-01-01"),
            ("missing-primary-key", "public.gone", ", project: other"),
        )
    )
    done = scripts(LOG, config=config)
    assert done.returncode == 0
    told = [line.strip() for line in done.stdout.splitlines() if "the waiver of" in line]
    assert told == [
        "warning gatekeeper.yml:5: the waiver of missing-primary-key for public.gone is not needed:"
        " nothing is found that it is for",
        "warning gatekeeper.yml:7: the waiver of missing-primary-key for public.past does not"
        " count: it ended on 2001-01-01, and nothing is found that it was for",
    ]
    assert scripts(LOG, "--fail-on", "warning", config=config).returncode == 1


def test_a_policy_with_approvers(scripts):
    config = (
        "packs: [integrity]\npolicies: {missing-primary-key: {approvers: [ann]}}\nwaivers:\n"
        "  - {policy: missing-primary-key, subject: public.log, because: we looked at it closely}\n"
    )
    done = scripts(LOG, config=config)
    assert "only an approving review by ann waives this" in done.stdout
    assert "Passed with 1 warning\n" in done.stdout


def test_entries_of_policies_that_do_not_judge_stay(scripts, tmp_path):
    baseline = tmp_path / ".gatekeeper/baseline.json"
    both = "CREATE TABLE log (t json);"
    scripts(both, "--write-baseline", "--packs", "integrity", "--packs", "modelling")
    whole = baseline.read_bytes()
    assert whole.count(b"GK-") == 2
    done = scripts(both, "--packs", "integrity", "--prune")
    assert "the baseline has entries of policies that did not judge: json-not-jsonb" in done.stdout
    assert baseline.read_bytes() == whole
    scripts("", "--packs", "integrity", "--write-baseline")
    assert b"json-not-jsonb" in baseline.read_bytes()
    assert b"missing-primary-key" not in baseline.read_bytes()
    scripts("", "--write-baseline")
    assert baseline.read_bytes().count(b"GK-") == 0


def test_json_says_all_of_it_and_a_file_gets_what_the_terminal_shows(scripts, tmp_path):
    packs = ("--packs", "integrity")
    scripts(LOG, "--write-baseline", *packs)
    values = json.loads(scripts(LOG + "CREATE TABLE m (t text);", "-f", "json", *packs).stdout)
    found = [(f["subject"], f["known"], f["table"]) for f in values["findings"]]
    assert found == [("public.log", True, "public.log"), ("public.m", False, "public.m")]
    assert values["baseline"]["remaining"] == 1
    done = scripts(LOG, "--all", "-o", "audit.txt", *packs)
    assert "public.log has no primary key. (known)" in done.stdout
    assert (tmp_path / "audit.txt").read_text("utf-8") == done.stdout
    done = scripts(LOG, "--all", "-f", "markdown", *packs)
    assert done.stdout.startswith("### ✅ Gatekeeper audit: passed; 1 known finding left\n")
    done = scripts(LOG, "--all", "-f", "sarif", *packs)
    (result,) = json.loads(done.stdout)["runs"][0]["results"]
    assert result["baselineState"] == "unchanged"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "now.sql"


def test_several_scripts_and_roles_that_they_grant_to(tmp_path, gatekeeper):
    (tmp_path / "a.sql").write_text(LOG)
    (tmp_path / "b.sql").write_text("GRANT SELECT ON log TO PUBLIC;")
    done = gatekeeper("audit", "--schema", "a.sql", "--schema", "b.sql", "--packs", "access")
    assert "PUBLIC is given SELECT on public.log" in done.stdout
    assert "a.sql, b.sql" in done.stdout


CATALOG_QUERY = (
    "pack: house\npolicies:\n"
    "  - id: {id}\n    title: t\n    severity: warning\n    catalog_query: |\n"
    "      select {what} as subject from {table}\n    message: '{{{{ subject }}}}'\n    why: w\n"
)


def test_of_a_database_only_the_catalog_is_read(database, connection, tmp_path, gatekeeper):
    connection.execute(LOG + "CREATE TABLE alembic_version (v text); INSERT INTO log VALUES ('x')")
    (tmp_path / "reads.yml").write_text(
        CATALOG_QUERY.format(id="reads", what="t", table="public.log")
    )
    (tmp_path / "asks.yml").write_text(
        CATALOG_QUERY.format(id="asks", what="relname", table="pg_class where relname = 'log'")
    )
    url = f"postgresql://postgres@/{database.database}?host={database.host}"
    packs = [word for name in ("integrity", "reads.yml", "asks.yml") for word in ("--packs", name)]
    done = gatekeeper("audit", "--url", url, *packs, "-f", "json")
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    found = [(f["policy"], f["subject"]) for f in values["findings"]]
    assert found == [("asks", "log"), ("missing-primary-key", "public.log")]
    assert values["notes"] == [
        "not judged, because a database in use holds what they would read: reads"
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--schema", "a.sql", "--head", "HEAD"), "--schema and --head do not go together"),
        (("--write-baseline", "--prune"), "--write-baseline and --prune do not go together"),
        (("--schema", "none.sql"), "none.sql: there is no such file or folder"),
        (("--url", "mysql://x/y"), "mysql:// is no URL of a PostgreSQL database"),
        (("--url", "a.sql"), "--url is no URL of a PostgreSQL database"),
        (("--schema", "a.sql", "--prune"), ".gatekeeper/baseline.json: there is no baseline"),
        (("--schema", "bad.sql"), "bad.sql"),
    ],
)
def test_mistakes_are_said_with_the_way_out(tmp_path, gatekeeper, arguments, said):
    (tmp_path / "a.sql").write_text(LOG)
    (tmp_path / "bad.sql").write_text("CREATE TABLE")
    done = gatekeeper("audit", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_baseline_that_a_merge_broke(scripts, tmp_path):
    scripts(LOG, "--write-baseline")
    path = tmp_path / ".gatekeeper/baseline.json"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join([lines[0], "<<<<<<< HEAD\n", *lines[1:]]))
    done = scripts(LOG)
    assert done.returncode == 2
    assert ".gatekeeper/baseline.json:2: not valid JSON" in done.stderr
    assert "keep the lines of both sides" in " ".join(done.stderr.split())


def test_migrations_do_not_run_where_they_would_get_a_token(scripts, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request_target")
    done = scripts(LOG)
    assert done.returncode == 2
    assert "migrations do not run under the event pull_request_target" in done.stdout + done.stderr
