"""What `gatekeeper policy new` writes, and where."""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from gatekeeper.cli.session import write_whole
from gatekeeper.config import Config
from gatekeeper.errors import GatekeeperError
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.policy.entry import ID
from gatekeeper.policy.jsonschema import pack_schema
from gatekeeper.policy.load import PRESETS, find_policy, load_files, pack_files, shipped_folder
from gatekeeper.policy.new import SCHEMA_FILE, new_pack, with_policy
from gatekeeper.yaml_reader import did_you_mean, read_text


def add_policy(config: Config, policy_id: str, kind: str, file: Path | None) -> list[str]:
    """Write a policy into a pack, and the pack's JSON Schema beside it; say what comes next.

    Raises GatekeeperError, and writes nothing, when the id is taken or is none, when there is no
    such fact table, and when the pack cannot be read.
    """
    kinds = (*TABLES, "query", "catalog_query")
    if not ID.match(policy_id):
        raise GatekeeperError(f"{policy_id!r} is no id: lower case words joined by hyphens")
    if kind not in kinds:
        raise GatekeeperError(
            f"there is no fact table {kind!r}{did_you_mean(kind, kinds)}",
            "`gatekeeper explain tables` lists them; query and catalog_query are whole SELECTs.",
        )
    taken = find_policy(config, policy_id)
    if taken is not None:
        raise GatekeeperError(
            f"{taken[0].file}:{taken[0].line}: there is a policy {policy_id!r} already",
            "Give it another id, or change that one in gatekeeper.yml under policies:.",
        )
    path = file or _house_folder(config) / "house.yml"
    text = (
        with_policy(read_text(path), policy_id, kind)
        if path.exists()
        else new_pack(path.stem, policy_id, kind)
    )
    line = _checked(text, path, policy_id)
    write_whole(path, text)
    write_whole(path.with_name(SCHEMA_FILE), json.dumps(pack_schema(), indent=2) + "\n")
    return [f"{path}:{line}: {policy_id}", *_next_steps(config, path)]


def _house_folder(config: Config) -> Path:
    folders = [config.root / n for n in config.packs if n not in PRESETS]
    here = next((f for f in folders if f.is_dir()), config.root / "policies")
    return here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here


def _checked(text: str, path: Path, policy_id: str) -> int:
    """Load what would be written, and give the policy's line. Raises ConfigError."""
    with TemporaryDirectory() as folder:
        draft = Path(folder) / path.name
        draft.write_text(text, "utf-8")
        return next(p.line for p in load_files([draft]) if p.id == policy_id)


def _next_steps(config: Config, path: Path) -> list[str]:
    steps = [f"Change it into what you need; `gatekeeper policy test {path}` runs its examples."]
    shipped = {p.resolve() for p in pack_files(shipped_folder())}
    named = {(config.root / name).resolve() for name in config.packs}
    if not named & {path.resolve(), path.resolve().parent} and path.resolve() not in shipped:
        packs = ", ".join((*config.packs, os.path.relpath(path, config.root)))
        steps.append(f"It judges nothing yet: gatekeeper.yml needs packs: [{packs}]")
    return steps
