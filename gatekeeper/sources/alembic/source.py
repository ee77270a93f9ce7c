"""An Alembic project in a git repository: the base's revisions, then the head's."""

from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg

from gatekeeper.git import WORKING_TREE, ChangedFiles, Repository
from gatekeeper.model.evidence import Failure, Statement
from gatekeeper.model.plan import Plan
from gatekeeper.scratch.base import Address
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.sources.alembic.baseline import begin, made_of_models, notes_of, with_proposal
from gatekeeper.sources.alembic.child import Child
from gatekeeper.sources.alembic.children import Children
from gatekeeper.sources.alembic.hygiene import BrokenChain, upkept
from gatekeeper.sources.alembic.hygiene_base import find_base, side_of_base, told
from gatekeeper.sources.alembic.locate import Location, locate
from gatekeeper.sources.alembic.made import difference, joined, made_by
from gatekeeper.sources.alembic.replayable import not_replayable, with_failure
from gatekeeper.sources.alembic.revisions import (
    AlembicOptions,
    LoadedPlan,
    assumed_notes,
    heads_of,
    inside,
    matters,
    not_reached_failure,
    revision_of,
    seen_from,
    vanished_failure,
)
from gatekeeper.sources.base import Made, MigrationFailed, Ran, RestartNeeded, missing_role


