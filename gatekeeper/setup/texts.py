"""The files that `gatekeeper init` writes, but for the workflow."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from gatekeeper.errors import ConfigError
from gatekeeper.policy.load import load_files, pack_files
from gatekeeper.policy.new import CONFIG_SCHEMA_FILE, new_pack
from gatekeeper.setup.remedy import quoted

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


def config_text(
    packs: Iterable[str],
    *,
    config: str | None = None,
    python: str | None = None,
    env: Mapping[str, str] | None = None,
    roles: Iterable[str] = (),
) -> str:
    """Give gatekeeper.yml: what is not at its default, and comments that name the rest."""
    lines = [
        f"# yaml-language-server: $schema={CONFIG_SCHEMA_FILE}",
        "# Every key is optional; what is not here is at its default.",
        f"packs: [{', '.join(quoted(pack) for pack in packs)}]  # or strict, relaxed",
        *_migrations(config, python, env or {}),
        *_database(tuple(roles)),
        "# policies: {table-dropped: warning}  # `gatekeeper policy list` shows what there is",
        "# stats: gatekeeper-stats.json        # `gatekeeper stats --url REPLICA` counts rows",
        "# data: {pii: {columns: [people.*], readers: [billing]}}  # who may read what",
    ]
    return "\n".join(lines) + "\n"


def _migrations(config: str | None, python: str | None, env: Mapping[str, str]) -> list[str]:
    lines = ["migrations:"]
    if config is not None:
        lines.append(f"  config: {quoted(config)}")
    if python is not None:
        lines.append(f"  python: {quoted(python)}")
    if env:
        lines.append("  env:  # what the application demands when it is imported")
        lines += [f"    {name}: {quoted(value)}" for name, value in env.items()]
    return lines if len(lines) > 1 else ["# migrations: {env: {NAME: value}}  # settings"]


def _database(roles: tuple[str, ...]) -> list[str]:
    if not roles:
        return ["# database: {roles: [app], bootstrap: [dump.sql]}  # what production has before"]
    names = ", ".join(quoted(role) for role in roles)
    return ["database:", f"  roles: [{names}]  # granted to, and created elsewhere"]


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
