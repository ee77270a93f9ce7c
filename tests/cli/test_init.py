"""gatekeeper init: what it decides, what it writes, and whether `check` works right afterwards."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from gatekeeper.cli.main import app
from gatekeeper.setup.workflow import workflow
from tests.cli.newcomer import Newcomer, newcomer, shop, with_settings
from tests.conftest import ENV_PY, Project, Run

Init = Callable[..., Result]
WORKFLOW = ".github/workflows/gatekeeper.yml"
MULTIDB = """
from alembic import context
from sqlalchemy import create_engine, pool

found = {}
for name in ("orders", "billing"):
    url = "postgresql+psycopg://db.example.invalid/" + name
    found[name] = create_engine(url, poolclass=pool.NullPool).connect()
    found[name].begin()
for name, connection in found.items():
    context.configure(connection=connection, upgrade_token=name)
    context.run_migrations(engine_name=name)
for connection in found.values():
    connection.commit()
"""


@pytest.fixture
def run(gatekeeper: Run, tmp_path: Path) -> Newcomer:
    return newcomer(gatekeeper, tmp_path / "home")


@pytest.fixture
def init(monkeypatch: pytest.MonkeyPatch) -> Init:
    """Give a function that runs the command in a folder, in this process: it starts at once."""

    def run(*arguments: str, cwd: Path) -> Result:
        monkeypatch.chdir(cwd)
        return CliRunner().invoke(app, ["init", *arguments])

    return run


def install_lines(root: Path, path: str = WORKFLOW) -> tuple[str, list[str]]:
    """Give the folder and the shell lines of the step that installs the application."""
    steps = yaml.safe_load((root / path).read_text("utf-8"))["jobs"]["snapshot"]["steps"]
    step = next(step for step in steps if step.get("name") == "Install the application")
    return step.get("working-directory", "."), step["run"].splitlines()


def assert_sound(root: Path) -> None:
    """Let the tools for workflows read those that were written."""
    files = sorted(str(path) for path in (root / ".github/workflows").iterdir())
    here = Path(sys.executable).parent
    for command in (
        ["actionlint", "-no-color"],
        ["check-jsonschema", "--quiet", "--builtin-schema", "vendor.github-workflows"],
    ):
        done = subprocess.run(
            [str(here / command[0]), *command[1:], *files],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def assert_schemas_allow(root: Path) -> None:
    """Hold what was written against its schemas, the commented lines let in as well."""
    for name in ("gatekeeper.yml", "policies/house.yml"):
        text = (root / name).read_text("utf-8")
        first = text.splitlines()[0]
        assert first.startswith("# yaml-language-server: $schema=")
        schema = json.loads((root / name).with_name(first.partition("=")[2]).read_text("utf-8"))
        Draft202012Validator(schema).validate(yaml.safe_load(text))
    text = (root / "gatekeeper.yml").read_text("utf-8")
    assert yaml.safe_load(text) == {"packs": ["recommended", "policies"]}
    opened = yaml.safe_load(re.sub(r"^# (?=[a-z]+: [{\w])", "", text, flags=re.MULTILINE))
    assert {"migrations", "database", "policies", "stats", "data"} <= opened.keys()
    schema = json.loads((root / ".gatekeeper.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(opened)


def test_three_commands_from_nothing_to_a_verdict(run: Newcomer, project: Project) -> None:
    root = shop(project).root
    project.write("requirements.txt", "alembic\n")
    made = run("init", cwd=root)
    assert (made.returncode, made.stderr) == (0, "")
    said = {line.split()[0] for line in made.stdout.splitlines()}
    assert {"repository", "alembic", "interpreter", "history", "wrote", "to", "next"} <= said
    assert made.stdout.splitlines()[-1].split(maxsplit=1) == ["next", "gatekeeper check"]
    judged = run("check", cwd=root)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert "1 new migration" in judged.stdout
    tested = run("policy", "test", "policies", cwd=root)
    assert (tested.returncode, tested.stdout) == (0, "1 policies, 2 examples, 0 failed\n")
    assert_sound(root)
    assert_schemas_allow(root)
    assert install_lines(root) == (
        ".", ["python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"]
    )  # fmt: skip


def test_a_sub_folder_with_its_own_lock_file(init: Init, project: Project) -> None:
    root = shop(project, "backend").root
    project.write("backend/uv.lock", "version = 1\n")
    project.write("backend/pyproject.toml", '[project]\nname = "shop"\nversion = "1"\n')
    made = init(cwd=root / "backend")
    assert made.exit_code == 0, made.stdout
    assert (root / "gatekeeper.yml").is_file()
    assert "backend/alembic.ini: the only one" in made.stdout
    folder, lines = install_lines(root)
    assert folder == "backend"
    assert lines[-1] == '"$RUNNER_TEMP/tools/bin/uv" sync --frozen'
    assert_sound(root)


def several(project: Project) -> Path:
    """Give a repository with two projects, and two that only look like one."""
    root = shop(project, "shop").root
    other = Project(root / "billing db")  # with a repository of its own, which is not wanted here
    other.revision(
        "b1",
        'op.execute("CREATE TABLE bills (id bigint PRIMARY KEY)")',
        'op.execute("GRANT SELECT ON bills TO reader")',
    )
    shutil.rmtree(other.root / ".git")
    for folder in ("shop", "billing db"):
        project.write(f"{folder}/requirements.txt", "alembic\n")
    project.write("tests/app/alembic.ini", "[alembic]\nscript_location = x\n")
    project.write("old/alembic.ini", "[alembic]\nscript_location = gone\n")
    project.commit()
    return root


def test_several_projects_of_one_repository(run: Newcomer, project: Project) -> None:
    root = several(project)
    made = run("init", cwd=root / "shop")
    assert made.returncode == 0, made.stdout + made.stderr
    assert "project      shop: shop/alembic.ini" in made.stdout
    assert "roles        reader: granted to" in made.stdout
    lines = made.stdout.splitlines()
    assert "left out     old/alembic.ini: there is no gone/env.py" in lines
    assert "left out     tests/app/alembic.ini: it is below tests" in lines
    assert "      app: {migrations: {config: tests/app/alembic.ini}}" in lines
    assert "init --config '../billing db/alembic.ini': for that one alone" in made.stdout
    assert lines[-1].split(maxsplit=1) == ["next", "gatekeeper check"]
    values = yaml.safe_load((root / "gatekeeper.yml").read_text("utf-8"))
    assert values["projects"] == {
        "billing-db": {
            "migrations": {"config": "billing db/alembic.ini"},
            "database": {"roles": ["reader"]},
        },
        "shop": {"migrations": {"config": "shop/alembic.ini"}},
    }
    assert_sound(root)
    steps = yaml.safe_load((root / WORKFLOW).read_text("utf-8"))["jobs"]["snapshot"]["steps"]
    folders = [step["working-directory"] for step in steps if "working-directory" in step]
    assert folders == ["billing db", "shop"]
    looked = run("doctor", "--format", "json", cwd=root)
    assert looked.returncode == 0, looked.stdout
    found = [(s.get("project"), s["step"]) for s in json.loads(looked.stdout)["steps"]]
    assert found.count((None, "policies")) == 1
    assert {project for project, step in found if step == "base history"} == {"billing-db", "shop"}


def test_one_of_several_that_is_named(init: Init, project: Project) -> None:
    root = several(project)
    made = init("--config", "alembic.ini", cwd=root / "shop")
    assert made.exit_code == 0, made.stdout
    assert "others       gatekeeper init --config '../billing db/alembic.ini'" in made.stdout
    assert "next         gatekeeper check\n" in made.stdout  # its gatekeeper.yml is here
    assert [path.name for path in (root / ".github/workflows").iterdir()] == ["gatekeeper-shop.yml"]
    values = yaml.safe_load((root / "shop/gatekeeper.yml").read_text("utf-8"))
    assert values["migrations"] == {"config": "alembic.ini"}
    assert not (root / "gatekeeper.yml").exists()


def test_an_env_py_that_migrates_several_databases(init: Init, project: Project) -> None:
    project.write("migrations/env.py", MULTIDB)
    project.revision("r1", "pass")
    file = project.root / "migrations/versions/r1.py"
    file.write_text(file.read_text("utf-8").replace("upgrade()", "upgrade(engine_name)"), "utf-8")
    project.commit()
    made = init(cwd=project.root)
    assert made.exit_code == 0, made.stdout
    values = yaml.safe_load((project.root / "gatekeeper.yml").read_text("utf-8"))
    assert values["projects"] == {
        name: {"migrations": {"database": name}} for name in ("billing", "orders")
    }


def test_workflows_of_one_repository_do_not_get_into_each_others_way() -> None:
    flows = [
        yaml.safe_load(workflow(None, name=name, config_file=f"{name}/gatekeeper.yml"))
        for name in ("shop", "billing-db")
    ]
    for pick in (
        lambda flow: flow["name"],
        lambda flow: flow["concurrency"]["group"],
        lambda flow: flow["jobs"]["gatekeeper"]["name"],
        lambda flow: flow["jobs"]["gatekeeper"]["steps"][-1]["with"]["key"],
        lambda flow: flow["jobs"]["gatekeeper"]["steps"][-1]["with"]["config-file"],
    ):
        assert len({pick(flow) for flow in flows}) == len(flows)
    for flow in flows:
        upload, download = (
            next(s for s in flow["jobs"][job]["steps"] if f"{kind}-artifact" in s.get("uses", ""))
            for job, kind in (("snapshot", "upload"), ("gatekeeper", "download"))
        )
        assert upload["with"]["name"] == download["with"]["name"]


def test_a_project_in_pyproject(init: Init, project: Project) -> None:
    root = shop(project).root
    (root / "alembic.ini").unlink()
    project.write(
        "pyproject.toml",
        '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.13"\n'
        '[tool.alembic]\nscript_location = "%(here)s/migrations"\n',
    )
    url = 'context.config.set_main_option("sqlalchemy.url", "postgresql+psycopg://nobody@db/shop")'
    project.write("migrations/env.py", ENV_PY.replace("engine =", f"{url}\nengine =", 1))
    made = init(cwd=root)
    assert made.exit_code == 0, made.stdout
    assert "pyproject.toml: the only one" in made.stdout
    _, lines = install_lines(root)
    assert lines[-2:] == ['"$python" -m venv .venv', ".venv/bin/pip install -e ."]
    assert "python install 3.13" in lines[2]
    assert_sound(root)


def test_settings_and_roles_are_found_out(init: Init, project: Project) -> None:
    shop(project)
    with_settings(project)
    project.revision("r3", 'op.execute("GRANT SELECT ON t TO reader")')
    made = init(cwd=project.root)
    assert made.exit_code == 0, made.stdout
    assert "SHOP_API_KEY, SHOP_WORKERS: the application demands it" in made.stdout
    values = yaml.safe_load((project.root / "gatekeeper.yml").read_text("utf-8"))
    assert values["migrations"] == {"env": {"SHOP_API_KEY": "x" * 32, "SHOP_WORKERS": "1"}}
    assert values["database"] == {"roles": ["reader"]}


def test_what_does_not_run_is_told_and_the_files_are_written(init: Init, project: Project) -> None:
    shop(project)
    project.revision("r3", "raise ValueError('not today')")
    made = init(cwd=project.root)
    assert made.exit_code == 2
    assert "✗ new revisions" in made.stdout
    assert "ValueError: not today" in made.stdout
    assert made.stdout.splitlines()[-1].split(maxsplit=1) == ["next", "gatekeeper doctor"]
    assert (project.root / "gatekeeper.yml").is_file()


def test_nothing_is_overwritten_unless_forced(init: Init, project: Project) -> None:
    shop(project)
    own = project.write("gatekeeper.yml", "packs: [relaxed]\n")
    project.write("policies/k8s.yml", "kind: NetworkPolicy\n")  # the folder is somebody else's
    made = init(cwd=project.root)
    assert made.exit_code == 0, made.stdout
    assert "left         gatekeeper.yml is there already; --force overwrites it" in made.stdout
    assert own.read_text("utf-8") == "packs: [relaxed]\n"
    assert (project.root / "gatekeeper-policies/house.yml").is_file()
    assert (project.root / WORKFLOW).is_file()
    forced = init("--force", cwd=project.root)
    assert "left" not in forced.stdout
    assert "packs: [recommended, gatekeeper-policies]" in own.read_text("utf-8")


@pytest.mark.parametrize("files", [(), ("README.md",)])
def test_where_there_is_nothing(run: Newcomer, tmp_path: Path, files: tuple[str, ...]) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    done = run("init", cwd=folder)
    assert done.returncode == 2
    assert "not in a git repository" in done.stderr
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    for name in files:
        (folder / name).write_text("", "utf-8")
    done = run("init", cwd=folder)
    assert done.returncode == 2
    assert "there is nothing to judge here" in done.stderr
    assert {path.name for path in folder.iterdir()} == {".git", *files}


def test_migrations_in_sql(run: Newcomer, project: Project) -> None:
    (project.root / "alembic.ini").unlink()
    project.write("db/V1__first.sql", "CREATE TABLE t (id bigint PRIMARY KEY);\n")
    project.write("db/V2__second.sql", "ALTER TABLE t ADD a text;\n")
    project.write("db/V10__tenth.sql", "ALTER TABLE t ADD b text;\n")
    project.commit()
    made = run("init", cwd=project.root)
    assert made.returncode == 0, made.stderr
    assert "db: 3 migrations" in made.stdout
    assert not (project.root / ".github").exists()
    line = next(line for line in made.stdout.splitlines() if line.startswith("or "))
    arguments = line.split()[2:-1]  # without what stands for the rest
    assert run(*arguments, cwd=project.root).returncode == 0
    assert "--schema before.sql db/V10__tenth.sql" in made.stdout


def test_a_dry_run_writes_nothing_and_another_forge_gets_no_workflow(
    init: Init, project: Project
) -> None:
    shop(project)
    project.write(".gitlab-ci.yml", "")
    project.write(".gitignore", "__pycache__\n")
    before = project.git("status", "--porcelain")
    made = init("--dry-run", cwd=project.root)
    assert made.exit_code == 0, made.stdout
    assert "no workflow, as this is no project of GitHub's" in made.stdout
    assert "would write  gatekeeper.yml" in made.stdout
    assert ".github" not in made.stdout
    assert project.git("status", "--porcelain") == before


def test_an_interpreter_of_the_repository_is_written_down(init: Init, project: Project) -> None:
    shop(project)
    folder = project.root / "tools" / "env" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', "utf-8")
    (folder / "python").chmod(0o755)
    made = init("--python", "tools/env/bin/python", cwd=project.root)
    assert made.exit_code == 0, made.stdout
    assert "python: tools/env/bin/python" in (project.root / "gatekeeper.yml").read_text("utf-8")
