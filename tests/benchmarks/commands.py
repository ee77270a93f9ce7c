"""Whole processes: the start of commands, and `check` against a bare `alembic upgrade head`."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

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
        label, cache = f"{size} + 1 revisions", folder / f"cache{size}"
        check = [sys.executable, "-m", "gatekeeper", "check", "--python", sys.executable]
        check += ["--base", "main", "--quiet"]
        cache.mkdir()
        warm = partial(_run, check, project, 1, GATEKEEPER_CACHE_DIR=str(cache / "warm"))
        warm()
        cold, without, seconds, bare = side_by_side(
            [
                partial(_check_cold, check, project, cache),
                partial(_run, [*check, "--no-cache"], project, 1),
                warm,
                partial(_upgrade, server, project),
            ],
            times,
        )
        budget = f"budget {1.2 * bare + 1:.3f} s (1.2 times + 1 s)"
        yield Row("check, cold, the base is kept", label, cold, bare, budget)
        yield Row("check, --no-cache", label, without, bare, budget)
        yield Row("check, warm", label, seconds, bare, "budget 1.5 s + the new revision")
        shutil.rmtree(cache)
        phases = folder / f"phases{size}.json"
        command = [sys.executable, "-m", "tests.benchmarks.phases", str(phases), *check[3:]]
        for name in ("cold", "warm"):
            _run(command, project, 1, GATEKEEPER_CACHE_DIR=str(cache))
            for phase, taken in json.loads(phases.read_text("utf-8")).items():
                yield Row(f"… {name}: {phase}", label, taken)


def _check_cold(check: list[str], project: Path, cache: Path) -> None:
    """Run `check` with a cache that has nothing yet."""
    _run(check, project, 1, GATEKEEPER_CACHE_DIR=mkdtemp(dir=cache))


def _upgrade(server: ScratchServer, project: Path) -> None:
    """Run a bare upgrade in a new database of a server that is there already."""
    address = server.create_database()
    url = f"postgresql+psycopg://{address.user}@/{address.database}?host={address.host}"
    write_ini(project, "bare.ini", f"{url}&port={address.port}")
    _run([sys.executable, "-m", "alembic", "-c", "bare.ini", "upgrade", "head"], project)
    (project / "bare.ini").unlink()


def _run(command: list[str], cwd: Path, most: int = 0, **variables: str) -> None:
    """Run a process; an exit status above `most` is no measurement."""
    root = Path(__file__).parent.parent.parent
    given = os.environ | {"PYTHONPATH": str(root), **variables}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=given)
    if done.returncode > most or "Traceback" in done.stderr:
        raise RuntimeError(f"{command} failed: {done.stdout}\n{done.stderr}")
