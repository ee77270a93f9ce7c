"""The review comment in Markdown: full, compact or minimal, the first that fits."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from gatekeeper.model.evidence import Failure
from gatekeeper.report.diagram import diagram
from gatekeeper.report.escape import Markup, cell, code, fence, shortened, visible
from gatekeeper.report.outcome import Outcome
from gatekeeper.report.schema_diff import diff_lines
from gatekeeper.report.view import (
    Item,
    change_counts,
    counted,
    headline,
    instead,
    items,
    message_markdown,
    place,
    place_of,
    summary,
)

LIMIT = 60_000  # bytes of UTF-8; GitHub refuses comments of more than 65,536 characters
_LEVELS = ("full", "compact", "minimal")
_MOST_ROWS = {"full": 200, "compact": 20, "minimal": 0}
_MOST_LINES = {"full": 400, "compact": 60, "minimal": 0}
_MOST_NOTES = {"full": 100, "compact": 20, "minimal": 3}
_MOST_TEXT = {"full": 4000, "compact": 1500, "minimal": 600}  # characters of each text of a failure
_ICONS = {"error": "❌", "warning": "⚠️", "notice": "ℹ️"}  # noqa: RUF001 - meant
_VERDICT_ICONS = {"passed": "✅", "blocked": "❌", "undecided": "❌"}


def render_markdown(outcome: Outcome, *, limit: int = LIMIT) -> str:
    """Give the comment in the richest rendering of at most `limit` bytes; never cut in a block."""
    text = ""
    for level in _LEVELS:
        text = _render(outcome, level)
        if len(text.encode()) <= limit:
            break
    return text


def _finalize(value: Any) -> Any:  # noqa: ANN401
    """Wrap every value as code unless the renderer itself made it Markdown."""
    if value is None:
        return ""
    return str(value) if isinstance(value, Markup | int) else code(str(value))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gatekeeper.report"),
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - it is Markdown, and `finalize` escapes every value for it
    )
    environment.filters["markup"] = Markup
    environment.filters["fence"] = lambda text, language="": Markup(fence(text, language))
    return environment


def _render(outcome: Outcome, level: str) -> str:
    rows = items(outcome.findings)
    lines = diff_lines(outcome.changes) if level != "minimal" else []
    shown = rows[: _MOST_ROWS[level]]
    failure = outcome.failure
    text = (
        _environment()
        .get_template("comment.md.j2")
        .render(
            level=Markup(level),
            icon=Markup(_VERDICT_ICONS[outcome.verdict]),
            headline=Markup(headline(outcome)),
            summary=Markup(summary(outcome)),
            base=outcome.base,
            head=outcome.head,
            server=Markup(visible(outcome.server_version)),
            rows=[_row(item) for item in shown],
            hidden=len(rows) - len(shown),
            fixes=[_fix(item) for item in shown if item.first.blocks] if level == "full" else [],
            advice=[_fix(item) for item in shown if not item.first.blocks]
            if level == "full"
            else [],
            impact=[_impact(row) for row in _locking(outcome)] if level == "full" else [],
            diff="\n".join(lines) if 0 < len(lines) <= _MOST_LINES[level] else "",
            diff_title=Markup(
                change_counts([c.kind for c in outcome.changes if c.part_of is None])
            ),
            diagram=(diagram(outcome.after, outcome.changes) or "") if level == "full" else "",
            notes=outcome.notes[: _MOST_NOTES[level]],
            hidden_notes=max(0, len(outcome.notes) - _MOST_NOTES[level]),
            failure=_capped(failure, _MOST_TEXT[level]) if failure else None,
            failure_place=place(failure.file, failure.line) if failure else None,
            policies=Markup(counted(outcome.policy_count, "policy")),
        )
    )
    return text.strip() + "\n"


def _capped(failure: Failure, limit: int) -> dict[str, str | None]:
    texts = ("message", "detail", "hint", "sql", "revision")
    values = {name: getattr(failure, name) for name in texts}
    return {name: shortened(text, limit) if text else None for name, text in values.items()}


def _row(item: Item) -> dict[str, Any]:
    first = item.first
    subjects = ", ".join(code(f.subject) for f in item.findings[:3])
    if item.others > 2:  # noqa: PLR2004 - three are named
        subjects += f" and {len(item.findings) - 3} more"
    trial = " (on trial)" if first.severity == "error" and not first.blocks else ""
    return {
        "icon": Markup(_ICONS[first.severity]),
        "policy": Markup(code(item.policy.id) + trial),
        "subject": Markup(cell(subjects)),
        "message": Markup(cell(message_markdown(first) if not item.others else item.policy.title)),
        "place": place_of(first),
    }


def _fix(item: Item) -> dict[str, Any]:
    first = item.first
    return {
        "policy": Markup(f"**{item.policy.id}**"),
        "title": Markup(item.policy.title),
        "subject": first.subject,
        "others": item.others,
        "fingerprint": first.fingerprint,
        "message": Markup(message_markdown(first)),
        "why": Markup(item.policy.why),
        "sql": instead(first),
        "alembic": instead(first, alembic=True),
    }


def _locking(outcome: Outcome) -> list[dict[str, Any]]:
    return [
        row
        for row in outcome.facts.head.get("statements", [])
        if row["blocks_writes"] or row["rewritten_table"] or row["scanned_table"]
    ][:40]


def _impact(row: dict[str, Any]) -> dict[str, Any]:
    blocks = (
        "reads and writes" if row["blocks_reads"] else "writes" if row["blocks_writes"] else "—"
    )
    return {
        "place": place(row["file"], row["line"]),
        "kind": row["kind"],
        "table": row["locked_table"],
        "lock": row["lock_mode"],
        "blocks": Markup(blocks),
        "reads": row["scanned_table"],
        "rewrites": row["rewritten_table"],
    }
