"""The rows of drift: where the models and the migrated database differ."""

from dataclasses import replace

from gatekeeper.facts.build import IDENT, Facts
from gatekeeper.facts.rows import Row
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.model.evidence import Drift
from gatekeeper.model.names import qualified, quoted
from gatekeeper.model.schema import Schema

_PARTS = ("index", "constraint", "foreign_key")
_PLACE = ("revision", "file", "line", "statement")


def with_drifts(
    facts: Facts, head: tuple[Drift, ...], base: tuple[Drift, ...], after: Schema
) -> Facts:
    """Give the facts with rows of what differs in the head, and of what did in the base.

    `after` is the head's schema: a table that it does not have belongs to an extension or to
    alembic, and no model has a partition.
    """
    expected = {table.subject for table in after.tables if table.parent is None}

    def is_meant(drift: Drift) -> bool:
        return drift.kind != "extra_table" or _table(drift) in expected

    was = [_row(drift) for drift in base]
    known = {row[IDENT] for row in was}
    now = [_row(drift) for drift in head if is_meant(drift)]
    places = _places(facts)
    for row in now:
        found = places.get(row["subject"]) or places.get(row["table_subject"])
        row |= found or {}
        row["change"] = None if row[IDENT] in known else "added"
    return replace(facts, base=facts.base | {"drifts": was}, head=facts.head | {"drifts": now})


def drift_of(kind: str, subject: str) -> Drift:
    """Give the drift of a subject whose names need no quotes: public.orders.state."""
    schema, table, part = (*subject.split(".", 2), None, None)[:3]
    if kind in ("missing_table", "extra_table") or part is None:
        return Drift(kind, schema or "", table)
    if any(what in kind for what in _PARTS):
        return Drift(kind, schema or "", table, name=part)
    return Drift(kind, schema or "", table, column=part)


def _places(facts: Facts) -> dict[object, Row]:
    """Give the place of the last statement that changed each object."""
    return {
        row["subject"]: {name: row[name] for name in _PLACE}
        for row in facts.head.get("changes", [])
        if row["statement"] is not None
    }


def _table(drift: Drift) -> str | None:
    return qualified(drift.schema, drift.table) if drift.table else None


def _row(drift: Drift) -> Row:
    table = _table(drift)
    text = drift.models or drift.database
    part = drift.column or drift.name
    if table is None:
        subject = text or drift.kind
    elif part is not None:
        subject = f"{table}.{quoted(part)}"
    else:  # an index or a constraint without a name is called by what it is
        nameless = any(what in drift.kind for what in _PARTS)
        subject = f"{table} {text}" if nameless and text else table
    row: Row = dict.fromkeys(column.name for column in TABLES["drifts"].columns)
    row |= {
        "subject": subject,
        "kind": drift.kind,
        "schema_name": drift.schema,
        "table_name": drift.table,
        "table_subject": table,
        "column_name": drift.column,
        "name": drift.name,
        "models_text": drift.models,
        "database_text": drift.database,
    }
    # A difference that became another one is new.
    words = ("drifts", drift.kind, subject, drift.models or "", drift.database or "")
    return row | {IDENT: ":".join(words)}
