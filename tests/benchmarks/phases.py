"""Runs `gatekeeper check` here and says where the time went: python -m tests.benchmarks.phases OUT.

Functions of the pipeline are wrapped. The time of one within another counts for the inner one only.
What other threads do (the server starts while the migrations are loaded) has lines of its own.
"""

import functools
import importlib
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

# What the phases are called, and the functions that they are made of.
PHASES = {
    "policies": ("gatekeeper.policy.load:load_policies",),
    "server start": (
        "gatekeeper.scratch.cluster:Cluster.begin",
        "gatekeeper.scratch.cluster:Cluster.begin_with",
    ),
    "cache": ("gatekeeper.bases:Bases.find", "gatekeeper.bases:Bases.keep"),
    "new database": ("gatekeeper.scratch.private:PrivateCluster.create_database",),
    "git, env.py": ("gatekeeper.sources.alembic.source:AlembicSource.prepare",),
    "base history": ("gatekeeper.sources.alembic.source:AlembicSource.build_base",),
    "new revisions": ("gatekeeper.sources.alembic.source:AlembicSource.apply",),
    "catalog": ("gatekeeper.observe:_state", "gatekeeper.observe:ask"),
    "witness": tuple(f"gatekeeper.observe:{f}" for f in ("install", "uninstall", "read_events")),
    "diff": tuple(f"gatekeeper.observe:{f}" for f in ("compare", "attribute", "difference")),
    "models": ("gatekeeper.review:compare_models", "gatekeeper.review:with_models"),
    "undoing": ("gatekeeper.review:with_undoing",),
    "facts": ("gatekeeper.observe:build_facts",),
    "judging": ("gatekeeper.judge:judge_snapshots",),
    "report": ("gatekeeper.cli.check:show",),
    "closing": (
        "gatekeeper.sources.alembic.source:AlembicSource.close",
        "gatekeeper.scratch.private:PrivateCluster.close",
        "gatekeeper.scratch.rundir:RunDirectory.close",
    ),
}


class Clock:
    """Adds up the time of phases."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}
        self._open = threading.local()

    def wrap(self, place: str, phase: str) -> None:
        """Replace the function at module:name by one that is timed."""
        module, _, path = place.partition(":")
        holder: Any = importlib.import_module(module)
        *owners, name = path.split(".")
        for owner in owners:
            holder = getattr(holder, owner)
        function = getattr(holder, name)

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            inner: list[float] = getattr(self._open, "inner", [])
            self._open.inner = [*inner, 0.0]
            start = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                whole = time.perf_counter() - start
                self._add(phase, whole - self._open.inner[-1])
                self._open.inner = [*inner[:-1], inner[-1] + whole] if inner else []

        setattr(holder, name, timed)

    def _add(self, phase: str, seconds: float) -> None:
        alone = threading.current_thread() is threading.main_thread()
        name = phase if alone else f"({phase}, meanwhile)"
        self.taken[name] = self.taken.get(name, 0.0) + seconds


def main() -> None:
    """Run the command with the phases wrapped, and write what each took as JSON."""
    out, *arguments = sys.argv[1:]
    from gatekeeper.cli.main import app

    clock = Clock()
    for phase, places in PHASES.items():
        for place in places:
            clock.wrap(place, phase)
    sys.argv = ["gatekeeper", *arguments]
    start = time.perf_counter()
    try:
        app()
    except SystemExit:
        whole = time.perf_counter() - start
        rest = whole - sum(s for name, s in clock.taken.items() if not name.startswith("("))
        taken = {"all but imports": whole, **clock.taken, "the rest": rest}
        Path(out).write_text(json.dumps(taken), "utf-8")


if __name__ == "__main__":
    main()
