"""A badge of the schema coverage: a small SVG that loads nothing and runs nothing."""

from xml.sax.saxutils import escape

from gatekeeper.policy.coverage import Coverage, percent_text
from gatekeeper.report.escape import visible

LABEL = "schema coverage"
_COLOURS = ((90, "#2e7d32"), (75, "#827717"), (50, "#b35900"), (0, "#b71c1c"))
_NO_COLOUR = "#616161"
_WIDTH = 7  # pixels of a character, a little more than Verdana has at 11
_MARGIN = 10


def render_badge(coverage: Coverage, label: str = LABEL) -> str:
    """Give the share of the head that is covered, as an SVG."""
    count = coverage.total.head
    value, percent = percent_text(count), count.percent
    colour = next(
        (c for least, c in _COLOURS if percent is not None and percent >= least), _NO_COLOUR
    )
    label = visible(label)
    left, right = (_WIDTH * len(text) + _MARGIN for text in (label, value))
    said = escape(f"{label}: {value}", {'"': "&quot;"})
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img"
  aria-label="{said}">
  <title>{said}</title>
  <rect width="{left}" height="20" fill="#424242"/>
  <rect x="{left}" width="{right}" height="20" fill="{colour}"/>
  <g fill="#fff" text-anchor="middle" font-family="Verdana, DejaVu Sans, sans-serif" font-size="11">
    <text x="{left / 2:g}" y="14">{escape(label)}</text>
    <text x="{left + right / 2:g}" y="14">{escape(value)}</text>
  </g>
</svg>
"""
