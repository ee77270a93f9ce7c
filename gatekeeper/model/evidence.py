"""What ran and what the server recorded about it."""

from dataclasses import dataclass, field

from gatekeeper.model.allowance import Allowance

# Table-level lock modes from weakest to strongest (PostgreSQL manual, section 13.3.1).
LOCK_MODES = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
LOCK_RANK = {mode: rank for rank, mode in enumerate(LOCK_MODES)}


def blocks_writes(mode: str | None) -> bool:
    """Say whether a lock of this mode conflicts with ROW EXCLUSIVE, which every write takes."""
    return mode is not None and LOCK_RANK[mode] >= LOCK_RANK["ShareLock"]


def blocks_reads(mode: str | None) -> bool:
    """Say whether a lock of this mode conflicts with ACCESS SHARE, which every SELECT takes."""
    return mode == "AccessExclusiveLock"


@dataclass(frozen=True, slots=True)
class Import:
    """What a migration imports of the application's own: `app.models.User`."""

    name: str
    line: int
    is_model: bool = False  # a mapped class, a table, or what holds the metadata of all of them


@dataclass(frozen=True, slots=True)
class Condition:
    """What makes a migration do one thing here and perhaps another elsewhere.

    `depends_on`: environment, arguments, time, dialect, schema, rows.
    """

    depends_on: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What is to be said of a revision of Alembic as a file among others, from its text.

    `upgrade` and `downgrade`: nothing, raises, rows, schema. `line` is that of its down_revision.
    `edited`: what the base has otherwise: upgrade, parents. `deleted` is one that only the base
    has. A second head has others `beside` it, branches off at `forks_at`, and when one of them is
    not in this tree, `behind` names the branch that it is on. `not_replayable`: what happens to one
    of the base under the head's code.
    """

    follows: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    line: int | None = None
    is_head: bool = False
    upgrade: str | None = None
    downgrade: str | None = None
    conditions: tuple[Condition, ...] = ()
    edited: str | None = None
    deleted: bool = False
    broken: str | None = None
    beside: tuple[str, ...] = ()
    forks_at: str | None = None
    behind: str | None = None
    not_replayable: str | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """One migration; `file` is relative to the root of the repository."""

    id: str
    file: str
    parents: tuple[str, ...] = ()
    is_new: bool = False
    title: str = ""
    imports: tuple[Import, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    upkeep: Upkeep = Upkeep()


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement that a migration sent to the server."""

    number: int
    sql: str
    file: str | None = None
    line: int | None = None
    revision: str | None = None
    autocommit: bool = False


@dataclass(frozen=True, slots=True)
class Touched:
    """An object that a command created, altered or dropped (an object address)."""

    catalog: str
    oid: int
    number: int
    type: str
    identity: str
    by_name: bool = True  # for a drop: named in the command
    by_cascade: bool = False  # for a drop: went because it depended on what was named


@dataclass(frozen=True, slots=True)
class Event:
    """What one trigger saw. `kind`: command, drop, rewrite; write: of rows, `tag` is how."""

    kind: str
    tag: str
    statement: int | None
    transaction: int
    touched: tuple[Touched, ...] = ()
    locks: tuple[tuple[int, str], ...] = ()  # relation oid, mode: held when the command ended
    states: dict[int, dict[str, dict[str, list[object]]]] = field(default_factory=dict)
    scans: tuple[int, ...] = ()  # tables that the command read from end to end
    lock_timeout_ms: int = 0
    statement_timeout_ms: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """What the session held when a statement had run, seen from another connection."""

    transaction: str  # the same for all statements of one transaction
    locks: tuple[tuple[int, str], ...] = ()  # relation oid, mode


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known about one run of the migrations."""

    revisions: tuple[Revision, ...] = ()
    statements: tuple[Statement, ...] = ()
    events: tuple[Event, ...] = ()
    held: dict[int, Held] = field(
        default_factory=dict
    )  # by statement; none: it committed by itself
    refused: str | None = None  # SQLSTATE with which the server refused the last statement


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between the models and the database. `kind`: missing_column, index_differs.

    `schema` and `table` are where; `column` or `name` (of an index or a constraint) is what.
    """

    kind: str
    schema: str
    table: str | None = None
    column: str | None = None
    name: str | None = None
    models: str | None = None
    database: str | None = None


@dataclass(frozen=True, slots=True)
class Undone:
    """A migration that was undone; `line` is where its file says how."""

    revision: str
    file: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Leftover:
    """What undoing migrations does not bring back, or why they cannot be undone.

    `problem`: fails, loses, leaves, changes, fails_again. `part` is what of the object differs:
    default, type; `message` is the server's.
    """

    problem: str
    revision: str | None = None
    file: str | None = None
    line: int | None = None
    object_kind: str | None = None
    subject: str | None = None
    part: str | None = None
    before: str | None = None
    after: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the migrations did not run to their end. `during`: base history, new migrations."""

    message: str
    during: str = "new migrations"
    revision: str | None = None
    file: str | None = None
    line: int | None = None
    sql: str | None = None
    sqlstate: str | None = None
    detail: str | None = None
    hint: str | None = None
    output: str = ""  # the end of what the migration printed
