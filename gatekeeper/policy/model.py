"""What a policy and a finding are."""

import hashlib
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from gatekeeper.yaml_reader import Plain

ON_UNKNOWN = ("error", "warning", "notice", "ignore", "same")


@dataclass(frozen=True, slots=True)
class Example:
    """A case that the policy must judge as said: `before`, then `migration`, finds `finds`.

    With `files`, texts by path, the migration is a revision of Alembic among them, beside those
    that the `base` has; an empty text is a file that the head deleted. None of them is run: it is
    about what they say. `drifts` and `base_drifts` are what the comparison of models with the
    database says, in words of the fact table by subject; `not_replayable` how revisions of the base
    fail under the head's code, by id. `downgrade` is SQL that undoes the
    migration; None: nothing does.
    """

    name: str
    before: str
    migration: str
    finds: tuple[str, ...]
    line: int
    files: dict[str, str] = field(default_factory=dict)
    base: dict[str, str] = field(default_factory=dict)
    drifts: dict[str, str] = field(default_factory=dict)
    base_drifts: dict[str, str] = field(default_factory=dict)
    downgrade: str | None = None
    not_replayable: dict[str, str] = field(default_factory=dict)

    @property
    def is_of_files(self) -> bool:
        return bool(self.files or self.base)


@dataclass(frozen=True, slots=True)
class Conjunct:
    """One part of a `require` or `forbid` that are joined by AND.

    `sql` is what SQLite evaluates, `source` what the author wrote, `columns` what it reads, and
    `unknown` those of them whose null means unknown.
    """

    sql: str
    source: str
    columns: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def whole(parts: tuple[Conjunct, ...]) -> Conjunct | None:
    """Join conjuncts into one again."""
    if not parts:
        return None
    return Conjunct(
        sql=" AND ".join(f"({part.sql})" for part in parts),
        source=" and ".join(part.source for part in parts),
        columns=tuple(dict.fromkeys(name for part in parts for name in part.columns)),
        unknown=tuple(dict.fromkeys(name for part in parts for name in part.unknown)),
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled condition: rows of `table` where `where`, and what must or must not hold."""

    table: str
    where: Conjunct | None
    parts: tuple[Conjunct, ...]
    forbids: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A compiled `query:`: each row it gives is a finding."""

    sql: str
    columns: tuple[str, ...]
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CatalogQuery:
    """A compiled `catalog_query:`: a SELECT on the scratch database, before and after."""

    sql: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Minimum:
    """The least schema coverage, in percent, of what is touched and of the whole; None: any."""

    patch: int | None = None
    schema: int | None = None


@dataclass(frozen=True, slots=True)
class Covers:
    """Which rows of a fact table the schema coverage counts for a policy, in which group.

    Covered are those for which `parts` hold; without parts, those that the policy does not find.
    """

    group: str
    table: str
    where: Conjunct | None = None
    parts: tuple[Conjunct, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy, checked and compiled.

    `severity` holds under the preset recommended; `strict` and `relaxed` under those, where they
    differ (they may be `off`). With `approvers`, users and `org/team`, only an approving review by
    one of them waives what it finds.
    """

    id: str
    pack: str
    title: str
    severity: str
    judge: Rule | Query | CatalogQuery | Minimum
    message: str
    why: str
    instead: str = ""
    instead_alembic: str = ""
    params: dict[str, Plain] = field(default_factory=dict)
    scope: tuple[str, ...] = ()
    mode: str = "enforce"
    on_unknown: str = "warning"
    off_by_default: bool = False
    strict: str = ""
    relaxed: str = ""
    approvers: tuple[str, ...] = ()
    covers: Covers | None = None
    examples: tuple[Example, ...] = ()
    file: str = ""
    line: int = 0

    @property
    def reads(self) -> frozenset[str]:
        """Name the fact tables that it judges by; a `catalog_query:` reads none."""
        match self.judge:
            case Rule(table=table):
                return frozenset({table})
            case Query(tables=tables):
                return frozenset(tables)
            case CatalogQuery() | Minimum():
                return frozenset()

    def severity_of(self, *, undecided: bool) -> str:
        """Give the severity of a finding. `on_unknown: same` follows presets and overrides."""
        return self.on_unknown if undecided and self.on_unknown != "same" else self.severity


@dataclass(frozen=True, slots=True)
class Waiver:
    """Somebody's word that what a policy finds may be. It does not block then, but is listed.

    `kind` says where it was given: `file` (gatekeeper.yml), `comment` (above the operation in the
    migration) or `approval` (a review on GitHub). `subject` is a glob, of an approval the name
    itself; empty: any object. `by` is empty where nobody is named. `operation` are the first and
    the last line below a comment; `refused` says why the waiver cannot count, whatever is found.
    """

    policy: str
    subject: str
    because: str
    kind: str
    by: str = ""
    until: date | None = None  # the last day on which it counts
    file: str = ""
    line: int = 0
    url: str = ""  # of a review
    operation: tuple[int, int] = (0, 0)
    refused: str = ""
    project: str = ""  # the one of several that it is for; empty: any
    most_days: int | None = None  # from the day of judgement to `until`; None: no limit

    @property
    def place(self) -> str:
        """Say where it is written: file:line, or the address of a review."""
        return self.url or (f"{self.file}:{self.line}" if self.line else self.file)


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that violates a policy, or of which it cannot be told (`undecided`).

    `values` are the row's columns, `failed` the parts of the condition that did not hold, each with
    the values it read, `unknown` the columns whose null keeps it from being told. A `waiver` leaves
    the severity as it is.
    """

    policy: Policy
    subject: str
    severity: str
    values: dict[str, Any]
    failed: tuple[tuple[str, dict[str, Any]], ...] = ()
    undecided: bool = False
    unknown: tuple[str, ...] = ()
    origin: str = ""  # the subject's name in the base, where it has one
    project: str = ""  # of several of a repository
    waiver: Waiver | None = None

    @property
    def blocks(self) -> bool:
        return self.severity == "error" and not self.is_on_trial and self.waiver is None

    @property
    def is_on_trial(self) -> bool:
        """Say whether it is an error of a policy that blocks nothing yet."""
        return self.severity == "error" and self.policy.mode != "enforce"

    @property
    def fingerprint(self) -> str:
        """Identify the finding across commits: policy, object and kind of change, never a line.

        The object is named as in the base, so renaming it later changes nothing.
        """
        change = str(self.values.get("change") or "")
        if change in ("altered", "renamed"):  # which of them may change with the next commit
            change = ""
        parts = [self.policy.id, self.origin or self.subject, change]
        parts += [self.project] if self.project else []
        text = "\0".join(parts).encode(errors="backslashreplace")  # a file's name need not be UTF-8
        return "GK-" + hashlib.sha256(text).hexdigest()[:10]
