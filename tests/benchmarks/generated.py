"""Inputs made from a seed: schemas of any size, and Alembic histories."""

import random
import subprocess
from pathlib import Path

SEED = 20240607
_TYPES = ("text", "integer", "bigint", "numeric(12,2)", "timestamptz", "boolean", "jsonb", "uuid")
_INI = "[alembic]\nscript_location = %(here)s/migrations\nsqlalchemy.url = {url}\n"
_ENV = """
from alembic import context
from sqlalchemy import engine_from_config, pool

section = context.config.get_section("alembic")
engine = engine_from_config(section, prefix="sqlalchemy.", poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


def _seeded(number: int) -> random.Random:
    return random.Random(SEED + number)  # noqa: S311 - nothing is secret


def schema(tables: int) -> list[str]:
    """Give the statements that build tables of 12 columns, each with a key, a reference, an index.

    A tenth has a view.
    """
    chance = _seeded(0)
    statements = []
    for n in range(tables):
        columns = [f"c{i} {chance.choice(_TYPES)}" for i in range(9)]
        parent = f"REFERENCES t{chance.randrange(n)}" if n else ""
        statements += [
            f"CREATE TABLE t{n} (id bigint PRIMARY KEY, parent_id bigint {parent}, "
            f"made_at timestamptz NOT NULL DEFAULT now(), {', '.join(columns)})",
            f"CREATE INDEX t{n}_parent ON t{n} (parent_id)",
        ]
        if n % 10 == 0:
            statements.append(f"CREATE VIEW v{n} AS SELECT id, c0, c1 FROM t{n}")
    return statements


def changes(count: int, tables: int) -> list[str]:
    """Give changes of that schema: columns, indexes, defaults, types, constraints in turn."""
    chance = _seeded(1)
    statements = []
    for n in range(count):
        table = f"t{chance.randrange(tables)}"
        statements.append(
            (
                f"ALTER TABLE {table} ADD COLUMN new{n} text",
                f"CREATE INDEX new{n} ON {table} (made_at)",
                f"ALTER TABLE {table} ALTER made_at SET DEFAULT clock_timestamp()",
                f"ALTER TABLE {table} ADD CONSTRAINT new{n} CHECK (id > 0)",
                f"COMMENT ON TABLE {table} IS 'number {n}'",
                f"CREATE TABLE new{n} (id bigint PRIMARY KEY, note text)",
            )[n % 6]
        )
    return statements


def history(folder: Path, revisions: int) -> Path:
    """Write an Alembic project with a history on main, and one revision more on a branch."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    write_ini(folder, "alembic.ini", "postgresql+psycopg://nobody@db.example.invalid/shop")
    (folder / "migrations" / "env.py").write_text(_ENV, "utf-8")
    chance = _seeded(revisions)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    tables = 0
    for n in range(revisions):
        body, tables = _revision(chance, n, tables)
        _write(versions, n, body)
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "history")
    _git(folder, "checkout", "--quiet", "-b", "feature")
    _write(versions, revisions, ['op.add_column("t0", sa.Column("late", sa.Text()))'])
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "one more")
    return folder


def write_ini(folder: Path, name: str, url: str) -> None:
    """Write a configuration of Alembic with this URL."""
    (folder / name).write_text(_INI.format(url=url), "utf-8")


def _revision(chance: random.Random, number: int, tables: int) -> tuple[list[str], int]:
    """Give the lines of one upgrade(): a table, a column, an index or data; the first is a table."""
    kind = "table" if tables == 0 else chance.choices(KINDS, (4, 3, 2, 1))[0]
    table = f"t{chance.randrange(tables)}" if tables else ""
    if kind == "table":
        columns = ", ".join(f'sa.Column("c{i}", sa.Text())' for i in range(9))
        key = 'sa.Column("id", sa.BigInteger(), primary_key=True)'
        reference = (
            f', sa.Column("parent_id", sa.BigInteger(), sa.ForeignKey("{table}.id"))'
            if table
            else ""
        )
        return [f'op.create_table("t{tables}", {key}, {columns}{reference})'], tables + 1
    if kind == "column":
        return [f'op.add_column("{table}", sa.Column("x{number}", sa.Integer()))'], tables
    if kind == "index":
        return [f'op.create_index("i{number}", "{table}", ["c{chance.randrange(9)}"])'], tables
    insert = f"INSERT INTO {table} (id, c0) SELECT n, 'x' FROM generate_series(1, 100) n"
    return [f'op.execute("{insert} ON CONFLICT DO NOTHING")'], tables


KINDS = ("table", "column", "index", "data")


def _write(versions: Path, number: int, body: list[str]) -> None:
    lines = "\n    ".join(body)
    parent = repr(f"r{number - 1}") if number else None
    text = (
        f'"""Number {number}."""\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
        f"revision = 'r{number}'\ndown_revision = {parent}\n\n\ndef upgrade():\n    {lines}\n\n\n"
        "def downgrade():\n    pass\n"
    )
    (versions / f"r{number}.py").write_text(text, "utf-8")


def _git(folder: Path, *arguments: str) -> None:
    author = ("-c", "user.name=Bench", "-c", "user.email=bench@example.com")
    subprocess.run(["git", *author, *arguments], cwd=folder, check=True)
