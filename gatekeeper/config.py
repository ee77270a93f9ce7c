"""Reads gatekeeper.yml. Every key is optional, and so is the file."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from gatekeeper.config_coverage import CoverageConfig, read_coverage
from gatekeeper.config_data import DataConfig, read_data
from gatekeeper.config_database import Baseline, Database, read_database
from gatekeeper.config_waivers import FileWaiver, read_approvers, read_waiver_days, read_waivers
from gatekeeper.errors import ConfigError
from gatekeeper.tree import CommitTree, FolderTree, Tree
from gatekeeper.yaml_reader import (
    MOST_BYTES,
    Node,
    Plain,
    Problems,
    as_strings,
    did_you_mean,
    read_yaml,
)

FILE_NAMES = ("gatekeeper.yml", "gatekeeper.yaml")
ENV_PYS = ("project", "bare")
SEVERITIES = ("error", "warning", "notice")
MODES = ("enforce", "dry-run")
_KEYS = (
    "migrations", "database", "packs", "policies", "params", "data", "stats", "report", "waivers",
    "projects", "coverage", "waiver_days",
)  # fmt: skip
PROJECT_KEYS = ("migrations", "database", "data", "stats")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Migrations:
    """Where migrations are and what they need to load."""

    config: str | None = None  # path of alembic.ini or pyproject.toml, relative to gatekeeper.yml
    section: str | None = None
    python: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    x: tuple[str, ...] = ()
    timeout: int = 600  # seconds for all the work of one child process
    prelude: str | None = None  # path of a script that runs before env.py and the revisions
    env_py: str = "project"  # a word of ENV_PYS
    database: str | None = None  # of several that env.py migrates, the one meant: its name


@dataclass(frozen=True, slots=True)
class Override:
    """What gatekeeper.yml says of one policy. `severity` may be off."""

    severity: str | None = None
    mode: str | None = None
    params: dict[str, Plain] = field(default_factory=dict)
    approvers: tuple[str, ...] | None = None
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; its paths are relative to the folder `tree`.

    What judges is read from `tree`, which may be a commit's. The application is used as it is in
    `root`, the same folder of the working tree.
    """

    tree: Tree
    file: str | None = None
    migrations: Migrations = field(default_factory=Migrations)
    database: Database = field(default_factory=Database)
    packs: tuple[str, ...] = ("recommended",)
    policies: dict[str, Override] = field(default_factory=dict)
    params: Override = field(default_factory=Override)  # for every policy that has the parameter
    data: DataConfig = field(default_factory=DataConfig)  # classes of sensitive columns
    stats: str | None = None  # path of the statistics file
    template: str | None = None  # path of the template of the Markdown report
    waivers: tuple[FileWaiver, ...] = ()
    waiver_days: int | None = None  # the most days from today to a waiver's `until`
    coverage: CoverageConfig = field(default_factory=CoverageConfig)  # what it must come to
    projects: tuple["Config", ...] = ()  # the whole configuration of each, where there are several
    project: str = ""  # the name of the one that this is of

    @property
    def root(self) -> Path:
        return self.tree.root

    def chosen(self, name: str | None = None) -> tuple["Config", ...]:
        """Give the configurations of all projects, or of the one of that name.

        Without `projects:` that is this one. Raises ConfigError when there is none of that name.
        """
        found = [p for p in self.projects if name in (None, p.project)]
        if found or (name is None and not self.projects):
            return tuple(found) or (self,)
        named = ", ".join(p.project for p in self.projects)
        raise ConfigError(
            f"there is no project {name!r} in {self.file or 'gatekeeper.yml'}",
            f"projects: has {named}" if named else "Its key projects: names them.",
        )

    def only(self, name: str | None = None) -> "Config":
        """Give the configuration of the one project that is meant. Raises ConfigError."""
        found = self.chosen(name)
        if len(found) == 1:
            return found[0]
        listed = "\n".join(f"  --project {p.project}" for p in found)
        raise ConfigError(
            f"{self.file} has {len(found)} projects, and this is about one", f"Say which:\n{listed}"
        )


def find_config(folders: Iterable[Tree]) -> tuple[Tree, str] | None:
    """Find gatekeeper.yml directly in the first of the folders that has it."""
    for tree in folders:
        found = [name for name in FILE_NAMES if tree.kind(name) == "file"]
        if len(found) > 1:
            both = " and ".join(tree.display(name) for name in found)
            raise ConfigError(f"there are both {both}", "Remove one of them.")
        if found:
            return tree, found[0]
    return None


def load_config(path: Path | None, start: Path, commit: CommitTree | None = None) -> Config:
    """Load the file at `path`, or the one found from `start` upwards, or the defaults.

    With `commit` the same file is read from that commit instead of the working tree, and so will
    be all that it names. Raises ConfigError with every mistake in the file, each with its line.
    """
    if path is None:
        found = find_config(_tree(folder, commit) for folder in _upwards(start, commit))
    else:
        found = _tree(path.parent if commit is None else start / path.parent, commit), path.name
    if found is None:
        return Config(_tree(start, commit))
    tree, name = found
    problems = Problems()
    (text,) = tree.read(name, most_bytes=MOST_BYTES)
    node = read_yaml(text, tree.display(name), problems)
    config = Config(tree) if node is None else _config(node, tree)
    problems.raise_if_any()
    return config


