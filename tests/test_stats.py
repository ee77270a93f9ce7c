"""`gatekeeper stats`: what the server's own counts say, read without a row of data, and the file."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gatekeeper.catalog.statistics import connect, take_statistics
from gatekeeper.cli.session import write_whole
from gatekeeper.errors import ConfigError, GatekeeperError
from gatekeeper.scratch.base import Address
from gatekeeper.stats import Statistics, read_statistics, render_statistics
from gatekeeper.tree import FolderTree

Connection = psycopg.Connection[Any]

_SHOP = """
CREATE TABLE orders (id bigint PRIMARY KEY, note text);
INSERT INTO orders SELECT n, 'a-secret-of-somebody' FROM generate_series(1, 1234) n;
CREATE TABLE empty (id int);
CREATE SCHEMA "Sales";
CREATE TABLE "Sales"."Line items" (id int);
INSERT INTO "Sales"."Line items" SELECT generate_series(1, 7);
CREATE MATERIALIZED VIEW totals AS SELECT * FROM orders LIMIT 10;
CREATE VIEW no_table AS SELECT 1;
CREATE EXTENSION pg_trgm;
ANALYZE;
CREATE TABLE never_analysed (id int);
INSERT INTO never_analysed SELECT generate_series(1, 5000);
"""


def url_of(address: Address, user: str = "postgres", password: str = "") -> str:
    secret = f":{password}" if password else ""
    where = f"{address.database}?host={address.host}&port={address.port}"
    return f"postgresql://{user}{secret}@/{where}"


def _rows(address: Address, connection: Connection, script: str) -> dict[str, int | None]:
    connection.execute(script.encode())
    return dict(take_statistics(url_of(address)).rows)


def test_the_counts_are_those_of_the_server(database: Address, connection: Connection) -> None:
    assert _rows(database, connection, _SHOP) == {
        "public.orders": 1234,
        "public.empty": 0,
        '"Sales"."Line items"': 7,
        "public.totals": 10,
        "public.never_analysed": None,
    }


_PARTITIONED = """
CREATE TABLE log (n int) PARTITION BY RANGE (n);
CREATE TABLE log_a PARTITION OF log FOR VALUES FROM (0) TO (10);
CREATE TABLE log_b PARTITION OF log FOR VALUES FROM (10) TO (100) PARTITION BY RANGE (n);
CREATE TABLE log_c PARTITION OF log_b FOR VALUES FROM (10) TO (50);
INSERT INTO log SELECT i % 50 FROM generate_series(1, 1000) i;
"""


def test_a_partitioned_table_has_the_rows_of_its_partitions(
    database: Address, connection: Connection
) -> None:
    rows = _rows(database, connection, _PARTITIONED + "ANALYZE log_a, log_c;")
    assert rows == {
        "public.log": 1000, "public.log_a": 200, "public.log_b": 800, "public.log_c": 800,
    }  # fmt: skip


def test_one_partition_of_unknown_size_makes_the_whole_unknown(
    database: Address, connection: Connection
) -> None:
    connection.execute((_PARTITIONED + "ANALYZE log").encode())
    rows = _rows(database, connection, "TRUNCATE log_c")
    assert rows == {
        "public.log": None, "public.log_a": 200, "public.log_b": None, "public.log_c": None,
    }  # fmt: skip


def test_what_inherits_from_a_table_counts_for_it(
    database: Address, connection: Connection
) -> None:
    script = """
    CREATE TABLE metrics (n int); CREATE TABLE chunk () INHERITS (metrics);
    INSERT INTO metrics VALUES (1); INSERT INTO chunk SELECT generate_series(1, 500);
    CREATE TABLE hypertable (n int) PARTITION BY LIST (n);
    ANALYZE;
    """
    rows = _rows(database, connection, script)
    assert rows == {"public.metrics": 501, "public.chunk": 500, "public.hypertable": 0}


def test_settings_of_the_server_do_not_change_names(
    database: Address, connection: Connection
) -> None:
    name = database.database
    for setting in ("quote_all_identifiers = on", "search_path = public", "datestyle = German"):
        connection.execute(f"ALTER DATABASE {name} SET {setting}".encode())
    assert _rows(database, connection, "CREATE TABLE t (id int)") == {"public.t": None}


@pytest.fixture
def role(database: Address, connection: Connection) -> Iterator[str]:
    """Make a role that may connect and nothing else, as a monitoring account."""
    connection.execute("CREATE ROLE only_connect LOGIN")
    connection.execute(f"REVOKE ALL ON DATABASE {database.database} FROM public".encode())
    connection.execute(f"GRANT CONNECT ON DATABASE {database.database} TO only_connect".encode())
    connection.execute("REVOKE ALL ON SCHEMA public FROM public")
    yield "only_connect"
    connection.execute("DROP OWNED BY only_connect")
    connection.execute("DROP ROLE only_connect")


def test_no_row_is_read(
    database: Address, connection: Connection, role: str, gatekeeper: Callable[..., Any],
    tmp_path: Path,
) -> None:  # fmt: skip
    connection.execute(_SHOP.encode())
    with psycopg.connect(url_of(database, role)) as restricted:
        for table in ("public.orders", '"Sales"."Line items"'):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                restricted.execute(f"SELECT count(*) FROM {table}".encode())
            restricted.rollback()
    done = gatekeeper("stats", "--url", url_of(database, role))
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "gatekeeper-stats.json").read_text("utf-8")
    assert json.loads(text)["tables"]["public.orders"] == 1234
    assert "secret" not in text


def test_the_transaction_cannot_write_and_ends_in_time(database: Address) -> None:
    parameters = {"host": database.host, "user": "postgres", "dbname": database.database}
    with connect(parameters) as connection:
        limits = [
            connection.execute(f"SHOW {name}".encode()).fetchone()
            for name in ("transaction_read_only", "statement_timeout", "application_name")
        ]
        assert limits == [("on",), ("30s",), ("gatekeeper stats",)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE t (id int)")


def test_the_command_says_what_it_wrote_and_what_is_unknown(
    database: Address, connection: Connection, gatekeeper: Callable[..., Any], tmp_path: Path
) -> None:
    connection.execute(_SHOP.encode())
    done = gatekeeper("stats", "--url", url_of(database), "--output", "ci/rows.json")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "ci/rows.json: 5 tables",
        "never analysed, so of unknown size: public.never_analysed",
        "ANALYZE on the primary server counts them; run this again afterwards.",
    ]
    first = (tmp_path / "ci" / "rows.json").read_bytes()
    gatekeeper("stats", "--url", url_of(database), "--output", "ci/rows.json")
    assert (tmp_path / "ci" / "rows.json").read_bytes() == first
    assert [path.name for path in (tmp_path / "ci").iterdir()] == ["rows.json"]
    content = json.loads(first)
    assert list(content["tables"]) == sorted(content["tables"])
    assert content["version"] == 1
    read = read_statistics(FolderTree(tmp_path), "ci/rows.json")
    assert read.rows["public.never_analysed"] is None
    assert read.server_version.startswith("18.")


@pytest.fixture
def guarded(database: Address, connection: Connection) -> Iterator[Address]:
    """Make the server ask one role, `locked`, for its password."""
    connection.execute("CREATE ROLE locked LOGIN PASSWORD 'right-Horse'")
    (path,) = connection.execute("SHOW hba_file").fetchone() or ("",)
    hba = Path(path)
    before = hba.read_text("utf-8")
    hba.write_text("local all locked scram-sha-256\n" + before, "utf-8")
    connection.execute("SELECT pg_reload_conf()")
    connection.execute("SELECT pg_sleep(0.3)")
    yield database
    hba.write_text(before, "utf-8")
    connection.execute("SELECT pg_reload_conf()")
    connection.execute("DROP ROLE locked")


def test_a_wrong_password_is_not_repeated(
    guarded: Address, connection: Connection, gatekeeper: Callable[..., Any]
) -> None:
    connection.execute("CREATE TABLE t (id int)")
    done = gatekeeper("stats", "--url", url_of(guarded, "locked", "wrong-Horse"))
    assert done.returncode == 2
    assert 'password authentication failed for user "locked"' in done.stderr
    assert "wrong-Horse" not in done.stdout + done.stderr
    environment = {"PGPASSWORD": "right-Horse", "PATH": "/usr/bin"}
    assert gatekeeper("stats", "--url", url_of(guarded, "locked"), env=environment).returncode == 0


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:pw-Horse@127.0.0.1:1/shop",
        "postgresql+psycopg://me:pw-Horse@127.0.0.1:1/shop",
        "postgresql://me:x@pw-Horse@127.0.0.1:1/shop",
        "postgresql://me:pw-Horse/x@127.0.0.1:1/shop",
        "postgresql://me:1/pw-Horse@127.0.0.1:1/shop",
        "postgresql://me:pw-Horse%zz@127.0.0.1:1/shop",
        "postgresql://me:pw-Horse@[::1/shop",
        "postgresql://me:pw-Horse@127.0.0.1:pw-Horse/shop",
        "postgresql://me:pw-Horse@127.0.0.1/shop?pw-Horse=1",
        "host=127.0.0.1 port=1 password=x pw-Horse",
        "mysql://me:pw-Horse@127.0.0.1/shop",
    ],
)
def test_no_message_repeats_a_password(url: str) -> None:
    with pytest.raises(GatekeeperError) as caught:
        take_statistics(url)
    assert "pw-Horse" not in caught.value.message + caught.value.hint
    assert caught.value.hint


def test_a_database_that_may_not_be_connected_to(
    database: Address, connection: Connection, role: str
) -> None:
    connection.execute(f"REVOKE ALL ON DATABASE {database.database} FROM {role}".encode())
    with pytest.raises(GatekeeperError, match="permission denied for database"):
        take_statistics(url_of(database, role))


def test_a_catalog_that_is_closed(database: Address, connection: Connection, role: str) -> None:
    connection.execute("REVOKE SELECT ON pg_class FROM public")
    with pytest.raises(GatekeeperError, match="permission denied for table pg_class") as caught:
        take_statistics(url_of(database, role))
    assert "pg_class" in caught.value.hint


def test_a_database_without_tables_is_probably_another(database: Address) -> None:
    with pytest.raises(GatekeeperError, match=f"the database {database.database} has no table"):
        take_statistics(url_of(database))


def test_what_cannot_be_written_is_said(
    database: Address, connection: Connection, gatekeeper: Callable[..., Any], tmp_path: Path
) -> None:
    connection.execute("CREATE TABLE t (id int)")
    (tmp_path / "folder").mkdir()
    done = gatekeeper("stats", "--url", url_of(database), "--output", "folder")
    assert done.returncode == 2
    assert done.stderr.startswith("error: folder: cannot be written")
    assert "Traceback" not in done.stderr


def test_a_file_is_replaced_whole_also_behind_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.json"
    real.write_text("old", "utf-8")
    (tmp_path / "link.json").symlink_to(real)
    made = Statistics("2026-08-24", "16.4", {"public.b": None, "public.a": 1, '"B".c': 10**12})
    write_whole(tmp_path / "link.json", render_statistics(made))
    assert (tmp_path / "link.json").is_symlink()
    assert real.read_text("utf-8") == render_statistics(made)
    again = read_statistics(FolderTree(tmp_path), "link.json")
    assert (again.taken, again.server_version, again.rows) == ("2026-08-24", "16.4", made.rows)


_HEAD = '{\n  "version": 1,\n  "taken": "2026-08-24",\n  "server_version": "16.4",\n'


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("", ["1: not valid JSON: Expecting value"]),
        (_HEAD, ["5: not valid JSON: Expecting property name enclosed in double quotes"]),
        ("[" * 100_000, ["1: not valid JSON"]),
        ("1" * 5000, ["1: not valid JSON"]),
        ("[]", ["1: expected an object with the keys version, taken, server_version, tables"]),
        ("{}", ["1: it has no version; this Gatekeeper reads version 1"]),
        ('{"version": 2}', ["1: it has version 2; this Gatekeeper reads version 1"]),
        ('{"version": true}', ["1: it has version True; this Gatekeeper reads version 1"]),
        (
            '{"version": 1,\n"taken": "yesterday",\n"tabels": {}}',
            [
                "1: server_version is a text",
                "1: tables is an object: the number of rows by table",
                "2: taken is the day of the counts: 2026-08-24",
                "3: unknown key 'tabels'; did you mean tables?",
            ],
        ),
        (
            _HEAD + '  "tables": {\n    "public.a": -1,\n    "public.b": 1.5,\n    "c": 1,\n'
            '    "public.D": 1,\n    "public.e": true,\n    "public.f": NaN,\n    "public.g": "9",\n'
            f'    "public.h": {10**16}\n  }}\n}}',
            [
                "6: public.a has -1 rows; expected a number from 0 up, or null",
                "7: public.b has 1.5 rows; expected a number from 0 up, or null",
                "8: 'c' is no table with its schema: public.orders",
                "9: 'public.D' is no table with its schema: public.orders",
                "10: public.e has True rows; expected a number from 0 up, or null",
                "11: public.f has nan rows; expected a number from 0 up, or null",
                "12: public.g has '9' rows; expected a number from 0 up, or null",
                "13: public.h has 10000000000000000 rows; expected a number from 0 up, or null",
            ],
        ),
        (
            _HEAD + '"tables": {"public.a": 1, "public.a": 2}}',
            ["1: not valid JSON: 'public.a' is given twice"],
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_every_mistake(
    tmp_path: Path, text: str, mistakes: list[str]
) -> None:
    (tmp_path / "s.json").write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        read_statistics(FolderTree(tmp_path), "s.json")
    found = caught.value.message.replace(f"{tmp_path / 's.json'}:", "").splitlines()
    assert len(found) == len(mistakes)
    for line, mistake in zip(found, mistakes, strict=True):
        assert line.startswith(mistake)
    assert "gatekeeper stats" in caught.value.hint


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"s\.json: cannot be read: No such file") as caught:
        read_statistics(FolderTree(tmp_path), "s.json")
    assert "gatekeeper stats --url" in caught.value.hint
    (tmp_path / "s.json").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_statistics(FolderTree(tmp_path), "s.json")
