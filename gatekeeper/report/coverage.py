"""Schema coverage for reports: the rows of its table, one sentence, and plain values."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gatekeeper.policy.coverage import By, Count, Coverage, Line, Standing, floored, percent_text
from gatekeeper.report.escape import Markup, cell, code, visible

NOTHING = "—"


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """One line of the table, as words. Base, difference and patch are empty without a base."""

    name: str
    base: str
    head: str
    difference: str
    patch: str
    is_total: bool = False


def coverage_rows(coverage: Coverage, by: By = "group") -> list[CoverageRow]:
    """Give the lines of the table, and where there are several the total; none: nothing counts."""
    lines = coverage.lines(by)
    rows = [_row(line, coverage) for line in lines]
    return [*rows, _row(coverage.total, coverage, is_total=True)] if len(lines) > 1 else rows


def _row(line: Line, coverage: Coverage, *, is_total: bool = False) -> CoverageRow:
    head = count_text(line.head)
    if not coverage.has_base:
        return CoverageRow(line.name, "", head, "", "", is_total)
    patch = count_text(line.patch)
    return CoverageRow(line.name, count_text(line.base), head, difference(line), patch, is_total)


def count_text(count: Count) -> str:
    """Give 7 of 8 (87.5 %), and how many of the rest are waived; a dash where nothing counts."""
    if not count.total:
        return NOTHING
    waived = f", {count.waived} waived" if count.waived else ""
    return f"{count.covered} of {count.total} ({percent_text(count)}{waived})"


def difference(line: Line) -> str:
    """Say by how many points a share changed, and by how many without what was dropped."""
    whole = _points(line.base, line.head)
    rest = _points(line.kept, line.head)
    if line.base == line.kept or not line.kept.total or whole == rest:
        return whole
    return f"{whole} ({rest} without what is dropped)"


def _points(before: Count, after: Count) -> str:
    if before.percent is None or after.percent is None:
        return NOTHING
    text = f"{after.percent - before.percent:+.1f}"
    return "±0" if float(text) == 0 else text.replace("-", "−")  # noqa: RUF001 - a minus is meant


def coverage_sentence(coverage: Coverage) -> str:
    """Say the coverage in one line; empty: there is nothing to cover."""
    total = coverage.total
    if not coverage.standings:
        return ""
    if not coverage.has_base:
        return f"Schema coverage {count_text(total.head)}"
    before, after = percent_text(total.base), percent_text(total.head)
    whole = after if before == after else f"{before} → {after}"
    if not total.patch.total:
        return f"Schema coverage {whole}"
    return f"Schema coverage of this change {count_text(total.patch)}, of the schema {whole}"


def coverage_values(coverage: Coverage, missing: Iterable[Standing] = ()) -> dict[str, Any] | None:
    """Give the coverage as plain values, with what is `missing`; None: nothing counts."""
    if not coverage.standings:
        return None
    return {
        "total": _values(coverage.total, coverage),
        "groups": [_named(line, coverage) for line in coverage.lines("group")],
        "packs": [_named(line, coverage) for line in coverage.lines("pack")],
        "policies": [_named(line, coverage) for line in coverage.lines("policy")],
        "missing": [
            {
                "policy": one.policy.id,
                "subject": one.subject,
                "table": one.table or None,
                "touched": one.touched,
                "waived": one.waived,
            }
            for one in missing
        ],
    }


def _named(line: Line, coverage: Coverage) -> dict[str, Any]:
    return {"name": line.name, **_values(line, coverage)}


def _values(line: Line, coverage: Coverage) -> dict[str, Any]:
    counts = {"base": line.base, "kept": line.kept, "head": line.head, "patch": line.patch}
    return {
        name: _count(count) if coverage.has_base or name == "head" else None
        for name, count in counts.items()
    }


def _count(count: Count) -> dict[str, Any]:
    percent = None if count.percent is None else float(floored(count.percent))
    return {
        "covered": count.covered,
        "total": count.total,
        "waived": count.waived,
        "percent": percent,
    }


def markdown_rows(coverage: Coverage, by: By = "group") -> list[dict[str, Markup]]:
    """Give the rows of the table for a template; a name may be a table's, so it is code."""
    return [
        {
            "name": Markup("**total**" if row.is_total else _name(row.name, by)),
            "base": Markup(row.base),
            "head": Markup(row.head),
            "difference": Markup(row.difference),
            "patch": Markup(row.patch),
        }
        for row in coverage_rows(coverage, by)
    ]


def _name(name: str, by: By) -> str:
    if by == "table":
        return cell(code(name)) if name else "(no table)"
    return cell(visible(name))
