"""The files of a commit that git cannot give: what happened, and the way out."""

import shutil
import subprocess
from pathlib import Path

import pytest

from gatekeeper.errors import GitError
from gatekeeper.git import Repository
from tests.conftest import Project


def checked_out(root: Path, folder: Path) -> GitError:
    """Check out the commit of a clone that lacks a file, and give the error."""
    repository = Repository(root)
    with pytest.raises(GitError) as caught:
        repository.check_out(repository.commit("HEAD"), folder)
    return caught.value


def test_a_file_that_is_lost(project: Project, tmp_path: Path) -> None:
    project.commit()
    name = project.git("rev-parse", "HEAD:alembic.ini")
    (project.root / ".git/objects" / name[:2] / name[2:]).unlink()
    error = checked_out(project.root, tmp_path / "tree")
    assert "unable to read" in error.message
    assert "alembic.ini" in error.message
    assert "git fsck" in error.hint


def test_a_partial_clone_whose_remote_is_away(project: Project, tmp_path: Path) -> None:
    project.commit()
    project.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "--quiet", "--no-checkout", "--filter=blob:none",
         project.root.as_uri(), clone],
        check=True,
    )  # fmt: skip
    away = shutil.move(project.root, tmp_path / "away")
    error = checked_out(clone, tmp_path / "tree")
    assert "from promisor remote" in error.message
    command = "git fetch --refetch --no-filter"
    assert command in error.hint
    shutil.move(away, project.root)
    subprocess.run(command.split(), cwd=clone, check=True, capture_output=True)
    project.root.rename(away)
    repository = Repository(clone)
    repository.check_out(repository.commit("HEAD"), tmp_path / "whole")
    assert (tmp_path / "whole/alembic.ini").is_file()
