"""Loads packs of policies from YAML: every mistake of every file at once."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path, PurePosixPath

from gatekeeper.config import Config, read_severity
from gatekeeper.errors import ConfigError
from gatekeeper.policy.compiler import Compiler, as_file, shipped_compiler
from gatekeeper.policy.entry import RANK, read_policy
from gatekeeper.policy.minimum import MINIMUM_ID, is_demanded, minimum_policy
from gatekeeper.policy.model import Policy
from gatekeeper.policy.override import check_params, overridden, with_params
from gatekeeper.policy.waivers import check_waivers
from gatekeeper.tree import FolderTree, Tree
from gatekeeper.yaml_reader import MOST_BYTES, Node, Problems, did_you_mean, read_yaml

PRESETS = ("recommended", "strict", "relaxed", "all")
PACK_KEYS = ("pack", "title", "default", "strict", "relaxed", "policies")


def shipped_folder() -> Path:
    """Give the folder of the packs that come with Gatekeeper."""
    package = Path(__file__).parent.parent
    installed = package / "packs"
    return installed if installed.is_dir() else package.parent / "policies"


def load_policies(config: Config) -> tuple[Policy, ...]:
    """Load the configured packs and apply what gatekeeper.yml says of single policies.

    Raises ConfigError with every mistake found.
    """
    problems = Problems()
    packs = _packs(config, problems)
    policies = _read_files(list(packs.files), problems)
    check_params(config.params, [found.policy for found in policies.values()], problems)
    chosen: dict[str, Policy] = {}
    for found in policies.values():
        severity = _severity(found.policy, packs.preset, named=packs.files[found.file])
        if severity != "off":
            policy = with_params(found.policy, config.params, problems)
            chosen[policy.id] = replace(policy, severity=severity)
    policies |= _minimum(config, policies, problems)
    if is_demanded(config.coverage):
        chosen[MINIMUM_ID] = policies[MINIMUM_ID].policy
    for policy_id, override in config.policies.items():
        if policy_id not in policies:
            near = did_you_mean(policy_id, policies)
            problems.add(override.file, override.line, f"there is no policy {policy_id!r}{near}")
        elif override.severity == "off":
            chosen.pop(policy_id, None)
        else:
            policy_now = chosen.get(policy_id, policies[policy_id].policy)
            chosen[policy_id] = overridden(policy_now, override, problems)
    check_waivers(config.waivers, policies, problems)
    problems.raise_if_any(
        "Nothing is judged by half-read policies. `gatekeeper policy list` shows what there is."
    )
    return tuple(sorted(chosen.values(), key=lambda p: p.id))


def _minimum(
    config: Config, others: "dict[str, _Found]", problems: Problems
) -> "dict[str, _Found]":
    """Give the one policy that is in no pack: its numbers are in gatekeeper.yml."""
    if MINIMUM_ID in others:
        taken = others[MINIMUM_ID].policy
        problems.add(taken.file, taken.line, f"{MINIMUM_ID} is the policy of the key coverage:")
    file = config.file or ""
    return {
        MINIMUM_ID: _Found(
            minimum_policy(config.coverage, file), _in_tree(config.tree, PurePosixPath(file))
        )
    }


def load_files(paths: list[Path]) -> tuple[Policy, ...]:
    """Load every policy of some files, also those that are off by default."""
    problems = Problems()
    policies = _read_files([_on_disk(path) for path in paths], problems)
    problems.raise_if_any()
    return tuple(found.policy for found in policies.values())


def load_all() -> dict[str, Policy]:
    """Load every shipped policy, by its id."""
    problems = Problems()
    policies = _read_files(_shipped().values(), problems)
    problems.raise_if_any()
    return {policy_id: found.policy for policy_id, found in policies.items()}


def compiled_packs() -> str:
    """Compile every shipped policy, and give the text of compiled.json.

    Raises ConfigError with every mistake found.
    """
    problems, compiler = Problems(), Compiler()
    _read_files(_shipped().values(), problems, compiler=compiler)
    problems.raise_if_any()
    return as_file(compiler.made)


def find_policy(config: Config, policy_id: str) -> tuple[Policy, bool] | None:
    """Load one policy as configured, and say whether it is on, without reading all the others.

    Raises ConfigError when it, or the configuration, is wrong.
    """
    if policy_id == MINIMUM_ID:
        chosen = {p.id: p for p in load_policies(config)}
        return chosen.get(MINIMUM_ID, minimum_policy(config.coverage, "")), MINIMUM_ID in chosen
    problems = Problems()
    packs = _packs(config, problems)
    shipped = dict.fromkeys(_shipped().values(), False)
    entry = re.compile(rf"^[\s-]*id:\s*[\"']?{re.escape(policy_id)}[\"']?\s*(#.*)?$", re.MULTILINE)
    for file, text in _texts(packs.files | shipped):
        if not entry.search(text):
            continue
        found = _read_files([file], problems, only=policy_id).get(policy_id)
        problems.raise_if_any()
        if found is None:
            continue
        severity = "off"
        if file in packs.files:
            severity = _severity(found.policy, packs.preset, named=packs.files[file])
        policy = with_params(found.policy, config.params, problems)
        problems.raise_if_any()
        policy = policy if severity == "off" else replace(policy, severity=severity)
        override = config.policies.get(policy_id)
        if override is not None and override.severity != "off":
            policy, severity = overridden(policy, override, problems), "on"
            problems.raise_if_any()
        return policy, severity != "off" and (override is None or override.severity != "off")
    return None


def pack_files(folder: Path) -> list[Path]:
    """Give the pack files of a folder."""
    return [folder / name for name in _pack_names(FolderTree(folder), "")]


@dataclass(frozen=True, slots=True)
class _PackFile:
    """Where a pack is: one of ours, the working tree's or a commit's. The name tells them apart.

    The templates of ours are not tried at each start: `gatekeeper policy test` has done that.
    """

    name: str
    tree: Tree = field(compare=False)
    path: str = field(compare=False)
    is_ours: bool = field(default=False, compare=False)


def _in_tree(tree: Tree, path: PurePosixPath) -> _PackFile:
    return _PackFile(tree.display(str(path)), tree, str(path))


def _on_disk(path: Path) -> _PackFile:
    return _in_tree(FolderTree(path.parent), PurePosixPath(path.name))


@dataclass(slots=True)
class _Packs:
    """The pack files; whether each was named, which turns on what is off by default."""

    files: dict[_PackFile, bool]
    preset: str = "recommended"


def _shipped() -> dict[str, _PackFile]:
    return {
        path.stem: replace(_on_disk(path), is_ours=True) for path in pack_files(shipped_folder())
    }


def _pack_names(tree: Tree, folder: str) -> list[str]:
    return [n for n in tree.names(folder) if PurePosixPath(n).suffix in (".yml", ".yaml")]


def _packs(config: Config, problems: Problems) -> _Packs:
    shipped = _shipped()
    presets = [name for name in config.packs if name in PRESETS]
    found = _Packs({}, *presets[:1])
    if len(presets) > 1:
        both = " and ".join(presets)
        problems.add(config.file or "--packs", 1, f"{both} are both presets; choose one")
    if presets:
        found.files = dict.fromkeys(shipped.values(), presets[0] == "all")
    for name in config.packs:
        if name in PRESETS:
            continue
        if name in shipped:
            found.files[shipped[name]] = True
            continue
        try:
            found.files |= dict.fromkeys(_house_files(config.tree, name), True)
        except ConfigError as error:
            near = did_you_mean(name, [*PRESETS, *shipped])
            problems.add(config.file or "--packs", 1, error.message + near)
    return found


def _house_files(tree: Tree, name: str) -> list[_PackFile]:
    """Give the packs that a file or folder is. Raises ConfigError when it is neither."""
    kind, path = tree.kind(name), PurePosixPath(name)
    if kind is None:
        raise ConfigError(f"there is no pack {name!r}")
    if kind == "file":
        return [_in_tree(tree, path)]
    names = _pack_names(tree, name)
    if not names:
        raise ConfigError(f"the folder {name!r} holds no pack")
    return [_in_tree(tree, path / pack) for pack in names]


def _severity(policy: Policy, preset: str, *, named: bool) -> str:
    """Give a policy's severity under a preset, or off. Who names a pack wants all of it."""
    off = policy.off_by_default
    severity = {
        "strict": policy.strict or ("off" if off else policy.severity),
        "relaxed": policy.relaxed or ("off" if off else policy.severity),
        "recommended": "off" if off else policy.severity,
        "all": policy.severity,
    }[preset]
    return policy.severity if severity == "off" and named else severity