class AlembicSource:
    """Builds the base and applies the head's new revisions.

    Importing an application costs more than migrating, so one child process does both when the
    head's tree holds the base's history unchanged. Otherwise the base is built by its own tree.
    """

    def __init__(
        self,
        repository: Repository,
        run: RunDirectory,
        *,
        base: str | None,
        head: str | None,
        options: AlembicOptions,
        branch: str | None = None,
        ahead: Child | None = None,
    ) -> None:
        self._repository = repository
        self._run = run
        self._options = options
        self._head = repository.commit(head) if head else WORKING_TREE
        self._compared = find_base(repository, base, self._head, branch)
        self._trees: dict[str, Path] = {WORKING_TREE: repository.root}
        self._children = Children(run, repository.root, options, ahead)
        self._plan: LoadedPlan | None = None
        self._base_apart = False  # the base's history does not run in the head's tree
        self._not_replayable: Failure | None = None  # where it does not, if the code is to blame
        self._began: Made | None = None  # what the database was made of before its base was built

    def prepare(self) -> Plan:
        """Find the project, and which revisions are new; imports the project's revision files."""
        tree = self._tree(self._head)
        given = self._options.config
        where = locate(self._repository, self._head, tree, given, self._options.section)
        label = "the working tree" if self._head == WORKING_TREE else f"commit {self._head[:12]}"
        self._plan = LoadedPlan(where, Plan(base=self._compared.label, head=label))
        if where.script is not None and not self._changed([where.script, where.config]).all:
            return self._plan.public  # nothing that could change the schema was touched
        self._load_head()
        return self._plan.public

    def build_base(self, database: Address) -> None:
        plan = self._loaded()
        if plan.base_child is None and not plan.base_heads:
            return
        child = plan.base_child or plan.head_child
        targets = ["heads"] if plan.base_child else list(plan.base_heads)
        began = self._began
        try:
            if began is not None and set(began.revisions) == set(plan.base_ids):
                return
            first = None if began else begin(self._options.baseline, database, plan.base_ids)
            self._upgrade(child, database, targets, "base history", first=first)
        except MigrationFailed as error:
            own = plan.base_child is None and error.failure.revision is not None
            if not own or missing_role(error.failure):
                raise
            self._base_apart = True  # an old revision may use code that the head has changed
            self._not_replayable = not_replayable(error)
            raise RestartNeeded from error
        finally:
            if plan.base_child is not None:
                plan.base_child.close()

    @property
    def took(self) -> float:
        built = self._children.built
        return 0.0 if built is None else float(built["seconds"])

    def made(self) -> Made | str | None:
        if self._children.built is None:
            return None
        made = made_by(
            self._children.built, self._loaded(), self._children.tables, self._tree_of_base()
        )
        return made if isinstance(made, str) or self._began is None else joined(self._began, made)

    def fits(self, made: Made) -> str | None:
        if self._plan is None or not self._plan.loaded:
            return "no migration is loaded"
        why = difference(made, self._plan, self._tree_of_base())
        is_part = set(made.revisions) != set(self._plan.base_ids)
        if why is None and is_part and made_of_models(self._options.baseline):
            return "it was made of other models"
        return why

    def go_on(self, made: Made) -> None:
        self._began = made
        self._children.tables = list(made.version_tables)

    def _tree_of_base(self) -> Path:
        """Give the tree whose code builds the base."""
        apart = self._loaded().base_child is not None
        return self._tree(self._compared.commit if apart else self._head)

    def apply(self, database: Address, ran: Ran) -> tuple[Statement, ...]:
        plan = self._loaded()
        if plan.vanished:
            deleted = any(revision.upkeep.deleted for revision in plan.public.revisions)
            raise MigrationFailed(vanished_failure(plan.vanished, deleted=deleted))
        return self._upgrade(plan.head_child, database, ["heads"], "new migrations", ran)

    def version_tables(self, connection: psycopg.Connection[Any]) -> tuple[tuple[str, str], ...]:
        return self._children.version_tables(connection)

    def confirm(self, connection: psycopg.Connection[Any]) -> None:
        """Compare the version table with the head's heads: what is not stamped did not happen."""
        plan = self._loaded()
        found = self._children.stamped(connection)
        # A head on which another depends need not be listed: the other implies it.
        needed = set(heads_of(list(plan.public.revisions)))
        if not needed <= found <= needed | set(plan.heads):
            raise MigrationFailed(not_reached_failure(set(plan.heads), found))

    def restart(self) -> Plan:
        self._began = None
        self._children.restart()
        self._load_head()
        return self._loaded().public

    def close(self) -> None:
        self._children.close()

    def _tree(self, commit: str) -> Path:
        if commit not in self._trees:
            trees = self._run.folder("trees")  # of all sources of a run
            folder = Path(mkdtemp(prefix=f"{commit[:12]}-", dir=trees))
            self._repository.check_out(commit, folder)
            self._trees[commit] = folder
        return self._trees[commit]

    def _changed(self, paths: list[str]) -> ChangedFiles:
        return self._repository.changed(self._compared.commit, self._head, paths)

    def _loaded(self) -> LoadedPlan:
        if self._plan is None or not self._plan.loaded:
            raise AssertionError("prepare() found nothing to run")
        return self._plan

    def _load_head(self) -> None:
        assert self._plan is not None  # noqa: S101 - prepare() comes first
        plan = self._plan
        head = self._tree(self._head)
        try:
            child, seen = self._children.inspect(head, plan.where)
        except BrokenChain as error:
            plan.public = told(plan.public, error, self._repository, self._compared, self._head)
            return
        found = {r["id"]: revision_of(r, head) for r in seen["revisions"]}
        places = sorted({inside(p, head) or "." for p in (seen["script"], *seen["locations"])})
        changed = self._changed([*places, plan.where.config])
        rewritten = {p for p in changed.modified | changed.deleted if matters(p, plan.where.config)}
        base_ids = {r.id for r in found.values() if r.file not in changed.added}
        base_child: Child | None = None
        base_files: dict[str, str] = {}
        notes = notes_of(self._options.baseline)
        if self._base_apart:
            notes.append(
                "the base's history does not run with the head's code; its own tree ran it"
            )
        if rewritten or self._base_apart or made_of_models(self._options.baseline):
            base_child, base_files = self._load_base(plan.where)
            base_ids = set(base_files)
            notes += [f"{path} was changed or removed by this change" for path in sorted(rewritten)]
        notes += assumed_notes(self._children.assumed)
        revisions = tuple(
            seen_from(r, base_ids, head) for r in sorted(found.values(), key=lambda r: r.id)
        )
        plan.head_child, plan.base_child = child, base_child
        plan.heads, plan.base_ids = tuple(sorted(seen["heads"])), base_ids
        plan.base_files = base_files.values() or [found[one].file for one in base_ids]
        plan.tools = seen["installed"]
        plan.base_heads = heads_of([r for r in found.values() if r.id in base_ids])
        plan.vanished = tuple(sorted(base_files.keys() - found.keys()))
        plan.loaded = True
        base = side_of_base(
            self._repository,
            self._compared,
            self._head,
            places,
            base_files,
            self._trees.get(self._compared.commit),
            changed.added,
        )
        told_of = with_failure(upkept(revisions, base, head), self._not_replayable)
        plan.public = replace(plan.public, revisions=told_of, notes=tuple(notes))

    def _load_base(self, where: Location) -> tuple[Child | None, dict[str, str]]:
        """Load the base's own tree, and give its files by revision.

        A base without the project has none.
        """
        tree = self._tree(self._compared.commit)
        if not (tree / where.config).is_file():
            return None, {}
        child, seen = self._children.inspect(tree, where, self._tree(self._head))
        return child, {r["id"]: inside(r["file"], tree) or r["file"] for r in seen["revisions"]}

    def _upgrade(
        self,
        child: Child,
        database: Address,
        targets: list[str],
        during: str,
        ran: Ran | None = None,
        first: dict[str, Any] | None = None,
    ) -> tuple[Statement, ...]:
        tree = self._tree(self._head)
        trees = [tree, *(one for one in self._trees.values() if one != tree)]
        try:
            return self._children.upgrade(child, database, targets, during, trees, ran, first)
        except MigrationFailed as error:
            known = self._loaded().public.revisions
            failure = with_proposal(error.failure, self._options.baseline, known, tree)
            raise MigrationFailed(failure, error.statements) from error.__cause__
