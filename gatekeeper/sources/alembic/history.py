"""The newest revisions of one tree, one after the other, each on the schema that it met."""

from collections.abc import Iterator
from typing import Any

import psycopg

from gatekeeper.errors import SourceError
from gatekeeper.git import WORKING_TREE, Repository
from gatekeeper.model.evidence import Revision, Statement
from gatekeeper.model.plan import Plan
from gatekeeper.scratch.base import Address
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.sources.alembic.baseline import ancestors, begin, stamped_by
from gatekeeper.sources.alembic.hygiene import Base, related
from gatekeeper.sources.alembic.locate import locate
from gatekeeper.sources.alembic.revisions import (
    AlembicOptions,
    LoadedPlan,
    assumed_notes,
    heads_of,
    not_reached_failure,
    revision_of,
    seen_from,
)
from gatekeeper.sources.alembic.source import AlembicSource
from gatekeeper.sources.base import MigrationFailed, Ran

_MOST_NAMED = 5


class History(AlembicSource):
    """Builds what came before, then upgrades by one revision at a time, in alembic's own order.

    `last` says how many of the newest are run one by one; `since` that it is all that a database
    at that revision does not have yet.
    """

    def __init__(
        self,
        repository: Repository,
        run: RunDirectory,
        *,
        head: str | None,
        last: int,
        since: str | None,
        options: AlembicOptions,
    ) -> None:
        # The base is never looked at; the working tree has no name that could be one.
        super().__init__(repository, run, base=head or "HEAD", head=head, options=options)
        self._last = last
        self._since = since
        self._old: list[Revision] = []
        self._new: list[Revision] = []
        self._looked_at: list[Revision] = []  # the same, with what their files say
        self._step = 0

    def prepare(self) -> Plan:
        """Find the project and its revisions; imports the project's revision files."""
        tree = self._tree(self._head)
        given = self._options.config
        where = locate(self._repository, self._head, tree, given, self._options.section)
        child, seen = self._children.inspect(tree, where)
        # Alembic walks from the heads down; upgrading goes the same way back.
        ordered = [revision_of(report, tree) for report in reversed(seen["revisions"])]
        parents = {r.id: r.parents for r in ordered}
        old = self._before(ordered, parents)
        held = ancestors(stamped_by(self._options.baseline), parents) - old  # by the dump
        old |= held
        self._old = [r for r in ordered if r.id in old]
        self._new = [r for r in ordered if r.id not in old]
        self._looked_at = [seen_from(r, old, tree) for r in self._new]
        label = "the working tree" if self._head == WORKING_TREE else f"commit {self._head[:12]}"
        found = heads_of(self._old)
        heads = tuple(r.id for r in self._old if r.id in found)  # nearest to alembic's order
        public = Plan(
            base=", ".join(heads) or "an empty database",
            head=label,
            revisions=(*self._old, *self._looked_at),
            notes=(*assumed_notes(self._children.assumed), *_held_notes(held)),
        )
        self._plan = LoadedPlan(where, public)
        self._plan.head_child = child
        self._plan.heads, self._plan.base_heads = tuple(seen["heads"]), heads
        self._plan.loaded = True
        return public

    def build_base(self, database: Address) -> None:
        plan = self._loaded()
        if plan.base_heads:
            first = begin(self._options.baseline, database, [r.id for r in self._old])
            heads = list(plan.base_heads)
            self._upgrade(plan.head_child, database, heads, "base history", first=first)

    def steps(self) -> Iterator[Plan]:
        for step, revision in enumerate(self._looked_at):
            self._step = step
            revisions = [*self._old, *self._new[:step], revision]
            found = {r.id: r for r in sorted(revisions, key=lambda r: r.id)}
            yield Plan(
                base=", ".join(revision.parents) or "an empty database",
                head=revision.id,
                revisions=related(found, Base(), lambda _: None, ()),
            )

    def apply(self, database: Address, ran: Ran) -> tuple[Statement, ...]:
        child = self._loaded().head_child
        child.renew()
        return self._upgrade(child, database, [self._new[self._step].id], "new migrations", ran)

    def confirm(self, connection: psycopg.Connection[Any]) -> None:
        """Compare the version table with what has run: what is not stamped did not happen."""
        ran = [*self._old, *self._new[: self._step + 1]]
        found, needed = self._children.stamped(connection), set(heads_of(ran))
        # A revision on which another depends need not be listed: the other implies it.
        if not needed <= found <= {r.id for r in ran}:
            raise MigrationFailed(not_reached_failure(needed, found))

    def restart(self) -> Plan:
        self._children.restart()
        return self.prepare()

    def _before(self, ordered: list[Revision], parents: dict[str, tuple[str, ...]]) -> set[str]:
        """Name the revisions that are built without looking."""
        if self._since is None:
            return {r.id for r in ordered[: max(0, len(ordered) - self._last)]}
        return ancestors([_meant(self._since, list(parents))], parents)


def _held_notes(held: set[str]) -> list[str]:
    if not held:
        return []
    count = "1 revision" if len(held) == 1 else f"{len(held)} revisions"
    was = "was" if len(held) == 1 else "were"
    return [f"{count} in the dump of database.baseline {was} not replayed"]


def _meant(given: str, ids: list[str]) -> str:
    """Give the revision of this id, or whose id begins so, as alembic understands it."""
    if given in ids:
        return given
    like = sorted(name for name in ids if name.startswith(given))
    if len(like) == 1:
        return like[0]
    if not like:
        raise SourceError(
            f"no revision of the migrations has an id that begins with {given!r}",
            "--since takes the id of a revision, as `alembic history` shows it.",
        )
    listed = ", ".join(like[:_MOST_NAMED]) + (" …" if len(like) > _MOST_NAMED else "")
    raise SourceError(f"several revisions begin with {given!r}: {listed}", "Give more of the id.")
