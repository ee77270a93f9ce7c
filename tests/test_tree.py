"""Files of a commit: what is read is what was committed, and nothing leads out of it."""

import os
from pathlib import Path

import pytest

from gatekeeper.errors import ConfigError, GitError
from gatekeeper.git import Repository
from gatekeeper.tree import CommitTree, FolderTree

from .conftest import Project

CAP = 1000


@pytest.fixture
def bare(tmp_path: Path) -> Project:
    """A repository of files that are no Alembic project."""
    return Project(tmp_path / "repository")


def _tree(project: Project, prefix: str = "") -> CommitTree:
    """Give the newest commit after everything is committed."""
    return CommitTree(Repository(project.root), project.commit(), prefix)


def _text(tree: CommitTree | FolderTree, path: str) -> str:
    (text,) = tree.read(path, most_bytes=CAP)
    return text


def _object_file(project: Project, name: str) -> Path:
    digest = project.git("rev-parse", name)
    return project.root / ".git" / "objects" / digest[:2] / digest[2:]


def test_the_commit_is_read_whatever_the_working_tree_holds(bare: Project) -> None:
    bare.write("policies/house.yml", "committed")
    tree = _tree(bare)
    bare.write("policies/house.yml", "changed")
    bare.write("policies/new.yml", "new")
    assert _text(tree, "policies/house.yml") == "committed"
    assert tree.names("policies") == ["house.yml"]
    assert tree.kind("policies/new.yml") is None
    (bare.root / "policies/house.yml").unlink()
    assert _text(tree, "policies/house.yml") == "committed"


def test_paths_mean_what_they_mean_in_a_folder(bare: Project) -> None:
    bare.write("a/b/été [x]*.yml", "deep")
    bare.write("a/run.sh", "#!").chmod(0o755)
    trees = (FolderTree(bare.root / "a"), _tree(bare, "a"))
    kinds = {
        "b": "folder", "b/": "folder", "./b": "folder", "": "folder", ".": "folder",
        "b/été [x]*.yml": "file", "b/../b//été [x]*.yml": "file", "run.sh": "file",
        "../alembic.ini": "file", "..": "folder", "b/*.yml": None, "run.sh/x": None, "c/d": None,
    }  # fmt: skip
    for tree in trees:
        assert {path: tree.kind(path) for path in kinds} == kinds
        assert tree.names("") == ["run.sh"]
        assert tree.names("b") == ["été [x]*.yml"]
        assert tree.read("run.sh", "b/été [x]*.yml", most_bytes=CAP) == ["#!", "deep"]
        assert tree.root == bare.root / "a"


def test_a_file_is_called_as_git_calls_it(bare: Project) -> None:
    bare.write("a/x.yml", "x")
    tree = _tree(bare, "a")
    name = tree.display("./x.yml")
    assert name == f"{bare.git('rev-parse', 'HEAD')[:12]}:a/x.yml"
    assert bare.git("show", name) == "x"


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "a/../../../x", "..", "//x"])
def test_a_path_that_leaves_the_repository_is_refused(bare: Project, path: str) -> None:
    tree = _tree(bare)
    for look in (tree.kind, tree.names, tree.display, lambda p: tree.read(p, most_bytes=CAP)):
        with pytest.raises(ConfigError, match="leads out of the repository") as caught:
            look(path)
        assert caught.value.hint


@pytest.mark.parametrize("target", ["real.yml", "/etc/hostname", "nowhere"])
def test_a_symbolic_link_is_refused(bare: Project, target: str) -> None:
    bare.write("policies/real.yml", "real")
    (bare.root / "policies" / "link.yml").symlink_to(target)
    tree = _tree(bare)
    assert tree.names("policies") == ["link.yml", "real.yml"]  # it is not overlooked
    words = r"^\w{12}:policies/link.yml is a symbolic link"
    with pytest.raises(ConfigError, match=words):
        tree.read("policies/real.yml", "policies/link.yml", most_bytes=CAP)
    with pytest.raises(ConfigError, match=words):
        tree.kind("policies/link.yml")
    assert _text(tree, "policies/real.yml") == "real"


def test_a_folder_that_is_a_symbolic_link_is_refused(bare: Project) -> None:
    bare.write("real/a.yml", "real")
    (bare.root / "link").symlink_to("real")
    tree = _tree(bare)
    with pytest.raises(ConfigError, match=r":link is a symbolic link"):
        _text(tree, "link/a.yml")
    with pytest.raises(ConfigError, match=r":link is a symbolic link"):
        tree.names("link")
    with pytest.raises(ConfigError, match=r":link is a symbolic link"):
        tree.below("link").kind("a.yml")


def test_a_submodule_is_refused(bare: Project) -> None:
    bare.commit()
    head = bare.git("rev-parse", "HEAD")
    bare.git("update-index", "--add", "--cacheinfo", f"160000,{head},shared")
    bare.git("commit", "--quiet", "--message", "submodule")
    tree = CommitTree(Repository(bare.root), bare.git("rev-parse", "HEAD"))
    with pytest.raises(ConfigError, match=r":shared is a submodule"):
        tree.kind("shared/house.yml")


