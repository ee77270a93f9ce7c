"""Loads packs of policies from YAML: every mistake of every file at once."""

import re
from dataclasses import replace
from pathlib import Path

from gatekeeper.config import MODES, SEVERITIES, Config, Override
from gatekeeper.errors import ConfigError
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.policy.condition import compile_condition, whole
from gatekeeper.policy.model import ON_UNKNOWN, Example, Policy, Query, Rule
from gatekeeper.policy.query import compile_query
from gatekeeper.policy.template import ALIASES, template_mistakes
from gatekeeper.yaml_reader import Node, Plain, Problems, did_you_mean, read_text, read_yaml

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_KEYS = (
    "id", "title", "severity", "for", "where", "require", "forbid", "query", "message", "why",
    "instead", "alembic", "examples", "params", "scope", "mode", "on_unknown",
    "default",
)  # fmt: skip
PRESETS = ("recommended", "all")


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
    policies: dict[str, Policy] = {}
    default_off: set[str] = set()
    for path, named in _files(config, problems).items():
        _load_file(path, policies, set() if named else default_off, problems)
    chosen = {p.id: p for p in policies.values() if p.id not in default_off}
    for policy_id, override in config.policies.items():
        if policy_id not in policies:
            file, line = override.file, override.line
            near = did_you_mean(policy_id, policies)
            problems.add(file, line, f"there is no policy {policy_id!r}{near}")
        elif override.severity == "off":
            chosen.pop(policy_id, None)
        else:
            chosen[policy_id] = _overridden(policies[policy_id], override, problems)
    problems.raise_if_any(
        "Nothing is judged by half-read policies. `gatekeeper policy list` shows what there is."
    )
    return tuple(sorted(chosen.values(), key=lambda p: p.id))


def load_files(paths: list[Path]) -> tuple[Policy, ...]:
    """Load every policy of some files, also those that are off by default."""
    problems = Problems()
    policies: dict[str, Policy] = {}
    for path in paths:
        _load_file(path, policies, set(), problems)
    problems.raise_if_any()
    return tuple(policies.values())


def load_all() -> dict[str, Policy]:
    """Load every shipped policy, by its id."""
    return {p.id: p for p in load_files(pack_files(shipped_folder()))}


def pack_files(folder: Path) -> list[Path]:
    """Give the pack files of a folder."""
    return sorted(p for p in folder.iterdir() if p.suffix in (".yml", ".yaml") and p.is_file())


def _files(config: Config, problems: Problems) -> dict[Path, bool]:
    """Give the pack files, and whether each was named, which turns on what is off by default."""
    shipped = {path.stem: path for path in pack_files(shipped_folder())}
    found: dict[Path, bool] = {}
    for name in config.packs:
        path = config.root / name
        if name in PRESETS:
            found = dict.fromkeys(shipped.values(), name == "all") | found
        elif name in shipped:
            found[shipped[name]] = True
        elif path.is_dir() and (files := pack_files(path)):
            found |= dict.fromkeys(files, True)
        elif path.is_file():
            found[path] = True
        else:
            near = did_you_mean(name, [*PRESETS, *shipped])
            what = "the folder {!r} holds no pack" if path.is_dir() else "there is no pack {!r}"
            problems.add(config.file or "--packs", 1, what.format(name) + near)
    return found


def _load_file(
    path: Path, policies: dict[str, Policy], default_off: set[str], problems: Problems
) -> None:
    root = read_yaml(read_text(path), _display(path), problems)
    if root is None:
        return
    top = root.mapping(("pack", "title", "default", "policies"))
    if "policies" not in top:
        root.problem("a pack has a list of policies: under the key policies")
        return
    pack = top["pack"].text() if "pack" in top else path.stem
    is_off = "default" in top and not top["default"].flag(default=True)
    for node in top["policies"].items():
        policy = _policy(node, pack, problems)
        if policy is None:
            continue
        if policy.id in policies:
            other = policies[policy.id]
            node.problem(
                f"the policy {policy.id!r} is already defined in {other.file}:{other.line}"
            )
            continue
        policies[policy.id] = policy
        if is_off or policy.off_by_default:
            policies[policy.id] = replace(policy, off_by_default=True)
            default_off.add(policy.id)


