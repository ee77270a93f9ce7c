"""Facts of migrations that ran on a real server."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from gatekeeper.catalog.read import read_schema
from gatekeeper.diff.attribute import attribute
from gatekeeper.diff.compare import compare
from gatekeeper.facts.build import FactRows, build_facts
from gatekeeper.model.evidence import Evidence
from gatekeeper.scratch.base import Address
from gatekeeper.sources.split import split_script
from gatekeeper.sources.sql_files import SqlFiles
from gatekeeper.witness.read import LockWatch, install, read_events

Head = Callable[..., FactRows]


@pytest.fixture
def head(database: Address, connection: psycopg.Connection[Any]) -> Head:
    """Run a migration on a schema; give the fact tables of the head."""

    def run(migration: str, before: str = "") -> FactRows:
        source = SqlFiles.of_scripts(split_script(before, "b"), [split_script(migration, "m")])
        source.build_base(database)
        old = read_schema(connection)
        install(connection)
        watch = LockWatch(connection)
        ran = source.apply(database, watch.look)
        events = read_events(connection)
        new = read_schema(connection)
        changes = attribute(compare(old, new), events, old)
        return build_facts(old, new, changes, Evidence((), ran, events, watch.seen)).head

    return run