def test_a_file_that_is_too_large_is_refused(bare: Project) -> None:
    bare.write("fits", "x" * CAP)
    bare.write("large", "x" * (CAP + 1))
    for tree in (FolderTree(bare.root), _tree(bare)):
        assert len(_text(tree, "fits")) == CAP
        with pytest.raises(ConfigError, match=r"large: the file is larger than 1,000 bytes"):
            tree.read("fits", "large", most_bytes=CAP)


def test_what_is_no_text_is_refused(bare: Project) -> None:
    (bare.root / "x").write_bytes(b"ab\xff")
    for tree in (FolderTree(bare.root), _tree(bare)):
        with pytest.raises(ConfigError, match=r"x: not UTF-8 text \(byte 2\)"):
            _text(tree, "x")


def test_what_is_not_there_is_said(bare: Project) -> None:
    bare.write("a/x", "x")
    tree = _tree(bare)
    for path in ("y", "a", "a/x/y", ""):
        with pytest.raises(ConfigError, match="there is no such file in the commit"):
            _text(tree, path)
    for path in ("y", "a/x"):
        with pytest.raises(ConfigError, match="there is no such folder in the commit"):
            tree.names(path)


def test_a_replaced_object_is_not_believed(bare: Project) -> None:
    bare.write("x", "strict")
    tree = _tree(bare)
    bare.write("x", "weak")
    bare.commit()
    for name in ("", "^{tree}", ":x"):
        bare.git("replace", f"HEAD~{name}", f"HEAD{name}")
    assert bare.git("cat-file", "blob", "HEAD~:x") == "weak"
    assert _text(tree, "x") == "strict"


@pytest.mark.parametrize("name", ["", "^{tree}", ":x"])
def test_an_object_that_was_overwritten_is_not_believed(bare: Project, name: str) -> None:
    bare.write("x", "strict")
    tree = _tree(bare)
    bare.write("x", "weak")
    bare.commit()
    victim = _object_file(bare, f"HEAD~{name}")
    victim.chmod(0o644)
    victim.write_bytes(_object_file(bare, f"HEAD{name}").read_bytes())
    with pytest.raises(GitError, match="is not what its name says") as caught:
        _text(tree, "x")
    assert "clone again" in caught.value.hint


def test_an_object_that_the_clone_lacks_is_said(bare: Project) -> None:
    bare.write("x", "x")
    tree = _tree(bare)
    _object_file(bare, "HEAD:x").unlink()
    with pytest.raises(GitError, match="git cannot read the object") as caught:
        _text(tree, "x")
    assert "--filter" in caught.value.hint


def test_packed_objects_and_names_of_another_length_are_read(tmp_path: Path) -> None:
    root = tmp_path / "sha256"
    root.mkdir()
    project = Project(root)
    project.git(
        "init", "--quiet", "--object-format=sha256", "--initial-branch=main", str(root / "r")
    )
    project.root = root / "r"
    project.write("a/x", "x")
    tree = _tree(project)
    project.git("gc", "--quiet")
    assert len(project.git("rev-parse", "HEAD")) == 64
    assert _text(tree, "a/x") == "x"


def test_many_files_are_read_by_one_process(
    bare: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        bare.write(f"policies/{number}.yml", str(number))
    tree = _tree(bare)
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    paths = [f"policies/{name}" for name in tree.names("policies")]
    assert len(tree.read(*paths, most_bytes=CAP)) == 30
    assert tree.kind("policies") == "folder"
    assert (tmp_path / "trace").read_text("utf-8").count("built-in: git cat-file") == 2


def test_a_folder_of_the_working_tree_is_found_in_the_commit(
    bare: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = _tree(bare)
    monkeypatch.chdir(bare.root)
    for path, folder in (
        (bare.root, ""), (Path("a"), "a"), (bare.root / "a/../b/c", "b/c"), (Path(), ""),
    ):  # fmt: skip
        assert tree.folder(path) == folder
    with pytest.raises(ConfigError, match="is not in the repository"):
        tree.folder(tmp_path)
    (bare.root / "link").symlink_to("a")
    assert tree.folder(bare.root / "link") == "link"  # the link may be the pull request's


def test_links_in_the_working_tree_are_followed(bare: Project, tmp_path: Path) -> None:
    (tmp_path / "outside.yml").write_text("outside", "utf-8")
    (bare.root / "x.yml").symlink_to(tmp_path / "outside.yml")
    (bare.root / "broken.yml").symlink_to("nowhere")
    tree = FolderTree(bare.root)
    assert (tree.kind("x.yml"), tree.kind("broken.yml")) == ("file", None)
    assert _text(tree, "x.yml") == "outside"
    assert tree.names("") == ["alembic.ini", "x.yml"]
    with pytest.raises(ConfigError, match=rf"^{bare.root}{os.sep}no: cannot be read: No such file"):
        _text(tree, "no")
