"""Measures Gatekeeper: python -m tests.benchmarks [--sizes quick|full] [--only PART …].

All of a table is measured in one run on one machine; only its ratios mean something elsewhere.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from gatekeeper.cli.main import collect_seldom
from gatekeeper.scratch.base import ScratchServer
from gatekeeper.scratch.embedded import start_embedded
from gatekeeper.scratch.rundir import RunDirectory
from tests.benchmarks.commands import checks, start_up
from tests.benchmarks.measure import Row, table
from tests.benchmarks.parts import judging, reading, squawk, witness, witnesses


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured, and how often."""

    histories: tuple[int, ...]
    statements: tuple[int, ...]
    read: tuple[int, ...]
    judged: tuple[int, ...]
    times: int


SIZES = {
    "quick": Sizes((10,), (60,), (50, 100, 200), (50, 100, 200), 3),
    "full": Sizes((10, 100, 400), (60, 200, 600), (100, 1000, 5000), (250, 500, 1000), 5),
}


def main() -> None:
    """Measure what is asked for, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--sizes", choices=SIZES, default="quick")
    parser.add_argument("--only", nargs="+", metavar="PART", default=[])
    asked = parser.parse_args()
    collect_seldom()
    sizes, run = SIZES[asked.sizes], RunDirectory()
    try:
        server = start_embedded(run)
        with tempfile.TemporaryDirectory() as folder:
            parts = _parts(server, Path(folder), sizes)
            unknown = set(asked.only) - set(parts)
            if unknown:
                parser.error(f"there is no {min(unknown)!r}; there are {', '.join(parts)}")
            chosen = asked.only or list(parts)
            print(table([row for name in chosen for row in parts[name]()]))
        server.close()
    finally:
        run.close()


def _parts(
    server: ScratchServer, folder: Path, sizes: Sizes
) -> dict[str, Callable[[], Iterator[Row]]]:
    return {
        "start": lambda: start_up(2 * sizes.times + 1),
        "check": lambda: checks(server, folder, sizes.histories, sizes.times),
        "witness": lambda: chain(
            witness(server, sizes.statements, sizes.times),
            witnesses(server, sizes.judged, sizes.times),
        ),
        "reading": lambda: reading(server, sizes.read, sizes.times),
        "judging": lambda: judging(server, sizes.judged, sizes.times),
        "squawk": lambda: squawk(folder, sizes.times),
    }


if __name__ == "__main__":
    main()
