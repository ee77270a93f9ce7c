"""A schema dumped with pg_dump and restored is the same schema, and nothing in the dump goes unseen."""

from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from gatekeeper.catalog.read import read_schema
from gatekeeper.diff.compare import compare
from gatekeeper.model.schema import Schema, Table, View
from gatekeeper.sources.split import split_script

RICH = sorted((Path(__file__).parent / "schemas").glob("*.sql"))


@pytest.mark.parametrize("path", RICH, ids=lambda path: path.stem)
def test_schemas_of_our_own(round_trip, path):
    assert round_trip(path.read_text("utf-8"), least=5) == []


def test_every_statement_of_a_dump_is_seen(server, dump):
    """What a schema consists of is what pg_dump writes: leaving any of it out is a difference."""
    original = server.create_database()
    with original.connect() as connection:
        connection.execute((Path(__file__).parent / "schemas" / "plumbing.sql").read_text("utf-8"))
        whole = read_schema(connection)
    statements = [s.sql for s in split_script(dump(original), "dump.sql").statements]
    assert len(statements) > 60
    unseen = []
    for left_out in statements:
        if left_out.startswith(("SET ", "SELECT ")) or " OWNER TO " in left_out:
            continue
        database = server.create_database()
        with database.connect() as connection:
            for statement in statements:
                if statement != left_out:
                    with suppress(psycopg.Error):  # what it needs was left out
                        connection.execute(statement)
            if compare(whole, read_schema(connection), by_name=True) == ():
                unseen.append(left_out)
        server.drop_database(database.database)
    server.drop_database(original.database)
    assert unseen == []


def test_the_order_of_creation_does_not_matter(server):
    scripts = [
        f"CREATE SCHEMA s{i}; CREATE TABLE s{i}.t (id int PRIMARY KEY, a text CHECK (a > 'x'));"
        f"CREATE VIEW s{i}.v AS SELECT a FROM s{i}.t; CREATE TYPE s{i}.e AS ENUM ('a', 'b');"
        for i in range(9)
    ]
    found = []
    for order in (scripts, scripts[::-1]):
        database = server.create_database()
        with database.connect() as connection:
            connection.execute("".join(order))
            found.append(read_schema(connection))
        server.drop_database(database.database)
    assert compare(*found, by_name=True) == ()


def test_the_oids_of_two_databases_have_nothing_to_do_with_each_other():
    """By identity this is a rename, which no view that names the table has noticed."""
    before, after = (
        Schema(
            tables=(Table(1, "public", name),),
            views=(View(2, "public", "v", definition=f"SELECT id FROM public.{name}"),),
        )
        for name in ("one", "two")
    )
    assert [c.kind for c in compare(before, after)] == ["table.renamed"]
    assert [c.kind for c in compare(before, after, by_name=True)] == [
        "table.dropped",
        "table.added",
        "view.definition_changed",
    ]
