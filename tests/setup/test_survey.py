"""Which of several Alembic projects are to be judged, and what they are called."""

import pytest

from gatekeeper.git import Repository
from gatekeeper.setup.survey import look_around
from gatekeeper.sources.alembic.locate import project_names
from tests.conftest import Project


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("docs/shop/alembic.ini", "script_location = .", "it is below docs"),
        ("{{name}}/alembic.ini", "script_location = .", "it is below {{name}}"),
        ("a/alembic.ini", "script_location = gone", "there is no gone/env.py"),
        ("a/alembic.ini", "", "it names no script_location"),
        ("a/alembic.ini", "script_location = migrations", None),  # run from the root
        ("a/alembic.ini", "script_location = shop:migrations", None),
        ("contest/alembic.ini", "script_location = migrations", None),
    ],
)
def test_what_only_looks_like_a_project(
    project: Project, path: str, text: str, why: str | None
) -> None:
    project.write(path, f"[alembic]\n{text}\n")
    survey = look_around(Repository(project.root), None)
    assert survey.left == ({} if why is None else {path: why})
    assert len(survey.meant) == (2 if why is None else 1)


def test_one_that_has_its_own_configuration(project: Project) -> None:
    project.write("a/alembic.ini", "[alembic]\nscript_location = migrations\n")
    project.write("a/gatekeeper.yml", "packs: [relaxed]\n")
    survey = look_around(Repository(project.root), None)
    assert (survey.config, list(survey.left)) == ("alembic.ini", ["a/alembic.ini"])


def test_a_repository_of_nothing_but_examples(project: Project) -> None:
    (project.root / "examples").mkdir()
    for name in ("alembic.ini", "migrations"):
        (project.root / name).rename(project.root / "examples" / name)
    survey = look_around(Repository(project.root), None)
    assert (survey.config, survey.left) == ("examples/alembic.ini", {})


@pytest.mark.parametrize(
    ("configs", "names"),
    [
        (["a/alembic.ini", "b/alembic.ini"], ["a", "b"]),
        (["x/db/alembic.ini", "y/db/alembic.ini"], ["x-db", "y-db"]),
        (["alembic.ini", "a b/alembic.ini"], ["main", "a-b"]),
        (["a b/alembic.ini", "a-b/alembic.ini"], ["a-b-1", "a-b-2"]),
        (["ä/alembic.ini", "ö/alembic.ini"], ["main-1", "main-2"]),
    ],
)
def test_each_project_has_a_name_of_its_own(configs: list[str], names: list[str]) -> None:
    assert project_names(configs) == names
