"""Reads the text of a pg_node_tree into nodes.

The server writes `{KIND :field value :field value}`, lists in parentheses, `<>` for nothing, and a
backslash before characters that would mean something. Kinds and fields are taken as they come.
"""

import re
from collections.abc import Iterator
from typing import Any

from gatekeeper.access.lineage_traced import UnreadableError

# Only these three characters part words: a name may hold any other white space as it is. Variables
# are most of a tree and have no names in them, so each is taken at once.
_TOKEN = re.compile(r"\{VAR [^{}]*\}|[(){}]|(?:\\.|[^ \n\t(){}\\])+", re.DOTALL)
_NUMBER = re.compile(r":(\w+) (-?\d+)")


class Node:
    """One node: its kind, and its fields, each None, a word, a list or a node."""

    __slots__ = ("fields", "kind", "label")

    def __init__(self) -> None:
        self.kind = ""
        self.fields: dict[str, Any] = {}
        self.label: str | None = None  # the field whose value comes next, while it is being read

    def number(self, field: str) -> int:
        """Give a field that is a number; 0 when this version of the server does not have it."""
        return int(self.fields.get(field) or 0)

    def list(self, field: str) -> list[Any]:
        """Give a field that is a list; an empty one when there is none."""
        return self.fields.get(field) or []

    def children(self) -> "Iterator[Node]":
        """Give the nodes directly below, those in lists as well."""
        for value in self.fields.values():
            yield from nodes_in(value)


def nodes_in(value: object) -> Iterator[Node]:
    """Give the nodes of a field's value."""
    if isinstance(value, Node):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from nodes_in(item)


def read_tree(text: str) -> list[Any]:
    """Read a tree; give the list of what is in it. Of a variable it is the numbers.

    A field's name is always followed by one value, so that a column called `:expr` is a value.
    Raises UnreadableError when the text is not one.
    """
    top: list[Any] = []
    open_: list[Any] = [top]
    datum: list[int] | None = None  # the bytes of a constant under way
    for word in _TOKEN.findall(text):
        place = open_[-1]
        if datum is not None:
            if word == "]":
                place.fields["datum"] = bytes(datum)
                datum = None
            else:
                datum.append(int(word) & 0xFF)
            continue
        if isinstance(place, Node) and place.label is None:
            if not place.kind:
                place.kind = word
            elif word == "}":
                open_.pop()
                _put(open_[-1], place)
            elif word == "[":
                datum = []
            else:
                place.label = word[1:]
        elif word == "{":
            open_.append(Node())
        elif word == "(":
            open_.append([])
        elif word.startswith("{"):
            variable = Node()
            variable.kind = "VAR"
            variable.fields.update(_NUMBER.findall(word))
            _put(place, variable)
        elif word == ")" and isinstance(place, list) and len(open_) > 1:
            open_.pop()
            _put(open_[-1], place)
        else:
            _put(place, None if word == "<>" else word)
    if len(open_) != 1:
        raise UnreadableError("the server's rule ends too early")
    return top


def _put(place: Any, value: object) -> None:  # noqa: ANN401 - a list or a node
    if isinstance(place, list):
        place.append(value)
    else:
        place.fields[place.label] = value
        place.label = None
