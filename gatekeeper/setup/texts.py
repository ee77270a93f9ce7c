"""The files that `gatekeeper init` writes, but for the workflow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from gatekeeper.errors import ConfigError
from gatekeeper.policy.load import load_files, pack_files
from gatekeeper.policy.new import CONFIG_SCHEMA_FILE, new_pack
from gatekeeper.setup.remedy import quoted
from gatekeeper.setup.subject import Way

HOUSE_POLICY = "undocumented-schema"
_FOLDERS = ("policies", "gatekeeper-policies")
# What the starter says and what this policy says instead.
_WORDS = {
    "What it finds, in a few words": "A schema that nobody described",
    "severity: warning ": "severity: notice  ",
    'message: "{{ subject }} has no comment."': 'message: "The schema {{ name }} has no comment."',
    "What goes wrong when nobody notices.": (
        "Whoever finds the schema next year asks what it is for, and whose."
    ),
    "-- The SQL to write instead; {{ subject }} is the object.": (
        "COMMENT ON SCHEMA {{ subject }} IS 'what it is for, and whose it is';"
    ),
}


@dataclass(frozen=True, slots=True)
class Needs:
    """What is not at its default in one project; `name` where there are several.

    `config` is relative to gatekeeper.yml, `database` the one that is meant of several, `ways` is
    what has to be otherwise than by default.
    """

    name: str = ""
    config: str | None = None
    database: str | None = None
    python: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    roles: tuple[str, ...] = ()
    ways: tuple[Way, ...] = ()


def config_text(packs: Iterable[str], needs: Sequence[Needs]) -> str:
    """Give gatekeeper.yml: what is not at its default, and comments that name the rest."""
    lines = [
        f"# yaml-language-server: $schema={CONFIG_SCHEMA_FILE}",
        "# Every key is optional; what is not here is at its default.",
        f"packs: [{', '.join(quoted(pack) for pack in packs)}]  # or strict, relaxed",
        *(_projects(needs) if any(one.name for one in needs) else _only(needs)),
        "# policies: {table-dropped: warning}  # `gatekeeper policy list` shows what there is",
        "# stats: gatekeeper-stats.json        # `gatekeeper stats --url REPLICA` counts rows",
        "# data: {pii: {columns: [people.*], readers: [billing]}}  # who may read what",
    ]
    return "\n".join(lines) + "\n"


def _lines(section: str, ways: Iterable[Way]) -> list[str]:
    return [f"  {way.line}  # {way.why}" for way in ways if way.section == section]


def _only(needs: Sequence[Needs]) -> list[str]:
    """Give the lines of the only project, or what they could be."""
    one = needs[0] if needs else Needs()
    return [
        *(_migrations(one) or ["# migrations: {env: {NAME: value}}  # settings"]),
        *(
            _database(one)
            or ["# database: {roles: [app], bootstrap: [dump.sql]}  # what production has before"]
        ),
    ]


def _projects(needs: Sequence[Needs]) -> list[str]:
    lines = ["projects:  # a verdict each, one report"]
    for one in needs:
        lines.append(f"  {quoted(one.name)}:")
        lines += [f"    {line}" for line in (*_migrations(one), *_database(one))]
    return lines


def _migrations(one: Needs) -> list[str]:
    given = (("config", one.config), ("database", one.database), ("python", one.python))
    lines = _lines("migrations", one.ways)
    lines += [f"  {key}: {quoted(value)}" for key, value in given if value is not None]
    if one.env:
        lines.append("  env:  # what the application demands when it is imported")
        lines += [f"    {name}: {quoted(value)}" for name, value in one.env.items()]
    return ["migrations:", *lines] if lines else []


def _database(one: Needs) -> list[str]:
    lines = _lines("database", one.ways)
    if one.roles:
        names = ", ".join(quoted(role) for role in one.roles)
        lines.append(f"  roles: [{names}]  # granted to, and created elsewhere")
    return ["database:", *lines] if lines else []


def house_text() -> str:
    """Give the first pack of a house: one policy, with its examples."""
    text = new_pack("house", HOUSE_POLICY, "schemas")
    for old, new in _WORDS.items():
        if old not in text:
            raise AssertionError(f"the starter has no {old!r} any more")
        text = text.replace(old, new)
    with TemporaryDirectory() as folder:  # a mistake here would be found by the user
        draft = Path(folder) / "house.yml"
        draft.write_text(text, "utf-8")
        load_files([draft])
    return text


def free_folder(root: Path) -> str:
    """Name the folder for the packs of the house: one that holds nothing else, or none yet."""
    return next((name for name in _FOLDERS if _is_free(root / name)), _FOLDERS[-1])


def _is_free(folder: Path) -> bool:
    """Say whether a folder is not there, or holds packs of ours and nothing in other formats."""
    if not folder.exists():
        return True
    if not folder.is_dir():
        return False
    packs = pack_files(folder)
    try:
        load_files(packs)
    except ConfigError:
        return False
    return bool(packs) or not any(folder.iterdir())
