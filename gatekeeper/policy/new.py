"""Adds a new policy to the text of a pack."""

import re

from gatekeeper.errors import ConfigError
from gatekeeper.policy.starter import starter

SCHEMA_FILE = ".gatekeeper-policies.schema.json"
CONFIG_SCHEMA_FILE = ".gatekeeper.schema.json"  # beside gatekeeper.yml, of which it is
_ITEM = re.compile(r"^(?P<indent> *)- ", re.MULTILINE)


def new_pack(name: str, policy_id: str, kind: str) -> str:
    """Give a pack with one policy in it; see `starter` for `kind`."""
    return (
        f"# yaml-language-server: $schema={SCHEMA_FILE}\n"
        f"pack: {name}\npolicies:\n{starter(policy_id, kind)}"
    )


def with_policy(text: str, policy_id: str, kind: str) -> str:
    """Append a policy to a pack whose last key is `policies:`. Raises ConfigError."""
    head, found, items = text.partition("\npolicies:")
    keys_after = re.search(r"^[a-z]", items, re.MULTILINE)
    if not found or keys_after:
        raise ConfigError(
            "a policy can only be added to a pack that ends with its list of policies:",
            "Choose another --file.",
        )
    item = starter(policy_id, kind)
    first = _ITEM.search(items)
    if first is None:
        return f"{head}\npolicies:\n{item}"
    shift = len(first["indent"]) - 2
    lines = [
        " " * shift + line if shift > 0 else line[-shift:] for line in item.splitlines() if line
    ]
    return text.rstrip() + "\n\n" + "\n".join(lines) + "\n"
