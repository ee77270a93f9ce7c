"""What the reports for a terminal share: lines that are never broken, prose that is wrapped.

Places and code stay on their line, so that they can be clicked and copied.
"""

import textwrap

from rich.console import Console
from rich.text import Text

_WIDEST = 100


class Printer:
    """Prints on a console; colour is the console's business."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._width = min(console.width, _WIDEST) if console.is_terminal else _WIDEST

    def line(self, text: str | Text = "", style: str = "") -> None:
        """Print a line as it is. A `style` is for a text without styles of its own."""
        shown = Text(text, style=style) if isinstance(text, str) else text
        self._console.print(shown, soft_wrap=True, highlight=False)

    def prose(self, text: str, style: str = "", indent: str = "  ") -> None:
        """Print a paragraph, wrapped to the width of the terminal."""
        wrapped = textwrap.fill(
            text,
            self._width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        self.line(wrapped, style)
