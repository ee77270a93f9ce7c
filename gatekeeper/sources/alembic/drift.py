"""Models against the database: alembic's own comparison, of the head and of the base."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from gatekeeper.errors import ConfigError, GatekeeperError, SourceError
from gatekeeper.git import WORKING_TREE
from gatekeeper.model.evidence import Drift
from gatekeeper.model.plan import Plan
from gatekeeper.scratch.base import Address
from gatekeeper.sources.alembic.child import Child, ProbeFailed, Report
from gatekeeper.sources.alembic.downgrade import UndoableSource
from gatekeeper.sources.base import MigrationFailed, RestartNeeded, not_compared
from gatekeeper.tree import CommitTree, FolderTree, Tree

_KINDS = {
    "index": "index",
    "constraint": "constraint",
    "fk": "foreign_key",
    "table": "table",
    "column": "column",
}
_MODIFIED = {"modify_type", "modify_nullable", "modify_default", "modify_comment"}

# What two of the same columns may differ in, as probe.py writes it.
_COMPARED = re.compile(r"^unique |( on (delete|update) [a-z ]+| deferrable| initially [a-z]+)+$")
_LARGEST_FILE = 1_000_000  # bytes
_DECLARES = re.compile(
    r"\b(__tablename__|__table__|__table_args__|Column|mapped_column|Mapped|Table|relationship"
    r"|ForeignKey|SQLModel|DeclarativeBase|declarative_base|declared_attr|MetaData|Model)\b"
)


class ModelledSource(UndoableSource):
    """An Alembic project whose models are compared with the database, too."""

    models_changed = False
    compares: Callable[[], bool] | None = None
    """Says whether they are, if they need not be; asked when the migrations are loaded."""

    def prepare(self) -> Plan:
        """Find the project as AlembicSource does; models may have changed without a migration.

        Then the head is loaded, too, but what is wrong with it is only a note. Models are env.py's
        to name: without it there are none.
        """
        plan = super().prepare()
        if not self._are_compared():
            return plan
        assert self._plan is not None  # noqa: S101 - prepare() made it
        if plan.new_revisions or plan.failure is not None or not self._models_changed():
            return plan
        if self._plan.loaded:  # something else of the project changed, such as env.py
            self.models_changed = not self._plan.vanished
            return plan
        try:
            self._load_head()
        except GatekeeperError as error:
            return replace(plan, notes=(*plan.notes, not_compared(error.message)))
        self.models_changed = self._plan.loaded
        return self._plan.public if self._plan.loaded else plan

    def restart(self) -> Plan:
        self.models_changed = False
        plan = super().restart()
        self.models_changed = not plan.new_revisions
        return plan

    def drifts(self, database: Address) -> tuple[Drift, ...]:
        child = self._loaded().head_child
        return _compared(child, database) if self._are_compared() else ()

    def base_drifts(self, database: Address, *, is_empty: bool) -> tuple[Drift, ...]:
        """Compare by the base's own tree; a base without the project has no models."""
        self._children.imports_own = True  # an editable installation leads to the head's models
        child, _ = self._load_base(self._loaded().where)
        if child is None:
            return ()
        if is_empty:
            self._began = None
        try:
            if is_empty and self._loaded().base_child is None:
                self.build_base(database)
            elif is_empty:
                self._upgrade(child, database, ["heads"], "base history")
        except MigrationFailed as error:
            raise SourceError(error.failure.message) from error
        except RestartNeeded as error:
            raise SourceError("the base's history does not run a second time") from error
        return _compared(child, database)

    def _are_compared(self) -> bool:
        return not self._options.bare and (self.compares is None or self.compares())

    def _models_changed(self) -> bool:
        """Say whether a file that changed has, or had, words of SQLAlchemy's declarations in it.

        Most changes have not: those are not to wait for the application's import.
        """
        changed = self._changed([])
        here, there = self._sides()
        for path in sorted(changed.all):
            sides = (there,) if path in changed.deleted else (here, there)
            if path.endswith(".py") and any(_declares(side, path) for side in sides):
                return True
        return False

    def _sides(self) -> tuple[Tree, Tree]:
        """Give the files of the head and of the base."""
        repository = self._repository
        there = CommitTree(repository, self._compared.commit)
        if self._head == WORKING_TREE:
            return FolderTree(repository.root), there
        return CommitTree(repository, self._head), there


