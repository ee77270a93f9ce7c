"""The report of `gatekeeper coverage`: for a terminal, as Markdown, and as JSON with a schema."""

import json

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gatekeeper.policy.coverage import By, Coverage, Standing
from gatekeeper.report.coverage import (
    coverage_rows,
    coverage_sentence,
    coverage_values,
    markdown_rows,
)
from gatekeeper.report.escape import cell, code, visible
from gatekeeper.report.json import encodable

VERSION = 1
NONE = "Nothing counts: no policy that judges has the key coverage:, or none is about anything here"
_COLUMNS = {"base": "Base", "head": "Head", "difference": "Difference", "patch": "This change"}


def print_coverage(
    coverage: Coverage, head: str, console: Console, by: By = "group", *, missing: bool = False
) -> None:
    """Print the table, with `missing` what is not covered, and the sentence."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(by.capitalize(), overflow="fold")
    for key in _shown(coverage):
        table.add_column(_COLUMNS[key], justify="right", overflow="fold")
    for row in coverage_rows(coverage, by):
        cells = [row.name or "(no table)", *(getattr(row, key) for key in _shown(coverage))]
        style = "bold" if row.is_total else ""
        table.add_row(*(Text(visible(text)) for text in cells), style=style)
    if coverage.standings:
        console.print(table)
        console.print()
    for one in coverage.missing if missing else ():
        console.print(Text(_missing(one)), soft_wrap=True)
    if missing and coverage.missing:
        console.print()
    console.print(Text(coverage_sentence(coverage) or NONE), soft_wrap=True)
    console.print(Text(visible(head), style="dim"), soft_wrap=True)


def _shown(coverage: Coverage) -> list[str]:
    return list(_COLUMNS) if coverage.has_base else ["head"]


def _missing(one: Standing) -> str:
    marks = [word for word, holds in (("touched", one.touched), ("waived", one.waived)) if holds]
    return f"{one.policy.id}  {visible(one.subject)}" + (f"  ({', '.join(marks)})" if marks else "")


def render_coverage_markdown(
    coverage: Coverage, head: str, by: By = "group", *, missing: bool = False
) -> str:
    """Give the same as Markdown."""
    if not coverage.standings:
        return f"{NONE}: {code(head)}\n"
    shown = _shown(coverage)
    lines = [f"{coverage_sentence(coverage)}: {code(head)}", ""]
    lines += [f"| {by.capitalize()} | {' | '.join(_COLUMNS[key] for key in shown)} |"]
    lines += [f"|---|{'|'.join(['--:'] * len(shown))}|"]
    for row in markdown_rows(coverage, by):
        lines.append(f"| {row['name']} | {' | '.join(row[key] for key in shown)} |")
    if missing and coverage.missing:
        lines += ["", "| Not covered | Policy | |", "|---|---|---|"]
        for one in coverage.missing:
            waived = "waived" if one.waived else ""
            lines.append(f"| {cell(code(one.subject))} | {one.policy.id} | {waived} |")
    return "\n".join(lines).encode(errors="backslashreplace").decode() + "\n"


def render_coverage(coverage: Coverage, head: str) -> str:
    """Give the JSON (coverage.schema.json); the same schema gives the same bytes."""
    values = {
        "version": VERSION,
        "head": head,
        "coverage": coverage_values(coverage, coverage.missing),
    }
    return encodable(json.dumps(values, indent=2, ensure_ascii=False)) + "\n"
