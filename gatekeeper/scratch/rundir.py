"""The private directory of one run, and the sweeping of those whose owner died.

A run holds an exclusive flock on `lock` in its directory for as long as it lives. The kernel lets
go of it however the process ends, so the next run can tell the living from the dead, and ends what
a dead one left: the processes it had recorded, then its directory.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

_PREFIX = "gatekeeper-"
_SOCKET_PATH_LIMIT = 60  # a unix socket's path may have 107 bytes (unix(7)), ours adds about 40


def _temporary() -> Path:
    """Give the directory for temporary files, or /tmp where that one will not do.

    Its path may be too long for a socket; and when we are root, the server is somebody else, who
    must be able to pass through every folder on the way.
    """
    path = Path(tempfile.gettempdir()).resolve()
    passable = os.geteuid() != 0 or all(p.stat().st_mode & 0o001 for p in (path, *path.parents))
    fits = len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT
    return path if passable and fits else Path("/tmp")  # noqa: S108


class RunDirectory:
    """A directory that goes away with the run, together with every process recorded in it."""

    def __init__(self) -> None:
        sweep()
        hidden = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=_temporary()))
        self._lock = os.open(hidden / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # Renamed only when the lock is held: a sweeping neighbour never sees it without.
        self.path = hidden.with_name(hidden.name[1:])
        hidden.rename(self.path)
        if os.geteuid() == 0:
            self.path.chmod(0o711)  # the server runs as another user and must get through
        self._recorded: list[int] = []

    def folder(self, name: str) -> Path:
        """Make a folder that only we may enter, and give its path."""
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def record(self, process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
        """Remember a process that leads its own group, so that a later sweep can end it."""
        self._recorded.append(process.pid)
        with contextlib.suppress(psutil.NoSuchProcess), (self.path / "processes").open("a") as out:
            started = psutil.Process(process.pid).create_time()
            out.write(json.dumps([process.pid, started]) + "\n")

    def close(self) -> None:
        """End what still runs and remove the directory."""
        _remove(self.path)
        os.close(self._lock)


def sweep() -> None:
    """End the processes and remove the directories of runs that are no longer alive."""
    for path in _temporary().glob(f"*{_PREFIX}*"):
        if not path.name.lstrip(".").startswith(_PREFIX):
            continue
        with contextlib.suppress(OSError):
            if path.is_symlink() or path.stat().st_uid != os.geteuid():
                continue
            if path.name.startswith(".") and time.time() - path.stat().st_mtime < 60:  # noqa: PLR2004 - seconds
                continue
            lock = os.open(path / "lock", os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(path)
            finally:
                os.close(lock)


def _remove(path: Path) -> None:
    processes = path / "processes"
    if processes.exists():
        for line in processes.read_text().splitlines():
            with contextlib.suppress(ValueError, psutil.Error):
                pid, started = json.loads(line)
                if abs(psutil.Process(pid).create_time() - started) < 1:
                    end_group(pid)
    shutil.rmtree(path, ignore_errors=True)


def end_group(leader: int) -> None:
    """Kill a process group at once and wait until its leader is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    with contextlib.suppress(psutil.Error):
        psutil.Process(leader).wait(timeout=5)
