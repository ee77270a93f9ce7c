"""What env.py and the layout of real projects do that would make a tool wrong."""

import pytest

from gatekeeper.errors import SourceError
from tests.conftest import ENV_PY, Project
from tests.sources.test_alembic import check, places, shop  # noqa: F401 - fixtures
from tests.sources.test_drivers import ASYNC_ENV

DROPPED = {"column-dropped": "migrations/versions/r2.py:11"}
DROP = 'op.drop_column("customers", "phone")'
CONFIGURE = "    context.configure(connection=connection)\n"
RUN = "        context.run_migrations()\n"


def env(*changes: tuple[str, str]) -> str:
    """Give the plain env.py with some of its text replaced."""
    text = ENV_PY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def on_base(project: Project) -> None:
    """Let the base have all that is in the working tree."""
    project.commit()
    project.git("branch", "--force", "main")


# env.py


def test_an_env_py_that_migrates_something_else_and_swallows_the_refusal(shop, check):  # noqa: F811
    """An application that overlooked its setting migrated an SQLite in memory, and ended well."""
    lines = "".join(
        f"    {line}\n" for line in ENV_PY.replace("engine_from_config(", "make(").splitlines()
    )
    shop.write(
        "migrations/env.py",
        "from sqlalchemy import create_engine\n\n\ndef make(*given, **options):\n"
        f"    return create_engine('sqlite://')\n\n\ntry:\n{lines}except Exception:\n    pass\n",
    )
    on_base(shop)
    shop.revision("r2", DROP)
    failure = check(shop).failure
    assert "the version table holds nothing instead of r2" in failure.message


LOCKS = env(
    (
        CONFIGURE,
        '    for sql in ("SET statement_timeout = 5000", "SET lock_timeout = 4000",\n'
        "                \"SELECT pg_advisory_lock(hashtext('alembic'))\"):\n"
        "        connection.exec_driver_sql(sql)\n"
        "    connection.commit()\n" + CONFIGURE,
    ),
    (
        RUN,
        RUN
        + '    connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")\n    connection.commit()\n',
    ),
)
LOCKED_VERSIONS = env(
    (
        RUN,
        "        context.get_context()._ensure_version_table()\n"
        '        connection.exec_driver_sql("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")\n'
        + RUN,
    )
)
TWICE = env(
    (
        "with engine.connect()",
        "with engine.connect() as first:\n"
        "    ready = first.exec_driver_sql(\"SELECT to_regclass('alembic_version')\").scalar()\n"
        "with engine.connect()",
    )
)
IN_A_THREAD = (
    "import asyncio\n\nfrom alembic import context\nfrom sqlalchemy import engine_from_config, pool\n\n\n"
    "def migrate():\n" + "".join(f"    {line}\n" for line in ENV_PY.partition("pool\n")[2].splitlines())
    + "\n\nasync def main():\n    await asyncio.to_thread(migrate)\n\n\nasyncio.run(main())\n"
)  # fmt: skip
GIVEN = env(
    (
        "with engine.connect()",
        'if context.is_offline_mode():\n    raise SystemExit("offline")\n'
        'engine = context.config.attributes.get("connection") or engine\n'
        "with engine.connect()",
    )
)


@pytest.mark.parametrize(
    "text",
    [LOCKS, LOCKED_VERSIONS, TWICE, IN_A_THREAD, GIVEN],
    ids=[
        "advisory lock and timeouts",
        "locked versions",
        "two connections",
        "thread",
        "attributes",
    ],
)
def test_what_an_env_py_does_besides(shop, check, text):  # noqa: F811
    """None of it is in our way: we look at the database while the migration waits."""
    shop.write("migrations/env.py", text)
    on_base(shop)
    shop.revision("r2", DROP)
    assert places(check(shop)) == DROPPED


def test_arguments_and_a_version_table_of_each_tenant(shop, check):  # noqa: F811
    """The schema comes from -x, and alembic's own table is in it, under another name."""
    shop.write(
        "migrations/env.py",
        env(
            (
                CONFIGURE,
                '    tenant = context.get_x_argument(as_dictionary=True)["tenant"]\n'
                "    connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS \"{tenant}\"')\n"
                "    connection.exec_driver_sql(f'SET search_path = \"{tenant}\"')\n"
                "    connection.commit()\n"
                "    context.configure(connection=connection, version_table='Versions',\n"
                "        version_table_schema=tenant, include_schemas=True)\n",
            )
        ),
    )
    on_base(shop)
    shop.revision("r2", DROP)
    outcome = check(shop, x=("tenant=Blue",))
    assert places(outcome) == DROPPED
    assert [table.subject for table in outcome.after.tables] == ['"Blue".customers']
    assert "KeyError: 'tenant'" in check(shop).failure.message


