"""Reads gatekeeper.yml. Every key is optional, and so is the file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gatekeeper.config_data import DataConfig, read_data
from gatekeeper.config_waivers import FileWaiver, read_approvers, read_waivers
from gatekeeper.errors import ConfigError
from gatekeeper.tree import CommitTree, FolderTree, Tree
from gatekeeper.yaml_reader import MOST_BYTES, Node, Plain, Problems, as_strings, read_yaml

FILE_NAMES = ("gatekeeper.yml", "gatekeeper.yaml")
SEVERITIES = ("error", "warning", "notice")
MODES = ("enforce", "dry-run")
SERVERS = ("embedded", "local")
ROLE_ATTRIBUTES = (
    "login", "superuser", "bypassrls", "createrole", "createdb", "replication", "noinherit",
)  # fmt: skip
_KEYS = (
    "migrations", "database", "packs", "policies", "params", "data", "stats", "report", "waivers",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Migrations:
    """Where migrations are and what they need to load."""

    config: str | None = None  # path of alembic.ini or pyproject.toml, relative to gatekeeper.yml
    section: str | None = None
    python: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    x: tuple[str, ...] = ()
    timeout: int = 600  # seconds for all the work of one child process


@dataclass(frozen=True, slots=True)
class ProductionRole:
    """A role that production creates elsewhere. `attributes` are words of ROLE_ATTRIBUTES."""

    name: str
    member_of: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is there before the first revision that runs: a dump's schema, or that of the models.

    `revisions` are those that the dump already holds; none: its version table says so.
    """

    dump: str | None = None  # None: the models
    revisions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Database:
    """The scratch database."""

    url: str | None = None
    allow_remote: bool = False
    roles: tuple[ProductionRole, ...] = ()
    bootstrap: tuple[str, ...] = ()  # SQL files run before the first migration
    server: str = "embedded"  # a word of SERVERS; a URL wins
    baseline: Baseline | None = None


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

    @property
    def root(self) -> Path:
        return self.tree.root


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
        values["database"] = _database(top["database"])
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
    if "waivers" in top:
        values["waivers"] = read_waivers(top["waivers"])
    return Config(tree, file=node.file, **values)  # type: ignore[arg-type]


def _migrations(node: Node) -> Migrations:
    entries = node.mapping(("config", "section", "python", "env", "x", "timeout"))
    env = entries.pop("env", None)
    texts = {k: entries[k].text() for k in ("config", "section", "python") if k in entries}
    return Migrations(
        **texts,
        env={} if env is None else as_strings(env.mapping()),
        x=entries["x"].texts() if "x" in entries else (),
        timeout=entries["timeout"].integer(600, least=1) if "timeout" in entries else 600,
    )


def _database(node: Node) -> Database:
    entries = node.mapping(("server", "url", "allow_remote", "roles", "bootstrap", "baseline"))
    if "server" in entries and "url" in entries:
        entries["server"].problem("server and url exclude each other: keep the one that is meant")
    return Database(
        server=entries["server"].word(SERVERS, "embedded") if "server" in entries else "embedded",
        baseline=_baseline(entries["baseline"]) if "baseline" in entries else None,
        url=entries["url"].text() if "url" in entries else None,
        allow_remote="allow_remote" in entries and entries["allow_remote"].flag(),
        roles=_roles(entries["roles"]) if "roles" in entries else (),
        bootstrap=entries["bootstrap"].texts() if "bootstrap" in entries else (),
    )


def _baseline(node: Node) -> Baseline | None:
    """Read `metadata`, or `{dump: path, revision: id}`."""
    if not node.is_mapping():
        if node.text("metadata") != "metadata":
            node.problem("a baseline is metadata, or {dump: schema.sql, revision: ID}")
        return Baseline()
    entries = node.mapping(("dump", "revision"))
    if "dump" not in entries:
        node.problem("a baseline needs a dump: {dump: schema.sql, revision: ID}; or it is metadata")
        return None
    revisions = entries["revision"].texts() if "revision" in entries else ()
    return Baseline(entries["dump"].text(), revisions)


def _roles(node: Node) -> tuple[ProductionRole, ...]:
    """Read names, and mappings of a name, the roles it is a member of, and attributes."""
    found: dict[str, ProductionRole] = {}
    for item in node.items():
        role = _role(item)
        if role.name in found:
            item.problem(f"the role {role.name!r} is given twice")
        found[role.name] = role
    return tuple(found.values())


def _role(node: Node) -> ProductionRole:
    if not node.is_mapping():
        return ProductionRole(node.text())
    entries = node.mapping(("name", "member_of", "attributes"))
    if "name" not in entries:
        node.problem("a role needs a name: {name: billing, member_of: [staff]}")
    groups = entries["member_of"].texts() if "member_of" in entries else ()
    words = entries["attributes"].items() if "attributes" in entries else ()
    return ProductionRole(
        entries["name"].text() if "name" in entries else "",
        tuple(dict.fromkeys(groups)),
        tuple(word.word(ROLE_ATTRIBUTES, "login", what="attribute") for word in words),
    )


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
