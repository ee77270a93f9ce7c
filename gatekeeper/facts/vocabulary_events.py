"""The fact tables of what ran and what it changed, beside those of schema objects."""

from gatekeeper.facts.columns import BOOLEAN, TEXT, FactColumn, FactTable
from gatekeeper.facts.columns import flag as _flag
from gatekeeper.facts.columns import number as _number
from gatekeeper.facts.columns import rows as _rows
from gatekeeper.facts.columns import text as _text
from gatekeeper.model.evidence import LOCK_MODES as LOCK_WORDS

PLACE = (
    _text("revision", "the migration whose statement changed it"),
    _text("file", "file of that migration, relative to the root of the repository"),
    _number("line", "line of the statement in that file"),
    _number("statement", "number of that statement in the table statements"),
)
# The tables that are known without running anything.
FILE_TABLES = frozenset({"revisions", "conditions", "imports"})

_PARTS = ("index", "foreign_key", "constraint")
DRIFTS = (
    *(f"{how}_{what}" for what in ("table", "column", *_PARTS) for how in ("missing", "extra")),
    *(f"{what}_differs" for what in ("type", "nullable", "default", "comment", *_PARTS)),
    "other",
)
UNDOING = ("fails", "loses", "leaves", "changes", "fails_again")
_DOES = ("nothing", "raises", "rows", "schema")

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
            _rows(
                "locked_row_count", "rows of the largest table that it locked so strongly; 0: none"
            ),
            _rows(
                "scanned_row_count",
                "rows of the largest table that it read from end to end; 0: none",
            ),
            _rows("rewritten_row_count", "rows of the largest table that it wrote anew; 0: none"),
            _number("lock_timeout_ms", "lock_timeout in force; 0: none"),
            _number("statement_timeout_ms", "statement_timeout in force; 0: none"),
            _text("writes_table", "an existing table whose rows it changes; see the table writes"),
            _text("target", "from its text: what it creates, alters or drops, as written"),
            _text(
                "unqualified_names",
                "from its text: tables and the like that it names without a schema, in order",
            ),
            _text(
                "lacks_guard",
                "from its text: what would let it run a second time, and is not there",
                *("if not exists", "if exists", "or replace"),
            ),
            _text("refused", "the SQLSTATE with which the server refused it: 25001"),
            _number("changes", "how many changes of the schema it made"),
        ),
    ),
    FactTable(
        "writes",
        "way in which a statement changes the rows of an existing table",
        (
            _text("subject", "the table's subject"),
            _text("schema_name", "the schema it is in"),
            _text("table_name", "the table's name"),
            _text("table_subject", "the table's subject"),
            _flag("table_is_dropped", "this pull request drops the table"),
            _flag("table_is_partition", "it is a partition of another table"),
            _text("table_tags", "the words after @ in its comment; use tagged(table_tags, 'word')"),
            _text("persistence", "what a crash leaves of it", "permanent", "unlogged"),
            _rows("row_count", "rows of the table in production"),
            _text("operation", "what is done", "insert", "update", "delete", "truncate"),
            _flag(
                "is_indirect",
                "a CASCADE, a foreign key's action or a trigger did it; the text is silent",
            ),
            FactColumn(
                "has_where",
                BOOLEAN,
                "from the text: the update or delete has a condition",
                null_is_unknown=True,
            ),
            _flag(
                "names_rows",
                "from the text: the rows are in it, or constants that a unique key must equal",
            ),
            _text("column_names", "from the text: the columns that an update sets, in order"),
            FactColumn(
                "overwrites",
                TEXT,
                "from the text: columns of before whose values an update replaces, in order; not"
                " those of a = coalesce(a, …), nor those that this pull request drops",
                null_is_unknown=True,
            ),
            _flag("refilled", "a later statement inserts into the table"),
            _number("transaction_number", "the statement's transaction; null: it committed itself"),
            *PLACE,
        ),
    ),
    FactTable(
        "revisions",
        "migration",
        (
            _text("subject", "the revision's id"),
            _text("revision", "the revision's id"),
            _text("file", "its file"),
            _number("line", "the line of its down_revision, or where it fails"),
            _text("title", "the first line of its message"),
            _flag("is_new", "the base does not have it"),
            _number("statement_count", "how many statements it ran"),
            _text("follows", "the revisions that its down_revision names, in order"),
            _flag("is_merge", "it follows several"),
            _text("branch_labels", "its own branch labels, in order"),
            _flag("is_head", "no revision follows it"),
            _text(
                "other_heads",
                "of a new head that is one too many: the heads beside it, in order; null: it"
                " continues one of the base, or begins a branch with a label or folder of its own",
            ),
            _text("forks_at", "of such a head: the revision with which its line leaves the others"),
            _text(
                "behind",
                "of such a head: the branch that has one of the others, which this tree lacks",
            ),
            _text(
                "edited",
                "what the base has otherwise: what its upgrade does, or what it follows",
                *("upgrade", "parents"),
            ),
            _flag("is_deleted", "only the base has it"),
            _text("broken", "why the chain does not hold at it"),
            _text(
                "not_replayable",
                "of one that the base has: how it fails when the head's code runs it from the first"
                " revision on; the base's own code runs it",
            ),
            _text("upgrade", "from the text of a new one: what its upgrade does", *_DOES),
            _text("downgrade", "from the text of a new one: what its downgrade does", *_DOES),
        ),
    ),
    FactTable(
        "conditions",
        "place where a new migration does one thing here and perhaps another elsewhere",
        (
            _text("subject", "the revision's id"),
            _text(
                "depends_on",
                "what decides: an environment variable, an argument of alembic -x, the clock, the"
                " kind of database, what exists already, what rows say",
                *("environment", "arguments", "time", "dialect", "schema", "rows"),
            ),
            _text("condition", "it, as written"),
            *PLACE[:3],
        ),
    ),
    FactTable(
        "imports",
        "name of the application's own code that a new migration imports",
        (
            _text("subject", "the revision's id"),
            _text("name", "what is imported, with its module: app.models.User"),
            _flag("is_model", "it is a mapped class, a table, or what holds the metadata of all"),
            *PLACE[:3],
        ),
    ),
    FactTable(
        "drifts",
        "difference between the models (env.py's target_metadata) and the migrated database",
        (
            _text("subject", "the table, column, index or constraint"),
            _text(
                "kind",
                "what alembic's comparison found; missing: in the models only; extra: in the"
                " database only; other: an operation of a plugin of alembic",
                *DRIFTS,
            ),
            _text("change", "null: the base's models and schema differ so, too", "added"),
            _text("schema_name", "the schema it is in"),
            _text("table_name", "the table's name"),
            _text("table_subject", "the table's subject"),
            _text("column_name", "the column's name; null: it is no column"),
            _text("name", "the name of an index or constraint, where it has one"),
            _text("models_text", "what the models say, where it is more than a name"),
            _text("database_text", "what the database says, where it is more than a name"),
            *PLACE,
        ),
    ),
    FactTable(
        "downgrades",
        "what does not come back when the new migrations of Alembic are undone and run again",
        (
            _text("subject", "the revision's id"),
            _text(
                "problem",
                "what is wrong: its downgrade fails; it loses what the base has, leaves what the"
                " base has not, brings something back changed; its upgrade fails the second time",
                *UNDOING,
            ),
            _text("object_kind", "what is lost, left or changed: table, column, index, grant"),
            _text("object_subject", "that object's subject"),
            _text("part", "what of it is changed: default, type, owner, row security"),
            _text("before_text", "that part, in the base"),
            _text("after_text", "that part, when the migrations were undone"),
            _text("server_message", "why the downgrade, or the second upgrade, fails"),
            *PLACE[:3],
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
