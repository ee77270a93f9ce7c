"""Runs the examples of policies on a real server: they are tests of what a policy says."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psycopg

from gatekeeper.policy.evaluate import new_findings
from gatekeeper.policy.model import Example, Policy
from gatekeeper.report.view import instead, message, message_markdown
from gatekeeper.review import observe
from gatekeeper.scratch.base import ScratchServer
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
    source = SqlFiles.of_scripts(
        split_script(example.before, "before"), [split_script(example.migration, "migration")]
    )
    try:
        snapshot = observe(source, source.prepare(), database)
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
