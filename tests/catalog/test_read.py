"""Reading a catalog: every server version, and a server that is in use."""

import contextlib
import re
import socket
import threading

import psycopg
import pytest

from gatekeeper.catalog import live
from gatekeeper.catalog.read import (
    KINDS,
    OLDEST_SERVER,
    query_text,
    read_schema,
    without_tables,
)
from gatekeeper.catalog.url import read_url
from gatekeeper.errors import GatekeeperError

# Columns of the catalog that not every supported version has: since, until (PostgreSQL's manual,
# chapter 51, of each version).
NOT_EVERYWHERE = {
    "attcompression": (14, None),
    "rngmultitypid": (14, None),
    "colliculocale": (15, 16),
    "indnullsnotdistinct": (15, None),
    "collicurules": (16, None),
    "colllocale": (17, None),
    "conenforced": (18, None),
    "conperiod": (18, None),
}


@pytest.mark.parametrize("version", range(OLDEST_SERVER, 19))
@pytest.mark.parametrize("kind", KINDS)
def test_a_query_names_only_what_the_server_has(kind, version):
    text = query_text(kind, version)
    for column, (since, until) in NOT_EVERYWHERE.items():
        if re.search(rf"\b{column}\b", text):
            assert since <= version <= (until or version), column


def test_the_newest_server_is_asked_for_everything():
    text = "".join(query_text(kind, 18) for kind in KINDS)
    assert {"conenforced", "colllocale", "collicurules"} <= set(re.findall(r"\w+", text))
    assert "colliculocale" not in text


def test_tables_are_left_out_with_all_their_parts(connection):
    connection.execute(
        "CREATE SCHEMA s; CREATE TABLE s.version (id int PRIMARY KEY CHECK (id > 1));"
        "CREATE INDEX ON s.version ((id + 1)); CREATE TABLE version (id int PRIMARY KEY)"
    )
    whole = read_schema(connection)
    left = without_tables(whole, [("s", "version")])
    assert read_schema(connection, ignored_tables=[("s", "version")]) == left
    assert [t.subject for t in left.tables] == ["public.version"]
    assert [o.subject for o in (*left.columns, *left.constraints, *left.indexes)] == [
        "public.version.id",
        "public.version.version_pkey",
        "public.version_pkey",
    ]
    assert without_tables(whole, []) is whole


def _url(database, extra=""):
    return f"postgresql://{database.user}@/{database.database}?host={database.host}{extra}"


def test_a_live_server_cannot_be_written_to(database, connection):
    with live.connect(read_url(_url(database), "it"), "it") as reading:
        for statement in ("CREATE TABLE t ()", "BEGIN; CREATE TABLE t ()"):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                reading.execute(statement)
            reading.execute("ROLLBACK")
        with reading.transaction(), pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            reading.execute("CREATE TABLE t ()")


def test_settings_of_the_url_stay(database):
    url = _url(database, "&options=-c%20statement_timeout%3D7s&application_name=me")
    with live.connect(read_url(url, "it"), "it") as reading:
        found = reading.execute(
            "SELECT current_setting('statement_timeout'), current_setting('application_name'),"
            " current_setting('default_transaction_read_only')"
        ).fetchone()
    assert found == ("7s", "me", "on")


def test_a_role_that_may_do_nothing_reads_the_schema(database, connection):
    connection.execute(
        "CREATE TABLE t (id int PRIMARY KEY); CREATE FOREIGN DATA WRAPPER w;"
        "CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FUNCTION f() RETURNS int LANGUAGE sql"
        " AS 'SELECT 1'; CREATE USER MAPPING FOR postgres SERVER s OPTIONS (user 'u');"
        "CREATE ROLE reader LOGIN"
    )
    try:
        found = live.read_live(_url(database).replace("postgres@", "reader@"), "it")
        mine = read_schema(connection)
    finally:
        connection.execute("DROP ROLE reader")
    assert {o.kind for o in found.others} == {o.kind for o in mine.others}
    assert found.tables == mine.tables
    assert found.functions == mine.functions


def test_a_server_that_does_not_answer(tmp_path):
    with pytest.raises(GatekeeperError, match=r"^the shop: cannot connect: ") as caught:
        live.read_live(f"postgresql://me:secret@/shop?host={tmp_path}", "the shop")
    assert "secret" not in caught.value.message


def test_a_table_that_somebody_alters(database, connection, monkeypatch):
    connection.execute("CREATE TABLE t (id int DEFAULT 1); CREATE VIEW v AS SELECT * FROM t")
    monkeypatch.setattr(live, "_LONGEST_WAIT", "50ms")
    with database.connect() as other, other.transaction():
        other.execute("ALTER TABLE t ADD a int DEFAULT 2; ALTER VIEW v SET (security_barrier)")
        with pytest.raises(GatekeeperError, match="somebody is altering a table"):
            live.read_live(_url(database), "it")
    assert len(live.read_live(_url(database), "it").columns) == 2


class Pooler:
    """Passes connections on, but refuses settings in them, as PgBouncer does."""

    def __init__(self, folder, target):
        self.refused = 0
        self._target = target
        self._sockets = []
        self._threads = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            start = client.recv(4096)
            if b"\0options\0" in start:
                self.refused += 1
                fields = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"
                client.sendall(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{self._target}/.s.PGSQL.5432")
            server.sendall(start)
            self._sockets += [client, server]
            for one, other in ((client, server), (server, client)):
                thread = threading.Thread(target=self._pump, args=(one, other), daemon=True)
                self._threads.append(thread)
                thread.start()

    @staticmethod
    def _pump(one, other):
        # Either side may hang up first, and then the other's thread has a socket that is closed.
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._listener.close()
        for thread in self._threads:  # both sides have hung up by now
            thread.join(10)
        for one in self._sockets:
            one.close()


def test_a_pooler_that_takes_no_settings(database, connection, tmp_path):
    connection.execute("CREATE TABLE t (id int)")
    pooler = Pooler(tmp_path, database.host)
    try:
        found = live.read_live(_url(database).replace(database.host, str(tmp_path)), "it")
    finally:
        pooler.close()
    assert pooler.refused == 1
    assert found == read_schema(connection)
