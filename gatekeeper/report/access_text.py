"""Who can do what, for a terminal (with Rich) and as Markdown."""

from collections.abc import Callable, Iterator
from itertools import groupby

from rich.console import Console
from rich.text import Text

from gatekeeper.access.expected import Drift
from gatekeeper.access.listed import Changed, Entry
from gatekeeper.report.access import MEANINGS, AccessReport, drift_text, said, words_used
from gatekeeper.report.escape import cell, code, visible

Line = Callable[..., None]
_GAINS = ("gained", "widened")
_MOST_WAYS = 5


def print_access(report: AccessReport, console: Console, *, named: bool, ways: bool) -> None:
    """Print the matrix, what changed in it, or what differs from the file.

    `named`: columns by name; `ways`: also the ways.
    """

    def line(text: str, style: str = "") -> None:
        console.print(Text(text, style=style), soft_wrap=True, highlight=False)

    if report.drift is not None:
        for one in report.drift:
            _print_drift(one, report.expected or "", line)
    elif report.changes is not None:
        for role, changes in groupby(report.changes, lambda one: one.entry.role):
            line(visible(role), "bold")
            for change in changes:
                _print_change(change, line, named=named)
    else:
        for role, entries in groupby(report.entries, lambda one: one.role):
            line(visible(role), "bold")
            _print_things(list(entries), line, named=named, ways=ways)
    for below in _below(report):
        line(visible(below), "dim")
    line(visible(summary(report)), "bold red" if report.drift else "bold")


def summary(report: AccessReport) -> str:
    """Say in one sentence what was found."""
    if report.drift is not None:
        count = len(report.drift)
        if not count:
            return f"Access in {report.head} is as {report.expected} says."
        return f"{count} difference{'s' if count != 1 else ''} from {report.expected}"
    if report.changes is not None:
        if not report.changes:
            return f"Nobody gained or lost access: {report.head} against {report.base}"
        gained = sum(one.change in _GAINS for one in report.changes)
        lost = len(report.changes) - gained
        return f"{gained} gained, {lost} lost: {report.head} against {report.base}"
    roles = {entry.role for entry in report.entries}
    things = {entry.thing for entry in report.entries}
    if not roles:
        return f"Nobody but superusers can do any of that in {report.head}."
    who = f"{len(roles)} role{'s' if len(roles) != 1 else ''}"
    return f"{who}, {len(things)} object{'s' if len(things) != 1 else ''} in {report.head}"


def render_access_markdown(report: AccessReport, *, named: bool, ways: bool) -> str:
    """Give the same as Markdown: tables, in which every name is code."""
    lines: list[str] = []
    if report.drift is not None:
        lines += _table(("", "difference"), _drift_rows(report.drift))
    elif report.changes is not None:
        heads = ("role", "object", "change", "can", "through what")
        lines += _table(heads, (_change_row(one, named=named) for one in report.changes))
    else:
        heads = ("role", "object", "can", *(("through what",) if ways else ()))
        lines += _table(heads, _rows(report.entries, named=named, ways=ways))
    below = [
        f"- {cell(code(word))}: {MEANINGS[word]}" if word in MEANINGS else f"- {code(word)}"
        for word in words_used(report)
    ]
    below += [f"- {code(text)}" for text in _facts(report)]
    return "\n".join([*lines, "", *below, *([""] if below else []), code(summary(report))]) + "\n"


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> list[str]:
    found = ["| " + " | ".join(row) + " |" for row in rows]
    if not found:
        return []
    return ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *found]


def _rows(entries: tuple[Entry, ...], *, named: bool, ways: bool) -> Iterator[tuple[str, ...]]:
    for (role, thing), same in groupby(entries, lambda one: (one.role, one.thing)):
        if ways:
            for entry in same:
                yield code(role), code(thing), code(said(entry, named=named)), _ways(entry.ways)
        else:
            yield code(role), code(thing), _joined(same, named=named)


def _joined(entries: Iterator[Entry], *, named: bool) -> str:
    return ", ".join(code(said(entry, named=named)) for entry in entries)


def _change_row(one: Changed, *, named: bool) -> tuple[str, ...]:
    entry = one.entry
    phrase = code(said(entry, named=named))
    return code(entry.role), code(entry.thing), one.change, phrase, _ways(entry.ways)


def _drift_rows(drifts: tuple[Drift, ...]) -> Iterator[tuple[str, ...]]:
    for drift in drifts:
        yield (
            drift.kind,
            code(drift_text(drift)) + ("<br>" if drift.ways else "") + _ways(drift.ways),
        )


def _ways(ways: tuple[str, ...]) -> str:
    return "<br>".join(map(code, _some(ways)))


def _some(ways: tuple[str, ...]) -> list[str]:
    more = len(ways) - _MOST_WAYS
    return [*ways[:_MOST_WAYS], *([f"and {more} more"] if more > 0 else [])]


def _print_things(entries: list[Entry], line: Line, *, named: bool, ways: bool) -> None:
    for thing, same in groupby(entries, lambda one: one.thing):
        if not ways:
            phrases = ", ".join(visible(said(entry, named=named)) for entry in same)
            line(f"  {visible(thing)}  {phrases}")
            continue
        line(f"  {visible(thing)}")
        for entry in same:
            line(f"    {visible(said(entry, named=named))}")
            for way in _some(entry.ways):
                line(f"      {visible(way)}", "dim")


def _print_change(one: Changed, line: Line, *, named: bool) -> None:
    entry = one.entry
    sign, style = ("+", "green") if one.change in _GAINS else ("-", "red")
    what = f" ({one.change})" if one.change in ("widened", "narrowed") else ""
    line(f"  {sign} {visible(entry.thing)}  {visible(said(entry, named=named))}{what}", style)
    for way in _some(entry.ways):
        line(f"      {visible(way)}", "dim")


def _print_drift(drift: Drift, file: str, line: Line) -> None:
    where = f"{file}:{drift.line}" if drift.line is not None else file
    style = "red" if drift.kind == "unexpected" else "yellow"
    line(f"{visible(where)}: {drift.kind}: {visible(drift_text(drift))}", style)
    for way in _some(drift.ways):
        line(f"    {visible(way)}", "dim")


def _below(report: AccessReport) -> Iterator[str]:
    for word in words_used(report) if report.drift is None else ():
        yield f"{word}: {MEANINGS[word]}"
    yield from _facts(report)


def _facts(report: AccessReport) -> Iterator[str]:
    if report.superusers:
        yield f"superusers, who can do everything: {', '.join(report.superusers)}"
    yield from (f"note: {note}" for note in report.notes)
