"""Strict reading of YAML 1.2 files: every mistake at once, each with its file and line.

Aliases, duplicate keys, tags and oversized or overdeep files are refused: policies come from people
one may not know. `on`, `off`, `yes` and `no` are words, not booleans (YAML 1.2, section 10.3.2).
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gatekeeper.errors import ConfigError

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML was built without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MOST_BYTES = 1_000_000
_MOST_DEPTH = 20
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}\Z")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")

_QUOTE = "; a text that begins with * needs quotes"

Plain = str | int | float | bool | None


@dataclass
class Problems:
    """Mistakes found so far; `raise_if_any` reports them all."""

    found: list[tuple[str, int, str]] = field(default_factory=list)

    def add(self, file: str, line: int, message: str) -> None:
        self.found.append((file, line, message))

    def raise_if_any(self, hint: str = "") -> None:
        """Raise one ConfigError that lists every mistake, in the order of the files."""
        if self.found:
            lines = [f"{file}:{line}: {message}" for file, line, message in sorted(set(self.found))]
            raise ConfigError("\n".join(lines), hint)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give "; did you mean x?" for the known word nearest to `word`, or nothing."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


class Node:
    """A value in a YAML file that knows where it stands. Reading it wrongly records a problem."""

    def __init__(self, node: yaml.Node, file: str, problems: Problems) -> None:
        self._node = node
        self.file = file
        self.line = node.start_mark.line + 1
        self._problems = problems

    def problem(self, message: str, line: int | None = None) -> None:
        """Record a mistake at this value."""
        self._problems.add(self.file, line or self.line, message)

    def text_line(self, offset: int) -> int:
        """Give the line of the file on which line `offset` (from 0) of this text stands."""
        block = isinstance(self._node, yaml.ScalarNode) and self._node.style in ("|", ">")
        return self.line + offset + (1 if block else 0)

    def mapping(
        self, known: Iterable[str] | None = None, *, what: str = "key"
    ) -> "dict[str, Node]":
        """Give the entries of a mapping; a key outside `known` is a problem."""
        if self._is_null():
            return {}
        if not isinstance(self._node, yaml.MappingNode):
            self.problem(f"expected a mapping (key: value), found {self._described()}")
            return {}
        names = None if known is None else set(known)
        entries: dict[str, Node] = {}
        for key_node, value_node in self._node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.problem("a key is a single word, not a list or mapping", line)
                continue
            key = str(key_node.value)
            if names is not None and key not in names:
                self.problem(f"unknown {what} {key!r}{did_you_mean(key, names)}", line)
            elif key in entries:
                self.problem(f"{key!r} is given twice", line)
            else:
                entries[key] = Node(value_node, self.file, self._problems)
        return entries

    def get(self, key: str) -> str | None:
        """Give the text of an entry, if this is a mapping that has one; without any judgement."""
        pairs = self._node.value if isinstance(self._node, yaml.MappingNode) else ()
        texts = (v.value for k, v in pairs if k.value == key and isinstance(v, yaml.ScalarNode))
        return next(texts, None)

    def items(self) -> "Iterator[Node]":
        """Give the items of a list; a single value stands for a list of one."""
        if self._is_null():
            return
        if isinstance(self._node, yaml.SequenceNode):
            for item in self._node.value:
                yield Node(item, self.file, self._problems)
        else:
            yield self

    def is_mapping(self) -> bool:
        return isinstance(self._node, yaml.MappingNode)

    def is_list(self) -> bool:
        return isinstance(self._node, yaml.SequenceNode)

    def text(self, default: str = "") -> str:
        """Give a text; numbers and words count as text."""
        if not isinstance(self._node, yaml.ScalarNode) or self._is_null():
            self.problem(f"expected a text, found {self._described()}")
            return default
        return str(self._node.value)

    def word(self, known: Iterable[str], default: str, *, what: str = "value") -> str:
        """Give one of the `known` words."""
        words = list(known)
        value = self.text(default)
        if value not in words:
            self.problem(
                f"{value!r} is no {what}{did_you_mean(value, words)} (one of {', '.join(words)})"
            )
            return default
        return value

    def flag(self, *, default: bool = False) -> bool:
        """Give a boolean: true, false, yes, no, on or off."""
        value = self._node.value if isinstance(self._node, yaml.ScalarNode) else None
        word = str(value).lower()
        if word not in ("true", "yes", "on", "false", "no", "off"):
            self.problem(f"expected true or false, found {self._described()}")
            return default
        return word in ("true", "yes", "on")

    def integer(self, default: int, *, least: int = 0) -> int:
        value = self.plain()
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            self.problem(f"expected a whole number from {least} up, found {self._described()}")
            return default
        return value

    def texts(self) -> tuple[str, ...]:
        """Give a list of texts."""
        return tuple(item.text() for item in self.items())

    def plain(self) -> Plain:
        """Give a scalar as YAML 1.2's core schema reads it."""
        if not isinstance(self._node, yaml.ScalarNode):
            self.problem(f"expected a single value, found {self._described()}")
            return None
        value = str(self._node.value)
        if self._node.style:  # quoted, or a block; libyaml says "" of plain ones
            return value
        if value in ("true", "True", "TRUE", "false", "False", "FALSE"):
            return value.lower() == "true"
        if self._is_null():
            return None
        if _INTEGER.match(value):
            return int(value)
        return float(value) if _NUMBER.match(value) else value

    def _is_null(self) -> bool:
        node = self._node
        return (
            isinstance(node, yaml.ScalarNode)
            and not node.style
            and node.value in ("", "~", "null", "Null", "NULL")
        )

    def _described(self) -> str:
        if isinstance(self._node, yaml.MappingNode):
            return "a mapping"
        if isinstance(self._node, yaml.SequenceNode):
            return "a list"
        return "nothing" if self._is_null() else repr(self._node.value)


