"""A difference between two schemas."""

from dataclasses import dataclass, replace

from gatekeeper.model.schema import Ident, SchemaObject


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    `kind` is the object's kind and what happened to it: `table.added`, `column.type_changed`. One
    class serves all kinds: what differs between them is data, and policies see it as data.
    `before_text` and `after_text` show the part that differs. A dropped object that went with its
    owner (an index with its table) names that owner in `part_of`; one that a CASCADE took although
    it belongs to something that stayed has `cascaded`.
    """

    kind: str
    subject: str
    ident: Ident
    before: SchemaObject | None = None
    after: SchemaObject | None = None
    before_text: str | None = None
    after_text: str | None = None
    statement: int | None = None
    part_of: str | None = None
    cascaded: bool = False

    @property
    def verb(self) -> str:
        """Give the second half of the kind: added, dropped, renamed, type_changed."""
        return self.kind.partition(".")[2]

    def caused_by(self, statement: int | None, *, cascaded: bool = False) -> "Change":
        """Give the same change with the statement that made it."""
        return replace(self, statement=statement, cascaded=cascaded)