def test_arguments_for_upgrade(project, check):  # noqa: F811
    """An env.py that calls upgrade(op, tables), without a transaction of alembic's."""
    project.write(
        "migrations/env.py",
        env(
            (CONFIGURE, "    context.configure(connection=connection, transactional_ddl=False)\n"),
            ("run_migrations()", 'run_migrations(tables={"t": "customers"})'),
            (
                "engine.connect() as",
                'engine.connect().execution_options(isolation_level="AUTOCOMMIT") as',
            ),
        ),
    )
    for name, body in (("r1", "id int PRIMARY KEY, a int"), ("r2", None)):
        if body is None:
            project.commit()
            project.branch()
        sql = (
            f"CREATE TABLE {{tables['t']}} ({body})" if body else "ALTER TABLE {tables['t']} DROP a"
        )
        file = project.revision(name, f'op.execute(f"{sql}")')
        file.write_text(file.read_text().replace("grade()", "grade(tables)"))
    outcome = check(project)
    assert places(outcome) == DROPPED
    assert [s.autocommit for s in outcome.statements] == [True]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://nobody:a%%40b@db.example.invalid/shop",
        "postgresql+psycopg://nobody:a%40b@db.example.invalid/shop",
        "%(DATABASE)s",
    ],
)
def test_percent_signs_in_the_url(shop, check, url):  # noqa: F811
    """As alembic wants it, as it does not, and as only env.py can fill in."""
    ini = (shop.root / "alembic.ini").read_text()
    shop.write("alembic.ini", ini.partition("sqlalchemy.url")[0] + f"sqlalchemy.url = {url}\n")
    if "%%" not in url:
        line = 'context.config.set_main_option("sqlalchemy.url", "postgresql+psycopg://h/a%%40b")\n'
        shop.write("migrations/env.py", env(("\nengine", "\n" + line + "engine")))
    on_base(shop)
    shop.revision("r2", DROP)
    assert places(check(shop)) == DROPPED


@pytest.mark.parametrize(
    ("driver", "query", "connect"),
    [
        ("psycopg2", "sslmode=verify-full&sslrootcert=/nowhere&host=a:1&host=b:2", {}),
        ("psycopg", "target_session_attrs=read-write", {"prepare_threshold": None, "dbname": "x"}),
        ("asyncpg", "ssl=require", {"server_settings": {"application_name": "shop"}}),
    ],
)
def test_what_production_needs_for_connecting(shop, check, driver, query, connect):  # noqa: F811
    """Servers, certificates and their like do not lead away; what a session is like stays."""
    text = (ASYNC_ENV if driver == "asyncpg" else ENV_PY).replace(
        "poolclass=pool.NullPool", f"poolclass=pool.NullPool, connect_args={connect!r}"
    )
    shop.write("migrations/env.py", text)
    ini = (shop.root / "alembic.ini").read_text().partition("sqlalchemy.url")[0]
    url = f"postgresql+{driver}://u:p@db.example.invalid/shop?{query}"
    shop.write("alembic.ini", f"{ini}sqlalchemy.url = {url}\n")
    on_base(shop)
    shop.revision(
        "r2",
        DROP,
        "found = op.get_bind().exec_driver_sql('SHOW application_name').scalar()",
        f"assert (found == 'shop') is {driver == 'asyncpg'}, found",
    )
    assert places(check(shop)) == DROPPED


# Where the files are


def test_two_sections_of_one_file(shop, check):  # noqa: F811
    """One for the shared tables, one for those of each tenant; `alembic -n` says which."""
    ini = (shop.root / "alembic.ini").read_text()
    shop.write(
        "alembic.ini", ini + ini.replace("[alembic]", "[tenants]").replace("migrations", "tenants")
    )
    shop.write("tenants/env.py", env(('"alembic"', "context.config.config_ini_section")))
    shop.write("tenants/versions/keep", "")
    on_base(shop)
    shop.last = None
    shop.revision("t1", 'op.execute("CREATE TABLE lonely (n int)")').rename(
        shop.root / "tenants/versions/t1.py"
    )
    assert check(shop).new_revisions == ()
    assert places(check(shop, section="tenants")) == {
        "missing-primary-key": "tenants/versions/t1.py:11"
    }


