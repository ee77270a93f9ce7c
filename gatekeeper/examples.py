"""Runs the examples of policies on a real server: they are tests of what a policy says."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import psycopg

from gatekeeper.model.evidence import Revision
from gatekeeper.policy.catalog_query import catalog_queries
from gatekeeper.policy.evaluate import new_findings
from gatekeeper.policy.model import Example, Policy
from gatekeeper.report.view import instead, message, message_markdown
from gatekeeper.review import observe
from gatekeeper.scratch.base import ScratchServer
from gatekeeper.sources.alembic.imports import own_imports
from gatekeeper.sources.base import MigrationFailed
from gatekeeper.sources.split import split_script
from gatekeeper.sources.sql_files import SqlFiles


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
    """Run every example of every policy, each in a database of its own."""
    for policy in policies:
        for example in policy.examples:
            yield _run(policy, example, server)


def _run(policy: Policy, example: Example, server: ScratchServer) -> Result:
    database = server.create_database()
    migration = "" if example.files else example.migration
    source = SqlFiles.of_scripts(
        split_script(example.before, "before"), [split_script(migration, "migration")]
    )
    plan = source.prepare()
    if example.files:
        plan = replace(plan, revisions=tuple(_imported(r, example) for r in plan.revisions))
    try:
        snapshot = observe(source, plan, database, catalog_queries([policy]))
    except MigrationFailed as error:
        place = f"{error.failure.file}, line {error.failure.line}"
        return Result(policy, example, error=f"{place}: {error.failure.message}")
    except psycopg.Error as error:
        return Result(policy, example, error=str(error))
    finally:
        server.drop_database(database.database)
    findings = new_findings(snapshot.facts, [policy])
    for finding in findings:  # a template that fails must fail here, not in a review
        message(finding)
        message_markdown(finding)
        instead(finding)
        instead(finding, alembic=True)
    return Result(policy, example, tuple(f.subject for f in findings))


def _imported(revision: Revision, example: Example) -> Revision:
    """Give the revision with what the example's migration, a revision in Python, imports."""
    file = "migrations/versions/migration.py"
    files = example.files | {file: example.migration}
    return replace(revision, imports=own_imports(file, files.get))
