"""Runs the examples of policies on a real server: they are tests of what a policy says."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psycopg

from gatekeeper.catalog.conversion import classify_conversions
from gatekeeper.catalog.read import read_schema
from gatekeeper.diff.attribute import attribute
from gatekeeper.diff.compare import compare
from gatekeeper.facts.build import build_facts
from gatekeeper.model.evidence import Evidence
from gatekeeper.policy.evaluate import new_findings
from gatekeeper.policy.model import Example, Policy
from gatekeeper.report.view import instead, message, message_markdown
from gatekeeper.scratch.base import ScratchServer
from gatekeeper.sources.base import MigrationFailed
from gatekeeper.sources.split import split_script
from gatekeeper.sources.sql_files import SqlFiles
from gatekeeper.witness.read import LockWatch, install, read_events


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
    name = f"{policy.file}:{example.line}"
    source = SqlFiles.of_scripts(
        split_script(example.before, f"{name} before"), [split_script(example.migration, name)]
    )
    try:
        source.build_base(database)
        with database.connect() as connection:
            before = read_schema(connection)
            install(connection)
            watch = LockWatch(connection)
            statements = source.apply(database, watch.look)
            events = read_events(connection)
            after = read_schema(connection)
            changes = attribute(compare(before, after), events, before)
            conversions = classify_conversions(connection, changes, before)
    except MigrationFailed as error:
        place = f"{error.failure.file}, line {error.failure.line}"
        return Result(policy, example, error=f"{place}: {error.failure.message}")
    except psycopg.Error as error:
        return Result(policy, example, error=str(error))
    finally:
        server.drop_database(database.database)
    evidence = Evidence(source.prepare().revisions, statements, events, watch.seen)
    facts = build_facts(before, after, changes, evidence, conversions)
    findings = new_findings(facts, [policy])
    for finding in findings:  # a template that fails must fail here, not in a review
        message(finding)
        message_markdown(finding)
        instead(finding)
        instead(finding, alembic=True)
    return Result(policy, example, tuple(f.subject for f in findings))
