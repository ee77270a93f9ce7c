"""The report as one HTML file that needs nothing else: no network, and no script to be read.

What the pull request chose is text wherever it stands: Jinja escapes it, and no script or style
sheet holds any of it. A Content-Security-Policy lets nothing run but our own two blocks.
"""

import hashlib
from base64 import b64encode
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from gatekeeper.report.coverage import coverage_rows, coverage_sentence
from gatekeeper.report.escape import shortened, visible, visible_lines
from gatekeeper.report.html_diagram import changed_diagram
from gatekeeper.report.html_findings import Found, cards, filters, hidden, table_of, waived_rows
from gatekeeper.report.html_locks import chart, lock_words, waits
from gatekeeper.report.links import Links
from gatekeeper.report.outcome import Outcome, Reviews
from gatekeeper.report.reach import gains
from gatekeeper.report.schema_diff import diff_lines
from gatekeeper.report.view import change_counts, counted, headline, joint_headline, place

_LONGEST = 4000  # characters of one value
_MOST_LINES = 3000  # of the schema's difference
_MOST_STATEMENTS = 500
_MOST_GAINS = 500
_ICONS = {"passed": "✓", "blocked": "✕", "undecided": "?"}


def render_html(reviews: Reviews, *, links: Links | None = None) -> str:
    """Give the report as a page; of several projects, one after the other."""
    where = links or Links()
    parts = reviews.parts
    several = len(parts) > 1
    shown = [
        _part(outcome, where, f"p{i}-" if several else "") for i, outcome in enumerate(parts, 1)
    ]
    values = {
        "verdict": reviews.verdict,
        "headline": joint_headline(reviews),
        "parts": shown,
        "several": several,
    }
    return page("report.html.j2", values)


def page(template: str, values: dict[str, Any]) -> str:
    """Fill in a template of a page. The same values give the same bytes."""
    style, script = _source("style.css"), _source("script.js")
    blocks = {
        "style": Markup(style),  # noqa: S704 - our own file
        "script": Markup(script),  # noqa: S704 - our own file
        "csp": (
            f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}';"
            " img-src data:; base-uri 'none'; form-action 'none'"
        ),
        "icon": _ICONS[values["verdict"]],
    }
    text = environment().get_template(template).render(blocks | values)
    return text.encode(errors="backslashreplace").decode()


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Give the environment of pages: every value is escaped, and what is invisible in it shown."""
    environment = Environment(
        loader=PackageLoader("gatekeeper.report"),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["lines"] = _lines
    environment.filters["prose"] = lambda text: _prose(" ".join(text.split()))
    environment.filters["prose_part"] = _prose
    environment.filters["counted"] = counted
    environment.filters["capital"] = lambda text: text[:1].upper() + text[1:]
    environment.filters["basename"] = lambda path: path.rpartition("/")[2]
    environment.filters["first_line"] = _first_line
    environment.filters["lock_words"] = lock_words
    return environment


def _finalize(value: Any) -> Any:  # noqa: ANN401
    if value is None:
        return ""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return visible(shortened(value, _LONGEST))


def _lines(text: str) -> Markup:
    """Give a text of several lines, as it is."""
    return escape(visible_lines(shortened(text, _LONGEST)).rstrip("\n"))


def _prose(text: str) -> Markup:
    """Give a text of a policy, in which backticks mark code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one is alone
        return escape(visible(text))
    marked = (
        Markup("<code>{}</code>").format(visible(part)) if i % 2 else escape(visible(part))
        for i, part in enumerate(parts)
    )
    return Markup("").join(marked)


def _first_line(text: str) -> str:
    return shortened(" ".join(text.split()), 200)


@lru_cache(maxsize=2)
def _source(name: str) -> str:
    return (files("gatekeeper.report") / "templates" / name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _part(outcome: Outcome, links: Links, prefix: str) -> dict[str, Any]:
    """Give what a page says of one project. `prefix` keeps the ids of several apart."""
    found = [Found(f, table_of(f)) for f in outcome.open_findings]
    shown = cards(found, links)
    lines = diff_lines(outcome.changes)
    reached = gains(outcome)
    statements = outcome.facts.head.get("statements", [])
    failure = outcome.failure
    kinds = [c.kind for c in outcome.changes if c.part_of is None]
    return {
        "prefix": prefix,
        "project": outcome.project,
        "verdict": outcome.verdict,
        "headline": headline(outcome),
        "failure": failure,
        "failure_place": place(failure.file, failure.line) if failure else None,
        "failure_url": links.address(failure.file, failure.line) if failure else None,
        "cards": shown,
        "filters": filters(shown),
        "found": len(found),
        "hidden": hidden(found),
        "waived": waived_rows(outcome.waived_findings, links),
        "diff": lines[:_MOST_LINES],
        "diff_hidden": max(0, len(lines) - _MOST_LINES),
        "diff_title": change_counts(kinds),
        "diagram": changed_diagram(outcome.after, outcome.changes, prefix),
        "gains": reached[:_MOST_GAINS],
        "gains_hidden": max(0, len(reached) - _MOST_GAINS),
        "chart": chart(statements),
        "statements": [_statement(row, links) for row in statements[:_MOST_STATEMENTS]],
        "statements_hidden": max(0, len(statements) - _MOST_STATEMENTS),
        "coverage": coverage_rows(outcome.coverage),
        "coverage_title": coverage_sentence(outcome.coverage),
        "notes": outcome.notes,
        "facts": _about(outcome, len(kinds)),
        "comment_waives": any(f.blocks and not f.policy.approvers for f in outcome.open_findings),
    }


def _about(outcome: Outcome, changes: int) -> list[tuple[str, str]]:
    """Give what was looked at, as pairs of a word and a value."""
    pairs = [
        ("Head", outcome.head),
        ("Base", outcome.base),
        ("New migrations", str(len(outcome.new_revisions))),
    ]
    if outcome.failure is None:
        pairs += [("Statements", str(len(outcome.statements))), ("Schema changes", str(changes))]
    pairs.append(("Policies", str(outcome.policy_count)))
    if outcome.server_version:
        pairs.append(("PostgreSQL", outcome.server_version))
    return pairs


def _statement(row: dict[str, Any], links: Links) -> dict[str, Any]:
    return {
        "number": row["number"],
        "kind": row["kind"],
        "sql": row["sql"],
        "place": place(row["file"], row["line"]),
        "url": links.address(row["file"], row["line"]),
        "table": row["locked_table"],
        "lock": lock_words(row["lock_mode"]),
        "waits": waits(row["lock_mode"]),
        "reads": row["scanned_table"] if row["scanned_table"] != row["rewritten_table"] else None,
        "rewrites": row["rewritten_table"],
        "timeout": row["lock_timeout_ms"],
    }
