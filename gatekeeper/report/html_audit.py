"""An audit as one HTML file, with diagrams of the whole schema."""

from collections import Counter

from gatekeeper.report.audit import Audit, headline
from gatekeeper.report.audit_text import chosen, fixed_title
from gatekeeper.report.coverage import coverage_rows, coverage_sentence
from gatekeeper.report.html import page
from gatekeeper.report.html_diagram import whole_diagram
from gatekeeper.report.html_findings import Found, cards, filters, hidden, waived_rows
from gatekeeper.report.links import Links


def render_audit_html(audit: Audit, *, everything: bool = False) -> str:
    """Give the audit as a page; with `everything` what a baseline knows as well."""
    listed = chosen(audit, everything=everything)
    found = [Found(one.finding, one.table, one.known) for one in listed]
    by_policy = Counter((one.finding.policy.id, one.finding.severity) for one in found)
    found.sort(key=lambda one: -by_policy[one.finding.policy.id, one.finding.severity])
    shown = cards(found, Links(), alembic=False)
    figures, tables = whole_diagram(audit.schema, Counter(one.table for one in found if one.table))
    debt = audit.debt
    values = {
        "verdict": audit.verdict,
        "headline": headline(audit),
        "facts": _about(audit),
        "cards": shown,
        "filters": filters(shown),
        "found": len(found),
        "known": audit.debt is not None,
        "hidden": hidden(found),
        "waived": waived_rows((one.finding for one in audit.waived), Links()),
        "idle": audit.idle,
        "fixed": debt.fixed if debt else (),
        "fixed_title": fixed_title(debt) if debt else "",
        "diagram": figures,
        "tables": tables,
        "coverage": coverage_rows(audit.coverage),
        "coverage_title": coverage_sentence(audit.coverage),
        "notes": audit.notes,
    }
    return page("audit.html.j2", values)


def _about(audit: Audit) -> list[tuple[str, str]]:
    """Give what was looked at, as pairs of a word and a value."""
    pairs = [
        ("Schema", audit.head),
        ("Tables", str(audit.table_count)),
        ("Policies", str(audit.policy_count)),
    ]
    if audit.server_version:
        pairs.append(("PostgreSQL", audit.server_version))
    if audit.debt is not None:
        pairs.append(("Known findings", str(audit.debt.remaining)))
    return pairs