def _tree(folder: Path, commit: CommitTree | None) -> Tree:
    return FolderTree(folder) if commit is None else commit.below(commit.folder(folder))


def _upwards(start: Path, commit: CommitTree | None) -> Iterator[Path]:
    """Give `start` and the folders above it; with a commit, up to the repository's root."""
    for folder in (start, *start.parents):
        yield folder
        if commit is not None and commit.folder(folder) == "":
            return


def _config(node: Node, tree: Tree) -> Config:
    top = node.mapping(_KEYS)
    values: dict[str, object] = {}
    if "migrations" in top:
        values["migrations"] = _migrations(top["migrations"])
    if "database" in top:
        values["database"] = read_database(top["database"])
    if "packs" in top and (packs := top["packs"].texts()):
        values["packs"] = packs
    if "policies" in top:
        values["policies"] = {k: _override(v) for k, v in top["policies"].mapping().items()}
    if "params" in top:
        params = {k: v.plain() for k, v in top["params"].mapping().items()}
        values["params"] = Override(params=params, file=node.file, line=top["params"].line)
    if "data" in top:
        values["data"] = read_data(top["data"])
    if "stats" in top:
        values["stats"] = top["stats"].text()
    if "report" in top:
        report = top["report"].mapping(("template",))
        values["template"] = report["template"].text() if "template" in report else None
    days = read_waiver_days(top["waiver_days"]) if "waiver_days" in top else None
    values["waiver_days"] = days
    if "waivers" in top:
        values["waivers"] = read_waivers(top["waivers"], days)
    if "coverage" in top:
        values["coverage"] = read_coverage(top["coverage"])
    config = Config(tree, file=node.file, **values)  # type: ignore[arg-type]
    _refuse_bare_models(top.get("migrations", node), config)
    known = top["projects"].mapping() if "projects" in top else {}
    for waiver in config.waivers:
        if waiver.project and waiver.project not in known:
            near = did_you_mean(waiver.project, known)
            text = f"there is no project {waiver.project!r}{near}"
            top["waivers"].problem(text, waiver.line)
    return (
        replace(config, projects=_projects(top["projects"], config))
        if "projects" in top
        else config
    )


def _projects(node: Node, whole: Config) -> tuple[Config, ...]:
    """Read what each project says otherwise than the whole file does, key by key."""
    found = []
    for name, entry in node.mapping().items():
        if not _PROJECT.match(name):
            entry.problem(f"{name!r} is no name of a project: letters, digits, and . _ - between")
        keys = entry.mapping(PROJECT_KEYS)
        values: dict[str, object] = {"project": name}
        if "migrations" in keys:
            values["migrations"] = _migrations(keys["migrations"], whole.migrations)
        if "database" in keys:
            values["database"] = read_database(keys["database"], whole.database)
        if "data" in keys:
            values["data"] = read_data(keys["data"])
        if "stats" in keys:
            values["stats"] = keys["stats"].text()
        found.append(replace(whole, **values))  # type: ignore[arg-type]
        _refuse_bare_models(entry, found[-1])
    if not found:
        node.problem("projects: names none; leave it out where there is one")
    return tuple(found)


def _refuse_bare_models(node: Node, config: Config) -> None:
    """Without the project's env.py nothing says where its models are."""
    if config.migrations.env_py == "bare" and config.database.baseline == Baseline():
        node.problem(
            "env_py: bare excludes database.baseline: metadata, which asks the project's env.py for"
            " its models; give a dump: {baseline: {dump: schema.sql, revision: ID}}"
        )


def _migrations(node: Node, whole: Migrations = Migrations()) -> Migrations:
    texts = ("config", "section", "python", "database", "prelude")
    entries = node.mapping((*texts, "env", "x", "timeout", "env_py"))
    values: dict[str, object] = {k: entries[k].text() for k in texts if k in entries}
    if "env" in entries:
        values["env"] = as_strings(entries["env"].mapping())
    if "x" in entries:
        values["x"] = entries["x"].texts()
    if "timeout" in entries:
        values["timeout"] = entries["timeout"].integer(600, least=1)
    if "env_py" in entries:
        values["env_py"] = entries["env_py"].word(ENV_PYS, "project")
    return replace(whole, **values)  # type: ignore[arg-type]


def read_severity(node: Node) -> str:
    """Read error, warning, notice or off."""
    if node.text() in ("false", "no"):  # other ways to say off
        return "off"
    return node.word((*SEVERITIES, "off"), "error", what="severity")


def _override(node: Node) -> Override:
    """Read `id: severity` or `id: {severity: …, mode: …, params: {…}}`."""
    if not node.is_mapping():
        return Override(severity=read_severity(node), file=node.file, line=node.line)
    entries = node.mapping(("severity", "mode", "params", "approvers"))
    params = entries["params"].mapping() if "params" in entries else {}
    return Override(
        severity=read_severity(entries["severity"]) if "severity" in entries else None,
        mode=entries["mode"].word(MODES, "enforce", what="mode") if "mode" in entries else None,
        params={k: v.plain() for k, v in params.items()},
        approvers=read_approvers(entries["approvers"]) if "approvers" in entries else None,
        file=node.file,
        line=node.line,
    )