def test_modules_of_the_application_that_are_named_as_pythons_are(shop, check):  # noqa: F811
    """Alembic as a command has its own folder first on the path, and not the working directory."""
    for path in ("typing.py", "logging/__init__.py", "types.py", "migrations/queue.py"):
        shop.write(path, "raise RuntimeError('the wrong one')\n")
    shop.write("settings.py", "NAME = 'phone'\n")
    on_base(shop)
    shop.revision("r2", "import settings", 'op.drop_column("customers", settings.NAME)')
    assert places(check(shop)) == {"column-dropped": "migrations/versions/r2.py:12"}


def test_a_script_location_inside_of_a_package(shop, check):  # noqa: F811
    ini = (shop.root / "alembic.ini").read_text()
    shop.write("alembic.ini", ini.replace("%(here)s/migrations", "app:migrations"))
    shop.write("app/__init__.py", "")
    shop.git("mv", "migrations", "app/migrations")
    on_base(shop)
    (shop.root / "migrations/versions").mkdir(parents=True)
    shop.revision("r2", DROP).rename(shop.root / "app/migrations/versions/r2.py")
    assert places(check(shop)) == {"column-dropped": "app/migrations/versions/r2.py:11"}


def test_folders_below_labels_and_heads_on_purpose(project, check):  # noqa: F811
    """Two lines that end apart, each with a label, in folders that alembic walks into."""
    ini = (project.root / "alembic.ini").read_text()
    project.write("alembic.ini", ini + "recursive_version_locations = true\n")
    folder = project.root / "migrations/versions"

    def add(name, folder_name, parent, sql, **more):
        file = project.revision(name, f'op.execute("{sql}")', parent=parent, **more)
        text = file.read_text().replace("down_revision = 'none'", "down_revision = None")
        (folder / folder_name).mkdir(parents=True, exist_ok=True)
        file.unlink()
        (folder / folder_name / file.name).write_text(text)

    add(
        "a1",
        "expand",
        "none",
        "CREATE TABLE a (id int PRIMARY KEY, n int)",
        head='branch_labels = ("expand",)',
    )
    add(
        "b1",
        "contract/old",
        "none",
        "CREATE TABLE b (id int PRIMARY KEY, n int)",
        head='branch_labels = ("contract",)',
    )
    project.commit()
    project.branch()
    add("b2", "contract/new", "b1", "ALTER TABLE b DROP n", head='depends_on = "a2"')
    add("a2", "expand", "a1", "ALTER TABLE a DROP n")
    outcome = check(project)
    assert outcome.failure is None, outcome.failure
    assert {f.subject: f.values["file"] for f in outcome.findings} == {
        "public.a.n": "migrations/versions/expand/a2.py",
        "public.b.n": "migrations/versions/contract/new/b2.py",
    }


def test_an_env_py_that_says_itself_where_the_revisions_are(project, check):  # noqa: F811
    """Before it has run alembic sees none of them, and "nothing is new" would be wrong."""
    project.write(
        "migrations/env.py",
        env(
            (
                "\nengine",
                "\nimport os\n"
                'found = os.path.join(context.script.dir, "versions", "postgresql")\n'
                "context.script.__dict__.pop('_version_locations', None)\n"
                "context.script.version_locations = [found]\nengine",
            )
        ),
    )
    project.write("migrations/versions/postgresql/keep", "")
    project.revision("r1", 'op.execute("CREATE TABLE t (a int PRIMARY KEY, b int)")').rename(
        project.root / "migrations/versions/postgresql/r1.py"
    )
    project.commit()
    project.branch()
    project.revision("r2", 'op.drop_column("t", "b")').rename(
        project.root / "migrations/versions/postgresql/r2.py"
    )
    with pytest.raises(SourceError, match=r"no revision, and migrations/.*/r2\.py is one") as error:
        check(project)
    line = error.value.hint.splitlines()[-1]
    assert line == "version_locations = %(here)s/migrations/versions/postgresql"
    ini = (project.root / "alembic.ini").read_text()
    project.write("alembic.ini", f"{ini}{line}\n")
    (project.root / "migrations/versions/postgresql/r2.py").rename(project.root / "r2")
    on_base(project)
    (project.root / "r2").rename(project.root / "migrations/versions/postgresql/r2.py")
    found = places(check(project))
    assert found == {"column-dropped": "migrations/versions/postgresql/r2.py:11"}
