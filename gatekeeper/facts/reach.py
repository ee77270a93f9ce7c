"""The rows of the table access: what roles gained and lost, a column each."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from gatekeeper.access.difference import AccessChange
from gatekeeper.access.effective import UNTRACED
from gatekeeper.access.grades import Exposure, Rows
from gatekeeper.config_data import DataConfig
from gatekeeper.facts.sensitivity import Classifier, Sensitivity, is_plaintext_secret
from gatekeeper.model.change import Change
from gatekeeper.model.names import qualified, quoted
from gatekeeper.model.relations import Ident
from gatekeeper.model.schema import Column, RowPolicy, Schema
from gatekeeper.model.security import SecuredFunction

Row = dict[str, object]

_KINDS_OF_DATA = ("table", "partitioned", "foreign")


@dataclass(frozen=True, slots=True)
class Reach:
    """What changed in effective access, and what the configuration says of data."""

    changes: tuple[AccessChange, ...] = ()
    data: DataConfig = field(default_factory=DataConfig)


class Columns:
    """Classes of columns, by ident: as they are, and as they were in the base."""

    def __init__(self, data: DataConfig, before: Schema, after: Schema) -> None:
        self._classifier = Classifier(data)
        self._comments = {t.oid: t.comment for s in (before, after) for t in s.tables}
        self._old = {c.ident: c for c in before.columns}
        self._new = {c.ident: c for c in after.columns}
        self._known: dict[Ident, Sensitivity] = {}

    def of(self, column: Column) -> Sensitivity:
        """Classify a column as it is."""
        return self._classifier.classify(
            column.schema_name,
            column.table_name,
            column.name,
            column.base_type,
            column.comment,
            self._comments.get(column.table_oid),
        )

    def row(self, column: Column) -> Row:
        """Give what the row of a column says of its class."""
        found = self.of(column)
        return {
            "sensitivity": found.class_name,
            "sensitivity_source": found.source,
            "sensitivity_what": found.what,
            "is_plaintext_secret": is_plaintext_secret(
                column.table_name, column.name, column.base_type
            ),
        }

    def at(self, ident: Ident) -> Sensitivity:
        """Classify by ident; a class that the base gave is not taken away by a comment."""
        if ident not in self._known:
            states = (self._old.get(ident), self._new.get(ident))
            found = [self.of(column) for column in states if column is not None]
            named = [s for s in found if s.class_name is not None and s.source != "suggested"]
            self._known[ident] = (named or found[::-1] or [Sensitivity()])[0]
        return self._known[ident]


def reach_rows(
    reach: Reach, columns: Columns, changes: Iterable[Change], place: Callable[[int | None], Row]
) -> Iterator[tuple[Row, Ident]]:
    """Give (row, ident) for every column that a role can do more or less with.

    Superusers are left out: they can do everything, and roles say who they are.
    """
    causes = _Causes(changes)
    for change in reach.changes:
        role = change.cells.role
        if role.is_superuser:
            continue
        for ident, name in _columns(change):
            row = _row(change, name) | _sensitive(reach.data, columns, change, ident)
            yield row | place(causes.of(change, ident)), (*ident[:2], ident[2])


def _columns(change: AccessChange) -> Iterator[tuple[Ident, str | None]]:
    names: list[str | None] = [name for _, name in change.cells.columns]
    yield from zip(change.cells.idents, names or [None], strict=True)


def _row(change: AccessChange, column: str | None) -> Row:
    cells, thing = change.cells, change.cells.thing
    worth = change.after if change.change in ("gained", "widened") else change.before
    best = max(worth, default=None)
    path = change.paths[0] if change.paths else None
    grade = path.grade if path is not None else best
    subject = thing.subject if column is None else f"{thing.subject}.{quoted(column)}"
    is_function = isinstance(thing, SecuredFunction)
    exposure = grade.exposure if grade is not None else Exposure.NOTHING
    is_untraced = cells.privilege == UNTRACED or exposure is Exposure.UNTRACED
    return {
        "subject": f"{subject} to {quoted(cells.role.name)}",
        "role_name": cells.role.name,
        "privilege": "SELECT" if cells.privilege == UNTRACED else cells.privilege,
        "object_subject": subject,
        "object_kind": "function" if is_function else getattr(thing, "relation_kind", "table"),
        "schema_name": thing.schema_name,
        "table_name": thing.name,
        "column_name": column,
        "change": change.change,
        "via": str(path) if path is not None else None,
        "via_kind": path.steps[-1].kind if path is not None else None,
        "exposure": "untraced" if is_untraced else exposure.name.lower(),
        "rows": (grade.rows if grade is not None else Rows.ALL).name.lower(),
        "needs_set_role": grade is not None and not grade.is_own,
        "is_certain": not is_untraced,
        "role_is_new": change.role_is_new,
        "object_is_new": change.relation_is_new or change.columns_are_new,
        "object_is_dropped": change.relation_is_dropped or change.columns_are_dropped,
        "is_owner": thing.owner_oid == cells.role.oid,
        "can_login": cells.role.can_login,
    }


def _sensitive(data: DataConfig, columns: Columns, change: AccessChange, ident: Ident) -> Row:
    """Say of which class the data is; only tables hold data, the rest shows theirs."""
    kind = getattr(change.cells.thing, "relation_kind", None)
    if kind not in _KINDS_OF_DATA or not ident[2]:
        return {}
    found = columns.at(ident)
    known = data.named(found.class_name) if found.class_name else None
    role = change.cells.role.name
    reads = change.cells.privilege in ("SELECT", UNTRACED)
    may = None if known is None else (known.may_read(role) if reads else known.may_write(role))
    return {
        "sensitivity": found.class_name,
        "sensitivity_source": found.source,
        "sensitivity_what": found.what,
        "permitted": None if may is None else ("yes" if may else "no"),
    }


class _Causes:
    """Finds the change of the schema that most likely changed what a role can do."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self._changes = [c for c in changes if c.statement is not None]

    def of(self, change: AccessChange, ident: Ident) -> int | None:
        """Give the number of the statement behind a change of access, or None."""
        names = {change.cells.role.name, change.cells.thing.subject}
        for path in change.paths:
            for step in path.steps:
                names |= {step.subject, step.subject.strip('"')}
        best: tuple[int, int] | None = None
        for cause in self._changes:
            kind = cause.kind.partition(".")[0]
            if kind not in _CAUSES and cause.ident not in ((*ident[:2], 0), ident):
                continue
            words = (*_names(cause), cause.subject)
            score = sum(word in names for word in words) + (kind in ("grant", "membership"))
            if score and (best is None or (score, cause.statement or 0) > best):
                best = (score, cause.statement or 0)
        return best[1] if best else None


_CAUSES = {"grant", "membership", "role", "view", "function", "row_policy", "table", "schema"}


def _names(change: Change) -> tuple[str, ...]:
    thing = change.after or change.before
    words = (
        getattr(thing, name, None)
        for name in ("grantee", "object_subject", "role", "member", "name")
    )
    if isinstance(thing, RowPolicy):
        return (thing.name, qualified(thing.schema_name, thing.table_name), *thing.roles)
    return tuple(word for word in words if isinstance(word, str))
