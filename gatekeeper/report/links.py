"""Where on the web a line of the repository is shown."""

from dataclasses import dataclass
from urllib.parse import quote

from gatekeeper.report.escape import Markup, code


def inside(file: object) -> str | None:
    """Give a path relative to the repository's root, or None for what is none.

    Names are the choice of the pull request: one with `..` in it would lead elsewhere.
    """
    if not isinstance(file, str) or {"", ".", ".."} & set(file.split("/")) or "\\" in file:
        return None
    try:
        file.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no file can be called so
        return None
    return file


def url_path(path: str) -> str:
    """Give a path as a part of an address: nothing in it can end or turn the address."""
    return quote(path, safe="/", errors="surrogateescape")


@dataclass(frozen=True, slots=True)
class Links:
    """`blob_url` is the address below which the files of the head commit are shown."""

    blob_url: str = ""

    def place(self, file: object, line: object) -> Markup | None:
        """Give file:line as Markdown, linked where the address is known."""
        if not file:
            return None
        address = self.address(file, line)
        if address is None:
            return Markup(code(_with_line(str(file), line)))
        name = code(_with_line(str(file).rpartition("/")[2], line))
        return Markup(f"[{name}]({address})")

    def address(self, file: object, line: object) -> str | None:
        """Give where file:line is shown, where that is known."""
        path = inside(file) if self.blob_url else None
        if path is None:
            return None
        fragment = f"#L{line}" if isinstance(line, int) else ""
        return f"{self.blob_url}/{url_path(path)}{fragment}"


def _with_line(name: str, line: object) -> str:
    return name if line is None else f"{name}:{line}"
