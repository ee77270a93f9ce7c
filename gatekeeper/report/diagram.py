"""A Mermaid entity-relationship diagram of the tables that a pull request touches."""

import re

from gatekeeper.model.change import Change
from gatekeeper.model.names import qualified
from gatekeeper.model.schema import Column, Part, Schema, Table
from gatekeeper.report.escape import shortened, visible

_MOST_TABLES = 20
_MOST_COLUMNS = 12
_UNFIT = re.compile(r"[^A-Za-z0-9_]+")


def diagram(after: Schema, changes: tuple[Change, ...]) -> str | None:
    """Give the diagram's source, or None when it would be empty or too large to read."""
    touched = touched_tables(changes)
    touched |= {key.references_table for key in after.foreign_keys if owner_of(key) in touched}
    if not touched or len(touched) > _MOST_TABLES:
        return None
    names = _Names()
    lines = ["erDiagram"]
    for key in after.foreign_keys:
        if owner_of(key) in touched and key.references_table in touched:
            label = _comment(", ".join(key.columns))
            parent, child = names.of(key.references_table), names.of(owner_of(key))
            lines.append(f'    {parent} ||--o{{ {child} : "{label}"')
    existing = {t.subject for t in after.tables}
    news = {c.ident: c.verb for c in changes if c.verb in ("added", "dropped")}
    columns = list(after.columns) + [c.before for c in changes if c.kind == "column.dropped"]
    keys = {
        (c.table_oid, n)
        for c in after.constraints
        if c.constraint_type == "primary_key"
        for n in c.columns
    }
    for subject in sorted(touched):
        state = "" if subject in existing else " (dropped)"
        lines.append(f'    {names.of(subject)}["{_comment(subject)}{state}"] {{')
        own = [c for c in columns if isinstance(c, Column) and owner_of(c) == subject]
        shown = [c for c in own if c.ident in news or (c.table_oid, c.name) in keys] or own
        for column in shown[:_MOST_COLUMNS]:
            note = {"added": ' "new"', "dropped": ' "dropped"'}.get(news.get(column.ident, ""), "")
            mark = " PK" if (column.table_oid, column.name) in keys else ""
            lines.append(f"        {_word(column.data_type)} {_word(column.name)}{mark}{note}")
        lines.append("    }")
    return "\n".join(lines)


def touched_tables(changes: tuple[Change, ...]) -> set[str]:
    """Name the tables that changed, or of which a part did."""
    found = set()
    for change in changes:
        thing = change.after or change.before
        if isinstance(thing, Table):
            found.add(thing.subject)
        elif isinstance(thing, Part) and change.part_of is None:
            found.add(owner_of(thing))
    return found


def owner_of(part: Part) -> str:
    """Name the table that something belongs to."""
    return qualified(part.schema_name, part.table_name)


class _Names:
    """Gives each table a name that Mermaid can read, and no two the same."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}

    def of(self, subject: str) -> str:
        if subject not in self._given:
            word = _word(subject.removeprefix("public."))
            while word in self._given.values():
                word += "_"
            self._given[subject] = word
        return self._given[subject]


def _word(text: str) -> str:
    word = _UNFIT.sub("_", text).strip("_")[:60]
    return word if word and not word[0].isdigit() else f"t_{word}"


def _comment(text: str) -> str:
    return shortened(visible(text), 60).replace('"', "'").replace("#", "").replace("`", "'")