def _display(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _policy(node: Node, pack: str, problems: Problems) -> Policy | None:
    before = len(problems.found)
    entries = node.mapping(_KEYS)
    for key in ("id", "title", "severity", "message", "why"):
        if key not in entries:
            node.problem(f"the policy has no {key}")
    params = (
        {k: v.plain() for k, v in entries["params"].mapping().items()}
        if "params" in entries
        else {}
    )
    judge, samples = _judge(node, entries, params)
    for key in ("message", "instead", "alembic"):
        if key in entries and samples:
            for mistake in template_mistakes(entries[key].text(), samples | params):
                entries[key].problem(mistake)
    words = {
        key: entries[key].word(known, default, what=key) if key in entries else default
        for key, known, default in (
            ("severity", SEVERITIES, "error"),
            ("mode", MODES, "enforce"),
            ("on_unknown", ON_UNKNOWN, "warning"),
        )
    }
    policy_id = entries["id"].text() if "id" in entries else ""
    if "id" in entries and not _ID.match(policy_id):
        entries["id"].problem(f"{policy_id!r} is no id: lower case words joined by hyphens")
    examples = tuple(_examples(entries["examples"])) if "examples" in entries else ()
    if judge is None or len(problems.found) > before:
        return None
    return Policy(
        id=policy_id,
        pack=pack,
        title=entries["title"].text(),
        severity=words["severity"],
        judge=judge,
        message=entries["message"].text().strip(),
        why=" ".join(entries["why"].text().split()),
        instead=_code(entries, "instead"),
        instead_alembic=_code(entries, "alembic"),
        params=params,
        scope=entries["scope"].texts() if "scope" in entries else (),
        mode=words["mode"],
        on_unknown=words["on_unknown"],
        off_by_default="default" in entries and not entries["default"].flag(default=True),
        examples=examples,
        file=node.file,
        line=node.line,
    )


def _judge(
    node: Node, entries: dict[str, Node], params: dict[str, Plain]
) -> tuple[Rule | Query | None, dict[str, object]]:
    """Compile what the policy judges by; also give a sample of each value its templates may use."""
    if "query" in entries:
        for key in ("for", "where", "require", "forbid"):
            if key in entries:
                entries[key].problem(f"a policy has either query or {key}, not both")
        query = compile_query(entries["query"], params)
        names = (*query.columns, *ALIASES) if query else ()
        return query, dict.fromkeys(names, _Sample("1"))
    if "for" not in entries:
        node.problem("the policy says neither for (a fact table) nor query")
        return None, {}
    name = entries["for"].text()
    table = TABLES.get(name)
    if table is None:
        entries["for"].problem(f"there is no fact table {name!r}{did_you_mean(name, TABLES)}")
        return None, {}
    if ("require" in entries) == ("forbid" in entries):
        node.problem("a policy has either require (what must hold) or forbid (what must not)")
        return None, {}
    where = (
        whole(compile_condition(entries["where"], table, params)) if "where" in entries else None
    )
    forbids = "forbid" in entries
    parts = compile_condition(entries["forbid" if forbids else "require"], table, params)
    samples: dict[str, object] = dict.fromkeys(ALIASES, "x")
    samples |= {c.name: "x" if c.type == "text" else 1 for c in table.columns}
    return (Rule(name, where, parts, forbids) if parts else None), samples


class _Sample(str):
    """A value of which nobody knows whether it is a text or a number; it behaves as both."""

    __slots__ = ()

    def __add__(self, other: object) -> str:
        return self

    __radd__ = __sub__ = __mul__ = __truediv__ = __rsub__ = __add__


def _examples(node: Node) -> list[Example]:
    examples = []
    for item in node.items():
        entries = item.mapping(("name", "before", "migration", "finds"))
        for key in ("name", "migration", "finds"):
            if key not in entries:
                item.problem(f"the example has no {key}")
        if {"name", "migration", "finds"} <= entries.keys():
            examples.append(
                Example(
                    name=entries["name"].text(),
                    before=entries["before"].text() if "before" in entries else "",
                    migration=entries["migration"].text(),
                    finds=entries["finds"].texts(),
                    line=item.line,
                )
            )
    return examples


def _code(entries: dict[str, Node], key: str) -> str:
    return entries[key].text().rstrip() if key in entries else ""


def _overridden(policy: Policy, override: Override, problems: Problems) -> Policy:
    for name, value in override.params.items():
        mistake = _param_mistake(policy, name, value)
        if mistake is not None:
            problems.add(override.file, override.line, mistake)
    return replace(
        policy,
        severity=override.severity or policy.severity,
        mode=override.mode or policy.mode,
        params=policy.params | override.params,
    )


def _param_mistake(policy: Policy, name: str, value: Plain) -> str | None:
    if name not in policy.params:
        return f"{policy.id} has no parameter {name!r}{did_you_mean(name, policy.params)}"
    default = policy.params[name]
    if default is not None and isinstance(value, str) != isinstance(default, str):
        kind = "a text" if isinstance(default, str) else "a number"
        return f"the parameter {name} of {policy.id} is {kind}, not {value!r}"
    judge = policy.judge
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
