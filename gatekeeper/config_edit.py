"""Adds a waiver to the text of gatekeeper.yml. Every byte that was there stays as it is.

A parser says where things stand, and nothing is written by one: that would lay out the whole file
anew.
"""

from collections.abc import Mapping
from typing import Any

import yaml

from gatekeeper.errors import ConfigError

_KEY = "waivers"
_WIDEST = 10**9  # nothing is wrapped


def with_waiver(text: str, entry: Mapping[str, str]) -> tuple[str, int]:
    """Give the text with one more waiver, the last, and the line on which it begins.

    `text` is a gatekeeper.yml without mistakes. Raises ConfigError when it is laid out in a way
    that leaves no place for another line.
    """
    root = _composed(text)
    edited, at = _edited(text, root, entry)
    try:
        is_right = _plain(_composed(edited)) == _expected(root, entry)
    except yaml.YAMLError:
        is_right = False
    if not is_right:
        raise _no_place("it is laid out in a way that has no place for another waiver", entry)
    return edited, edited.count("\n", 0, at) + 1


def _edited(text: str, root: yaml.Node | None, entry: Mapping[str, str]) -> tuple[str, int]:
    """Give the text with the waiver in it, and where that begins."""
    if root is None or not isinstance(root, yaml.MappingNode):
        return _at_the_end(text, 0, 2, entry)
    if root.flow_style:
        raise _no_place("it is written in braces, as one value", entry)
    for key, value in root.value:
        if key.value == _KEY:
            return _into(text, root, key, value, entry)
    column = root.value[0][0].start_mark.column
    return _at_the_end(text, column, _dash(root, column), entry)


def _into(
    text: str, root: yaml.MappingNode, key: yaml.Node, value: yaml.Node, entry: Mapping[str, str]
) -> tuple[str, int]:
    if isinstance(value, yaml.MappingNode):
        raise _no_place("its waivers are one mapping: put a hyphen before it", entry)
    if isinstance(value, yaml.SequenceNode) and value.value:
        if value.flow_style:
            return _into_brackets(text, value, entry)
        return _after_items(text, value, entry)
    # Nothing is waived yet: there may be a null, or brackets with nothing between them.
    start, end = value.start_mark.index, value.end_mark.index
    if end > start:
        text = text[:start].rstrip(" ") + text[end:]
    column = key.start_mark.column
    at = _line_after(text, key.end_mark.index, column)
    dash = _dash(root, column)
    return _inserted(text, at, _block(entry, dash, 2))


def _at_the_end(text: str, column: int, dash: int, entry: Mapping[str, str]) -> tuple[str, int]:
    lines = [" " * column + f"{_KEY}:", *_block(entry, dash, 2)]
    if text.strip() and not text.endswith(("\n\n", "\n\r\n")):
        lines.insert(0, "")
    edited, at = _inserted(text, len(text), lines)
    return edited, edited.index("policy", at) if at < len(edited) else at


def _after_items(text: str, items: yaml.SequenceNode, entry: Mapping[str, str]) -> tuple[str, int]:
    last = items.value[-1]
    column = items.start_mark.column
    gap = max(2, last.start_mark.column - column)
    lines = _block(entry, column, gap)
    if isinstance(last, yaml.MappingNode) and last.flow_style:
        lines = [" " * column + "-" + " " * (gap - 1) + _braces(entry)]
    if len(items.value) > 1:
        between = text[_end(text, items.value[-2]) : last.start_mark.index]
        if any(not line.strip() for line in between.splitlines()[1:-1]):
            lines.insert(0, "")
    return _inserted(text, _line_after(text, _end(text, last), column), lines)


def _into_brackets(
    text: str, items: yaml.SequenceNode, entry: Mapping[str, str]
) -> tuple[str, int]:
    last = items.value[-1]
    at = _end(text, last)
    comma = ", "
    if last.start_mark.line > items.start_mark.line:
        comma = f",{_newline(text)}{' ' * last.start_mark.column}"
    return text[:at] + comma + _braces(entry) + text[at:], at + len(comma)


def _inserted(text: str, at: int, lines: list[str]) -> tuple[str, int]:
    """Put whole lines at the beginning of a line, or at the end; give where they begin."""
    newline = _newline(text)
    before = text[:at]
    if before and not before.endswith("\n"):
        before += newline
    start = len(before) + (len(newline) if lines[0] == "" else 0)
    return before + "".join(line + newline for line in lines) + text[at:], start


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _block(entry: Mapping[str, str], column: int, gap: int) -> list[str]:
    lines = [f"{key}: {_scalar(value)}" for key, value in entry.items()]
    first = " " * column + "-" + " " * (gap - 1)
    return [first + lines[0], *(" " * (column + gap) + line for line in lines[1:])]


def _braces(entry: Mapping[str, str]) -> str:
    pairs = (f"{key}: {_scalar(value, is_flow=True)}" for key, value in entry.items())
    return f"{{{', '.join(pairs)}}}"


def _scalar(value: str, *, is_flow: bool = False) -> str:
    """Write a text, in quotes where without them it would be something else."""
    try:
        found = _composed(f"{{k: {value}}}" if is_flow else f"k: {value}")
        is_plain = _plain(found) == {"k": value} and not _is_null(found)
    except yaml.YAMLError:
        is_plain = False
    if is_plain and value.strip() == value and value[:1] not in "'\"|>":
        return value
    quoted = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=_WIDEST)
    return quoted.strip()


def _is_null(node: yaml.Node | None) -> bool:
    return node is None or str(node.value[0][1].tag).endswith(":null")


def _dash(root: yaml.MappingNode, column: int) -> int:
    """Give the column of hyphens: as in the other lists of the file, or two to the right."""
    lists = (v for _, v in root.value if isinstance(v, yaml.SequenceNode) and not v.flow_style)
    return next((found.start_mark.column for found in lists), column + 2)


def _end(text: str, node: yaml.Node) -> int:
    """Give where the last character of a value stands; a parser would count what follows."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        if isinstance(last, tuple):
            key, value = last
            last = key if value.end_mark.index == value.start_mark.index else value
        node = last
    start, end = node.start_mark.index, node.end_mark.index
    return start + len(text[start:end].rstrip())


def _line_after(text: str, at: int, column: int) -> int:
    """Give where the line after this one begins, after comments indented by more than `column`."""
    at = _next_line(text, at)
    while at < len(text):
        line = text[at : _next_line(text, at)]
        comment = line.lstrip(" ")
        if not comment.startswith("#") or len(line) - len(comment) <= column:
            break
        at += len(line)
    return at


def _next_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _composed(text: str) -> yaml.Node | None:
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    return node


def _plain(node: yaml.Node | None) -> Any:  # noqa: ANN401 - whatever the file holds
    """Give what a file says, every scalar as its text."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    return None if node is None else node.value


def _expected(root: yaml.Node | None, entry: Mapping[str, str]) -> dict[str, Any]:
    said = _plain(root)
    said = dict(said) if isinstance(said, dict) else {}
    there = said.get(_KEY)
    said[_KEY] = [*(there if isinstance(there, list) else []), dict(entry)]
    return said


def _no_place(why: str, entry: Mapping[str, str]) -> ConfigError:
    lines = "\n".join((f"{_KEY}:", *_block(entry, 2, 2)))
    return ConfigError(f"nothing was written, because {why}", f"Write it yourself:\n{lines}")
