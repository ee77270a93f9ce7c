"""The review comment in Markdown: full, compact or minimal, the first that fits."""

from dataclasses import dataclass, field
from functools import lru_cache
from traceback import extract_tb
from typing import Any

from jinja2 import PackageLoader, StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gatekeeper.errors import ConfigError
from gatekeeper.model.evidence import Failure
from gatekeeper.report.coverage import coverage_sentence, markdown_rows
from gatekeeper.report.diagram import diagram
from gatekeeper.report.escape import Markup, cell, code, fence, shortened, visible
from gatekeeper.report.links import Links
from gatekeeper.report.outcome import Outcome
from gatekeeper.report.reach import Gain, gains
from gatekeeper.report.schema_diff import diff_lines
from gatekeeper.report.view import (
    Item,
    change_counts,
    counted,
    headline,
    instead,
    items,
    message_markdown,
    summary,
)
from gatekeeper.report.waived import approval, subjects, waived_row

LIMIT = 60_000  # bytes of UTF-8; GitHub refuses comments of more than 65,536 characters
ICONS = {"error": "❌", "warning": "⚠️", "notice": "ℹ️"}  # noqa: RUF001 - meant
_LEVELS = ("full", "compact", "minimal")
_MOST_ROWS = {"full": 200, "compact": 20, "minimal": 0}
_MOST_LINES = {"full": 400, "compact": 60, "minimal": 0}
_MOST_NOTES = {"full": 100, "compact": 20, "minimal": 3}
_MOST_WAIVED = {"full": 100, "compact": 10, "minimal": 0}
_MOST_TEXT = {"full": 4000, "compact": 1500, "minimal": 600}  # characters of each text of a failure
_MOST_RESOLVED = 10
_MOST_GAINS = 50
_LONGEST_NOTE = 400
_MOST_OUTPUT = 2_000_000  # characters that a template may give
VERDICT_ICONS = {"passed": "✅", "blocked": "❌", "undecided": "❌"}


@dataclass(frozen=True, slots=True)
class Frame:
    """What only who publishes a report knows.

    `report_url`: where the full one is. `alerts` are said first. `resolved`: fingerprints of what
    an earlier report found. `base` is the `--base` that gives the same report on another machine.
    `is_part`: of a report about several projects.
    """

    links: Links = field(default_factory=Links)
    report_url: str = ""
    alerts: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()
    base: str = ""
    is_part: bool = False


@dataclass(frozen=True, slots=True)
class OwnTemplate:
    """A template of the project's: its text, and the name that mistakes in it are reported by."""

    text: str
    name: str


def render_markdown(
    outcome: Outcome,
    *,
    limit: int = LIMIT,
    frame: Frame | None = None,
    template: OwnTemplate | None = None,
) -> str:
    """Give the comment in the richest rendering of at most `limit` bytes; never cut in a block.

    Raises ConfigError when the project's own template has a mistake or makes it too long.
    """
    for level in _LEVELS:
        text = _render(outcome, level, frame or Frame(), template)
        # The name of a file need not be UTF-8; what of it cannot be encoded is spelt out.
        text = text.encode(errors="backslashreplace").decode()
        if len(text.encode()) <= limit:
            return text
    if template is not None:
        raise ConfigError(
            f"{template.name}: even the minimal report is longer than {limit:,} bytes",
            "Where level is 'minimal', the template must say less.",
        )
    return text


def _finalize(value: Any) -> Any:  # noqa: ANN401
    """Wrap every value as code unless the renderer itself made it Markdown."""
    if value is None:
        return ""
    return str(value) if isinstance(value, Markup | int) else code(str(value))


def _fenced(text: str, language: str = "") -> Markup:
    """Give a fenced block. The language is a word: text of the pull request cannot pass as one."""
    return Markup(fence(text, language if language.isalnum() else ""))


@lru_cache(maxsize=1)
def environment() -> ImmutableSandboxedEnvironment:
    """Give the environment of all templates: no value gets into a report but as code."""
    environment = ImmutableSandboxedEnvironment(
        loader=PackageLoader("gatekeeper.report"),
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # it is Markdown, and `finalize` escapes every value for it
    )
    environment.filters["fence"] = _fenced
    return environment


def _render(outcome: Outcome, level: str, frame: Frame, own: OwnTemplate | None) -> str:
    values = _values(outcome, level, frame)
    if own is None:
        return environment().get_template("comment.md.j2").render(values).strip() + "\n"
    try:
        return _capped_output(environment().from_string(own.text), values)
    except Exception as error:
        line = _line_of(error)
        said = error.message if isinstance(error, TemplateError) else error
        raise ConfigError(
            f"{own.name}{f':{line}' if line else ''}: the template cannot be used: {said}",
            'Begin with {% extends "comment.md.j2" %} and replace the blocks that you want to.',
        ) from error


def _capped_output(template: Template, values: dict[str, Any]) -> str:
    text = ""
    for part in template.generate(values):
        text += part
        if len(text) > _MOST_OUTPUT:  # the rest would be too long as well
            break
    return text.strip() + "\n"


