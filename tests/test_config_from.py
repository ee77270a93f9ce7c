"""gatekeeper.yml and all that it names, read from a commit."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gatekeeper.config import Config, load_config
from gatekeeper.errors import ConfigError
from gatekeeper.git import Repository
from gatekeeper.policy.load import load_policies
from gatekeeper.sources.sql_files import bootstrap_scripts
from gatekeeper.stats import read_statistics
from gatekeeper.tree import CommitTree

from .conftest import Project

_POLICY = (
    "policies:\n"
    "  - {id: NAME, title: T, severity: error, for: tables, forbid: cascaded, message: M, why: W}\n"
)
_STATS = (
    '{"version": 1, "taken": "2026-08-24", "server_version": "18.0", "tables": {"public.a": 7}}'
)

Load = Callable[..., Config]


@pytest.fixture
def load(project: Project) -> Load:
    """Load the configuration from the newest commit, as from the folder `start`."""

    def make(start: str = "", path: Path | None = None) -> Config:
        repository = Repository(project.root)
        tree = CommitTree(repository, repository.commit("HEAD"))
        return load_config(path, project.root / start, tree)

    return make


def _ids(config: Config) -> set[str]:
    return {policy.id for policy in load_policies(config)}


def _message(config: Config) -> str:
    with pytest.raises(ConfigError) as caught:
        load_policies(config)
    return caught.value.message


def _short(project: Project) -> str:
    return project.git("rev-parse", "HEAD")[:12]


def test_the_file_of_the_commit_counts(project: Project, load: Load) -> None:
    project.write("gatekeeper.yml", "packs: [locks]\nmigrations: {config: db/alembic.ini}\n")
    project.commit()
    project.write("gatekeeper.yml", "packs: [integrity]\n")
    config = load()
    assert (config.packs, config.migrations.config) == (("locks",), "db/alembic.ini")
    assert config.file == f"{_short(project)}:gatekeeper.yml"
    assert config.root == project.root  # where the application is
    (project.root / "gatekeeper.yml").unlink()
    assert load().packs == ("locks",)


def test_without_a_file_in_the_commit_there_are_the_defaults(project: Project, load: Load) -> None:
    project.commit()
    project.write("gatekeeper.yml", "policies: {column-dropped: off}\n")
    project.write("new/gatekeeper.yml", "policies: {column-dropped: off}\n")
    for start in ("", "new", "nowhere"):
        config = load(start)
        assert (config.file, config.policies) == (None, {})
        assert config.root == project.root / start
        assert "column-dropped" in _ids(config)


def test_it_is_sought_upwards_to_the_repository_and_not_above(project: Project, load: Load) -> None:
    (project.root.parent / "gatekeeper.yml").write_text("packs: [locks]\n", "utf-8")
    project.write("a/b/c/x", "")
    project.commit()
    assert load("a/b/c").file is None
    project.write("a/gatekeeper.yaml", "packs: house\n")
    project.write("a/house/p.yml", _POLICY.replace("NAME", "ours"))
    project.write("house/p.yml", _POLICY.replace("NAME", "others"))
    project.commit()
    config = load("a/b/c")
    assert config.file == f"{_short(project)}:a/gatekeeper.yaml"
    assert config.root == project.root / "a"
    assert _ids(config) == {"ours"}
    assert load("a/deleted/since").file == config.file


def test_both_spellings_are_refused(project: Project, load: Load) -> None:
    for name in ("gatekeeper.yml", "gatekeeper.yaml"):
        project.write(name, "")
    project.commit()
    with pytest.raises(ConfigError, match=rf"both {_short(project)}:gatekeeper\.yml and "):
        load()


def test_a_given_file_is_looked_up_in_the_commit(
    project: Project, load: Load, tmp_path: Path
) -> None:
    project.write("ci/strict.yml", "packs: p.yml\n")
    project.write("ci/p.yml", _POLICY.replace("NAME", "ours"))
    project.commit()
    project.write("ci/strict.yml", "packs: []\n")
    for path in (Path("ci/strict.yml"), project.root / "ci" / "strict.yml"):
        assert _ids(load(path=path)) == {"ours"}
    assert _ids(load("ci", Path("strict.yml"))) == {"ours"}
    with pytest.raises(ConfigError, match=r":ci/new\.yml: there is no such file in the commit"):
        load(path=Path("ci/new.yml"))
    with pytest.raises(ConfigError, match="is not in the repository"):
        load(path=tmp_path / "gatekeeper.yml")


def test_a_mistake_is_named_with_the_commit(project: Project, load: Load) -> None:
    project.write("gatekeeper.yml", "packs: [p.yml]\npolcies: {}\n")
    project.commit()
    with pytest.raises(ConfigError) as caught:
        load()
    assert caught.value.message.startswith(f"{_short(project)}:gatekeeper.yml:2: unknown key")


def test_a_symbolic_link_is_no_configuration(project: Project, load: Load) -> None:
    project.write("weak.yml", "packs: []\n")
    (project.root / "gatekeeper.yml").symlink_to("weak.yml")
    project.commit()
    with pytest.raises(ConfigError, match=r":gatekeeper\.yml is a symbolic link"):
        load()


def test_packs_come_from_the_commit(project: Project, load: Load) -> None:
    project.write("gatekeeper.yml", "packs: [locks, house/, house/a.yml, ./b.yaml]\n")
    project.write("house/a.yml", _POLICY.replace("NAME", "one"))
    project.write("house/notes.txt", "no pack")
    project.write("b.yaml", _POLICY.replace("NAME", "two"))
    project.commit()
    project.write("house/a.yml", "policies: []\n")
    project.write("house/c.yml", _POLICY.replace("NAME", "three"))
    (project.root / "b.yaml").unlink()
    policies = {policy.id: policy for policy in load_policies(load())}
    assert {"one", "two", "table-rewritten"} <= policies.keys()
    assert "three" not in policies
    assert (policies["one"].file, policies["one"].pack) == (f"{_short(project)}:house/a.yml", "a")


def test_a_mistake_in_a_pack_names_commit_file_and_line(project: Project, load: Load) -> None:
    project.write("gatekeeper.yml", "packs: house\n")
    project.write("house/a.yml", _POLICY.replace("NAME", "one").replace("severity", "severty"))
    project.commit()
    assert f"{_short(project)}:house/a.yml:2: unknown key 'severty'" in _message(load())


@pytest.mark.parametrize(
    ("packs", "message"),
    [
        ("[../../etc]", "'../../etc' leads out of the repository"),
        ("[/etc]", "'/etc' leads out of the repository"),
        ("[link.yml]", ":link.yml is a symbolic link, which is not followed in a commit"),
        ("[linked]", ":linked is a symbolic link, which is not followed in a commit"),
        ("[empty]", "the folder 'empty' holds no pack"),
        ("[new.yml]", "there is no pack 'new.yml'"),
        ("[lokcs]", "there is no pack 'lokcs'; did you mean locks?"),
    ],
)
def test_a_pack_that_is_not_in_the_commit_is_refused(
    project: Project, load: Load, packs: str, message: str
) -> None:
    project.write("gatekeeper.yml", f"packs: {packs}\n")
    project.write("house/a.yml", _POLICY.replace("NAME", "one"))
    project.write("empty/notes.txt", "")
    (project.root / "link.yml").symlink_to("house/a.yml")
    (project.root / "linked").symlink_to("house")
    project.commit()
    project.write("new.yml", _POLICY.replace("NAME", "two"))
    said = _message(load())
    assert said.startswith(f"{_short(project)}:gatekeeper.yml:1: ")
    assert message in said


def test_a_linked_pack_in_a_folder_is_not_overlooked(project: Project, load: Load) -> None:
    project.write("gatekeeper.yml", "packs: house\n")
    project.write("house/a.yml", _POLICY.replace("NAME", "one"))
    (project.root / "house/b.yml").symlink_to("a.yml")
    project.commit()
    assert ":house/b.yml is a symbolic link" in _message(load())


@pytest.mark.parametrize("name", ["gatekeeper.yml", "p.yml"])
def test_files_that_are_too_large_are_refused(project: Project, load: Load, name: str) -> None:
    project.write("gatekeeper.yml", "packs: p.yml\n")
    project.write("p.yml", _POLICY)
    project.write(name, "#" * 1_000_001)
    project.commit()
    with pytest.raises(ConfigError, match=f":{name}: the file is larger than 1,000,000 bytes"):
        load_policies(load())


def test_statistics_come_from_the_commit(project: Project, load: Load) -> None:
    project.write("db/gatekeeper.yml", "stats: ../rows.json\n")
    project.write("rows.json", _STATS)
    project.commit()
    project.write("rows.json", _STATS.replace("7", "1000000"))
    config = load("db")
    assert config.stats is not None
    read = read_statistics(config.tree, config.stats)
    assert (read.rows, read.file) == ({"public.a": 7}, "../rows.json")
    project.write("rows.json", "{}")
    project.commit()
    with pytest.raises(ConfigError, match=rf"^{_short(project)}:rows\.json:1: it has no version"):
        read_statistics(load("db").tree, "../rows.json")
    with pytest.raises(ConfigError, match=r"no\.json: there is no such file") as caught:
        read_statistics(load("db").tree, "no.json")
    assert "gatekeeper stats" in caught.value.hint


def test_bootstrap_scripts_come_from_the_commit(project: Project, load: Load) -> None:
    project.write("gatekeeper.yml", "database: {bootstrap: [a.sql, db/b.sql]}\n")
    project.write("a.sql", "SELECT 1;")
    project.write("db/b.sql", "SELECT 2;")
    project.commit()
    project.write("a.sql", "SELECT 3;")
    scripts = bootstrap_scripts(load())
    assert [(s.file, s.text) for s in scripts] == [
        (f"{_short(project)}:a.sql", "SELECT 1;"), (f"{_short(project)}:db/b.sql", "SELECT 2;"),
    ]  # fmt: skip
    project.write("gatekeeper.yml", "database: {bootstrap: [../b.sql]}\n")
    project.commit()
    with pytest.raises(ConfigError, match=r"'\.\./b\.sql' leads out of the repository"):
        bootstrap_scripts(load())


def test_reading_takes_a_handful_of_processes(
    project: Project, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packs = [f"house/{number}.yml" for number in range(20)]
    for number, name in enumerate(packs):
        project.write(f"a/b/{name}", _POLICY.replace("NAME", f"p{number}"))
    project.write("a/b/gatekeeper.yml", f"packs: [{', '.join(packs)}]\n")
    project.write("a/b/c/d/x", "")
    project.commit()
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    assert len(_ids(load("a/b/c/d"))) == 20
    assert (tmp_path / "trace").read_text("utf-8").count("built-in: git") <= 8
