"""gatekeeper stats: how large the tables of production are, for policies about large tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli.session import errors_reported, signals_unwind, write_whole

if TYPE_CHECKING:
    from gatekeeper.stats import Statistics

_MOST_NAMED = 5


def stats(
    url: Annotated[
        str,
        typer.Option(
            help="The production database, or better a replica: postgresql://user@host/database."
            " A password can also come from PGPASSWORD or ~/.pgpass.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path(
        "gatekeeper-stats.json"
    ),
) -> None:
    """Write down how many rows each table of production has, as far as its server knows.

    What is read: the names of schemas and tables and pg_class.reltuples, the count that VACUUM and
    ANALYZE leave in the catalog. Never a row of a table, nor pg_stats, which holds values; a role
    that may do nothing but CONNECT is enough. The transaction is read-only and ends after 30
    seconds at most.

    The file holds names and counts and may be committed. Name it in gatekeeper.yml (stats:
    gatekeeper-stats.json), and policies know row_count. A table that was never analysed has an
    unknown size, which is not 0. A partitioned table has the rows of its partitions together.

    \b
    gatekeeper stats --url postgresql://monitor@replica/shop
    """
    with errors_reported(), signals_unwind():
        from gatekeeper.catalog.statistics import take_statistics
        from gatekeeper.stats import render_statistics

        found = take_statistics(url)
        write_whole(output, render_statistics(found))
        for line in _summary(found, output):
            typer.echo(line)


def _summary(found: "Statistics", output: Path) -> list[str]:
    from gatekeeper.report.escape import visible

    unknown = sorted(name for name, rows in found.rows.items() if rows is None)
    count = len(found.rows)
    lines = [f"{output}: {count} table{'s' if count != 1 else ''}"]
    if unknown:
        named = ", ".join(visible(name) for name in unknown[:_MOST_NAMED])
        more = f" and {len(unknown) - _MOST_NAMED} more" if len(unknown) > _MOST_NAMED else ""
        lines.append(f"never analysed, so of unknown size: {named}{more}")
        lines.append("ANALYZE on the primary server counts them; run this again afterwards.")
    return lines
