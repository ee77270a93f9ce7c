"""Reads one policy's YAML into a compiled policy; every mistake is recorded at its line."""

import re

from gatekeeper.config import MODES, SEVERITIES, read_severity
from gatekeeper.config_waivers import read_approvers
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.facts.vocabulary_events import DRIFTS
from gatekeeper.policy.compiler import Compiler
from gatekeeper.policy.covers import read_covers
from gatekeeper.policy.model import ON_UNKNOWN, CatalogQuery, Example, Policy, Query, Rule, whole
from gatekeeper.yaml_reader import Node, Plain, Problems, did_you_mean

ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
REQUIRED = ("id", "title", "severity", "message", "why")
JUDGES = ("for", "where", "require", "forbid", "query", "catalog_query")
ALIASES = ("table", "column")  # in templates: short for table_subject, and a column's subject
RANK = ("off", *reversed(SEVERITIES))
KEYS = (
    *REQUIRED, *JUDGES, "strict", "relaxed", "instead", "alembic", "examples", "params", "scope",
    "mode", "on_unknown", "default", "approvers", "coverage",
)  # fmt: skip
EXAMPLE_KEYS = (
    "name", "before", "base", "files", "base_drifts", "drifts", "migration", "downgrade", "finds",
    "not_replayable",
)  # fmt: skip

_Samples = dict[str, object]


def read_policy(
    node: Node, pack: str, problems: Problems, compiler: Compiler, *, try_templates: bool = True
) -> Policy | None:
    """Read the policy at `node`; None, and problems, when it cannot be judged by.

    Its templates are tried on sample values, unless that has been done.
    """
    before = len(problems.found)
    entries = node.mapping(KEYS)
    for key in REQUIRED:
        if key not in entries:
            node.problem(f"the policy has no {key}")
    params = (
        {k: v.plain() for k, v in entries["params"].mapping().items()}
        if "params" in entries
        else {}
    )
    judge, samples = _judge(node, entries, params, compiler)
    if try_templates and samples:
        _try_templates(entries, samples | params)
    words = _words(node, entries)
    policy_id = entries["id"].text() if "id" in entries else ""
    if "id" in entries and not ID.match(policy_id):
        entries["id"].problem(f"{policy_id!r} is no id: lower case words joined by hyphens")
    examples = tuple(_examples(entries["examples"])) if "examples" in entries else ()
    approvers = read_approvers(entries["approvers"]) if "approvers" in entries else ()
    covers = (
        read_covers(entries["coverage"], judge, params, compiler) if "coverage" in entries else None
    )
    if judge is None or len(problems.found) > before:
        return None
    return Policy(
        id=policy_id,
        pack=pack,
        title=entries["title"].text(),
        judge=judge,
        message=entries["message"].text().strip(),
        why=" ".join(entries["why"].text().split()),
        instead=_code(entries, "instead"),
        instead_alembic=_code(entries, "alembic"),
        params=params,
        scope=entries["scope"].texts() if "scope" in entries else (),
        off_by_default="default" in entries and not entries["default"].flag(default=True),
        approvers=approvers,
        covers=covers,
        examples=examples,
        file=node.file,
        line=node.line,
        **words,
    )


def _try_templates(entries: dict[str, Node], samples: _Samples) -> None:
    from gatekeeper.policy.template import template_mistakes

    for key in ("message", "instead", "alembic"):
        for mistake in template_mistakes(entries[key].text(), samples) if key in entries else ():
            entries[key].problem(mistake)


def _words(node: Node, entries: dict[str, Node]) -> dict[str, str]:
    """Read the keys whose values are words."""
    words = {
        key: entries[key].word(known, default, what=key) if key in entries else default
        for key, known, default in (
            ("severity", SEVERITIES, "error"),
            ("mode", MODES, "enforce"),
            ("on_unknown", ON_UNKNOWN, "warning"),
        )
    }
    words |= {
        key: read_severity(entries[key]) if key in entries else "" for key in ("strict", "relaxed")
    }
    order = [words["strict"] or words["severity"], words["severity"], words["relaxed"]]
    ranks = [RANK.index(word) for word in order if word]
    if ranks != sorted(ranks, reverse=True):
        node.problem("strict is at least the severity, relaxed at most")
    return words


def _judge(
    node: Node, entries: dict[str, Node], params: dict[str, Plain], compiler: Compiler
) -> tuple[Rule | Query | CatalogQuery | None, _Samples]:
    """Compile what the policy judges by; also give a sample of each value its templates may use."""
    for key in ("query", "catalog_query"):
        if key in entries:
            return _asked(key, entries, params, compiler)
    if "for" not in entries:
        node.problem("the policy says neither for (a fact table) nor query nor catalog_query")
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
        whole(compiler.condition(entries["where"], table, params)) if "where" in entries else None
    )
    forbids = "forbid" in entries
    parts = compiler.condition(entries["forbid" if forbids else "require"], table, params)
    samples: _Samples = dict.fromkeys(ALIASES, "x")
    samples |= {c.name: "x" if c.type == "text" else 1 for c in table.columns}
    return (Rule(name, where, parts, forbids) if parts else None), samples


def _asked(
    key: str, entries: dict[str, Node], params: dict[str, Plain], compiler: Compiler
) -> tuple[Query | CatalogQuery | None, _Samples]:
    for other in JUDGES:
        if other in entries and other != key:
            entries[other].problem(f"a policy has either {key} or {other}, not both")
    if key == "query":
        query = compiler.query(entries[key], params)
        names = (*query.columns, *ALIASES) if query else ()
        return query, dict.fromkeys(names, _Sample("1"))
    asked = compiler.catalog_query(entries[key], params)
    names = (*asked.columns, *ALIASES, "file", "line", "revision") if asked else ()
    return asked, dict.fromkeys(names, _Sample("1"))


class _Sample(str):
    """A value of which nobody knows whether it is a text or a number; it behaves as both."""

    __slots__ = ()

    def __add__(self, other: object) -> str:
        return self

    __radd__ = __sub__ = __mul__ = __truediv__ = __rsub__ = __add__


def _examples(node: Node) -> list[Example]:
    examples = []
    for item in node.items():
        entries = item.mapping(EXAMPLE_KEYS)
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
                    files=_texts(entries, "files"),
                    base=_texts(entries, "base"),
                    drifts=_drifts(entries, "drifts"),
                    base_drifts=_drifts(entries, "base_drifts"),
                    downgrade=entries["downgrade"].text() if "downgrade" in entries else None,
                    not_replayable=_texts(entries, "not_replayable"),
                )
            )
    return examples


def _texts(entries: dict[str, Node], key: str) -> dict[str, str]:
    """Read texts by path."""
    if key not in entries:
        return {}
    return {path: text.text() for path, text in entries[key].mapping().items()}


def _drifts(entries: dict[str, Node], key: str) -> dict[str, str]:
    """Read kinds of drift by subject."""
    for text in entries[key].mapping().values() if key in entries else ():
        text.word(DRIFTS, DRIFTS[0], what="kind of drift")
    return _texts(entries, key)


def _code(entries: dict[str, Node], key: str) -> str:
    return entries[key].text().rstrip() if key in entries else ""
