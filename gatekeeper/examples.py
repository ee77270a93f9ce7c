"""Runs the examples of policies on a real server: they are tests of what a policy says."""

import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from gatekeeper.model.evidence import Revision
from gatekeeper.policy.catalog_query import catalog_queries
from gatekeeper.policy.evaluate import new_findings
from gatekeeper.policy.model import Example, Policy
from gatekeeper.report.view import instead, message, message_markdown
from gatekeeper.review import Setup, observe
from gatekeeper.scratch.base import Address, ScratchServer
from gatekeeper.sources.alembic.imports import own_imports
from gatekeeper.sources.base import MigrationFailed
from gatekeeper.sources.split import split_script
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
    """Run every example of every policy, each in a database of its own; several at once.

    What makes roles runs alone, after the others: roles are the cluster's.
    """
    cases = [(policy, example) for policy in policies for example in policy.examples]
    alone = [case for case in cases if _makes_roles(case[1])]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        together = [
            pool.submit(_run, policy, example, server)
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
        yield _run(policy, example, server)


def _run(policy: Policy, example: Example, server: ScratchServer) -> Result:
    migration = "" if example.files else example.migration
    source = SqlFiles.of_scripts(
        split_script(example.before, "before"), [split_script(migration, "migration")]
    )
    plan = source.prepare()
    if example.files:
        plan = replace(plan, revisions=tuple(_imported(r, example) for r in plan.revisions))
    try:
        with _database(server, makes_roles=_makes_roles(example)) as database:
            snapshot = observe(source, plan, database, Setup(queries=catalog_queries([policy])))
    except MigrationFailed as error:
        place = f"{error.failure.file}, line {error.failure.line}"
        return Result(policy, example, error=f"{place}: {error.failure.message}")
    except psycopg.Error as error:
        return Result(policy, example, error=str(error))
    findings = new_findings(snapshot.facts, [policy])
    for finding in findings:  # a template that fails must fail here, not in a review
        message(finding)
        message_markdown(finding)
        instead(finding)
        instead(finding, alembic=True)
    return Result(policy, example, tuple(f.subject for f in findings))


def _makes_roles(example: Example) -> bool:
    return _MAKES_ROLES.search(f"{example.before} {example.migration}") is not None


@contextmanager
def _database(server: ScratchServer, *, makes_roles: bool) -> Iterator[Address]:
    """Give an empty database; it is dropped at the end, and so are the roles made meanwhile.

    Roles are the cluster's: the next example would find them, and what they are members of.
    """
    database = server.create_database()
    roles = _roles(database) if makes_roles else set()
    try:
        yield database
    finally:
        made = _roles(database) - roles if makes_roles else set()
        server.drop_database(database.database)
        if made:
            _drop_roles(server, made)


def _roles(database: Address) -> set[str]:
    with database.connect() as connection:
        return {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}


def _drop_roles(server: ScratchServer, names: set[str]) -> None:
    """Drop roles whose database is gone, and their rights with it; asked from another one."""
    spare = server.create_database()
    try:
        with spare.connect() as connection:
            # Together, because a role that let another into a group cannot go alone.
            listed = sql.SQL(", ").join(map(sql.Identifier, sorted(names)))
            connection.execute(sql.SQL("DROP ROLE {}").format(listed))
    finally:
        server.drop_database(spare.database)


def _imported(revision: Revision, example: Example) -> Revision:
    """Give the revision with what the example's migration, a revision in Python, imports."""
    file = "migrations/versions/migration.py"
    files = example.files | {file: example.migration}
    return replace(revision, imports=own_imports(file, files.get))
