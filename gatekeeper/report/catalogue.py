"""The catalogue of policies as Markdown, made from the packs."""

from collections.abc import Iterable

from gatekeeper.policy.model import Example, Policy
from gatekeeper.report.escape import fence

_HEAD = """# The policies

Made from the packs in this folder by `gatekeeper policy catalogue`; edit those. Every example is a
test that runs on a real server (`gatekeeper policy test`).
"""


def render_catalogue(policies: Iterable[Policy]) -> str:
    """Give one Markdown document: an index by pack, then every policy."""
    chosen = sorted(policies, key=lambda p: (p.pack, p.id))
    lines = [_HEAD, "| pack | policy | severity | finds |", "|---|---|---|---|"]
    lines += [f"| {p.pack} | [{p.id}](#{p.id}) | {_severity(p)} | {p.title} |" for p in chosen]
    return "\n".join(lines) + "\n" + "".join(_section(policy) for policy in chosen)


def _severity(policy: Policy) -> str:
    return f"{policy.severity}, off by default" if policy.off_by_default else policy.severity


def _example(example: Example) -> str:
    if not example.is_of_files:
        told = [f"-- the base had {_drift(*one)}" for one in example.base_drifts.items()]
        told += [f"-- alembic finds {_drift(*one)}" for one in example.drifts.items()]
        if example.downgrade is not None:
            told += ["-- undone by:", example.downgrade.strip()]
        return "\n".join([f"-- {example.name}", example.migration.strip(), *told])
    parts = [f"# {example.name}", example.migration.strip()]
    parts += [
        f"# {path}\n{text.strip()}" if text.strip() else f"# {path} is deleted"
        for path, text in example.files.items()
    ]
    parts += [f"# {path}, in the base\n{text.strip()}" for path, text in example.base.items()]
    return "\n".join(part for part in parts if part)


def _drift(subject: str, kind: str) -> str:
    return f"{kind}: {subject}"


def _section(policy: Policy) -> str:
    parts = [f"## {policy.id}", f"{policy.title}. *{_severity(policy)}, {policy.pack}*", policy.why]
    if policy.params:
        parts.append("Parameters: " + ", ".join(f"`{k}: {v}`" for k, v in policy.params.items()))
    if policy.instead:
        parts += ["Instead:", fence(policy.instead, "sql")]
    if policy.instead_alembic:
        parts += ["With Alembic:", fence(policy.instead_alembic, "python")]
    for finds, title in ((True, "Finds"), (False, "Does not find")):
        cases = [e for e in policy.examples if bool(e.finds) is finds]
        if cases:
            parts.append(f"{title}:")
            parts.append(
                fence(
                    "\n".join(_example(e) for e in cases),
                    "python" if cases[0].is_of_files else "sql",
                )
            )
    return "\n" + "\n\n".join(parts) + "\n"
