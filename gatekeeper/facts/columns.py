"""What a fact table and a column of one are."""

from dataclasses import dataclass

TEXT, INTEGER, BOOLEAN = "text", "integer", "boolean"


@dataclass(frozen=True, slots=True)
class FactColumn:
    """One column. `words` closes its vocabulary.

    Null means "there is none", unless `null_is_unknown`: then a policy that needs the value of such
    a row is undecided.
    """

    name: str
    type: str
    doc: str
    words: tuple[str, ...] = ()
    null_is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class FactTable:
    """One fact table: what a row is, and its columns."""

    name: str
    row: str
    columns: tuple[FactColumn, ...]

    def column(self, name: str) -> FactColumn | None:
        return next((c for c in self.columns if c.name == name), None)


def text(name: str, doc: str, *words: str) -> FactColumn:
    return FactColumn(name, TEXT, doc, words)


def flag(name: str, doc: str) -> FactColumn:
    return FactColumn(name, BOOLEAN, doc)


def number(name: str, doc: str) -> FactColumn:
    return FactColumn(name, INTEGER, doc)


def rows(name: str, doc: str) -> FactColumn:
    """Give a column with a row count, which is known only from statistics."""
    return FactColumn(name, INTEGER, doc, null_is_unknown=True)