@dataclass(frozen=True, slots=True)
class _Found:
    policy: Policy
    file: _PackFile


def _read_files(
    files: Iterable[_PackFile],
    problems: Problems,
    only: str | None = None,
    compiler: Compiler | None = None,
) -> dict[str, _Found]:
    """Read the policies of some packs, or `only` the one of this id.

    Without a `compiler`, what ours compile to is known, and that of others is compiled.
    """
    found: dict[str, _Found] = {}
    for file, text in _texts(files):
        mine = compiler or (shipped_compiler() if file.is_ours else Compiler())
        for node, policy in _read_pack(file, text, problems, mine, only):
            if policy.id in found:
                other = found[policy.id].policy
                node.problem(
                    f"the policy {policy.id!r} is already defined in {other.file}:{other.line}"
                )
            else:
                found[policy.id] = _Found(policy, file)
    return found


def _texts(files: Iterable[_PackFile]) -> Iterator[tuple[_PackFile, str]]:
    """Read packs, those that lie in one tree at once."""
    for tree, group in groupby(files, lambda file: file.tree):
        some = list(group)
        texts = tree.read(*(file.path for file in some), most_bytes=MOST_BYTES)
        yield from zip(some, texts, strict=True)


def _read_pack(
    file: _PackFile, text: str, problems: Problems, compiler: Compiler, only: str | None
) -> Iterator[tuple[Node, Policy]]:
    root = read_yaml(text, file.name, problems)
    if root is None:
        return
    top = root.mapping(PACK_KEYS)
    if "policies" not in top:
        root.problem("a pack has a list of policies: under the key policies")
        return
    pack = top["pack"].text() if "pack" in top else PurePosixPath(file.path).stem
    bounds = {k: read_severity(v) for k, v in top.items() if k in ("strict", "relaxed")}
    is_off = "default" in top and not top["default"].flag(default=True)
    for node in top["policies"].items():
        if only is not None and node.get("id") != only:
            continue
        policy = read_policy(node, pack, problems, compiler, try_templates=not file.is_ours)
        if policy is not None:
            off_by_default = policy.off_by_default or is_off
            yield node, _bounded(replace(policy, off_by_default=off_by_default), bounds)


def _bounded(policy: Policy, bounds: dict[str, str]) -> Policy:
    """Apply what a pack says of all its policies: at least this under strict, at most relaxed."""
    if policy.off_by_default:
        return policy
    at_least, at_most = bounds.get("strict", "off"), bounds.get("relaxed", "error")
    return replace(
        policy,
        strict=policy.strict or max(policy.severity, at_least, key=RANK.index),
        relaxed=policy.relaxed or min(policy.severity, at_most, key=RANK.index),
    )


def check_examples(policies: tuple[Policy, ...]) -> None:
    """Demand of each policy an example that finds and one that does not. Raises ConfigError."""
    lacking = []
    for policy in policies:
        if not any(e.finds for e in policy.examples):
            lacking.append(
                f"{policy.file}:{policy.line}: {policy.id} has no example that finds something"
            )
        if not any(not e.finds for e in policy.examples):
            lacking.append(
                f"{policy.file}:{policy.line}: {policy.id} has no example that finds nothing"
            )
    if lacking:
        raise ConfigError("\n".join(lacking), "Examples are what keeps a policy from false alarms.")
