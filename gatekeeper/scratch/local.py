"""A scratch server of the machine's own PostgreSQL, for what the embedded one lacks."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.errors import ScratchError
from gatekeeper.scratch.cluster import Cluster
from gatekeeper.scratch.prepared import started
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.scratch.store import Store

if TYPE_CHECKING:
    from gatekeeper.scratch.private import PrivateCluster

OLDEST = 14
_PLACES = Path("/usr/lib/postgresql")  # where Debian's packages put the programs of each version
_PROGRAMS = ("initdb", "postgres")
_SECONDS = 20
_HINT = (
    "Install a server (Debian and Ubuntu: apt-get install postgresql), put its pg_config on the"
    " PATH, or leave out `server: local` under database: in gatekeeper.yml."
)


def start_local(run: RunDirectory, store: Store | None = None) -> "PrivateCluster":
    """Start a private cluster from the machine's programs. Raises ScratchError when it cannot.

    The store may have an empty one.
    """
    return started(local(run), store)


def local(run: RunDirectory) -> Cluster:
    """Give a cluster of the machine's programs that has not begun. Raises ScratchError."""
    return Cluster(run, find_programs())


def find_programs(places: Path = _PLACES) -> Path:
    """Give the folder of a server's programs: pg_config's, or the newest below `places`.

    Raises ScratchError when there is none that is new enough.
    """
    seen: list[Path] = []
    old: list[str] = []
    for folder in _candidates(places):
        seen.append(folder)
        version = _version(folder)
        if version is not None and version >= OLDEST:
            # PostgreSQL looks for its other files from where its program really is.
            return (folder / "postgres").resolve().parent
        if version is not None:
            old.append(f"PostgreSQL {version} in {folder}")
    if old:
        raise ScratchError(
            f"database.server is local, and this machine has {', '.join(old)}; {OLDEST} or newer"
            " is needed",
            _HINT,
        )
    looked = ", ".join(map(str, (*seen, places / "*/bin")))
    raise ScratchError(
        "database.server is local, and this machine has no programs of a PostgreSQL server"
        f" (initdb and postgres, looked for in {looked})",
        _HINT,
    )


def _candidates(places: Path) -> Iterator[Path]:
    config = shutil.which("pg_config")
    if config is not None and (said := _output([config, "--bindir"])):
        yield Path(said)  # may be that of a client only
    versions = [p for p in places.glob("*") if p.name.isdecimal()] if places.is_dir() else []
    for folder in sorted(versions, key=lambda p: int(p.name), reverse=True):
        yield folder / "bin"


def _version(folder: Path) -> int | None:
    """Give the major version of the server in a folder; None if none is whole there."""
    if not all(os.access(folder / name, os.X_OK) for name in _PROGRAMS):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", _output([str(folder / "postgres"), "--version"]))
    return int(match[1]) if match else None


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, check=True, text=True, timeout=_SECONDS, errors="replace"
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
