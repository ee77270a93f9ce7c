"""The fact tables of what ran and what it changed, beside those of schema objects."""

from gatekeeper.facts.columns import FactTable
from gatekeeper.facts.columns import flag as _flag
from gatekeeper.facts.columns import number as _number
from gatekeeper.facts.columns import text as _text
from gatekeeper.model.evidence import LOCK_MODES as LOCK_WORDS

PLACE = (
    _text("revision", "the migration whose statement changed it"),
    _text("file", "file of that migration, relative to the root of the repository"),
    _number("line", "line of the statement in that file"),
    _number("statement", "number of that statement in the table statements"),
)
EVENT_TABLES: tuple[FactTable, ...] = (
    FactTable(
        "statements",
        "SQL statement that a new migration ran",
        (
            _text("subject", "its file and its place in it: 0042_orders.py#3"),
            _number("number", "its place among all statements of the new migrations, from 1"),
            _text("kind", "the command in lower case: create index, alter table, update"),
            _text("sql", "its text"),
            *PLACE[:3],
            _flag("autocommit", "it committed by itself, outside of a transaction"),
            _number("transaction_number", "its transaction, from 1; null: it committed by itself"),
            _text("locked_table", "the existing table that this statement locked strongest"),
            _text("lock_mode", "that lock", *LOCK_WORDS),
            _flag("blocks_reads", "that lock makes every SELECT wait"),
            _flag("blocks_writes", "that lock makes every INSERT, UPDATE and DELETE wait"),
            _text(
                "held_table",
                "the existing table that its transaction had locked most by then",
            ),
            _text("held_lock_mode", "that lock", *LOCK_WORDS),
            _number("held_since", "the statement that took that lock"),
            _text("scanned_table", "an existing table that it read from end to end"),
            _text("rewritten_table", "an existing table that it wrote anew"),
            _number("lock_timeout_ms", "lock_timeout in force; 0: none"),
            _number("statement_timeout_ms", "statement_timeout in force; 0: none"),
            _text("refused", "the SQLSTATE with which the server refused it: 25001"),
            _number("changes", "how many changes of the schema it made"),
        ),
    ),
    FactTable(
        "revisions",
        "migration",
        (
            _text("subject", "the revision's id"),
            _text("revision", "the revision's id"),
            _text("file", "its file"),
            _text("title", "the first line of its message"),
            _flag("is_new", "the base does not have it"),
            _number("statement_count", "how many statements it ran"),
        ),
    ),
    FactTable(
        "changes",
        "difference between base and head",
        (
            _text("subject", "what differs"),
            _text("kind", "what and how: table.added, column.type_changed"),
            _text("object_kind", "what: table, column, index"),
            _text("verb", "how: added, dropped, renamed, type_changed"),
            _text("before_text", "the part that differs, before"),
            _text("after_text", "the part that differs, after"),
            _text("dropped_with", "what it belonged to and was dropped together with"),
            _flag("cascaded", "a CASCADE dropped it; the migration does not name it"),
            *PLACE,
        ),
    ),
)
