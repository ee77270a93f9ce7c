"""The locks of new migrations as a chart: which statement held what on which table till when."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from gatekeeper.model.evidence import LOCK_RANK, blocks_reads, blocks_writes

_MOST_STATEMENTS = 60  # above it, only those that lock something
_MOST_COLUMNS = 120
_WEAKEST = LOCK_RANK["RowExclusiveLock"]  # readers' locks say nothing
_CHARACTERS_OF_A_CELL = 4
_SHORT = {
    "AccessShareLock": "AS",
    "RowShareLock": "RS",
    "RowExclusiveLock": "RX",
    "ShareUpdateExclusiveLock": "SUX",
    "ShareLock": "S",
    "ShareRowExclusiveLock": "SRX",
    "ExclusiveLock": "X",
    "AccessExclusiveLock": "AX",
}
_WORDS = {
    "AccessShareLock": "ACCESS SHARE",
    "RowShareLock": "ROW SHARE",
    "RowExclusiveLock": "ROW EXCLUSIVE",
    "ShareUpdateExclusiveLock": "SHARE UPDATE EXCLUSIVE",
    "ShareLock": "SHARE",
    "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE",
    "ExclusiveLock": "EXCLUSIVE",
    "AccessExclusiveLock": "ACCESS EXCLUSIVE",
}

Rows = list[dict[str, Any]]


@dataclass(slots=True)
class Cell:
    """A piece of a table's line: `span` statements, in which `mode` is held, or nothing."""

    span: int
    mode: str = ""
    label: str = ""
    waits: str = ""
    first: int = 0
    last: int = 0


@dataclass(slots=True)
class Lane:
    table: str
    cells: list[Cell] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Chart:
    """`groups` are (file, transaction, statements); `hidden` statements have no column."""

    numbers: tuple[int, ...]
    groups: tuple[tuple[str, int | None, int], ...]
    lanes: tuple[Lane, ...]
    modes: tuple[tuple[str, str, str], ...]  # of the legend: short, in words, who waits
    hidden: int


def lock_words(mode: str | None) -> str:
    """Give a lock's mode as the manual writes it: ACCESS EXCLUSIVE."""
    return _WORDS.get(mode or "", "")


def waits(mode: str | None) -> str:
    """Say who waits for a lock of this mode."""
    if blocks_reads(mode):
        return "reads and writes"
    return "writes" if blocks_writes(mode) else ""


def chart(rows: Rows) -> Chart | None:
    """Draw up the chart of the fact table statements; None where no existing table was locked."""
    held = _held(rows)
    if not held:
        return None
    shown = rows
    if len(rows) > _MOST_STATEMENTS:
        locking = {first for spans in held.values() for _, first, _ in spans}
        shown = [row for row in rows if row["number"] in locking]
    shown = shown[:_MOST_COLUMNS]
    numbers = tuple(row["number"] for row in shown)
    lanes = [lane for table, spans in held.items() if (lane := _lane(table, spans, numbers)).cells]
    modes = {cell.mode for lane in lanes for cell in lane.cells if cell.mode}
    worst = sorted(modes, key=lambda mode: -LOCK_RANK[mode])
    return Chart(
        numbers,
        tuple(_groups(shown)),
        tuple(lanes),
        tuple((_SHORT[mode], _WORDS[mode], waits(mode)) for mode in worst),
        len(rows) - len(shown),
    )


def _groups(rows: Rows) -> Iterable[tuple[str, int | None, int]]:
    def key(row: dict[str, Any]) -> tuple[str, int | None]:
        return str(row["file"] or row["revision"] or ""), row["transaction_number"]

    for (file, transaction), own in groupby(rows, key):
        yield file, transaction, len(list(own))


def _held(rows: Rows) -> dict[str, list[tuple[str, int, int]]]:
    """Give (mode, first, last statement) by table: a lock is held until its transaction ends."""
    last: dict[int, int] = {}
    for row in rows:
        if row["transaction_number"] is not None:
            last[row["transaction_number"]] = row["number"]
    taken: dict[str, dict[int, tuple[str, int]]] = defaultdict(dict)
    for row in rows:
        until = last.get(row["transaction_number"]) or row["number"]
        # A statement may lock several tables. What it held besides the strongest shows later.
        locks = (
            (row["locked_table"], row["lock_mode"], row["number"]),
            (row["held_table"], row["held_lock_mode"], row["held_since"]),
        )
        for table, mode, since in locks:
            if table and mode and since and LOCK_RANK[mode] >= _WEAKEST:
                was = taken[table].get(since)
                if was is None or LOCK_RANK[mode] > LOCK_RANK[was[0]]:
                    taken[table][since] = (mode, until)
    return {table: _without_overlap(spans) for table, spans in taken.items() if spans}


def _without_overlap(taken: dict[int, tuple[str, int]]) -> list[tuple[str, int, int]]:
    """Let a lock end where a stronger one of the same transaction takes its place."""
    spans: list[tuple[str, int, int]] = []
    for since, (mode, until) in sorted(taken.items()):
        if spans and spans[-1][2] >= since:
            before, first, _ = spans[-1]
            if LOCK_RANK[before] >= LOCK_RANK[mode]:
                continue
            spans[-1] = (before, first, since - 1)
        spans.append((mode, since, until))
    return spans


def _lane(table: str, spans: list[tuple[str, int, int]], numbers: tuple[int, ...]) -> Lane:
    by_number = {n: span for span in spans for n in numbers if span[1] <= n <= span[2]}
    if not by_number:
        return Lane(table)
    lane = Lane(table)
    for span, own in groupby(numbers, by_number.get):
        count = len(list(own))
        if span is None:
            lane.cells.append(Cell(count))
            continue
        mode, first, last = span
        words = _WORDS[mode]
        label = words if len(words) <= count * _CHARACTERS_OF_A_CELL else _SHORT[mode]
        lane.cells.append(Cell(count, mode, label, waits(mode), first, last))
    return lane
