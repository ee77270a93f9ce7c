"""gatekeeper init: what it decides, what it writes, and whether `check` works right afterwards."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.cli.newcomer import Newcomer, newcomer, shop, with_settings
from tests.conftest import ENV_PY, Project, Run

WORKFLOW = ".github/workflows/gatekeeper.yml"


@pytest.fixture
def run(gatekeeper: Run, tmp_path: Path) -> Newcomer:
    return newcomer(gatekeeper, tmp_path / "home")


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
    assert "undocumented-schema" in run("policy", "list", cwd=root).stdout
    assert_sound(root)
    assert install_lines(root) == (
        ".", ["python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"]
    )  # fmt: skip


def test_what_it_writes_is_what_its_schemas_allow(run: Newcomer, project: Project) -> None:
    root = shop(project).root
    run("init", cwd=root)
    for name in ("gatekeeper.yml", "policies/house.yml"):
        first = (root / name).read_text("utf-8").splitlines()[0]
        assert first.startswith("# yaml-language-server: $schema=")
        schema = json.loads((root / name).with_name(first.partition("=")[2]).read_text("utf-8"))
        values = yaml.safe_load((root / name).read_text("utf-8"))
        Draft202012Validator(schema).validate(values)
    assert yaml.safe_load((root / "gatekeeper.yml").read_text("utf-8")) == {
        "packs": ["recommended", "policies"]
    }


def test_the_commented_lines_are_right_when_they_are_let_in(
    run: Newcomer, project: Project
) -> None:
    root = shop(project).root
    run("init", cwd=root)
    text = (root / "gatekeeper.yml").read_text("utf-8")
    opened = re.sub(r"^# (?=[a-z]+: [{\w])", "", text, flags=re.MULTILINE)
    values = yaml.safe_load(opened)
    assert {"migrations", "database", "policies", "stats", "data"} <= values.keys()
    schema = json.loads((root / ".gatekeeper.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(values)


def test_a_sub_folder_with_its_own_lock_file(run: Newcomer, project: Project) -> None:
    root = shop(project, "backend").root
    project.write("backend/uv.lock", "version = 1\n")
    project.write("backend/pyproject.toml", '[project]\nname = "shop"\nversion = "1"\n')
    made = run("init", cwd=root / "backend")
    assert made.returncode == 0, made.stdout
    assert (root / "gatekeeper.yml").is_file()
    assert "backend/alembic.ini: the only one" in made.stdout
    folder, lines = install_lines(root)
    assert folder == "backend"
    assert lines[-1] == '"$RUNNER_TEMP/tools/bin/uv" sync --frozen'
    assert_sound(root)
    assert run("check", cwd=root).returncode == 0


def test_one_of_several_is_never_picked_silently(run: Newcomer, project: Project) -> None:
    root = shop(project, "shop").root
    other = Project(root / "billing db")  # with a repository of its own, which is not wanted here
    other.revision("b1", 'op.execute("CREATE TABLE bills (id bigint PRIMARY KEY)")')
    subprocess.run(["rm", "-rf", str(other.root / ".git")], check=True)
    project.commit()
    asked = run("init", cwd=root)
    assert asked.returncode == 2
    assert "2 Alembic projects: billing db/alembic.ini, shop/alembic.ini" in asked.stderr
    assert "gatekeeper init --config shop/alembic.ini" in asked.stderr
    assert project.git("status", "--porcelain") == ""
    first = run("init", "--config", "shop/alembic.ini", cwd=root)
    assert first.returncode == 0, first.stdout
    assert "others       gatekeeper init --config 'billing db/alembic.ini'" in first.stdout
    second = run("init", "--config", "billing db/alembic.ini", cwd=root)
    assert second.returncode == 0, second.stdout
    assert "others" not in second.stdout
    assert_sound(root)
    names = {path.name for path in (root / ".github/workflows").iterdir()}
    assert names == {"gatekeeper-shop.yml", "gatekeeper-billing-db.yml"}
    _assert_apart(root)
    for folder in ("shop", "billing db"):
        judged = run("check", "--config-file", f"{folder}/gatekeeper.yml", cwd=root)
        assert judged.returncode == 0, judged.stdout + judged.stderr


def _assert_apart(root: Path) -> None:
    """See that two workflows of one repository do not get into each other's way."""
    flows = [
        yaml.safe_load(path.read_text("utf-8"))
        for path in sorted((root / ".github/workflows").iterdir())
    ]
    for pick in (
        lambda flow: flow["name"],
        lambda flow: flow["concurrency"]["group"],
        lambda flow: flow["jobs"]["gatekeeper"]["name"],
        lambda flow: flow["jobs"]["gatekeeper"]["steps"][-1]["with"]["key"],
        lambda flow: flow["jobs"]["gatekeeper"]["steps"][-1]["with"]["config-file"],
    ):
        assert len({pick(flow) for flow in flows}) == 2
    for flow in flows:
        upload, download = (
            next(s for s in flow["jobs"][job]["steps"] if f"{kind}-artifact" in s.get("uses", ""))
            for job, kind in (("snapshot", "upload"), ("gatekeeper", "download"))
        )
        assert upload["with"]["name"] == download["with"]["name"]


