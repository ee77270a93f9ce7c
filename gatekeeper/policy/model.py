"""What a policy and a finding are."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from gatekeeper.yaml_reader import Plain

ON_UNKNOWN = ("error", "warning", "notice", "ignore", "same")


@dataclass(frozen=True, slots=True)
class Example:
    """A case that the policy must judge as said: `before`, then `migration`, finds `finds`.

    With `files`, texts by path, the migration is a revision of Alembic among them. It is not run:
    only what it imports is looked at.
    """

    name: str
    before: str
    migration: str
    finds: tuple[str, ...]
    line: int
    files: dict[str, str] = field(default_factory=dict)


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
class Policy:
    """One policy, checked and compiled.

    `severity` holds under the preset recommended; `strict` and `relaxed` under those, where they
    differ (they may be `off`).
    """

    id: str
    pack: str
    title: str
    severity: str
    judge: Rule | Query | CatalogQuery
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
    examples: tuple[Example, ...] = ()
    file: str = ""
    line: int = 0

    def severity_of(self, *, undecided: bool) -> str:
        """Give the severity of a finding. `on_unknown: same` follows presets and overrides."""
        return self.on_unknown if undecided and self.on_unknown != "same" else self.severity


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that violates a policy, or of which it cannot be told (`undecided`).

    `values` are the row's columns, `failed` the parts of the condition that did not hold, each with
    the values it read, `unknown` the columns whose null keeps it from being told.
    """

    policy: Policy
    subject: str
    severity: str
    values: dict[str, Any]
    failed: tuple[tuple[str, dict[str, Any]], ...] = ()
    undecided: bool = False
    unknown: tuple[str, ...] = ()
    origin: str = ""  # the subject's name in the base, where it has one

    @property
    def blocks(self) -> bool:
        return self.severity == "error" and self.policy.mode == "enforce"

    @property
    def fingerprint(self) -> str:
        """Identify the finding across commits: policy, object and kind of change, never a line.

        The object is named as in the base, so renaming it later changes nothing.
        """
        change = str(self.values.get("change") or "")
        if change in ("altered", "renamed"):  # which of them may change with the next commit
            change = ""
        parts = (self.policy.id, self.origin or self.subject, change)
        text = "\0".join(parts).encode(errors="backslashreplace")  # a file's name need not be UTF-8
        return "GK-" + hashlib.sha256(text).hexdigest()[:10]


@dataclass(frozen=True, slots=True)
class Judgement:
    """All findings of a pull request. `verdict`: passed, blocked, undecided."""

    verdict: str
    findings: tuple[Finding, ...]
    policies: tuple[Policy, ...]
