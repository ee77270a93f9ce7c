"""Places boxes that refer to each other in layers: what is referred to stands left of what refers.

The steps are those of every layered drawing (Sugiyama, Tagawa, Toda 1981): break cycles, give each
box a layer, order the layers so that few lines cross, then move each box towards its neighbours.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

_LAYER_GAP = 60
_BOX_GAP = 22
_LANE = 10  # the height kept free for a line that passes a layer
_SWEEPS = 8
_HIGHEST = 7  # boxes of a layer
_WIDEST = 960  # parts that are not connected stand side by side up to this width

Size = tuple[int, int]
Point = tuple[float, float]
Pair = tuple[str, str]  # who refers, and to whom


@dataclass(slots=True)
class Placed:
    """The upper left corner and width of each box, and the points that a line passes on its way."""

    width: float = 0
    height: float = 0
    boxes: dict[str, Point] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)  # the same in a layer
    ways: dict[Pair, list[Point]] = field(default_factory=dict)


def connected(names: Iterable[str], pairs: Iterable[Pair]) -> list[list[str]]:
    """Give the parts that are connected, the largest first, each in the order of its names."""
    beside: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        beside[one].add(other)
        beside[other].add(one)
    found, seen = [], set()
    for name in sorted(names):
        part, todo = [], [name]
        while todo:
            here = todo.pop()
            if here not in seen:
                seen.add(here)
                part.append(here)
                todo += sorted(beside[here])
        if part:
            found.append(sorted(part))
    return sorted(found, key=lambda part: (-len(part), part[0]))


def place(sizes: Mapping[str, Size], pairs: Iterable[Pair]) -> Placed:
    """Place all boxes. The same input gives the same drawing."""
    links = sorted({(a, b) for a, b in pairs if a != b and a in sizes and b in sizes})
    whole = Placed()
    x = y = shelf = 0.0
    for part in connected(sizes, links):
        inside = set(part)
        placed = _Part(
            {name: sizes[name] for name in part}, [p for p in links if p[0] in inside]
        ).placed()
        if x and x + placed.width > _WIDEST:
            x, y, shelf = 0.0, y + shelf + _BOX_GAP, 0.0
        whole.boxes |= {name: (x + left, y + top) for name, (left, top) in placed.boxes.items()}
        whole.widths |= placed.widths
        for pair, points in placed.ways.items():
            whole.ways[pair] = [(x + left, y + top) for left, top in points]
        whole.width = max(whole.width, x + placed.width)
        whole.height = max(whole.height, y + placed.height)
        x, shelf = x + placed.width + _BOX_GAP * 2, max(shelf, placed.height)
    return whole


class _Part:
    """Boxes that are all connected. Where a line passes a layer there is a box without a name."""

    def __init__(self, sizes: Mapping[str, Size], pairs: list[Pair]) -> None:
        self._sizes = dict(sizes)
        self._pairs = pairs
        self._layer = _layers(self._sizes, pairs)
        self._chains: dict[Pair, list[str]] = {}
        self._left: dict[str, list[str]] = defaultdict(list)  # neighbours one layer to the left
        self._right: dict[str, list[str]] = defaultdict(list)
        for pair in pairs:
            self._chain(pair)
        self._columns: list[list[str]] = [[] for _ in range(max(self._layer.values()) + 1)]
        for name in sorted(self._layer):
            self._columns[self._layer[name]].append(name)
        self._order()
        self._middle = self._heights()

    def _chain(self, pair: Pair) -> None:
        start, end = sorted(pair, key=self._layer.__getitem__)
        between = range(self._layer[start] + 1, self._layer[end])
        names = [f"\0{pair[0]}\0{pair[1]}\0{layer}" for layer in between]
        self._layer |= dict(zip(names, between, strict=True))
        self._chains[pair] = names
        steps = [start, *names, end]
        for left, right in pairwise(steps):
            self._right[left].append(right)
            self._left[right].append(left)

    def _order(self) -> None:
        """Sort each layer by where its neighbours are, from both sides in turn."""
        for sweep in range(_SWEEPS):
            forward = sweep % 2 == 0
            beside = self._left if forward else self._right
            for column in self._columns if forward else self._columns[::-1]:
                rank = {n: i for other in self._columns for i, n in enumerate(other)}
                weight = {
                    n: sum(rank[m] for m in beside[n]) / len(beside[n]) if beside[n] else rank[n]
                    for n in column
                }
                column.sort(key=weight.__getitem__)

    def _heights(self) -> dict[str, float]:
        """Give the middle of each box: as near to its neighbours' as the layer allows."""
        middle: dict[str, float] = {}
        for column in self._columns:
            y = 0.0
            for name in column:
                middle[name] = y + self._height(name) / 2
                y += self._height(name) + _BOX_GAP
        for sweep in range(_SWEEPS):
            for column in self._columns if sweep % 2 == 0 else self._columns[::-1]:
                wanted = []
                for name in column:
                    near = [middle[m] for m in (*self._left[name], *self._right[name])]
                    wanted.append(sum(near) / len(near) if near else middle[name])
                heights = [self._height(name) for name in column]
                middle |= dict(zip(column, _settled(wanted, heights), strict=True))
        return middle

    def _height(self, name: str) -> int:
        return self._sizes[name][1] if name in self._sizes else _LANE

    def placed(self) -> Placed:
        top = min(self._middle[n] - self._height(n) / 2 for n in self._middle)
        found, x = Placed(), 0.0
        lanes: dict[str, list[Point]] = {}
        for column in self._columns:
            width = max((self._sizes[n][0] for n in column if n in self._sizes), default=0)
            for name in column:
                y = round(self._middle[name] - top)
                if name not in self._sizes:
                    lanes[name] = [(x, y), (x + width, y)]
                    continue
                above = self._height(name) // 2
                found.boxes[name] = (x, y - above)
                found.widths[name] = width
                found.height = max(found.height, y - above + self._height(name))
            found.width = x + width
            x += width + _LAYER_GAP
        for pair, chain in self._chains.items():
            found.ways[pair] = [point for name in chain for point in lanes[name]]
        return found


