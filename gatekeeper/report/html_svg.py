"""An entity-relationship diagram as SVG within a page, whose style sheet colours it."""

from collections.abc import Callable
from itertools import pairwise
from unicodedata import east_asian_width

from markupsafe import Markup

from gatekeeper.report.escape import shortened, visible
from gatekeeper.report.html_layout import Placed, Point, place
from gatekeeper.report.html_tables import Box, Drawing, Line, Row

_HEAD = 28
_ROW = 19
_FOOT = 6
_CHARACTER = 7.25  # the width of one at 12 px; monospaced fonts are 0.6 of their height or less
_TITLE_CHARACTER = 7.9
_NAME_AT = 44  # after the sign and the mark of a key
_PADDING = 12
_LONGEST_NAME = 34
_LONGEST_TYPE = 22
_SHORT_TYPES = (
    ("character varying", "varchar"),
    ("character", "char"),
    ("timestamp with time zone", "timestamptz"),
    ("timestamp without time zone", "timestamp"),
    ("time without time zone", "time"),
    ("double precision", "float8"),
)
_STATES = {"added": "new", "dropped": "dropped", "changed": "changed"}
_MARGIN = 14

Target = Callable[[str], str]  # gives where on the page a table is drawn


def svg(drawing: Drawing, label: str, anchor: Target, *, is_known: Target | None = None) -> Markup:
    """Draw. `anchor` names the id of a table's box, `is_known` one that is drawn elsewhere."""
    sizes = {box.subject: _size(box) for box in drawing.boxes}
    placed = place(sizes, [(line.child, line.parent) for line in drawing.lines])
    width = round(placed.width) + 2 * _MARGIN + _loops(drawing)
    height = round(placed.height) + 2 * _MARGIN
    painter = _Painter(drawing, placed, sizes)
    body = Markup("").join(
        (
            *(painter.line(line) for line in drawing.lines),
            *(painter.box(box, anchor(box.subject), is_known) for box in drawing.boxes),
        )
    )
    return Markup(
        '<svg class="er" role="group" aria-label="{}" width="{}" height="{}"'
        ' viewBox="{} {} {} {}">{}</svg>'
    ).format(label, width, height, -_MARGIN, -_MARGIN, width, height, body)


class _Painter:
    def __init__(self, drawing: Drawing, placed: Placed, sizes: dict[str, tuple[int, int]]) -> None:
        self._placed = placed
        self._sizes = {name: (placed.widths[name], sizes[name][1]) for name in sizes}
        self._rows = {
            (box.subject, row.name): i for box in drawing.boxes for i, row in enumerate(box.rows)
        }

    def box(self, box: Box, anchor: str, is_known: Target | None) -> Markup:
        x, y = self._placed.boxes[box.subject]
        width, height = self._sizes[box.subject]
        name = _short_name(box.subject)
        parts = [
            Markup('<title>{}</title><rect class="frame" width="{}" height="{}" rx="6"/>').format(
                visible(box.subject), width, height
            ),
            Markup('<path class="head" d="M0 {}V6a6 6 0 0 1 6-6h{}a6 6 0 0 1 6 6v{}z"/>').format(
                _HEAD, width - 12, _HEAD - 6
            ),
            Markup('<text class="name" x="{}" y="18.5">{}</text>').format(_PADDING, name),
        ]
        badge = _STATES.get(box.state) or (str(box.findings) if box.findings else "")
        if badge:
            word = Markup('<text class="badge" x="{}" y="18.5">{}<title>{}</title></text>')
            told = f"{box.findings} findings" if badge.isdigit() else badge
            parts.append(word.format(width - _PADDING, badge, told))
        parts += [self._row(row, i, width, is_known) for i, row in enumerate(box.rows)]
        if box.hidden:
            at = _HEAD + _ROW * len(box.rows) + 14
            more = f"and {box.hidden} more" if box.rows else f"{box.hidden} columns"
            parts.append(Markup('<text class="more" x="{}" y="{}">{}</text>').format(44, at, more))
        return Markup('<g id="{}" class="box {}" transform="translate({} {})">{}</g>').format(
            anchor, box.state or "plain", round(x), round(y), Markup("").join(parts)
        )

    def _row(self, row: Row, index: int, width: int, is_known: Target | None) -> Markup:
        y = _HEAD + _ROW * index + 14
        state = {"+": " plus", "−": " minus", "~": " tilde"}.get(row.sign, "")  # noqa: RUF001
        parts = [
            Markup('<text class="sign" x="8" y="{}">{}</text>').format(y, row.sign),
            Markup('<text class="mark" x="20" y="{}">{}</text>').format(y, row.mark),
            Markup('<text x="{}" y="{}">{}</text>').format(_NAME_AT, y, _short_name(row.name)),
            self._right(row, y, width, is_known),
        ]
        kept = [part for part in parts if not part.endswith("></text>")]
        return Markup('<g class="row{}">{}</g>').format(state, Markup("").join(kept))

    def _right(self, row: Row, y: int, width: int, is_known: Target | None) -> Markup:
        """Give the type of a column, or the table it refers to, if that is drawn elsewhere."""
        text = Markup('<text class="type" x="{}" y="{}">{}</text>').format(
            width - _PADDING, y, _right_text(row)
        )
        target = is_known(row.target) if row.target and is_known else ""
        return Markup('<a href="#{}">{}</a>').format(target, text) if target else text

    def line(self, line: Line) -> Markup:
        child, parent = (
            self._side(line.child, line.columns),
            self._side(line.parent, line.references),
        )
        if line.child == line.parent:
            right, far = child[1], child[1] + 26
            d = f"M{right} {child[2]}C{far} {child[2]} {far} {parent[2]} {right} {parent[2]}"
            return self._path(line, d + _foot(right, child[2], 1, single=line.is_single))
        points = list(self._placed.ways.get((line.child, line.parent), ()))
        # Lines of one pair of tables share the lanes of the pair; lanes run from left to right.
        is_right = child[0] >= parent[0]
        start = (parent[1], parent[2]) if is_right else (child[1], child[2])
        end = (child[0], child[2]) if is_right else (parent[0], parent[2])
        d = _curve([start, *points, end])
        many, one = (end, start) if is_right else (start, end)
        d += _foot(*many, -1 if is_right else 1, single=line.is_single)
        d += _bar(*one, 1 if is_right else -1, optional=line.is_optional)
        return self._path(line, d)

    def _path(self, line: Line, d: str) -> Markup:
        return Markup('<path class="line {}" d="{}"><title>{}</title></path>').format(
            line.state, d, visible(shortened(line.title, 400))
        )

    def _side(self, subject: str, columns: tuple[str, ...]) -> tuple[int, int, int]:
        """Give the left and right end of a box, and the height of the first of these columns."""
        x, y = self._placed.boxes[subject]
        row = next((self._rows[subject, n] for n in columns if (subject, n) in self._rows), None)
        at = _HEAD / 2 if row is None else _HEAD + _ROW * row + 10
        return round(x), round(x + self._sizes[subject][0]), round(y + at)


