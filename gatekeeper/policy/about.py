"""Tells policies about what a change does from those about what a schema is."""

import re
from collections.abc import Iterable

from gatekeeper.facts.vocabulary_events import EVENT_TABLES

EVENTS = frozenset({table.name for table in EVENT_TABLES} | {"access"})
# What only a change or a statement can make true.
_CHANGED = re.compile(
    r"\bchange\b(\s*,\s*''\s*\))?\s*(=|in\b|is\s+not\s+null|is\s+')"
    r"|\b(renamed_from|type_changed|made_required|made_nullable|\w+_before|conversion|rewritten"
    r"|rebuilt|scanned|blocks_reads|blocks_writes|validated_at_once|columns_removed|takes_along"
    r"|row_security_dropped|dropped_with|cascaded|replaced_by)\b",
    re.IGNORECASE,
)
_NEW = re.compile(r"(not\s+)?\b(?:\w+\.)?(?:table|object|role|references)_is_new\b", re.IGNORECASE)


def reads_changes(conditions: Iterable[str]) -> bool:
    """Say whether conditions, or queries, ask for what only a change or a statement can do."""
    return any(
        _CHANGED.search(text) or any(not m[1] for m in _NEW.finditer(text)) for text in conditions
    )
