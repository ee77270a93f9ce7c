"""Loads packs of policies from YAML: every mistake of every file at once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gatekeeper.config import Config, Override, read_severity
from gatekeeper.errors import ConfigError
from gatekeeper.policy.entry import RANK, read_policy
from gatekeeper.policy.model import CatalogQuery, Policy, Query
from gatekeeper.yaml_reader import Node, Plain, Problems, did_you_mean, read_text, read_yaml

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
    _check_params(config.params, [found.policy for found in policies.values()], problems)
    chosen: dict[str, Policy] = {}
    for found in policies.values():
        severity = _severity(found.policy, packs.preset, named=packs.files[found.path])
        if severity != "off":
            policy = _with_params(found.policy, config.params, problems)
            chosen[policy.id] = replace(policy, severity=severity)
    for policy_id, override in config.policies.items():
        if policy_id not in policies:
            near = did_you_mean(policy_id, policies)
            problems.add(override.file, override.line, f"there is no policy {policy_id!r}{near}")
        elif override.severity == "off":
            chosen.pop(policy_id, None)
        else:
            policy_now = chosen.get(policy_id, policies[policy_id].policy)
            chosen[policy_id] = _overridden(policy_now, override, problems)
    problems.raise_if_any(
        "Nothing is judged by half-read policies. `gatekeeper policy list` shows what there is."
    )
    return tuple(sorted(chosen.values(), key=lambda p: p.id))


def load_files(paths: list[Path]) -> tuple[Policy, ...]:
    """Load every policy of some files, also those that are off by default."""
    problems = Problems()
    policies = _read_files(paths, problems)
    problems.raise_if_any()
    return tuple(found.policy for found in policies.values())


def load_all() -> dict[str, Policy]:
    """Load every shipped policy, by its id."""
    return {p.id: p for p in load_files(pack_files(shipped_folder()))}


def find_policy(config: Config, policy_id: str) -> tuple[Policy, bool] | None:
    """Load one policy as configured, and say whether it is on, without reading all the others.

    Raises ConfigError when it, or the configuration, is wrong.
    """
    problems = Problems()
    packs = _packs(config, problems)
    shipped = dict.fromkeys(pack_files(shipped_folder()), False)
    entry = re.compile(rf"^[\s-]*id:\s*[\"']?{re.escape(policy_id)}[\"']?\s*(#.*)?$", re.MULTILINE)
    for path in packs.files | shipped:
        if not entry.search(read_text(path)):
            continue
        found = _read_files([path], problems, only=policy_id).get(policy_id)
        problems.raise_if_any()
        if found is None:
            continue
        severity = "off"
        if path in packs.files:
            severity = _severity(found.policy, packs.preset, named=packs.files[path])
        policy = _with_params(found.policy, config.params, problems)
        problems.raise_if_any()
        policy = policy if severity == "off" else replace(policy, severity=severity)
        override = config.policies.get(policy_id)
        if override is not None and override.severity != "off":
            policy, severity = _overridden(policy, override, problems), "on"
            problems.raise_if_any()
        return policy, severity != "off" and (override is None or override.severity != "off")
    return None


def pack_files(folder: Path) -> list[Path]:
    """Give the pack files of a folder."""
    return sorted(p for p in folder.iterdir() if p.suffix in (".yml", ".yaml") and p.is_file())


@dataclass(slots=True)
class _Packs:
    """The pack files; whether each was named, which turns on what is off by default."""

    files: dict[Path, bool]
    preset: str = "recommended"


def _packs(config: Config, problems: Problems) -> _Packs:
    shipped = {path.stem: path for path in pack_files(shipped_folder())}
    presets = [name for name in config.packs if name in PRESETS]
    found = _Packs({}, *presets[:1])
    if len(presets) > 1:
        both = " and ".join(presets)
        problems.add(config.file or "--packs", 1, f"{both} are both presets; choose one")
    if presets:
        found.files = dict.fromkeys(shipped.values(), presets[0] == "all")
    for name in config.packs:
        path = config.root / name
        if name in PRESETS:
            continue
        if name in shipped:
            found.files[shipped[name]] = True
        elif path.is_dir() and (files := pack_files(path)):
            found.files |= dict.fromkeys(files, True)
        elif path.is_file():
            found.files[path] = True
        else:
            near = did_you_mean(name, [*PRESETS, *shipped])
            what = "the folder {!r} holds no pack" if path.is_dir() else "there is no pack {!r}"
            problems.add(config.file or "--packs", 1, what.format(name) + near)
    return found


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
    path: Path


def _read_files(
    paths: list[Path], problems: Problems, only: str | None = None
) -> dict[str, _Found]:
    """Read the policies of some packs, or `only` the one of this id."""
    found: dict[str, _Found] = {}
    for path in paths:
        for node, policy in _read_file(path, problems, only):
            if policy.id in found:
                other = found[policy.id].policy
                node.problem(
                    f"the policy {policy.id!r} is already defined in {other.file}:{other.line}"
                )
            else:
                found[policy.id] = _Found(policy, path)
    return found


def _read_file(path: Path, problems: Problems, only: str | None) -> Iterator[tuple[Node, Policy]]:
    root = read_yaml(read_text(path), _display(path), problems)
    if root is None:
        return
    top = root.mapping(PACK_KEYS)
    if "policies" not in top:
        root.problem("a pack has a list of policies: under the key policies")
        return
    pack = top["pack"].text() if "pack" in top else path.stem
    bounds = {k: read_severity(v) for k, v in top.items() if k in ("strict", "relaxed")}
    is_off = "default" in top and not top["default"].flag(default=True)
    for node in top["policies"].items():
        if only is not None and node.get("id") != only:
            continue
        policy = read_policy(node, pack, problems)
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


def _display(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _overridden(policy: Policy, override: Override, problems: Problems) -> Policy:
    for name in sorted(override.params.keys() - policy.params):
        near = did_you_mean(name, policy.params)
        message = f"{policy.id} has no parameter {name!r}{near}"
        problems.add(override.file, override.line, message)
    return replace(
        _with_params(policy, override, problems),
        severity=override.severity or policy.severity,
        mode=override.mode or policy.mode,
    )


def _with_params(policy: Policy, override: Override, problems: Problems) -> Policy:
    """Set those parameters that the policy has."""
    params = {k: v for k, v in override.params.items() if k in policy.params}
    for name, value in params.items():
        mistake = _param_mistake(policy, name, value)
        if mistake is not None:
            problems.add(override.file, override.line, mistake)
    return replace(policy, params=policy.params | params)


def _check_params(override: Override, policies: list[Policy], problems: Problems) -> None:
    known = {name for policy in policies for name in policy.params}
    for name in sorted(override.params.keys() - known):
        near = did_you_mean(name, known)
        problems.add(override.file, override.line, f"no policy has a parameter {name!r}{near}")


def _param_mistake(policy: Policy, name: str, value: Plain) -> str | None:
    default = policy.params[name]
    if default is not None and isinstance(value, str) != isinstance(default, str):
        kind = "a text" if isinstance(default, str) else "a number"
        return f"the parameter {name} of {policy.id} is {kind}, not {value!r}"
    judge = policy.judge
    if isinstance(judge, CatalogQuery):
        return None  # its patterns are PostgreSQL's, not Python's
    texts = [judge.sql] if isinstance(judge, Query) else [part.sql for part in judge.parts]
    if any(re.search(rf"matches\([^)]*:{name}\b", text, re.IGNORECASE) for text in texts):
        try:
            re.compile(str(value))
        except re.error as error:
            return f"the parameter {name} of {policy.id} is no regular expression: {error}"
    return None


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
