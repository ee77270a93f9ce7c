"""A PostgreSQL cluster of our own: private directory, unix socket only, durability off."""

import os
import pwd
import shutil
import subprocess
import time
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from gatekeeper.config_database import ProductionRole
from gatekeeper.errors import ScratchError
from gatekeeper.scratch.base import Address, copy, create_missing_roles, drop_databases, drop_roles
from gatekeeper.scratch.rundir import RunDirectory

STAND_INS = Path(__file__).parent / "stand_ins"
_KNOWS_STRATEGIES = 150000
_KNOWS_EXTENSION_PATHS = 18

# The cluster lives for seconds and is thrown away after a crash, so nothing needs to reach the disk
# (PostgreSQL manual, section 14.5). Autovacuum would only make timings and statistics differ.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "max_connections": "60",
    "max_locks_per_transaction": "1024",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "logging_collector": "off",
    "dynamic_shared_memory_type": "mmap",
}


class PrivateCluster:
    """A cluster made by initdb from the binaries in `bindir`, below the run's directory."""

    def __init__(self, run: RunDirectory, bindir: Path) -> None:
        self._run = run
        self._user = _server_user()
        self._bindir = self._reachable(bindir.parent) / bindir.name
        self._data = self._folder("data")
        self._socket = self._folder("socket")
        self._log = run.path / "server.log"
        self._server: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        self._initdb()
        version = int((self._data / "PG_VERSION").read_text())
        self._stand_ins = self._reachable(STAND_INS) if version >= _KNOWS_EXTENSION_PATHS else None
        self._start()

    def create_database(self) -> Address:
        name = f"scratch_{next(self._numbers)}"
        query = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        with self._admin() as connection:
            if connection.info.server_version >= _KNOWS_STRATEGIES:
                query += sql.SQL(" STRATEGY FILE_COPY")  # half the work where nothing is synced
            connection.execute(query)
        return self._address(name)

    def copy_database(self, database: Address) -> Address | None:
        name = f"scratch_{next(self._numbers)}"
        with self._admin() as connection:
            return self._address(name) if copy(connection, database.database, name) else None

    def drop_database(self, database: str) -> None:
        with self._admin() as connection:
            drop_databases(connection, database)

    def create_roles(self, roles: tuple[ProductionRole, ...]) -> None:
        with self._admin() as connection:
            create_missing_roles(connection, roles)

    def drop_new_roles(self) -> None:
        with self._admin() as connection:
            rows = connection.execute("SELECT rolname FROM pg_roles WHERE oid >= 16384")
            drop_roles(connection, {name for (name,) in rows})

    def stand_ins(self, database: Address) -> tuple[str, ...]:
        if self._stand_ins is None:
            return ()
        with database.connect() as connection:
            rows = connection.execute("SELECT extname FROM pg_extension ORDER BY 1").fetchall()
            asked = "SELECT setting FROM pg_config() WHERE name = 'SHAREDIR'"
            ((share,),) = connection.execute(asked).fetchall()
        ours = {path.stem for path in (STAND_INS / "extension").glob("*.control")}
        theirs = {path.stem for path in Path(share, "extension").glob("*.control")}
        return tuple(name for (name,) in rows if name in ours - theirs)

    def close(self) -> None:
        """Stop the server. The run's directory takes the files with it."""
        if self._server is not None:
            self._server.send_signal(3)  # SIGQUIT: immediate shutdown, nothing is worth saving
            try:
                self._server.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            self._server = None

    def _admin(self) -> psycopg.Connection[Any]:
        return self._address("postgres").connect()

    def _address(self, database: str) -> Address:
        return Address(str(self._socket), 5432, "postgres", database)

    def _folder(self, name: str) -> Path:
        folder = self._run.folder(name)
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        return folder

    def _reachable(self, path: Path) -> Path:
        """Give `path`, or a copy where the server's user cannot read it (below /root, say).

        A copy of hard links costs nothing; symbolic links will not do, PostgreSQL resolves them to
        find its other files.
        """
        if self._user is None or all(p.stat().st_mode & 0o001 for p in (path, *path.parents)):
            return path
        copies = self._run.path / "copies"
        target = copies / path.parent.name / path.name
        # Where a wheel keeps the libraries of its programs, which find them by this very path.
        libraries = path.parent.with_name(f"{path.parent.name}.libs")
        for source in (path, libraries):
            copy = copies / source.relative_to(path.parent.parent)
            if source.is_dir() and not copy.exists():
                shutil.copytree(source, copy, symlinks=True, copy_function=_link_or_copy)
        for folder, _, _ in os.walk(copies):
            Path(folder).chmod(0o755)
        return target

    def _popen(self, arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401
        user: dict[str, Any] = {}
        if self._user is not None:
            user = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        process = subprocess.Popen(
            arguments,
            cwd=self._socket if self._user is None else "/",
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; we stop the server in our own time
            **user,
            **options,
        )
        self._run.record(process)
        return process

    def _initdb(self) -> None:
        process = self._popen(
            [
                str(self._bindir / "initdb"),
                f"--pgdata={self._data}",
                "--username=postgres",
                "--auth=trust",  # the socket's folder is closed to everybody else
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "--no-instructions",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output, _ = process.communicate(timeout=120)
        if process.returncode != 0:
            raise ScratchError(
                f"initdb failed: {output.decode(errors='replace').strip()[-1500:]}",
                "Use a server of your own instead: --database-url postgresql://…",
            )

    def _start(self) -> None:
        settings = _SETTINGS | {"unix_socket_directories": str(self._socket)}
        if self._stand_ins is not None:
            settings["extension_control_path"] = f"$system:{self._stand_ins}"
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("wb") as log:
            self._server = self._popen(
                [str(self._bindir / "postgres"), "-D", str(self._data), *options],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                self._admin().close()
            except psycopg.OperationalError as error:
                if self._server.poll() is not None or time.monotonic() > deadline:
                    raise ScratchError(
                        f"the scratch server did not start: {self._tail()}",
                        "Use a server of your own instead: --database-url postgresql://…",
                    ) from error
                time.sleep(0.02)
            else:
                return

    def _tail(self) -> str:
        return self._log.read_text(errors="replace").strip()[-1500:] or "it said nothing"


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _server_user() -> pwd.struct_passwd | None:
    """Name the user the server runs as: ourselves, or nobody when we are root.

    PostgreSQL refuses to run as root (manual, section 18.1).
    """
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "postgres", "daemon"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ScratchError(
        "PostgreSQL does not run as root, and there is no user nobody, postgres or daemon",
        "Run gatekeeper as an ordinary user.",
    )