def read_yaml(text: str, file: str, problems: Problems) -> Node | None:
    """Parse one YAML document; None (and problems) when it is not one that can be read.

    `file` is the name that messages give. An empty document is an empty mapping.
    """
    if len(text.encode()) > MOST_BYTES:
        problems.add(file, 1, f"the file is larger than {MOST_BYTES:,} bytes")
        return None
    try:
        node = _composed(text, file, problems)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        hint = _QUOTE if error.context == "while scanning an alias" else ""
        problems.add(file, mark.line + 1 if mark else 1, f"not valid YAML: {error.problem}{hint}")
        return None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        problems.add(file, 1, f"not valid YAML: {str(error).splitlines()[0]}")
        return None
    if node is None:
        return read_yaml("{}", file, problems)
    return Node(node, file, problems)


def _composed(text: str, file: str, problems: Problems) -> yaml.Node | None:
    """Build the nodes of the one document; None when there is none.

    PyYAML would do it, but recursively, with aliases (one may stand for billions of nodes), and
    with a tag for each node, which nobody asks for and which takes most of the time.
    """
    root: yaml.Node | None = None
    around: list[yaml.CollectionNode] = []  # the collections that the event is in
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.CollectionEndEvent):
            ended = around.pop()
            if isinstance(ended, yaml.MappingNode):
                ended.value = list(zip(ended.value[::2], ended.value[1::2], strict=True))
            continue
        if isinstance(event, yaml.DocumentStartEvent) and root is not None:
            found = "one document is expected, and this begins another"
            mark: Any = event.start_mark  # of libyaml, or of PyYAML: the stubs tell them apart
            raise yaml.MarkedYAMLError(problem=found, problem_mark=mark)
        if not isinstance(event, yaml.NodeEvent):
            continue
        _refuse_tricks(event, line, file, problems)
        node = _node(event)
        if around:
            around[-1].value.append(node)
        else:
            root = node
        if isinstance(node, yaml.CollectionNode):
            around.append(node)
            if len(around) > _MOST_DEPTH:
                problems.add(file, line, f"nested deeper than {_MOST_DEPTH} levels")
                problems.raise_if_any()
    return root


def _node(event: yaml.NodeEvent) -> yaml.Node:
    start: Any = event.start_mark
    end: Any = event.end_mark
    if isinstance(event, yaml.ScalarEvent):
        return yaml.ScalarNode("", event.value, start, end, event.style)
    kind = yaml.MappingNode if isinstance(event, yaml.MappingStartEvent) else yaml.SequenceNode
    return kind("", [], start, end)


def _refuse_tricks(event: yaml.NodeEvent, line: int, file: str, problems: Problems) -> None:
    if event.anchor or isinstance(event, yaml.AliasEvent):
        problems.add(file, line, "anchors and aliases (& and *) are not allowed here")
        problems.raise_if_any()
    if tag := getattr(event, "tag", None):
        problems.add(file, line, f"tags ({tag}) are not allowed here")
        problems.raise_if_any()


def read_text(path: Path, name: str | None = None, most_bytes: int = MOST_BYTES) -> str:
    """Read a UTF-8 file, which messages call `name`. Raises ConfigError when it cannot be read."""
    name = name or str(path)
    try:
        with path.open("rb") as source:
            content = source.read(most_bytes + 1)
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}") from error
    if len(content) > most_bytes:
        raise too_large(name, most_bytes)
    return decoded(content, name)


def too_large(name: str, most_bytes: int) -> ConfigError:
    """Give the error for a file that is larger than may be read."""
    return ConfigError(f"{name}: the file is larger than {most_bytes:,} bytes")


def decoded(content: bytes, name: str) -> str:
    """Give the text of a file. Raises ConfigError when it is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 text (byte {error.start})") from error


def as_strings(entries: Mapping[str, Node]) -> dict[str, str]:
    """Give a mapping of texts."""
    return {key: value.text() for key, value in entries.items()}
