"""Undoes the new revisions of an Alembic project, and runs them again."""

import re
from dataclasses import replace

from gatekeeper.errors import SourceError
from gatekeeper.model.evidence import Revision, Undone
from gatekeeper.scratch.base import Address
from gatekeeper.sources.alembic.child import ProbeFailed, Report
from gatekeeper.sources.alembic.failure import failure_of
from gatekeeper.sources.alembic.revisions import heads_of, text_of
from gatekeeper.sources.alembic.source import AlembicSource
from gatekeeper.sources.base import MigrationFailed, RestartNeeded

_DOWNGRADE = re.compile(r"^(?:async )?def downgrade\b", re.MULTILINE)


class UndoableSource(AlembicSource):
    """An Alembic project whose new revisions are undone, too."""

    def undo(self, database: Address) -> tuple[Undone, ...]:
        plan = self._loaded()
        order = undo_order(plan.public.revisions)
        if not order:
            return ()
        begun: list[Undone] = []
        places = [self._place(revision) for revision in order]

        def follow(report: Report) -> None:
            if report["kind"] == "undoing":
                begun.append(places[len(begun)])

        child = plan.head_child
        child.connect(database)
        child.send("downgrade", targets=[target_below(revision) for revision in order])
        try:
            child.expect("downgraded", follow)
        except ProbeFailed as error:
            failure = failure_of(error, list(self._trees.values()), during="downgrade")
            if begun and failure.revision != begun[-1].revision:
                where = begun[-1]
                failure = replace(
                    failure, revision=where.revision, file=where.file, line=where.line
                )
            raise MigrationFailed(failure) from error
        self._confirm_undone(database, {revision.id for revision in order})
        return tuple(begun)

    def redo(self, database: Address) -> None:
        try:
            self._upgrade(self._loaded().head_child, database, ["heads"], "second upgrade")
        except RestartNeeded as error:
            raise SourceError(
                "the application demanded a setting that it had not before"
            ) from error

    def _confirm_undone(self, database: Address, undone: set[str]) -> None:
        """Compare the version table with what is left: what is not stamped did not happen."""
        left = [r for r in self._loaded().public.revisions if r.id not in undone]
        with database.connect() as connection:
            found = self._children.stamped(connection)
        if not set(heads_of(left)) <= found <= {revision.id for revision in left}:
            listed = ", ".join(sorted(found)) or "nothing"
            raise SourceError(f"they ran, but the version table holds {listed}")

    def _place(self, revision: Revision) -> Undone:
        text = text_of(self._tree(self._head) / revision.file)
        found = _DOWNGRADE.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else revision.upkeep.line
        return Undone(revision.id, revision.file, line)


def undo_order(revisions: tuple[Revision, ...]) -> list[Revision]:
    """Give the new revisions that can be undone, each after all that build on it.

    One whose text says that it cannot be, or that says nothing, ends its line: it stays, and so
    does all that it builds on.
    """
    left = {revision.id: revision for revision in revisions if revision.is_new}
    staying = [revision for revision in left.values() if _is_final(revision)]
    while staying:
        stays = staying.pop()
        if left.pop(stays.id, None) is not None:
            staying += [left[parent] for parent in stays.parents if parent in left]
    order: list[Revision] = []
    while left:
        needed = {parent for revision in left.values() for parent in revision.parents}
        free = [revision for revision in left.values() if revision.id not in needed]
        order += sorted(free, key=lambda revision: revision.id)
        left = {name: revision for name, revision in left.items() if name in needed}
    return order


def target_below(revision: Revision) -> str:
    """Name what is below a revision on its own line: of a fork's branches only this one goes."""
    follows = revision.upkeep.follows
    return f"{revision.id}@{follows[0] if follows else 'base'}"


def _is_final(revision: Revision) -> bool:
    does = revision.upkeep
    return does.downgrade == "raises" or (does.downgrade == "nothing" and does.upgrade == "schema")