def _line_of(error: Exception) -> int | None:
    """Give the line of the template that an error is about."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    lines = [f.lineno for f in extract_tb(error.__traceback__) if f.filename == "<template>"]
    return lines[-1] if lines else None


def _values(outcome: Outcome, level: str, frame: Frame) -> dict[str, Any]:
    rows = items(outcome.open_findings)
    waived = items(outcome.waived_findings)
    lines = diff_lines(outcome.changes) if level != "minimal" else []
    shown = rows[: _MOST_ROWS[level]]
    failure, full = outcome.failure, level == "full"
    reached = gains(outcome)
    kinds = [c.kind for c in outcome.changes if c.part_of is None]
    return {
        "level": Markup(level),
        "icon": Markup(VERDICT_ICONS[outcome.verdict]),
        "heading": Markup("####" if frame.is_part else "###"),
        "title": _title(outcome.project, frame),
        "headline": Markup(headline(outcome)),
        "alerts": frame.alerts,
        "summary": Markup(summary(outcome)),
        "base": outcome.base,
        "head": outcome.head,
        "server": Markup(visible(outcome.server_version)),
        "policies": Markup(counted(outcome.policy_count, "policy")),
        "resolved": resolved_listed(frame.resolved),
        "rows": [_row(item, frame.links) for item in shown],
        "hidden": len(rows) - len(shown),
        "full_report": full_report(frame.report_url),
        "fixes": [_fix(i) for i in shown if i.first.blocks] if level != "minimal" else [],
        "comment_waives": any(i.first.blocks and not i.policy.approvers for i in shown),
        "advice": [_fix(i) for i in shown if not i.first.blocks] if full else [],
        "waived": [waived_row(i, frame.links) for i in waived[: _MOST_WAIVED[level]]],
        "hidden_waived": max(0, len(waived) - _MOST_WAIVED[level]),
        "impact": [_impact(row, frame.links) for row in _locking(outcome)] if full else [],
        "gains": [_gain(gain) for gain in reached[:_MOST_GAINS]] if full else [],
        "hidden_gains": max(0, len(reached) - _MOST_GAINS),
        "diff": "\n".join(lines) if 0 < len(lines) <= _MOST_LINES[level] else "",
        "diff_title": Markup(change_counts(kinds)),
        "diagram": (diagram(outcome.after, outcome.changes) or "") if full else "",
        "coverage": markdown_rows(outcome.coverage) if level != "minimal" else [],
        "coverage_title": Markup(coverage_sentence(outcome.coverage)),
        "notes": [Markup(code(n, _LONGEST_NOTE)) for n in outcome.notes[: _MOST_NOTES[level]]],
        "hidden_notes": max(0, len(outcome.notes) - _MOST_NOTES[level]),
        "failure": _capped(failure, _MOST_TEXT[level]) if failure else None,
        "failure_place": frame.links.place(failure.file, failure.line) if failure else None,
        "command": _command(outcome.project, frame),
    }


def _title(project: str, frame: Frame) -> Markup:
    if frame.is_part:
        return Markup(code(project))
    return Markup(f"Gatekeeper, {code(project)}" if project else "Gatekeeper")


def _command(project: str, frame: Frame) -> Markup:
    words = ["gatekeeper check"]
    words += [f"--base {frame.base}"] if frame.base else []
    words += [f"--project {project}"] if project else []
    return Markup(" ".join(words))


def resolved_listed(fingerprints: tuple[str, ...]) -> Markup | None:
    """Name what an earlier report found and this one does not; None: nothing."""
    if not fingerprints:
        return None
    named = ", ".join(code(w) for w in fingerprints[:_MOST_RESOLVED])
    more = len(fingerprints) - _MOST_RESOLVED
    return Markup(f"{named} and {more} more" if more > 0 else named)


def full_report(url: str) -> Markup:
    """Give the words for where everything is, with a link if there is one."""
    return Markup(f"[the full report]({url})" if url else "the full report")


def _capped(failure: Failure, limit: int) -> dict[str, str | None]:
    texts = ("message", "detail", "hint", "sql", "revision")
    values = {name: getattr(failure, name) for name in texts}
    return {name: shortened(text, limit) if text else None for name, text in values.items()}


def _row(item: Item, links: Links) -> dict[str, Any]:
    first = item.first
    trial = " (on trial)" if first.is_on_trial else ""
    return {
        "icon": Markup(ICONS[first.severity]),
        "policy": Markup(code(item.policy.id) + trial),
        "subject": Markup(cell(subjects(item))),
        "message": Markup(cell(message_markdown(first) if not item.others else item.policy.title)),
        "place": links.place(first.values.get("file"), first.values.get("line")),
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
        **approval(item),
    }


def _locking(outcome: Outcome) -> list[dict[str, Any]]:
    return [
        row
        for row in outcome.facts.head.get("statements", [])
        if row["blocks_writes"] or row["rewritten_table"] or row["scanned_table"]
    ][:40]


def _gain(gain: Gain) -> dict[str, Any]:
    return {
        "role": gain.role,
        "privileges": Markup(", ".join(gain.privileges)),
        "thing": gain.thing,
        "columns": gain.columns,
        "limits": Markup("; ".join(gain.limits)),
        "via": gain.via,
    }


def _impact(row: dict[str, Any], links: Links) -> dict[str, Any]:
    blocks = (
        "reads and writes" if row["blocks_reads"] else "writes" if row["blocks_writes"] else "—"
    )
    return {
        "place": links.place(row["file"], row["line"]),
        "kind": row["kind"],
        "table": row["locked_table"],
        "lock": row["lock_mode"],
        "blocks": Markup(blocks),
        "reads": row["scanned_table"] if row["scanned_table"] != row["rewritten_table"] else None,
        "rewrites": row["rewritten_table"],
    }