def test_a_project_in_pyproject(run: Newcomer, project: Project) -> None:
    root = shop(project).root
    (root / "alembic.ini").unlink()
    project.write(
        "pyproject.toml",
        '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.13"\n'
        '[tool.alembic]\nscript_location = "%(here)s/migrations"\n',
    )
    url = 'context.config.set_main_option("sqlalchemy.url", "postgresql+psycopg://nobody@db/shop")'
    project.write("migrations/env.py", ENV_PY.replace("engine =", f"{url}\nengine =", 1))
    made = run("init", cwd=root)
    assert made.returncode == 0, made.stdout
    assert "pyproject.toml: the only one" in made.stdout
    _, lines = install_lines(root)
    assert lines[-2:] == ['"$python" -m venv .venv', ".venv/bin/pip install -e ."]
    assert "python install 3.13" in lines[2]
    assert_sound(root)


def test_settings_and_roles_are_found_out(run: Newcomer, project: Project) -> None:
    shop(project)
    with_settings(project)
    project.revision("r3", 'op.execute("GRANT SELECT ON t TO reader")')
    made = run("init", cwd=project.root)
    assert made.returncode == 0, made.stdout
    assert "SHOP_API_KEY, SHOP_WORKERS: the application demands it" in made.stdout
    values = yaml.safe_load((project.root / "gatekeeper.yml").read_text("utf-8"))
    assert values["migrations"] == {"env": {"SHOP_API_KEY": "x", "SHOP_WORKERS": "1"}}
    assert values["database"] == {"roles": ["reader"]}
    judged = run("check", cwd=project.root)
    assert judged.returncode in (0, 1), judged.stdout + judged.stderr


def test_what_does_not_run_is_told_and_the_files_are_written(
    run: Newcomer, project: Project
) -> None:
    shop(project)
    project.write("migrations/env.py", "raise ValueError('not today')\n")
    made = run("init", cwd=project.root)
    assert made.returncode == 2
    assert "✗ env.py" in made.stdout
    assert "ValueError: not today" in made.stdout
    assert made.stdout.splitlines()[-1].split(maxsplit=1) == ["next", "gatekeeper doctor"]
    assert (project.root / "gatekeeper.yml").is_file()


def test_nothing_is_overwritten_unless_forced(run: Newcomer, project: Project) -> None:
    shop(project)
    own = project.write("gatekeeper.yml", "packs: [relaxed]\n")
    project.write("policies/k8s.yml", "kind: NetworkPolicy\n")  # the folder is somebody else's
    made = run("init", cwd=project.root)
    assert made.returncode == 0, made.stdout
    assert "left         gatekeeper.yml is there already; --force overwrites it" in made.stdout
    assert own.read_text("utf-8") == "packs: [relaxed]\n"
    assert (project.root / "gatekeeper-policies/house.yml").is_file()
    assert (project.root / WORKFLOW).is_file()
    house = project.write("gatekeeper-policies/house.yml", "pack: house\npolicies: []\n")
    assert "house.yml is there already" in run("init", cwd=project.root).stdout
    assert house.read_text("utf-8") == "pack: house\npolicies: []\n"
    forced = run("init", "--force", cwd=project.root)
    assert "left" not in forced.stdout
    assert "packs: [recommended, gatekeeper-policies]" in own.read_text("utf-8")


def test_a_dry_run_writes_nothing(run: Newcomer, project: Project) -> None:
    shop(project)
    project.write(".gitignore", "__pycache__\n")
    before = project.git("status", "--porcelain")
    made = run("init", "--dry-run", cwd=project.root)
    assert made.returncode == 0, made.stdout
    assert "would write  gatekeeper.yml" in made.stdout
    assert project.git("status", "--porcelain") == before


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


def test_another_forge_gets_no_workflow(run: Newcomer, project: Project) -> None:
    shop(project)
    project.write(".gitlab-ci.yml", "")
    made = run("init", cwd=project.root)
    assert "no workflow, as this is no project of GitHub's" in made.stdout
    assert not (project.root / ".github").exists()


def test_an_interpreter_of_the_repository_is_written_down(run: Newcomer, project: Project) -> None:
    shop(project)
    folder = project.root / "tools" / "env" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', "utf-8")
    (folder / "python").chmod(0o755)
    made = run("init", "--python", "tools/env/bin/python", cwd=project.root)
    assert made.returncode == 0, made.stdout
    assert "python: tools/env/bin/python" in (project.root / "gatekeeper.yml").read_text("utf-8")
    made = run("init", "--force", "--python", sys.executable, cwd=project.root)
    assert made.returncode == 0, made.stdout
    assert "python" not in yaml.safe_load((project.root / "gatekeeper.yml").read_text("utf-8"))
