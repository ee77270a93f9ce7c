"""--config-from: the working tree cannot weaken what it is judged by."""

import os
import sys

import pytest

_DROP = "ALTER TABLE t DROP COLUMN a;"
_HOUSE = (
    "policies:\n  - id: short-names\n    title: t\n    severity: error\n    for: columns\n"
    "    where: change = 'added'\n    require: length(column_name) > 2\n"
    "    message: '{{ column }} is short'\n    why: w\n"
)
_STATS = '{{"version": 1, "taken": "2026-08-24", "server_version": "18.0", "tables": {{"public.t": {}}}}}'


@pytest.fixture
def check(project, gatekeeper):
    """Check a migration in plain SQL from the folder `cwd` of the repository."""
    project.write("before.sql", "CREATE TABLE t (id int PRIMARY KEY, a int);")

    def run(migration, *arguments, cwd=""):
        project.write("m.sql", migration)
        root = project.root
        return gatekeeper(
            "check", "--schema", f"{root}/before.sql", f"{root}/m.sql", *arguments, cwd=root / cwd
        )

    return run


def test_a_policy_that_the_working_tree_weakens_still_blocks(project, check):
    project.write("gatekeeper.yml", "policies: {column-dropped: error}\n")
    project.commit()
    project.branch()
    project.write("gatekeeper.yml", "policies: {column-dropped: off}\n")
    project.commit()
    assert check(_DROP).returncode == 0
    assert check(_DROP, "--config-from", "main").returncode == 1
    arguments = ("--config-file", str(project.root / "gatekeeper.yml"))
    assert check(_DROP, *arguments, "--config-from", "main").returncode == 1


def test_house_policies_are_those_of_the_commit(project, check):
    project.write("gatekeeper.yml", "packs: [policies/]\n")
    project.write("policies/house.yml", _HOUSE)
    project.commit()
    project.write("policies/house.yml", _HOUSE.replace("> 2", "> 0"))
    migration = "ALTER TABLE t ADD COLUMN b int;"
    done = check(migration, "--config-from", "HEAD")
    assert done.returncode == 1
    assert "public.t.b is short" in done.stdout
    packs = ("--packs", "policies/house.yml")
    assert check(migration, *packs).returncode == 0
    assert check(migration, *packs, "--config-from", "HEAD").returncode == 1


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"gatekeeper.yml": "packs: [../../etc]\n"}, "'../../etc' leads out of the repository"),
        ({"gatekeeper.yml": "polices: {}\n"}, ":gatekeeper.yml:1: unknown key 'polices'"),
        ({"gatekeeper.yml": "stats: no.json\n"}, ":no.json: there is no such file in the commit"),
        ({"gatekeeper.yml": "database: {bootstrap: x.sql}\n"}, ":x.sql: there is no such file"),
        (
            {"gatekeeper.yml": "packs: p.yml\n", "p.yml": _HOUSE.replace("require", "requir")},
            ":p.yml:7: unknown key 'requir'; did you mean require?",
        ),
        ({"gatekeeper.yml": "packs: p.yml\n", "p.yml": "#" * 1_000_001}, ":p.yml: the file is"),
    ],
)
def test_mistakes_in_the_commit_say_which_version_is_meant(project, check, files, words):
    for name, text in files.items():
        project.write(name, text)
    commit = project.commit()
    done = check(_DROP, "--config-from", commit)
    assert done.returncode == 2
    assert commit[:12] in done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_linked_configuration_is_refused(project, check):
    project.write("weak.yml", "packs: []\n")
    (project.root / "gatekeeper.yml").symlink_to("weak.yml")
    project.commit()
    done = check(_DROP, "--config-from", "HEAD")
    assert done.returncode == 2
    assert ":gatekeeper.yml is a symbolic link" in done.stderr


def test_a_commit_that_is_not_there(project, check, gatekeeper, tmp_path):
    project.commit()
    done = check(_DROP, "--config-from", "nowhere")
    assert (done.returncode, "git knows no revision 'nowhere'" in done.stderr) == (2, True)
    for given in ("", "--upload-pack=x", "HEAD:gatekeeper.yml"):
        assert check(_DROP, f"--config-from={given}").returncode == 2
    old = project.git("rev-parse", "HEAD")
    project.commit("newer")
    project.git(
        "clone", "--quiet", "--depth=1", f"file://{project.root}", str(tmp_path / "shallow")
    )
    done = gatekeeper(
        "policy", "list", "--config-from", old, cwd=tmp_path / "shallow"
    )  # fmt: skip
    assert done.returncode == 2
    assert "fetch-depth: 0" in done.stderr
    (tmp_path / "plain").mkdir()
    done = gatekeeper("policy", "list", "--config-from", "HEAD", cwd=tmp_path / "plain")
    assert (done.returncode, "not in a git repository" in done.stderr) == (2, True)


def test_policies_of_a_commit_are_listed(project, gatekeeper):
    project.write("gatekeeper.yml", "packs: p.yml\n")
    project.write("p.yml", _HOUSE)
    project.commit()
    (project.root / "p.yml").unlink()
    assert gatekeeper("policy", "list", cwd=project.root).returncode == 2
    done = gatekeeper("policy", "list", "--config-from", "HEAD", cwd=project.root)
    assert "short-names" in done.stdout


