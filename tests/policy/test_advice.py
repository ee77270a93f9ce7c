"""Who does what `instead` says of a lock gets the same index or constraint: nothing is lost on the way."""

import re
from typing import Any

import pytest

from gatekeeper.observe import Setup
from gatekeeper.policy.load import load_all
from gatekeeper.policy.template import fill
from gatekeeper.review import review
from gatekeeper.scratch.base import Address
from gatekeeper.sources.split import split_script
from gatekeeper.sources.sql_files import SqlFiles

BEFORE = (
    "CREATE TABLE customers (id bigint PRIMARY KEY, a int, UNIQUE (id, a));"
    "CREATE TABLE orders (a int NOT NULL, b int, c text, paid bool);"
)
ADD = "ALTER TABLE orders ADD CONSTRAINT x "
MADE = """
SELECT pg_get_indexdef(oid) FROM pg_class WHERE relname = 'x' UNION ALL
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'x' ORDER BY 1
"""


@pytest.mark.parametrize(
    ("policy", "migration", "alembic"),
    [
        ("blocking-index-build", "CREATE INDEX x ON orders (a)", "[…], postgresql_concurrently"),
        (
            "blocking-index-build",
            "CREATE UNIQUE INDEX x ON orders (lower(c), b) INCLUDE (a) NULLS NOT DISTINCT"
            " WHERE c <> 'x' AND paid",
            "[…], unique=True, postgresql_nulls_not_distinct=True, postgresql_include=[…],"
            " postgresql_where=sa.text(\"((c <> 'x'::text) AND paid)\"), postgresql_concurrently",
        ),
        (
            "blocking-index-build",
            "CREATE INDEX x ON orders USING hash (c)",
            '[…], postgresql_using="hash", postgresql_concurrently',
        ),
        ("blocking-unique-constraint", f"{ADD}UNIQUE (a, b)", "[…], unique=True, postgresql_conc"),
        (
            "blocking-unique-constraint",
            f"{ADD}UNIQUE NULLS NOT DISTINCT (a, b) INCLUDE (c) DEFERRABLE INITIALLY DEFERRED",
            "[…], unique=True, postgresql_nulls_not_distinct=True, postgresql_include=[…],",
        ),
        ("blocking-unique-constraint", f"{ADD}UNIQUE (a) DEFERRABLE", '"x" DEFERRABLE\')'),
        ("blocking-primary-key", f"{ADD}PRIMARY KEY (a) INCLUDE (b) DEFERRABLE", ""),
        (
            "blocking-foreign-key",
            f"{ADD}FOREIGN KEY (a, b) REFERENCES customers (id, a) MATCH FULL ON DELETE CASCADE"
            " DEFERRABLE INITIALLY DEFERRED",
            '…, ondelete="CASCADE", deferrable=True, initially="DEFERRED", postgresql_not_valid',
        ),
        ("blocking-check", f"{ADD}CHECK (a > 0) NO INHERIT", ""),
    ],
)
def test_it_comes_to_the_same(
    server: Any, database: Address, monkeypatch: Any, policy: str, migration: str, alembic: str
) -> None:
    monkeypatch.setattr(server, "close", lambda: None)
    before = BEFORE + "INSERT INTO customers VALUES (1, 1);"
    source = SqlFiles.of_scripts(
        split_script(before, "before"), [split_script(migration, "migration")]
    )
    judge = load_all()[policy]
    (finding,) = review(source, lambda: server, (judge,), Setup()).findings
    wanted = made(database, [*before.split(";"), migration])
    advice = fill(judge.instead, finding.values, str)
    advised = re.sub(r"--.*", "", advice).split(";")
    other = server.create_database()
    try:
        assert made(other, [*before.split(";"), *advised]) == wanted
    finally:
        server.drop_database(other.database)
    assert alembic in fill(judge.instead_alembic or "", finding.values, str)


def made(database: Address, statements: list[str]) -> list[str]:
    with database.connect() as connection:
        for sql in statements:
            if sql.strip():
                connection.execute(sql)
        return [text for (text,) in connection.execute(MADE)]