def _declares(tree: Tree, path: str) -> bool:
    try:
        if tree.kind(path) != "file":
            return False
        (text,) = tree.read(path, most_bytes=_LARGEST_FILE)
    except ConfigError:  # a link, or too large: who knows
        return True
    return _DECLARES.search(text) is not None


def _compared(child: Child, database: Address) -> tuple[Drift, ...]:
    child.renew()
    child.connect(database)
    child.send("compare")
    try:
        report = child.expect("compared")
    except ProbeFailed as error:
        told = error.report
        words = f"{told['type']}: {told['message']}"
        raise SourceError(words.strip().partition("\n")[0]) from error
    if report["note"]:
        raise SourceError(report["note"])
    found = [_drift(one) for one in report["drifts"] if one["schema"] != "gatekeeper"]
    return tuple(_joined([drift for drift in found if drift is not None]))


def _drift(report: Report) -> Drift | None:
    verb, said = report["verb"], report.get("text")
    place: dict[str, Any] = {
        key: report.get(key) for key in ("schema", "table", "column", "name", "models", "database")
    }
    if verb in _MODIFIED:
        return Drift(f"{verb.removeprefix('modify_')}_differs", **place)
    how, _, what = verb.partition("_")
    if what not in _KINDS or how not in ("add", "remove"):
        return Drift("other", **place | {"models": said})
    if how == "add":
        return Drift(f"missing_{_KINDS[what]}", **place | {"models": said})
    return Drift(f"extra_{_KINDS[what]}", **place | {"database": said})


def _joined(drifts: list[Drift]) -> list[Drift]:
    """Say what alembic would drop and make anew as one; and a table without its parts.

    The two of a pair have the same name, or are the only ones of their kind about the same columns
    (and the same referenced table): models often leave the name to the database.
    """
    whole = {(d.schema, d.table) for d in drifts if d.kind in ("missing_table", "extra_table")}
    kept = [d for d in drifts if (d.schema, d.table) not in whole or d.kind.endswith("_table")]

    def key(drift: Drift) -> tuple[str, ...]:
        kind = drift.kind.removeprefix("missing_").removeprefix("extra_")
        return (kind, drift.schema, drift.table or "", drift.column or "", drift.name or "")

    def about(drift: Drift) -> tuple[str, ...]:
        return (*key(drift)[:3], _COMPARED.sub("", drift.models or drift.database or ""))

    for alike, is_pair in ((key, lambda d: d.name is not None), (about, _is_part)):
        kept = [d for group in _grouped(kept, alike) for d in _as_one(group, is_pair)]
    return sorted(kept, key=lambda d: (key(d), d.kind))


def _grouped(drifts: list[Drift], key: Callable[[Drift], tuple[str, ...]]) -> Iterator[list[Drift]]:
    for _, group in groupby(sorted(drifts, key=lambda d: (key(d), d.kind)), key):
        yield list(group)


def _is_part(drift: Drift) -> bool:
    return drift.kind.partition("_")[2] in ("index", "constraint", "foreign_key")


def _as_one(alike: list[Drift], is_pair: Callable[[Drift], bool]) -> list[Drift]:
    """Join what is extra and what is missing, where that is one each."""
    kinds = [drift.kind.partition("_")[0] for drift in alike]
    if kinds != ["extra", "missing"] or not all(map(is_pair, alike)):
        return alike
    old, new = alike
    what = old.kind.removeprefix("extra_")
    database, models = old.database, new.models
    # Alembic compares the names of indexes and constraints, and not those of foreign keys.
    if old.name and new.name and old.name != new.name and what != "foreign_key":
        database, models = f"{old.name} {database}", f"{new.name} {models}"
    return [replace(old, kind=f"{what}_differs", database=database, models=models)]
