"""An Alembic project in a git repository: the base's revisions, then the head's."""

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from gatekeeper.git import WORKING_TREE, ChangedFiles, Repository
from gatekeeper.model.evidence import Statement
from gatekeeper.model.plan import Plan
from gatekeeper.scratch.base import Address
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.sources.alembic.baseline import begin, made_of_models, notes_of, with_proposal
from gatekeeper.sources.alembic.child import DEAD_URL, Child, ProbeFailed, Report
from gatekeeper.sources.alembic.failure import explain_load, failure_of, missing_url_setting
from gatekeeper.sources.alembic.hygiene import BrokenChain, explain_refusal, upkept
from gatekeeper.sources.alembic.hygiene_base import find_base, side_of_base, told
from gatekeeper.sources.alembic.interpreter import find_interpreter
from gatekeeper.sources.alembic.locate import Location, locate
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
    statement_of,
    text_of,
    vanished_failure,
)
from gatekeeper.sources.base import MigrationFailed, Ran, RestartNeeded, missing_role

_MOST_ASSUMED = 3


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
    ) -> None:
        self._repository = repository
        self._run = run
        self._options = options
        self._head = repository.commit(head) if head else WORKING_TREE
        self._compared = find_base(repository, base, self._head, branch)
        self._trees: dict[str, Path] = {WORKING_TREE: repository.root}
        self._children: list[Child] = []
        self._version_tables: list[tuple[str | None, str]] = []
        self._plan: LoadedPlan | None = None
        self._environment = dict(options.env or {})
        self._assumed: list[str] = []
        self._imports_own = made_of_models(options.baseline)  # also what is installed as editable
        self._base_apart = False  # the base's history does not run in the head's tree

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
        try:
            first = begin(self._options.baseline, database, plan.base_ids)
            self._upgrade(child, database, targets, "base history", first=first)
        except MigrationFailed as error:
            own = plan.base_child is None and error.failure.revision is not None
            if not own or missing_role(error.failure):
                raise
            self._base_apart = True  # an old revision may use code that the head has changed
            raise RestartNeeded from error
        finally:
            if plan.base_child is not None:
                plan.base_child.close()

    def apply(self, database: Address, ran: Ran) -> tuple[Statement, ...]:
        plan = self._loaded()
        if plan.vanished:
            deleted = any(revision.upkeep.deleted for revision in plan.public.revisions)
            raise MigrationFailed(vanished_failure(plan.vanished, deleted=deleted))
        return self._upgrade(plan.head_child, database, ["heads"], "new migrations", ran)

    def version_tables(self, connection: psycopg.Connection[Any]) -> tuple[tuple[str, str], ...]:
        """Name the version tables that exist; one without a schema is where env.py's path led."""
        found: list[tuple[str, str]] = []
        for schema, table in self._version_tables:
            rows = connection.execute(
                "SELECT schemaname, tablename FROM pg_tables WHERE tablename = %s"
                " AND schemaname = coalesce(%s, schemaname) ORDER BY 1",
                [table, schema],
            )
            found += [(place, name) for place, name in rows]
        return tuple(found)

    def confirm(self, connection: psycopg.Connection[Any]) -> None:
        """Compare the version table with the head's heads: what is not stamped did not happen."""
        plan = self._loaded()
        found = self._stamped(connection)
        # A head on which another depends need not be listed: the other implies it.
        needed = set(heads_of(list(plan.public.revisions)))
        if not needed <= found <= needed | set(plan.heads):
            raise MigrationFailed(not_reached_failure(set(plan.heads), found))

    def restart(self) -> Plan:
        self.close()
        self._version_tables = []
        self._load_head()
        return self._loaded().public

    def close(self) -> None:
        for child in self._children:
            child.close()
        self._children = []

    def _stamped(self, connection: psycopg.Connection[Any]) -> set[str]:
        found: set[str] = set()
        for schema, table in self.version_tables(connection):
            query = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(schema, table))
            found |= {version for (version,) in connection.execute(query)}
        return found

    def _tree(self, commit: str) -> Path:
        if commit not in self._trees:
            folder = self._run.folder("trees") / commit[:12]
            folder.mkdir()
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
            child, seen = self._inspect(head, plan.where)
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
        notes += assumed_notes(self._assumed)
        revisions = tuple(
            seen_from(r, base_ids, head) for r in sorted(found.values(), key=lambda r: r.id)
        )
        plan.head_child, plan.base_child = child, base_child
        plan.heads, plan.base_ids = tuple(sorted(seen["heads"])), base_ids
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
        plan.public = replace(
            plan.public, revisions=upkept(revisions, base, head), notes=tuple(notes)
        )

    def _load_base(self, where: Location) -> tuple[Child | None, dict[str, str]]:
        """Load the base's own tree, and give its files by revision.

        A base without the project has none.
        """
        tree = self._tree(self._compared.commit)
        if not (tree / where.config).is_file():
            return None, {}
        child, seen = self._inspect(tree, where)
        return child, {r["id"]: inside(r["file"], tree) or r["file"] for r in seen["revisions"]}

    def _inspect(self, tree: Path, where: Location) -> tuple[Child, Report]:
        directory = tree / where.directory
        root = self._repository.root
        interpreter = find_interpreter(self._options.python, root / where.directory, root)
        child = Child(
            self._run,
            interpreter,
            directory,
            environment=self._environment,
            timeout=self._options.timeout,
        )
        self._children.append(child)
        config = tree / where.config
        toml = config if config.name == "pyproject.toml" else config.with_name("pyproject.toml")
        child.send(
            "inspect",
            directory=str(directory),
            config=str(config.with_name("alembic.ini") if config == toml else config),
            toml=str(toml) if "[tool.alembic" in text_of(toml) else None,
            section=where.section,
            x=list(self._options.x),
            moved=[str(root), str(tree)] if self._imports_own else None,
        )
        try:
            child.expect("started")
            return child, child.expect("inspected")
        except ProbeFailed as error:
            if self._assume(error):
                return self._inspect(tree, where)
            broken = explain_refusal(error, tree, where.script or where.directory)
            raise broken or explain_load(error, interpreter, tree) from error

    def _assume(self, error: ProbeFailed) -> bool:
        """Fill in a database URL that the application demands; where it points is moot."""
        name = missing_url_setting(error, {*os.environ, *self._environment})
        if name is None or len(self._assumed) >= _MOST_ASSUMED:
            return False
        self._environment[name] = DEAD_URL
        self._assumed.append(name)
        return True

    def _upgrade(
        self,
        child: Child,
        database: Address,
        targets: list[str],
        during: str,
        ran: Ran | None = None,
        first: dict[str, Any] | None = None,
    ) -> tuple[Statement, ...]:
        statements: list[Statement] = []
        tree = self._tree(self._head)

        def collect(report: Report) -> None:
            if report["kind"] == "ran" and ran is not None:
                ran(report["number"])
                child.send("go on")
            elif report["kind"] == "statement":
                statements.append(statement_of(report, tree))

        child.send("connect", address=asdict(database))
        child.send("upgrade", targets=targets, step_by_step=ran is not None, **(first or {}))
        try:
            done = child.expect("upgraded", collect)
        except ProbeFailed as error:
            trees = list(self._trees.values())
            if self._assume(error):
                raise RestartNeeded from error
            failure = failure_of(error, trees, during=during)
            known = self._loaded().public.revisions
            failure = with_proposal(failure, self._options.baseline, known, tree)
            raise MigrationFailed(failure, tuple(statements)) from error
        for schema, table in done["version_tables"]:
            if (schema, table) not in self._version_tables:
                self._version_tables.append((schema, table))
        return tuple(statements)
