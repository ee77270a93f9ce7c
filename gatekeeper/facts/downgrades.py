"""The rows of downgrades: what does not come back when the new migrations are undone."""

from collections.abc import Iterable
from dataclasses import replace

from gatekeeper.facts.build import IDENT, Facts
from gatekeeper.facts.rows import Row
from gatekeeper.model.evidence import Leftover


def with_downgrades(facts: Facts, found: Iterable[Leftover]) -> Facts:
    """Give the facts of the head with a row for each."""
    return replace(facts, head=facts.head | {"downgrades": [_row(one) for one in found]})


def _row(found: Leftover) -> Row:
    words = ("downgrades", found.revision, found.problem, found.object_kind, found.subject)
    return {
        "subject": found.revision or "",
        "problem": found.problem,
        "object_kind": found.object_kind,
        "object_subject": found.subject,
        "part": found.part,
        "before_text": found.before,
        "after_text": found.after,
        "server_message": found.message,
        "revision": found.revision,
        "file": found.file,
        "line": found.line,
        IDENT: ":".join(map(str, (*words, found.part))),
    }
