"""How the step that installs the application is guessed, and that the wheel can write it."""

import os
import tomllib
from pathlib import Path

import pytest
import yaml

from gatekeeper.setup.install import guess_install
from gatekeeper.setup.workflow import example, workflow

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("files", "folder", "last"),
    [
        ({"poetry.lock": ""}, ".", 'in_PROJECT=true "$RUNNER_TEMP/tools/bin/poetry" install'),
        ({"Pipfile": ""}, ".", '_IN_PROJECT=1 "$RUNNER_TEMP/tools/bin/pipenv" install'),
        ({"app/pdm.lock": ""}, "app", '"$RUNNER_TEMP/tools/bin/pdm" sync'),
        ({"requirements/prod.txt": ""}, ".", "pip install -r requirements/prod.txt"),
        ({"requirements-dev.txt": ""}, ".", "pip install -r requirements-dev.txt"),
        ({"app/setup.py": ""}, "app", "pip install -e ."),
        ({"uv.lock": "", "app/pyproject.toml": "[project]\n"}, "app", 'bin/uv" sync --frozen'),
        ({"app/requirements.txt": "", "uv.lock": ""}, "app", "pip install -r requirements.txt"),
        ({"app/pyproject.toml": "[tool.ruff]\n", "setup.py": ""}, ".", "pip install -e ."),
    ],
)
def test_the_install_step(tmp_path: Path, files: dict[str, str], folder: str, last: str) -> None:
    for name, text in {"app/alembic.ini": "", **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    found = guess_install(tmp_path, tmp_path / "app")
    assert found is not None
    assert found.folder == folder
    assert last.lower() in found.lines[-1].lower()
    values = yaml.safe_load(workflow(found))
    assert values["jobs"].keys() == {"snapshot", "gatekeeper"}


def test_nothing_says_how_to_install(tmp_path: Path) -> None:
    assert guess_install(tmp_path, tmp_path) is None
    assert "A guess" in workflow(None)


def test_the_wheel_holds_what_is_written() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    (source,) = (
        path
        for path, target in table["targets"]["wheel"]["force-include"].items()
        if target == "gatekeeper/setup/two-jobs.yml"
    )
    assert (ROOT / source).read_text("utf-8") == example()
    assert f"/{os.path.dirname(source)}" in table["targets"]["sdist"]["include"]  # noqa: PTH120
