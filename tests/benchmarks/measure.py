"""What the benchmarks share: repeated timing, a line through points, and the table."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: what was measured, at which size, against what, in seconds.

    `note` is anything else, such as the budget.
    """

    what: str
    size: str
    seconds: float
    against: float | None = None
    note: str = ""


def median(call: Callable[[], object], times: int) -> float:
    """Give the median of the wall times of some calls."""
    return statistics.median(once(call) for _ in range(times))


def once(call: Callable[[], object]) -> float:
    """Give the wall time of a call, without the garbage of what was before."""
    gc.collect()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def side_by_side(calls: Sequence[Callable[[], object]], times: int) -> list[float]:
    """Give the medians of several calls that take turns: what slows the machine slows all."""
    taken = [[once(call) for call in calls] for _ in range(times)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def fit(points: Sequence[tuple[float, float]]) -> str:
    """Say which line goes through points, and how well."""
    slope, start = statistics.linear_regression(*zip(*points, strict=True))
    how_well = statistics.correlation(*zip(*points, strict=True)) ** 2
    return f"{start:.3f} s + {slope * 1000:.3f} ms each, R² {how_well:.4f}"


def table(rows: Sequence[Row]) -> str:
    """Give the table as Markdown."""
    lines = ["| what | size | s | against s | ratio | |", "|---|---|---:|---:|---:|---|"]
    for row in rows:
        against = "" if row.against is None else f"{row.against:.3f}"
        ratio = "" if not row.against else f"{row.seconds / row.against:.2f}"
        line = f"| {row.what} | {row.size} | {row.seconds:.3f} | {against} | {ratio} | {row.note} |"
        lines.append(line)
    return "\n".join(lines)
