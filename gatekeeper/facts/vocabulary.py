"""The words of the policy language: every fact table, its columns, and what they mean.

This is the only definition: the SQLite tables, the checks at load time, `gatekeeper explain` and
the generated documentation all come from it.
"""

from gatekeeper.facts.columns import TEXT, FactColumn, FactTable
from gatekeeper.facts.columns import flag as _flag
from gatekeeper.facts.columns import number as _number
from gatekeeper.facts.columns import rows as _rows
from gatekeeper.facts.columns import text as _text
from gatekeeper.facts.vocabulary_access import SENSITIVITY, access_tables
from gatekeeper.facts.vocabulary_events import EVENT_TABLES, PLACE
from gatekeeper.facts.vocabulary_others import other_tables
from gatekeeper.model.evidence import LOCK_MODES as LOCK_WORDS

CHANGE_WORDS = ("added", "dropped", "renamed", "altered")
_COMMON = (
    _text("subject", "the name that reports and waivers use, quoted as PostgreSQL does"),
    _text("schema_name", "the schema it is in"),
    _text("change", "what this pull request did to it; null: nothing", *CHANGE_WORDS),
    _text("renamed_from", "its old name, when it was renamed"),
    _text("dropped_with", "what it belonged to and was dropped together with"),
    _flag("cascaded", "a CASCADE dropped it; the migration does not name it"),
    _text("comment", "its COMMENT"),
    _text("tags", "the words after @ in the comment; use tagged(tags, 'word')"),
    *PLACE,
)
_OF_TABLE = (
    *_COMMON,
    _text("table_name", "the table's name"),
    _text("table_subject", "the table's subject"),
    _flag("table_is_new", "this pull request creates the table"),
    _flag("table_is_dropped", "this pull request drops the table"),
    _text("lock_mode", "strongest lock on the table when the statement had run", *LOCK_WORDS),
    _flag("blocks_reads", "that lock makes every SELECT wait"),
    _flag("blocks_writes", "that lock makes every INSERT, UPDATE and DELETE wait"),
    _flag("scanned", "the statement read the whole table, which was there before"),
    _rows("row_count", "rows of the table in production; 0: this pull request creates it"),
)
_OF_PART = (
    *_OF_TABLE,
    _text("table_tags", "the words after @ in the table's comment"),
    _flag("table_is_partition", "the table is a partition of another one"),
)
_IS_ENFORCED = _flag("is_enforced", "rows are held to it (not NOT ENFORCED)")
_IS_DEFERRABLE = _flag("is_deferrable", "DEFERRABLE: it can be checked when the transaction ends")
_VALIDATED_AT_ONCE = _flag(
    "validated_at_once", "it was added NOT VALID and validated in the same transaction"
)

_OWNER = _text("owner", "the role that owns it")

