"""Every driver and both kinds of engine are handed the scratch database."""

import pytest

from tests.sources.test_alembic import check, places, shop  # noqa: F401 - fixtures

SYNC = ["psycopg2", "psycopg", "pg8000"]
ASYNC = ["asyncpg", "psycopg"]

ASYNC_ENV = """
import asyncio
from alembic import context
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import async_engine_from_config

def migrate(connection):
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()

async def main():
    engine = async_engine_from_config(
        context.config.get_section("alembic"), prefix="sqlalchemy.", poolclass=pool.NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()

asyncio.run(main())
"""


def use(project, driver: str) -> None:
    ini = (project.root / "alembic.ini").read_text()
    project.write("alembic.ini", ini.replace("+psycopg:", f"+{driver}:"))
    project.commit()
    project.git("branch", "--force", "main")


@pytest.mark.parametrize("driver", SYNC)
def test_sync(shop, check, driver):  # noqa: F811
    use(shop, driver)
    shop.revision("r2", 'op.drop_column("customers", "phone")')
    assert places(check(shop)) == {"column-dropped": "migrations/versions/r2.py:11"}


@pytest.mark.parametrize("driver", ASYNC)
def test_async(shop, check, driver):  # noqa: F811
    shop.write("migrations/env.py", ASYNC_ENV)
    use(shop, driver)
    shop.revision("r2", 'op.drop_column("customers", "phone")')
    assert places(check(shop)) == {"column-dropped": "migrations/versions/r2.py:11"}


@pytest.mark.parametrize("driver", [*SYNC, "asyncpg"])
def test_a_server_error_keeps_its_words(shop, check, driver):  # noqa: F811
    if driver == "asyncpg":
        shop.write("migrations/env.py", ASYNC_ENV)
    use(shop, driver)
    shop.revision("r2", 'op.execute("ALTER TABLE nowhere ADD COLUMN a int")')
    failure = check(shop).failure
    assert failure.message == 'relation "nowhere" does not exist'
    assert (failure.sqlstate, failure.line) == ("42P01", 11)


def test_a_placeholder_url_is_replaced(shop, check):  # noqa: F811
    ini = (shop.root / "alembic.ini").read_text()
    shop.write(
        "alembic.ini",
        ini.replace(
            "postgresql+psycopg://nobody@db.example.invalid/shop",
            "driver://user:pass@localhost/dbname",
        ),
    )
    shop.revision("r2", 'op.drop_column("customers", "phone")')
    assert "column-dropped" in places(check(shop))
