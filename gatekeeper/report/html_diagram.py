"""Diagrams of a page: one of what changed, or as many as a whole schema takes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from gatekeeper.model.change import Change
from gatekeeper.model.schema import Schema
from gatekeeper.report.html_layout import Pair, connected
from gatekeeper.report.html_svg import svg
from gatekeeper.report.html_tables import Drawing, all_tables, changed_tables, subset

_MOST_IN_ONE = 40  # tables of a diagram that can be taken in at a glance
_MOST_IN_GROUP = 14
_MOST_ALONE = 40  # tables without references in one diagram
_FEW = 5  # a group so small joins another
_SLACK = 6


@dataclass(frozen=True, slots=True)
class Figure:
    """A diagram, with the tables that it is about (none: any) and those that it draws."""

    centres: tuple[str, ...]
    tables: tuple[str, ...]
    svg: Markup


@dataclass(frozen=True, slots=True)
class Entry:
    """A table in the list: where it is drawn, and how many findings there are."""

    name: str
    anchor: str
    findings: int


def changed_diagram(after: Schema, changes: tuple[Change, ...], prefix: str) -> list[Figure]:
    """Draw what changed and the tables beside it."""
    return _figures(changed_tables(after, changes), f"{prefix}t")


def whole_diagram(schema: Schema, findings: dict[str, int]) -> tuple[list[Figure], list[Entry]]:
    """Draw a whole schema, and list where each table is drawn."""
    drawing = all_tables(schema, findings)
    figures = _figures(drawing, "t")
    anchors = _anchors(drawing, "t")
    listed = [
        Entry(box.subject, anchors[box.subject], box.findings)
        for box in drawing.boxes
        if box.subject in anchors
    ]
    return figures, listed


def _anchors(drawing: Drawing, prefix: str) -> dict[str, str]:
    return {box.subject: f"{prefix}{i}" for i, box in enumerate(drawing.boxes, 1)}


def _figures(drawing: Drawing, prefix: str) -> list[Figure]:
    anchors = _anchors(drawing, prefix)
    names = [box.subject for box in drawing.boxes]
    if not names:
        return []
    pairs = [(line.child, line.parent) for line in drawing.lines if line.child != line.parent]
    groups = [names] if len(names) <= _MOST_IN_ONE else list(_groups(names, pairs))
    return [
        Figure(
            _centres(own, pairs),
            tuple(own),
            svg(
                subset(drawing, own),
                f"Diagram of {len(own)} tables",
                anchors.__getitem__,
                is_known=lambda name: anchors.get(name, ""),
            ),
        )
        for own in groups
    ]


def _groups(names: Iterable[str], pairs: list[Pair]) -> Iterable[list[str]]:
    """Part tables into groups that fit on a page, each around the one with most neighbours."""
    beside = _beside(pairs)
    alone: list[str] = []
    small: list[str] = []
    for part in connected(names, pairs):
        if len(part) == 1:
            alone += part
            continue
        for group in _split(part, beside) if len(part) > _MOST_IN_GROUP + _SLACK else [part]:
            if len(group) > _FEW:
                yield group
                continue
            if len(small) + len(group) > _MOST_IN_GROUP + _SLACK:
                yield small
                small = []
            small += group
    if small:
        yield small
    for i in range(0, len(alone), _MOST_ALONE):
        yield alone[i : i + _MOST_ALONE]


def _beside(pairs: Iterable[Pair]) -> dict[str, set[str]]:
    beside: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        beside[one].add(other)
        beside[other].add(one)
    return beside


def _centres(group: Iterable[str], pairs: list[Pair]) -> tuple[str, ...]:
    """Give the table with most neighbours of each part of a group that is connected."""
    inside = set(group)
    own = [pair for pair in pairs if inside.issuperset(pair)]
    beside = _beside(own)
    return tuple(_centre(part, beside) for part in connected(inside, own) if len(part) > 1)


def _centre(part: Iterable[str], beside: Mapping[str, set[str]]) -> str:
    inside = set(part)
    return min(inside, key=lambda name: (-len(beside[name] & inside), name))


def _split(part: list[str], beside: Mapping[str, set[str]]) -> list[list[str]]:
    left = set(part)
    groups: list[set[str]] = []
    while left:
        centre = _centre(left, beside)
        group, todo = {centre}, [centre]
        while todo and len(group) < _MOST_IN_GROUP:
            here = todo.pop(0)
            # What hangs on nothing else comes first: it has nowhere else to go.
            near = sorted((beside[here] & left) - group, key=lambda n: (len(beside[n] & left), n))
            near = near[: _MOST_IN_GROUP - len(group)]
            group.update(near)
            todo += near
        left -= group
        groups.append(group)
    return [sorted(group) for group in _joined(groups, beside)]


def _joined(groups: list[set[str]], beside: Mapping[str, set[str]]) -> list[set[str]]:
    """Add small groups to the one that they have most to do with."""
    kept = [group for group in groups if len(group) > _FEW]
    for group in groups:
        if len(group) > _FEW:
            continue
        near = {other for name in group for other in beside[name]}
        fits = [k for k in kept if len(k) + len(group) <= _MOST_IN_GROUP + _SLACK and k & near]
        if fits:
            max(fits, key=lambda k: len(k & near)).update(group)
        else:
            kept.append(set(group))
    return kept
