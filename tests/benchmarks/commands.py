"""Whole processes: the start of commands, and `check` against a bare `alembic upgrade head`."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gatekeeper.scratch.base import ScratchServer
from tests.benchmarks.generated import history, write_ini
from tests.benchmarks.measure import Row, median, side_by_side

_STARTS = (("--help",), ("policy", "list"), ("explain", "table-dropped"), ("explain", "tables"))


def start_up(times: int) -> Iterator[Row]:
    """Measure the commands that only look something up, against a bare interpreter."""
    bare = median(lambda: _run([sys.executable, "-c", "pass"], Path.cwd()), times)
    for arguments in _STARTS:
        command = [sys.executable, "-m", "gatekeeper", *arguments]
        seconds = median(partial(_run, command, Path.cwd()), times)
        yield Row("start", " ".join(arguments), seconds, bare, "budget 0.25 s")


def checks(
    server: ScratchServer, folder: Path, sizes: tuple[int, ...], times: int
) -> Iterator[Row]:
    """Measure `check` of one new revision after histories of some lengths."""
    for size in sizes:
        project = history(folder / f"history{size}", size)
        check = [sys.executable, "-m", "gatekeeper", "check", "--python", sys.executable]
        check += ["--base", "main", "--quiet"]
        seconds, bare = side_by_side(
            [partial(_run, check, project, 1), partial(_upgrade, server, project)], times
        )
        budget = f"budget {1.2 * bare + 1:.3f} s (1.2 times + 1 s)"
        yield Row("check", f"{size} + 1 revisions", seconds, bare, budget)
        phases = folder / f"phases{size}.json"
        arguments = check[3:]
        _run([sys.executable, "-m", "tests.benchmarks.phases", str(phases), *arguments], project, 1)
        for phase, taken in json.loads(phases.read_text("utf-8")).items():
            yield Row(f"… {phase}", f"{size} + 1 revisions", taken)


def _upgrade(server: ScratchServer, project: Path) -> None:
    """Run a bare upgrade in a new database of a server that is there already."""
    address = server.create_database()
    url = f"postgresql+psycopg://{address.user}@/{address.database}?host={address.host}"
    write_ini(project, "bare.ini", f"{url}&port={address.port}")
    _run([sys.executable, "-m", "alembic", "-c", "bare.ini", "upgrade", "head"], project)
    (project / "bare.ini").unlink()


def _run(command: list[str], cwd: Path, most: int = 0) -> None:
    """Run a process; an exit status above `most` is no measurement."""
    root = Path(__file__).parent.parent.parent
    paths = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=paths)
    if done.returncode > most or "Traceback" in done.stderr:
        raise RuntimeError(f"{command} failed: {done.stdout}\n{done.stderr}")