def test_a_link_does_not_lead_to_the_policies_of_another_project(project, gatekeeper):
    project.write("backend/gatekeeper.yml", "packs: [locks]\n")
    project.write("toys/gatekeeper.yml", "packs: [integrity]\n")
    project.commit()
    (project.root / "backend/gatekeeper.yml").unlink()
    (project.root / "backend").rmdir()
    (project.root / "backend").symlink_to("toys")
    here = project.root / "backend"
    done = gatekeeper(
        "policy", "list", "--config-from", "HEAD", cwd=here, env=os.environ | {"PWD": str(here)}
    )
    assert "table-rewritten" in done.stdout
    assert "missing-primary-key" not in done.stdout


def test_statistics_are_those_of_the_commit(project, check):
    project.write("gatekeeper.yml", "stats: s.json\nparams: {min_rows: 1000}\n")
    project.write("s.json", _STATS.format(5000))
    project.commit()
    project.write("s.json", _STATS.format(5))
    migration = "ALTER TABLE t ALTER COLUMN a TYPE text;"
    assert "table-rewritten" not in check(migration).stdout
    assert "table-rewritten" in check(migration, "--config-from", "HEAD").stdout


def test_a_template_is_that_of_the_commit(project, check):
    text = '{% extends "comment.md.j2" %}{% block headline %}HOUSE RULES{% endblock %}\n'
    project.write("gatekeeper.yml", "report: {template: ci/report.md.j2}\n")
    project.write("ci/report.md.j2", text)
    project.commit()
    project.write("ci/report.md.j2", text.replace("HOUSE RULES", "ALL IS WELL"))
    assert "ALL IS WELL" in check(_DROP, "-f", "markdown").stdout
    done = check(_DROP, "-f", "markdown", "--config-from", "HEAD")
    assert (done.returncode, "HOUSE RULES" in done.stdout) == (1, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\n{% block %}\n", "ci/report.md.j2:2: the template cannot be used: "),
        (
            "{{ nonsense }}",
            "ci/report.md.j2:1: the template cannot be used: 'nonsense' is undefined",
        ),
        ("{{ ''.__class__ }}", "ci/report.md.j2:1: the template cannot be used: "),
        ("x" * 256_001, "ci/report.md.j2: the file is larger than 256,000 bytes"),
        (None, "ci/report.md.j2: "),
    ],
)
def test_a_template_that_cannot_be_used_is_an_error(project, check, text, words):
    project.write("gatekeeper.yml", "report: {template: ci/report.md.j2}\n")
    if text is not None:
        project.write("ci/report.md.j2", text)
    commit = project.commit()
    done = check(_DROP, "--format", "markdown", "--config-from", "HEAD")
    assert done.returncode == 2
    assert f"error: {commit[:12]}:{words}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_template_of_the_working_tree_is_only_read_for_markdown(project, check):
    project.write("gatekeeper.yml", "report: {template: report.md.j2}\n")
    project.write("report.md.j2", "a\n{% block %}\n")
    done = check(_DROP, "--format", "markdown")
    assert done.returncode == 2
    assert f"error: {project.root}/" not in done.stderr
    assert "error: report.md.j2:2: the template cannot be used: " in done.stderr
    assert check(_DROP, "--format", "json").returncode == 1


def test_a_project_in_a_folder_of_the_repository(project, gatekeeper):
    """The application is the working tree's, what judges it and what it starts from the commit's."""
    for name in ("alembic.ini", "migrations/env.py"):
        moved = project.root / "backend" / name
        moved.parent.mkdir(parents=True, exist_ok=True)
        (project.root / name).rename(moved)
    versions = project.root / "backend/migrations/versions"
    versions.mkdir()
    project.write(
        "backend/gatekeeper.yml",
        f"migrations: {{config: alembic.ini, python: {sys.executable}}}\n"
        "database: {bootstrap: ../sql/dump.sql}\npacks: [recommended, house.yml]\n",
    )
    project.write("backend/house.yml", _HOUSE)
    dump = "CREATE TABLE old (id int PRIMARY KEY, a text);"
    project.write("sql/dump.sql", dump)
    project.revision("r1", 'op.execute("UPDATE old SET a = a")').rename(versions / "r1.py")
    project.commit()
    project.branch()
    added = project.revision(
        "r2", 'op.drop_column("old", "a")', 'op.execute("ALTER TABLE old ADD b int")'
    )
    added.rename(versions / "r2.py")
    project.write("sql/dump.sql", "nonsense")
    project.write("backend/house.yml", "policies: []\n")
    project.write("backend/gatekeeper.yml", "database: {bootstrap: ../sql/dump.sql}\npacks: []\n")
    head = project.commit()
    cwd = project.root / "backend" / "migrations"
    done = gatekeeper("check", "--config-from", "main", cwd=cwd)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "public.old.a (text) is dropped" in done.stdout
    assert "public.old.b is short" in done.stdout
    for command in (("check",), ("access",), ("diff", "main", "HEAD")):
        if command != ("check",):
            assert gatekeeper(*command, "--config-from", "main", cwd=cwd).returncode < 2
        done = gatekeeper(*command, "--config-from", "HEAD", "--python", sys.executable, cwd=cwd)
        assert done.returncode == 2
        assert f"{head[:12]}:sql/dump.sql:1" in done.stdout + done.stderr


def test_without_it_git_is_not_asked(project, check, tmp_path, monkeypatch):
    project.write("gatekeeper.yml", "packs: [recommended, p.yml]\n")
    project.write("p.yml", _HOUSE)
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    assert check(_DROP).returncode == 1
    assert not (tmp_path / "trace").exists()