VOCABULARY: tuple[FactTable, ...] = (
    FactTable("schemas", "schema", (*_COMMON, _text("name", "the schema's name"), _OWNER)),
    FactTable(
        "tables",
        "table",
        (
            *_OF_TABLE,
            _text("table_kind", "what it is", "table", "partitioned", "foreign"),
            _text("persistence", "what a crash leaves of it", "permanent", "unlogged"),
            _flag("is_partition", "it is a partition of another table"),
            _text("inherits", "the tables whose columns it inherits, without being a partition"),
            _OWNER,
            _flag("row_security", "row security is enabled"),
            _flag("row_security_forced", "the owner is held to it, too (FORCE)"),
            _flag("row_security_dropped", "it was enabled before and is not now"),
            _number("row_policy_count", "how many row policies it has"),
            _text("tablespace", "the tablespace it is in; null: the database's"),
            _text("options", "its storage parameters: fillfactor=70"),
            _text(
                "replica_identity",
                "what logical replication tells rows apart by",
                *("default", "full", "index", "nothing"),
            ),
            _flag("has_primary_key", "it has a primary key"),
            _number("column_count", "how many columns it has"),
            _flag("rewritten", "the server wrote the whole table anew"),
            _text("takes_along", "what was dropped with it: 2 columns, 1 index"),
        ),
    ),
    FactTable(
        "columns",
        "column of a table",
        (
            *_OF_PART,
            _text("column_name", "the column's name"),
            _text("data_type", "its type as PostgreSQL writes it: character varying(20)"),
            _text("base_type", "the type without length or precision: character varying"),
            _text(
                "type_kind",
                "what the type is, when the schema has made it; an array is what its elements are",
                *("enum", "domain", "composite", "range"),
            ),
            _number("max_length", "the most characters that its type, or domain, lets in"),
            _text("data_type_before", "its old type, when the type changed"),
            _text("base_type_before", "its old type without length, when the type changed"),
            FactColumn(
                "conversion",
                TEXT,
                "what a type change does to values: none (nothing is touched), widening (all"
                " survive), lossy (some change silently), may_fail (some cannot be converted)",
                ("none", "widening", "lossy", "may_fail"),
                null_is_unknown=True,
            ),
            _flag("type_changed", "its type changed"),
            _flag("is_nullable", "it may be null"),
            _flag("made_required", "it could be null before and cannot now"),
            _flag("made_nullable", "it could not be null before and can now"),
            _flag("has_default", "it has a default, is generated or an identity"),
            _text("default_value", "the default's expression"),
            _flag("is_generated", "GENERATED ALWAYS AS (expression)"),
            _flag("is_identity", "GENERATED … AS IDENTITY"),
            _text("owned_sequence", "the sequence that belongs to it (serial, identity)"),
            _flag("in_primary_key", "it is part of the primary key"),
            _flag("in_unique_key", "it is part of a unique constraint or unique index"),
            _text("references_table", "the table that its foreign key refers to"),
            _text("references_column", "the column that its foreign key refers to"),
            _text("suggested_reference", "the table that it seems to refer to, from its name"),
            _text("suggested_column", "the key column of that table"),
            *SENSITIVITY,
            _flag("is_plaintext_secret", "by name and type a password, token or key, unencrypted"),
            _text("takes_along", "what was dropped with it: 1 index"),
        ),
    ),
    FactTable(
        "foreign_keys",
        "foreign key",
        (
            *_OF_PART,
            _text("name", "the constraint's name"),
            _text("column_names", "its columns, in order: a, b"),
            _text("column_types", "their types, in order"),
            _text("references_table", "the table it refers to"),
            _flag("references_is_new", "this pull request creates that table"),
            _text("references_columns", "the columns it refers to, in order"),
            _text("references_types", "their types, in order"),
            _flag(
                "types_match",
                "each pair of columns has the same type (text and varchar count as one)",
            ),
            _text(
                "on_delete",
                "what happens when the parent row goes",
                *("no action", "restrict", "cascade", "set null", "set default"),
            ),
            _text(
                "on_update",
                "what happens when the parent's key changes",
                *("no action", "restrict", "cascade", "set null", "set default"),
            ),
            _flag("is_validated", "existing rows have been checked (not NOT VALID)"),
            _flag("has_index", "an index starts with its columns"),
            _flag("is_inherited", "it comes from the foreign key of the partitioned parent"),
            _IS_DEFERRABLE,
            _IS_ENFORCED,
            _text("definition", "as pg_get_constraintdef() writes it"),
            _VALIDATED_AT_ONCE,
        ),
    ),
    FactTable(
        "constraints",
        "constraint of a table, foreign keys included",
        (
            *_OF_PART,
            _text("name", "the constraint's name"),
            _text(
                "constraint_type",
                "what it is",
                *("primary_key", "unique", "check", "exclusion", "foreign_key"),
            ),
            _text("column_names", "its columns, in order: a, b"),
            _flag("is_validated", "existing rows have been checked (not NOT VALID)"),
            _flag("is_inherited", "it comes from the constraint of the partitioned parent"),
            _IS_DEFERRABLE,
            _IS_ENFORCED,
            _text("definition", "as pg_get_constraintdef() writes it"),
            _VALIDATED_AT_ONCE,
            _text(
                "replaced_by",
                "of a dropped one: a constraint or unique index of the same kind on the same"
                " columns that is there afterwards",
            ),
        ),
    ),
    FactTable(
        "indexes",
        "index",
        (
            *_OF_PART,
            _text("name", "the index's name"),
            _text("column_names", "its key columns, in order; (expression) for an expression"),
            _text("keys", "its keys with expression, operator class and order: lower(a), b DESC"),
            _text("included_columns", "its INCLUDE columns"),
            _flag("is_unique", "it is unique"),
            _flag("is_valid", "it can be used; a failed CONCURRENTLY leaves it invalid"),
            _flag("is_partial", "it has a WHERE"),
            _flag("is_inherited", "it is a part of the partitioned parent's index"),
            _flag("rebuilt", "it was built anew, although its table was not written anew"),
            _text("method", "btree, gin, gist, hash …"),
            _text("constraint_name", "the constraint it belongs to"),
            _text("definition", "as pg_get_indexdef() writes it"),
        ),
    ),
    FactTable(
        "views",
        "view or materialized view",
        (
            *_COMMON,
            _text("name", "the view's name"),
            _flag("is_materialized", "it is a materialized view"),
            _OWNER,
            _flag("is_security_invoker", "it reads with its reader's rights, not its owner's"),
            _flag("is_security_barrier", "no function sees rows that its condition hides"),
            _text("definition", "as pg_get_viewdef() writes it"),
            _text("column_names", "its columns, in order"),
            _text(
                "columns_removed", "columns that the view of this name had before and has no longer"
            ),
        ),
    ),
    FactTable(
        "sequences",
        "sequence",
        (
            *_COMMON,
            _text("name", "the sequence's name"),
            _text("data_type", "smallint, integer or bigint"),
            _text("owned_by", "the column it belongs to (serial, identity)"),
        ),
    ),
    FactTable(
        "triggers",
        "trigger",
        (
            *_OF_PART,
            _text("name", "the trigger's name"),
            _text("definition", "as pg_get_triggerdef() writes it"),
            _text("enabled", "when it fires", "origin", "replica", "always", "disabled"),
            _flag("is_inherited", "it comes from the trigger of the partitioned parent"),
        ),
    ),
    FactTable(
        "rules",
        "rewrite rule (CREATE RULE)",
        (
            *_OF_PART,
            _text("name", "the rule's name"),
            _text("definition", "as pg_get_ruledef() writes it"),
        ),
    ),
    *other_tables(_COMMON, _OWNER),
    *access_tables(_COMMON, _OF_PART),
    *EVENT_TABLES,
)

TABLES = {table.name: table for table in VOCABULARY}
