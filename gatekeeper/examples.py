"""Runs the examples of policies on a real server: they are tests of what a policy says."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from gatekeeper.facts.drifts import drift_of, with_drifts
from gatekeeper.model.evidence import Drift, Revision, Undone, Upkeep
from gatekeeper.observe import Setup, observe
from gatekeeper.policy.catalog_query import catalog_queries
from gatekeeper.policy.evaluate import new_findings
from gatekeeper.policy.model import Example, Policy
from gatekeeper.report.view import instead, message, message_markdown
from gatekeeper.scratch.base import Address, ScratchServer
from gatekeeper.scratch.reuse import Databases
from gatekeeper.sources.alembic.hygiene import of_texts, read_upkeep
from gatekeeper.sources.alembic.imports import own_imports
from gatekeeper.sources.base import MigrationFailed
from gatekeeper.sources.split import Script, split_script
from gatekeeper.sources.sql_files import SqlFiles

_MAKES_ROLES = re.compile(r"\b(role|user|group|owned)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Result:
    """What an example found; `error` when it did not even run."""

    policy: Policy
    example: Example
    found: tuple[str, ...] = ()
    error: str | None = None

    @property
    def passed(self) -> bool:
        return self.error is None and sorted(self.found) == sorted(self.example.finds)


def run_examples(policies: Iterable[Policy], server: ScratchServer) -> Iterator[Result]:
    """Run every example of every policy, each in an empty database; several at once.

    What makes roles runs alone, after the others: roles are the cluster's.
    """
    cases = [(policy, example) for policy in policies for example in policy.examples]
    alone = [case for case in cases if _makes_roles(case[1])]
    with closing(Databases(server)) as databases:
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            together = [
                pool.submit(_run, policy, example, databases.lend)
                for policy, example in cases
                if (policy, example) not in alone
            ]
            try:
                for running in together:
                    yield running.result()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        for policy, example in alone:
            yield _run(policy, example, lambda: _with_roles(databases))


def _run(
    policy: Policy, example: Example, empty: Callable[[], AbstractContextManager[Address]]
) -> Result:
    migration = "" if example.is_of_files else example.migration
    source = _Reversible.of_scripts(
        split_script(example.before, "before"), [split_script(migration, "migration")]
    )
    setup = Setup(queries=catalog_queries([policy]))
    if example.downgrade is not None:
        source.downgrade = split_script(example.downgrade, "downgrade")
        setup = replace(setup, undoes=True)
    plan = source.prepare()
    if example.is_of_files:
        plan = replace(plan, revisions=_revisions(example))
    try:
        with empty() as database:
            snapshot = observe(source, plan, database, setup)
    except MigrationFailed as error:
        place = f"{error.failure.file}, line {error.failure.line}"
        return Result(policy, example, error=f"{place}: {error.failure.message}")
    except psycopg.Error as error:
        return Result(policy, example, error=str(error))
    head, base = _drifts(example.drifts), _drifts(example.base_drifts)
    facts = with_drifts(snapshot.facts, head, base, snapshot.after)
    findings = new_findings(facts, [policy])
    for finding in findings:  # a template that fails must fail here, not in a review
        message(finding)
        message_markdown(finding)
        instead(finding)
        instead(finding, alembic=True)
    return Result(policy, example, tuple(f.subject for f in findings))


class _Reversible(SqlFiles):
    """SQL whose only migration is undone by a script."""

    downgrade: Script

    def undo(self, database: Address) -> tuple[Undone, ...]:
        """Run the script. Raises MigrationFailed, with the migration's name."""
        try:
            SqlFiles.of_scripts(Script("", ()), [self.downgrade]).apply(database)
        except MigrationFailed as error:
            raise MigrationFailed(replace(error.failure, revision="migration")) from error
        return (Undone("migration", "downgrade", 1),)

    def redo(self, database: Address) -> None:
        """Run the migration again. Raises MigrationFailed."""
        self.apply(database)


def _drifts(said: dict[str, str]) -> tuple[Drift, ...]:
    return tuple(drift_of(kind, subject) for subject, kind in said.items())


def _makes_roles(example: Example) -> bool:
    scripts = (example.before, example.migration, example.downgrade or "")
    return any(_MAKES_ROLES.search(script) for script in scripts)


@contextmanager
def _with_roles(databases: Databases) -> Iterator[Address]:
    """Lend an empty database; the roles that are made meanwhile are dropped with it.

    Roles are the cluster's: the next example would find them, and what they are members of.
    """
    made: set[str] = set()
    try:
        with databases.lend() as database:
            roles = _roles(database)
            try:
                yield database
            finally:
                made = _roles(database) - roles
    finally:  # their rights went with what was in the database
        if made:
            with databases.lend() as spare:
                _drop_roles(spare, made)


def _roles(database: Address) -> set[str]:
    with database.connect() as connection:
        return {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}


def _drop_roles(database: Address, names: set[str]) -> None:
    with database.connect() as connection:
        # Together, because a role that let another into a group cannot go alone.
        listed = sql.SQL(", ").join(map(sql.Identifier, sorted(names)))
        connection.execute(sql.SQL("DROP ROLE {}").format(listed))


def _revisions(example: Example) -> tuple[Revision, ...]:
    """Give the revisions of an example of files; its migration may do without a header."""
    file = "migrations/versions/migration.py"
    texts = example.base | example.files | {file: example.migration}
    head = {path: text for path, text in texts.items() if text.strip()}
    found = of_texts(example.base, head)
    if file in head and not any(revision.file == file for revision in found):
        upkeep = read_upkeep(Upkeep(), example.migration)
        found = (*found, Revision("migration", file, is_new=True, upkeep=upkeep))
    return tuple(
        replace(r, imports=own_imports(r.file, head.get))
        if r.is_new
        else replace(r, upkeep=replace(r.upkeep, not_replayable=example.not_replayable.get(r.id)))
        for r in found
    )
