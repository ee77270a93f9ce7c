"""Prints policies, fact tables and other lists; imported only when there is something to print."""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer
from rich.cells import cell_len, set_cell_size

from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.report.escape import visible

if TYPE_CHECKING:
    from rich.console import Console

    from gatekeeper.examples import Result
    from gatekeeper.policy.model import Covers, Policy

_LEAST_WIDTH = 20  # of a last column that is wrapped


def print_grid(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns, without lines; cells are plain text.

    A terminal's width wraps the last column; elsewhere a row is a line, for other programs. What
    wants more than that is a table for rich, whose import and layout would be half of the start.
    """
    cells = [["" if cell is None else visible(str(cell)) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(headings, *cells, strict=True)]
    indent = sum(widths[:-1]) + 2 * len(widths[:-1])
    room = shutil.get_terminal_size().columns - indent if sys.stdout.isatty() else None
    is_narrow = room is not None and room < min(_LEAST_WIDTH, *widths[-1:])
    if not widths or is_narrow or any("\n" in cell for row in cells for cell in row):
        _print_table(headings, cells)
        return
    for row in (headings, *cells):
        start = "".join(map(_padded, row[:-1], widths))
        lines = textwrap.wrap(row[-1], room) if room is not None else [row[-1]]
        typer.echo((start + f"\n{' ' * indent}".join(lines)).rstrip())


def _padded(cell: str, width: int) -> str:
    return set_cell_size(cell, width) + "  "


def _print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    grid = Table(show_edge=False, box=None, pad_edge=False)
    for heading in headings:
        grid.add_column(heading)
    for row in rows:
        grid.add_row(*map(Text, row))
    _console().print(grid)


def print_tables() -> None:
    """Print what the fact tables are."""
    print_grid(("table", "one row a"), ((table.name, table.row) for table in TABLES.values()))


def print_table(name: str) -> None:
    """Print what a fact table holds."""
    from rich.text import Text

    table = TABLES[name]
    _console().print(Text.assemble((name, "bold"), f": one row a {table.row}\n"))
    rows = []
    for column in table.columns:
        words = f" ({', '.join(column.words)})" if column.words else ""
        unknown = "; null: unknown" if column.null_is_unknown else ""
        rows.append((column.name, column.type, f"{column.doc}{words}{unknown}"))
    print_grid(("column", "type", "meaning"), rows)


def print_policy(policy: "Policy", *, active: bool) -> None:
    """Print everything about one policy."""
    from rich.text import Text

    console = _console()
    console.print(Text.assemble((policy.id, "bold"), f"  {policy.title}"))
    state = policy.severity if active else "off"
    for preset, severity in (("strict", policy.strict), ("relaxed", policy.relaxed)):
        if severity and severity != policy.severity:
            state += f" ({preset}: {severity})"
    place = f"{policy.file}:{policy.line}" if policy.file else "built in; coverage: turns it on"
    console.print(Text(f"{state}, pack {policy.pack}, {place}\n", style="dim"))
    console.print(Text(policy.why + "\n"))
    for line in _judged_by(policy):
        console.print(Text(line))
    if policy.covers is not None:
        console.print(Text(f"coverage {_covers(policy.covers)}"))
    for name, value in policy.params.items():
        console.print(Text(f"param    {name}: {value}"))
    if policy.approvers:
        console.print(Text(f"waived by an approving review of {', '.join(policy.approvers)}"))
    console.print()
    for title, text in (("Instead", policy.instead), ("With Alembic", policy.instead_alembic)):
        if text:
            console.print(Text(title, style="bold"))
            console.print(Text(textwrap.indent(text, "  ") + "\n"))
    for example in policy.examples:
        found = ", ".join(example.finds) or "nothing"
        console.print(Text.assemble(("Example: ", "bold"), f"{example.name} → finds {found}"))
        console.print(Text(textwrap.indent(example.migration.strip(), "  ") + "\n"))


def _judged_by(policy: "Policy") -> list[str]:
    from gatekeeper.policy.model import CatalogQuery, Minimum, Rule

    judge = policy.judge
    if isinstance(judge, Minimum):
        touched, whole = _percent(judge.patch), _percent(judge.schema)
        return [f"at least {touched} of what a change touches, and {whole} of the schema"]
    if not isinstance(judge, Rule):
        title = "catalog_query" if isinstance(judge, CatalogQuery) else "query"
        return [title, textwrap.indent(judge.sql.strip(), "  ")]
    lines = [f"for      {judge.table}"]
    if judge.where:
        lines.append(f"where    {judge.where.source}")
    verb = "forbid" if judge.forbids else "require"
    return [*lines, f"{verb:8} {' and '.join(p.source for p in judge.parts)}"]


def _percent(least: int | None) -> str:
    return "any share" if least is None else f"{least} %"


def _covers(covers: "Covers") -> str:
    text = f"{covers.group}: {covers.table}"
    if covers.where:
        text += f" where {covers.where.source}"
    holds = " and ".join(part.source for part in covers.parts)
    return f"{text}, covered if {holds}" if holds else text


def print_failed_example(result: "Result") -> None:
    """Print how an example came out, and how it should have."""
    from rich.text import Text

    policy, example = result.policy, result.example
    said = ", ".join(example.finds) or "nothing"
    found = ", ".join(result.found) or "nothing"
    why = result.error or f"found {found}\n  expected {said}"
    where = f"{policy.file}:{example.line} {policy.id}: {example.name}"
    _console().print(Text.assemble(("failed ", "bold red"), f"{where}\n  {why}"), soft_wrap=True)


def _console() -> "Console":
    from rich.console import Console

    return Console(highlight=False)
