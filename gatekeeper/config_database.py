"""Reads `database:` of gatekeeper.yml: the scratch database, and what is in it at first."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gatekeeper.yaml_reader import Node

SERVERS = ("embedded", "local")
ROLE_ATTRIBUTES = (
    "login", "superuser", "bypassrls", "createrole", "createdb", "replication", "noinherit",
)  # fmt: skip


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


def read_database(node: Node, whole: Database = Database()) -> Database:
    """Read the mapping; what it does not say is as in `whole`. Mistakes become problems."""
    entries = node.mapping(("server", "url", "allow_remote", "roles", "bootstrap", "baseline"))
    if "server" in entries and "url" in entries:
        entries["server"].problem("server and url exclude each other: keep the one that is meant")
    read: dict[str, Callable[[Node], object]] = {
        "server": lambda n: n.word(SERVERS, "embedded"),
        "url": Node.text,
        "allow_remote": Node.flag,
        "roles": _roles,
        "bootstrap": Node.texts,
        "baseline": _baseline,
    }
    values = {key: read[key](entry) for key, entry in entries.items() if key in read}
    return replace(whole, **values)  # type: ignore[arg-type]


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
