"""A PostgreSQL cluster of our own: private directory, unix socket only, durability off.

It is started before anything else is imported, so this module imports little.
"""

import os
import platform
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from gatekeeper.errors import ScratchError
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.scratch.user import reachable, server_user

STAND_INS = Path(__file__).parent / "stand_ins"
_KNOWS_EXTENSION_PATHS = 18
_STATUS = 7  # the line of postmaster.pid that says what the server is at, from 0 (pidfile.h)

# Puts data into an empty folder, as the user of whom subprocess hears; False: it could not.
Fill = Callable[[Path, dict[str, Any]], bool]

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


# The postmaster's signals (manual, section 18.5).
_FAST = signal.SIGINT
_IMMEDIATE = signal.SIGQUIT


class Cluster:
    """The server of the programs in `bindir`, and its data below the run's directory.

    `names` are for the databases that are made in it.
    """

    def __init__(self, run: RunDirectory, bindir: Path) -> None:
        self._run = run
        self._user = server_user()
        self._bindir = self._reachable(bindir.parent) / bindir.name
        self._data = self._folder("data")
        self._log = run.path / "server.log"
        self._server: subprocess.Popen[bytes] | None = None
        self.socket = self._folder("socket")
        self.names = _names(1)
        self.stand_ins: Path | None = None

    @property
    def version(self) -> str:
        """Say what data directories of this server look like: its version and the machine's kind.

        Raises ScratchError when the server cannot be run.
        """
        command = [str(self._bindir / "postgres"), "--version"]
        process = self._popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, _ = process.communicate(timeout=60)
        return f"{output.decode(errors='replace').strip()}, {platform.machine()}"

    def begin(self) -> None:
        """Make an empty cluster, and start it. Raises ScratchError."""
        self._empty()
        self._initdb()
        self._start()

    def begin_with(self, fill: Fill, database: str) -> bool:
        """Start on data of another cluster of the same version, which has this database.

        False: they could not be had, or the server did not start.
        """
        self._empty()
        if not fill(self._data, self._as_user()):
            return False
        self.names = _names(int(database.rpartition("_")[2]) + 1)
        try:
            self._start()
        except ScratchError:
            return False
        return True

    @contextmanager
    def stopped(self) -> Iterator[Path]:
        """Stop the server in an orderly way, give its data directory, and start it again."""
        self._stop(_FAST)
        try:
            yield self._data
        finally:
            self._start()

    def close(self) -> None:
        """Stop the server. The run's directory takes the files with it."""
        self._stop(_IMMEDIATE)  # nothing is worth saving

    def _stop(self, how: int) -> None:
        if self._server is not None:
            self._server.send_signal(how)
            try:
                self._server.wait(timeout=60 if how == _FAST else 5)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            self._server = None

    def _empty(self) -> None:
        """Stop what runs, and throw its data away."""
        self.close()
        shutil.rmtree(self._data)
        self._folder("data")
        self.names = _names(1)

    def _folder(self, name: str) -> Path:
        folder = self._run.folder(name)
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        return folder

    def _reachable(self, path: Path) -> Path:
        """Give `path`, or a copy where the server's user cannot read it (below /root, say)."""
        return path if self._user is None else reachable(path, self._run.path / "copies")

    def _as_user(self) -> dict[str, Any]:
        """Give what subprocess needs to know to run a program as the server's user."""
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def _popen(self, arguments: list[str], **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        process = subprocess.Popen(
            arguments,
            cwd=self.socket if self._user is None else "/",
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; we stop the server in our own time
            **self._as_user(),
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
                "--wal-segsize=1",  # MB; the least, since data directories are kept and copied
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
        version = int((self._data / "PG_VERSION").read_text())
        if version >= _KNOWS_EXTENSION_PATHS:
            self.stand_ins = self._reachable(STAND_INS)
        settings = _SETTINGS | {"unix_socket_directories": str(self.socket)}
        if self.stand_ins is not None:
            settings["extension_control_path"] = f"$system:{self.stand_ins}"
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("wb") as log:
            self._server = self._popen(
                [str(self._bindir / "postgres"), "-D", str(self._data), *options],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 60
        while not self._is_ready():
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise ScratchError(
                    f"the scratch server did not start: {self._tail()}",
                    "Use a server of your own instead: --database-url postgresql://…",
                )
            time.sleep(0.01)

    def _is_ready(self) -> bool:
        """Say whether the server takes connections, as pg_ctl finds out."""
        with suppress(OSError, IndexError):
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            return lines[_STATUS].strip() == "ready"
        return False

    def _tail(self) -> str:
        return self._log.read_text(errors="replace").strip()[-1500:] or "it said nothing"


def _names(first: int) -> Iterator[str]:
    """Give names for databases, which begin_with() reads again."""
    return map("scratch_{}".format, count(first))