def _curve(points: list[Point]) -> str:
    """Join points by curves that leave and enter each of them level."""
    text = f"M{points[0][0]:.0f} {points[0][1]:.0f}"
    for (x1, y1), (x2, y2) in pairwise(points):
        bend = (x1 + x2) / 2
        text += f"C{bend:.0f} {y1:.0f} {bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
    return text


def _foot(x: float, y: float, way: int, *, single: bool) -> str:
    """Give the end of a line where many rows refer (a crow's foot), or one does (a bar)."""
    out = x + 9 * way
    if single:
        return f"M{out:.0f} {y - 5:.0f}v10"
    return f"M{x:.0f} {y - 5:.0f}L{out:.0f} {y:.0f}L{x:.0f} {y + 5:.0f}"


def _bar(x: float, y: float, way: int, *, optional: bool) -> str:
    """Give the end of a line at what is referred to: a bar, or a ring where null is allowed."""
    if optional:
        return f"M{x + 4 * way:.0f} {y:.0f}a4 4 0 1 0 {8 * way} 0a4 4 0 1 0 {-8 * way} 0"
    return f"M{x + 7 * way:.0f} {y - 5:.0f}v10"


def _size(box: Box) -> tuple[int, int]:
    badge = len(_STATES.get(box.state, "")) or (len(str(box.findings)) if box.findings else 0)
    title = _length(_short_name(box.subject)) * _TITLE_CHARACTER + (badge + 3) * _CHARACTER
    rows = (
        _NAME_AT + (_length(_short_name(r.name)) + _length(_right_text(r)) + 2) * _CHARACTER
        for r in box.rows
    )
    width = max((title + _PADDING, 140, *(row + _PADDING for row in rows)))
    lines = len(box.rows) + bool(box.hidden)
    return round(width), _HEAD + _ROW * lines + (_FOOT if lines else 0)


def _loops(drawing: Drawing) -> int:
    """Give the space that tables need at the right edge which refer to themselves."""
    return 24 if any(line.child == line.parent for line in drawing.lines) else 0


def _right_text(row: Row) -> str:
    return f"→ {_short_name(row.target)}" if row.target else _short_type(row.type)


def _length(text: str) -> int:
    """Count a text's places in a monospaced font."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def _short_name(name: str) -> str:
    return shortened(visible(name.removeprefix("public.")), _LONGEST_NAME)


def _short_type(name: str) -> str:
    for long, short in _SHORT_TYPES:
        if name.startswith(long):
            name = short + name.removeprefix(long)
            break
    return shortened(visible(name), _LONGEST_TYPE)
