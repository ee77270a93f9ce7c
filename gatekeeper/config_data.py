"""Reads `data:` of gatekeeper.yml: classes of sensitive columns, and who may read and write them.

    data:
      pii:
        columns: ["*.*.email", "public.people.*", 'public."Order".phone']
        readers: [billing, "support_*"]
        writers: [app]
      public: {columns: ["public.shops.email"]}
      suggest: off

A glob is schema.table.column, or table.column in any schema. `*` stands for any text within one
name, `?` for one character. A name in double quotes, as PostgreSQL writes it, means exactly that
name; one without matches whatever the case, since overlooking "Email" is worse than seeing it.
Of several classes that match, the first written wins, and `public` before all: what it lists is
not sensitive.

Roles are meant by name (with the same `*` and `?`); `public` stands for everyone. A member of a
permitted role is not permitted by that: who is let into the group gains access, and that is what
a review is for.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from gatekeeper.yaml_reader import Node, did_you_mean

NOT_SENSITIVE = "public"
BUILT_IN = ("pii", "secret", "financial", "health")  # the classes that names may suggest
SUGGEST = "suggest"

CLASS_NAME = re.compile(r"[a-z][a-z0-9_-]*\Z")
CLASS_KEYS = ("columns", "readers", "writers")
_PART = re.compile(r'"(?:[^"]|"")+"|[^".\s]+')
_GLOB = re.compile(rf"(?:{_PART.pattern})(?:\.(?:{_PART.pattern}))*\Z")


@dataclass(frozen=True, slots=True)
class ColumnGlob:
    """Which columns: three globs on names as written, quotes included; and where that stands."""

    schema: str
    table: str
    column: str
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}.{self.column}"


@dataclass(frozen=True, slots=True)
class DataClass:
    """A class of sensitive columns. `readers` and `writers` are None when the file does not say."""

    name: str
    columns: tuple[ColumnGlob, ...] = ()
    readers: tuple[str, ...] | None = None
    writers: tuple[str, ...] | None = None
    file: str = ""
    line: int = 0

    def may_read(self, role: str) -> bool | None:
        """Say whether `role` is a permitted reader; None when the file names no readers."""
        return _permitted(self.readers, role)

    def may_write(self, role: str) -> bool | None:
        """Say whether `role` is a permitted writer; None when the file names no writers."""
        return _permitted(self.writers, role)


@dataclass(frozen=True, slots=True)
class DataConfig:
    """The classes in the order of the file; whether names of columns may suggest one."""

    classes: tuple[DataClass, ...] = ()
    suggest: bool = True

    def named(self, name: str | None) -> DataClass | None:
        """Give the class of that name, if the file has it."""
        return next((c for c in self.classes if c.name == name), None)


def matcher(glob: str, *, any_case: bool = True) -> Callable[[str], object]:
    """Give the test (true or false) for the names that `glob`, one part, stands for."""
    if glob == "*":
        return bool  # any name: none is empty
    if glob.startswith('"'):
        return re.compile(re.escape(glob[1:-1].replace('""', '"'))).fullmatch
    wild = {"*": "(?s:.*)", "?": "(?s:.)"}
    pattern = "".join(wild.get(letter) or re.escape(letter) for letter in glob)
    return re.compile(pattern, re.IGNORECASE if any_case else 0).fullmatch


def read_data(node: Node) -> DataConfig:
    """Read the value of `data:`. Mistakes become problems of `node`."""
    entries = node.mapping()
    suggest = entries.pop(SUGGEST, None)
    seen: dict[str, str] = {}
    return DataConfig(
        classes=tuple(_class(name, value, seen) for name, value in entries.items()),
        suggest=suggest is None or suggest.flag(default=True),
    )


def _class(name: str, node: Node, seen: dict[str, str]) -> DataClass:
    """Read one class; `seen` are the globs so far, each with its class."""
    if not CLASS_NAME.match(name):
        node.problem(f"{name!r} is no name of a class: lower case letters, digits, - and _")
    if not node.is_mapping() and any(node.items()):
        near = did_you_mean(name, (SUGGEST,))
        node.problem(f"class {name!r} takes a mapping: columns, readers, writers{near}")
        return DataClass(name)
    entries = node.mapping(CLASS_KEYS)
    for key in ("readers", "writers"):
        if name == NOT_SENSITIVE and key in entries:
            entries[key].problem(f"{name} lists what is not sensitive; it has no {key}")
    items = entries["columns"].items() if "columns" in entries else ()
    return DataClass(
        name,
        columns=tuple(glob for item in items if (glob := _glob(item, name, seen))),
        readers=_roles(entries.get("readers")),
        writers=_roles(entries.get("writers")),
        file=node.file,
        line=node.line,
    )


def _glob(node: Node, class_name: str, seen: dict[str, str]) -> ColumnGlob | None:
    text = node.text("*.*")
    match _PART.findall(text) if _GLOB.match(text) else []:
        case [schema, table, column]:
            pass
        case ["public", name]:
            node.problem(
                f"{text!r} means columns {name} of tables named public; "
                f"write {text}.* for all columns of a table, or *.{text}"
            )
            return None
        case [table, column]:
            schema = "*"
        case [name]:
            node.problem(f"{text!r} is no schema.table.column; *.{name} means it in every table")
            return None
        case _:
            node.problem(f"{text!r} is no schema.table.column or table.column")
            return None
    glob = ColumnGlob(schema, table, column, node.file, node.line)
    other = seen.setdefault(str(glob), class_name)
    if other != class_name:
        node.problem(f"{text!r} is in class {other}, too; a column has one class")
    return glob


def _roles(node: Node | None) -> tuple[str, ...] | None:
    if node is None:
        return None
    for item in node.items():
        if not item.text("?").strip():
            item.problem("a role has a name")
    return node.texts()


def _permitted(globs: tuple[str, ...] | None, role: str) -> bool | None:
    if globs is None:
        return None
    return any(glob.lower() == "public" or matcher(glob, any_case=False)(role) for glob in globs)
