"""The difference of two schemas for a terminal, with Rich. Colour is the console's business."""

from collections import Counter
from collections.abc import Iterator
from difflib import unified_diff

from rich.console import Console
from rich.text import Text

from gatekeeper.model.change import Change
from gatekeeper.report.difference import Difference, described
from gatekeeper.report.escape import shortened, visible

_SIGNS = {"added": "+", "dropped": "-"}
_STYLES = {"+": "green", "-": "red", "~": "yellow", "@": "cyan"}
_SHORT, _LONG = 60, 120
_PLURALS = {"index": "indexes", "statistics": "statistics"}


def print_difference(difference: Difference, console: Console) -> None:
    """Print each change; what came or went with its owner stands below it, or is counted."""

    def line(text: str, style: str = "") -> None:
        console.print(Text(text, style=style), soft_wrap=True, highlight=False)

    if difference.changes:
        line(f"--- {visible(difference.before)}", "bold red")
        line(f"+++ {visible(difference.after)}", "bold green")
        line("")
        for text in change_lines(difference.changes):
            line(text, _STYLES.get(text.strip()[:1], ""))
        line("")
    for note in difference.notes:
        line(f"note: {visible(note)}", "dim")
    style = "bold" if difference.changes else "bold green"
    line(summary(difference), style)


def summary(difference: Difference) -> str:
    """Say in one sentence how much differs."""
    if not difference.changes:
        return (
            f"No difference: {visible(difference.before)} and {visible(difference.after)} have the"
            " same schema."
        )
    verbs = Counter(
        c.verb if c.verb in _SIGNS else "changed" for c in difference.changes if c.part_of is None
    )
    counts = ", ".join(f"{verbs[v]} {v}" for v in ("added", "dropped", "changed") if verbs[v])
    total = sum(verbs.values())
    return f"{total} difference{'s' if total != 1 else ''}: {counts}"


def change_lines(changes: tuple[Change, ...]) -> Iterator[str]:
    """Give the lines; each begins with +, - or ~, those of a text that changed are indented."""
    parts: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        if change.part_of is not None:
            parts.setdefault((change.part_of, change.verb), []).append(change)
    for change in changes:
        if change.part_of is None:
            yield from _with_parts(change, parts, "")
    for own in parts.values():  # of an owner that is not listed: nothing may be lost
        for change in own:
            yield from _lines(change)


def _with_parts(
    change: Change, parts: dict[tuple[str, str], list[Change]], indent: str
) -> Iterator[str]:
    own = parts.pop((change.subject, change.verb), [])
    if change.verb == "dropped":
        yield f"{indent}- {_named(change)}{_taken(own)}"
        return
    yield from (indent + text for text in _lines(change))
    for part in own:
        yield from _with_parts(part, parts, indent + "    ")


def _taken(parts: list[Change]) -> str:
    kinds = Counter(part.kind.partition(".")[0] for part in parts)
    words = [
        f"{n} {(k if n == 1 else _PLURALS.get(k, k + 's')).replace('_', ' ')}"
        for k, n in kinds.items()
    ]
    return f"  (with {', '.join(words)})" if words else ""


def _named(change: Change) -> str:
    kind = change.kind.partition(".")[0].replace("_", " ")
    return f"{kind} {visible(change.subject)}"


def _lines(change: Change) -> Iterator[str]:
    if change.after is None:
        yield f"- {_named(change)}"
        return
    if change.before is None:
        definition = visible(" ".join((described(change.after) or "").split()))
        yield f"+ {_named(change)}  {shortened(definition, _LONG)}".rstrip()
        return
    what = change.verb.removesuffix("_changed").replace("_", " ")
    before, after = change.before_text, change.after_text
    if _is_short(before) and _is_short(after):
        was, now = (visible("none" if text is None else text) for text in (before, after))
        yield f"~ {_named(change)}  {what}: {was} → {now}"
        return
    yield f"~ {_named(change)}  {what}:"
    old, new = ([] if text is None else text.split("\n") for text in (before, after))
    for text in list(unified_diff(old, new, n=2, lineterm=""))[2:]:
        if text[:1] != "@" or max(len(old), len(new)) > 1:
            yield f"    {text[:1]} {visible(text[1:])}" if text[:1] != "@" else f"    {text}"


def _is_short(text: str | None) -> bool:
    return text is None or (len(text) <= _SHORT and "\n" not in text)