def _layers(names: Iterable[str], pairs: Iterable[Pair]) -> dict[str, int]:
    """Give each box its layer: right of all that it refers to, but for lines that close a cycle."""
    above: dict[str, list[str]] = defaultdict(list)
    for child, parent in pairs:
        above[child].append(parent)
    order: list[str] = []  # each after what it refers to
    entered: set[str] = set()
    kept: dict[str, list[str]] = defaultdict(list)
    done: set[str] = set()
    for start in sorted(names):
        todo = [(start, False)]
        while todo:
            name, leaves = todo.pop()
            if leaves:
                done.add(name)
                order.append(name)
                kept[name] = [parent for parent in above[name] if parent in done]
            elif name not in entered:
                entered.add(name)
                todo.append((name, True))
                todo += [(parent, False) for parent in above[name] if parent not in entered]
    layer: dict[str, int] = {}
    for name in order:
        layer[name] = max((layer[parent] + 1 for parent in kept[name]), default=0)
    return _spread(_tightened(layer, order, kept), pairs)


def _tightened(
    layer: dict[str, int], order: list[str], kept: Mapping[str, list[str]]
) -> dict[str, int]:
    """Move what refers to nothing next to the first that refers to it; leave no layer empty."""
    first: dict[str, int] = {}
    for name in order:
        for parent in kept.get(name, ()):
            first[parent] = min(first.get(parent, layer[name]), layer[name])
    moved = {
        name: first[name] - 1 if not kept.get(name) and name in first else at
        for name, at in layer.items()
    }
    ranks = {at: i for i, at in enumerate(sorted(set(moved.values())))}
    return {name: ranks[at] for name, at in moved.items()}


def _spread(layer: dict[str, int], pairs: Iterable[Pair]) -> dict[str, int]:
    """Move every second box of a high layer one further, if nothing stands right of it."""
    leading = {end for a, b in pairs for end in (a, b) if layer[end] < max(layer[a], layer[b])}
    found = dict(layer)
    at = 0
    while at <= max(found.values()):
        own = sorted(name for name in found if found[name] == at)
        ends = [name for name in own if name not in leading and layer[name] == at]
        if len(own) > _HIGHEST:
            found |= dict.fromkeys(ends[1::2], at + 1)
        at += 1
    return found


def _settled(wanted: list[float], heights: list[int]) -> list[float]:
    """Give middles in this order without overlap, as near to those wanted as can be.

    Without their distances it is a regression to a rising sequence: neighbours that are in the
    wrong order share their mean.
    """
    offsets, y = [], 0.0
    for i, height in enumerate(heights):
        y += height / 2 + (heights[i - 1] / 2 + _BOX_GAP if i else 0)
        offsets.append(y)
    blocks: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        mean, count = want - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, size = blocks.pop()
            mean, count = (mean * count + other * size) / (count + size), count + size
        blocks.append((mean, count))
    flat = [mean for mean, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(flat, offsets, strict=True)]
