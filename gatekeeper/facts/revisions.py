"""The rows of revisions: what they are as files, beside what they did when they ran."""

from collections import Counter
from collections.abc import Iterator

from gatekeeper.model.evidence import Evidence, Revision

Row = dict[str, object]


def revision_rows(evidence: Evidence) -> Iterator[tuple[str, Row]]:
    """Give (fact table, row) pairs of the tables revisions, imports and conditions."""
    counts = Counter(statement.revision for statement in evidence.statements)
    for revision in evidence.revisions:
        place = {"subject": revision.id, "revision": revision.id, "file": revision.file}
        yield "revisions", place | _revision(revision) | {"statement_count": counts[revision.id]}
        for found in revision.imports:
            yield (
                "imports",
                place | {"name": found.name, "line": found.line, "is_model": found.is_model},
            )
        for condition in revision.upkeep.conditions:
            row: Row = {
                "depends_on": condition.depends_on,
                "condition": condition.text,
                "line": condition.line,
            }
            yield "conditions", place | row


def _revision(revision: Revision) -> Row:
    upkeep = revision.upkeep
    return {
        "line": upkeep.line,
        "title": revision.title,
        "is_new": revision.is_new,
        "follows": _listed(upkeep.follows),
        "is_merge": len(upkeep.follows) > 1,
        "branch_labels": _listed(upkeep.labels),
        "is_head": upkeep.is_head,
        "other_heads": _listed(upkeep.beside),
        "forks_at": upkeep.forks_at,
        "behind": upkeep.behind,
        "edited": upkeep.edited,
        "is_deleted": upkeep.deleted,
        "broken": upkeep.broken,
        "not_replayable": upkeep.not_replayable,
        "upgrade": upkeep.upgrade,
        "downgrade": upkeep.downgrade,
    }


def _listed(names: tuple[str, ...]) -> str | None:
    return ", ".join(names) or None
