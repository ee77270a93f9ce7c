"""A base that was kept stands in for building it, and only for a base that is made of the same."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gatekeeper.bases import Bases
from gatekeeper.cli.cache import cache_folder, lasting
from gatekeeper.config_database import ProductionRole
from gatekeeper.git import Repository
from gatekeeper.observe import Setup
from gatekeeper.review import take_snapshot
from gatekeeper.scratch.base import Address
from gatekeeper.scratch.embedded import embedded
from gatekeeper.scratch.image import pack, read_header, unpack
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.scratch.store import Store
from gatekeeper.snapshot import Snapshot
from gatekeeper.snapshot_file import write_snapshots
from gatekeeper.sources.alembic.drift import ModelledSource
from gatekeeper.sources.alembic.probe import installed
from gatekeeper.sources.alembic.probe import source_of as source_of_file
from gatekeeper.sources.alembic.revisions import AlembicOptions
from gatekeeper.sources.base import Made
from tests.conftest import ENV_PY, Project

SETUP = Setup(roles=(ProductionRole("reporting"),), undoes=True)
KEPT = "2 revisions were kept"
MODELS = """
import sqlalchemy as sa
metadata = sa.MetaData()
sa.Table("orders", metadata, sa.Column("id", sa.BigInteger, primary_key=True))
"""


@pytest.fixture
def shop(project: Project) -> Project:
    """A project whose history reads a file, and whose env.py imports the models."""
    path = "import os, sys\nsys.path.insert(0, os.getcwd())\nimport models\n"
    known = "connection=connection, target_metadata=models.metadata"
    project.write("migrations/env.py", path + ENV_PY.replace("connection=connection", known))
    project.write("models.py", MODELS)
    project.write("sql/first.sql", "CREATE TABLE orders (id bigint PRIMARY KEY)")
    read = 'for file in sorted(pathlib.Path("sql").glob("*.sql")): op.execute(file.read_text())'
    project.revision("r1", read, head="import pathlib")
    project.revision("r2", 'op.create_index("later", "orders", ["id"])')
    project.write("unused.py", "WORD = 'text'\n")
    project.commit()
    project.branch()
    add(project)
    project.commit()
    return project


def add(project: Project, name: str = "r3", column: str = "note") -> None:
    project.revision(name, f'op.add_column("orders", sa.Column("{column}", sa.Text))')


Reviewed = Callable[..., tuple[Snapshot, str]]


@pytest.fixture
def reviewed(tmp_path: Path) -> Reviewed:
    """Review a project; give the snapshot, and what became of the base."""

    def run(project: Project, *, compares: bool = False) -> tuple[Snapshot, str]:
        directory = RunDirectory()
        store = Store(tmp_path / "cache")
        bases = Bases(store, ["k"], str(project.root), lambda: embedded(directory), worth=0)
        source = source_of(project, directory, compares=compares)
        try:
            taken = take_snapshot(source, bases.start, lambda: SETUP, bases=bases)
            assert taken.failure is None, taken.failure
            return taken, bases.told
        finally:
            source.close()
            directory.close()

    return run


def source_of(project: Project, run: RunDirectory, *, compares: bool = False) -> ModelledSource:
    source = ModelledSource(
        Repository(project.root),
        run,
        base="main",
        head=None,
        options=AlembicOptions(python=sys.executable),
    )
    source.compares = lambda: compares
    return source


def test_a_second_review_builds_nothing(
    shop: Project, reviewed: Reviewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, told = reviewed(shop, compares=True)
    assert told.startswith("none is kept; kept, ")
    drifts = {row["kind"]: row["change"] for row in first.facts.head["drifts"]}
    assert drifts == {"extra_column": "added", "extra_index": None}
    monkeypatch.setattr(ModelledSource, "_upgrade", only_new(ModelledSource._upgrade))
    second, told = reviewed(shop, compares=True)
    assert told.startswith(KEPT)
    assert write_snapshots([second]) == write_snapshots([first])


def kept_in(folder: Path) -> list[Path]:
    """Give the files of bases, and not that of the empty cluster."""
    found = []
    for path in folder.iterdir():
        with path.open("rb") as image:
            found += [path] if "made" in read_header(image).about else []
    return found


def only_new(upgrade: Callable[..., object]) -> Callable[..., object]:
    def checked(source: object, child: object, database: object, targets: object, during: str,
                *more: object, **options: object) -> object:  # fmt: skip
        assert during == "new migrations"
        return upgrade(source, child, database, targets, during, *more, **options)

    return checked


def test_a_base_that_has_moved_on_is_gone_on_with(shop: Project, reviewed: Reviewed) -> None:
    reviewed(shop)
    shop.git("checkout", "--quiet", "main")
    shop.git("merge", "--quiet", "feature")
    shop.git("checkout", "--quiet", "-b", "later")
    add(shop, "r4", "late")
    later, told = reviewed(shop)
    assert told.startswith(f"{KEPT} (")
    assert "; kept, " in told
    assert [r.id for r in later.plan.new_revisions] == ["r4"]
    assert {c.subject for c in later.changes} == {"public.orders.late"}
    again, told = reviewed(shop)
    assert told.startswith("3 revisions were kept")
    assert again.after == later.after
    # What the first two were made of still decides.
    shop.write("sql/first.sql", "CREATE TABLE orders (id bigint PRIMARY KEY, old text)")
    changed, told = reviewed(shop)
    assert told.startswith("what is kept does not fit: sql/first.sql is another; kept, ")
    assert "public.orders.old" in {s.subject for s in changed.after.columns}


@pytest.fixture
def source(shop: Project) -> Iterator[Callable[[], ModelledSource]]:
    """Give the migrations of the project as they are now, loaded."""
    run = RunDirectory()
    sources: list[ModelledSource] = []

    def load() -> ModelledSource:
        sources.append(source_of(shop, run))
        sources[-1].prepare()
        return sources[-1]

    yield load
    for one in sources:
        one.close()
    run.close()


Load = Callable[[], ModelledSource]


def built(source: ModelledSource, database: Address) -> Made | str | None:
    source.build_base(database)
    return source.made()


def test_only_what_a_base_is_made_of_decides(
    shop: Project, source: Load, database: Address
) -> None:
    one = source()
    made = built(one, database)
    assert isinstance(made, Made)
    assert made.revisions == ("r1", "r2")
    files = {name for name, _ in made.files if not name.startswith("/")}
    assert files == {
        "alembic.ini", "migrations/env.py", "sql/first.sql", "migrations/versions/r1.py",
        "migrations/versions/r2.py", "sql",
    }  # fmt: skip
    assert one.fits(made) is None
    (shop.root / "models.py").write_text(MODELS + "# another\n")
    (shop.root / "unused.py").unlink()
    shop.write("migrations/versions/r3.py", "another = True\n")
    assert one.fits(made) is None
    for name in files - {"sql"}:
        file = shop.root / name
        was = file.read_bytes()
        file.write_bytes(was + b"\n")
        assert one.fits(made) == f"{name} is another"
        file.unlink()
        assert one.fits(made) is not None
        file.write_bytes(was)
    shop.write("sql/second.sql", "")
    assert one.fits(made) == "sql is another"
    (shop.root / "sql/second.sql").unlink()
    assert one.fits(replace(made, tools="x")) == "the interpreter or its packages are others"
    more = replace(made, revisions=("r1", "r2", "r3"))
    assert one.fits(more) == "it has revisions that the base has not"


@pytest.fixture
def longer(shop: Project) -> Callable[..., None]:
    """Put one revision more into the base."""

    def change(*body: str, head: str = "") -> None:
        shop.git("checkout", "--quiet", "main")
        shop.revision("r2b", *body, parent="r2", head=head)
        shop.commit()
        shop.git("checkout", "--quiet", "-b", "later")
        shop.revision("r3", 'op.add_column("orders", sa.Column("note", sa.Text))', parent="r2b")

    return change


USES = {
    "at the top": ("import models", 'op.execute("SELECT 1")'),
    "in a function": ("", 'import models; op.execute("SELECT 1")'),
    "from it": ("", 'from models import metadata; op.execute("SELECT 1")'),
    "all of it": ("import models", "models.metadata.create_all(op.get_bind())"),
}


@pytest.mark.parametrize(("head", "body"), USES.values(), ids=USES)
def test_a_revision_that_uses_the_application_is_made_of_it(
    longer: Callable[..., None], source: Load, database: Address, head: str, body: str
) -> None:
    longer(body, head=head)
    made = built(source(), database)
    assert isinstance(made, Made)
    assert "models.py" in dict(made.files)


LISTENS = """
@sa.event.listens_for(sa.Table, "after_create")
def mark(table, connection, **options):
    connection.execute(sa.text("SELECT 1"))
"""


def test_models_that_take_part_are_part_of_it(
    shop: Project, longer: Callable[..., None], source: Load, database: Address
) -> None:
    (shop.root / "models.py").write_text(MODELS + LISTENS)
    longer('op.create_table("invoices", sa.Column("id", sa.Integer))')
    made = built(source(), database)
    assert isinstance(made, Made)
    assert "models.py" in dict(made.files)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("/app/__pycache__/models.cpython-313.pyc", "/app/models.py"),
        ("/app/__pycache__/r2_3.0_more.cpython-311.opt-1.pyc", "/app/r2_3.0_more.py"),
        ("/app/models.py", "/app/models.py"),
        ("/app/shipped.pyc", "/app/shipped.pyc"),
    ],
)
def test_bytecode_stands_for_its_source(path: str, source: str) -> None:
    assert source_of_file(path) == source


def test_packages_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    seen = [installed()]

    def is_new() -> bool:
        seen.append(installed())
        return seen[-1] not in seen[:-1]

    (tmp_path / "app-1.0.dist-info").mkdir()
    assert is_new()
    (tmp_path / "app-1.0.dist-info" / "RECORD").write_text("app.py,sha256=a,1")
    assert not is_new()  # the version says what is in it
    (tmp_path / "app-1.0.dist-info" / "direct_url.json").write_text("{}")
    assert is_new()
    (tmp_path / "app-1.0.dist-info" / "RECORD").write_text("app.py,sha256=b,1")
    assert is_new()
    (tmp_path / "app-1.0.dist-info").rename(tmp_path / "app-1.1.dist-info")
    assert is_new()


def test_what_a_process_did_is_not_known(
    longer: Callable[..., None], source: Load, database: Address
) -> None:
    longer('subprocess.run(["true"])', head="import subprocess")
    assert built(source(), database) == "a revision ran true"


def test_one_that_is_damaged_is_built_anew(
    shop: Project, reviewed: Reviewed, tmp_path: Path
) -> None:
    first, _ = reviewed(shop)
    (file,) = kept_in(tmp_path / "cache")
    whole = file.read_bytes()
    file.write_bytes(whole[:-100_000])
    second, told = reviewed(shop)
    assert told.startswith("none is kept; kept, ")
    assert write_snapshots([second]) == write_snapshots([first])
    assert file.stat().st_size > len(whole) - 1_000
    # Whole, by its digests, but no server starts on it.
    with file.open("rb") as image:
        header = read_header(image)
    folder = tmp_path / "without"
    folder.mkdir()
    with file.open("rb") as image:
        unpack(image, header, folder, {})
    (folder / "global" / "pg_control").write_bytes(b"x" * 8192)
    with file.open("w+b") as image:
        pack(folder, header.about | {"home": "/elsewhere"}, image)
    third, told = reviewed(shop)
    assert told.startswith("none is kept; kept, ")
    assert write_snapshots([third]) == write_snapshots([first])


def test_no_place_to_keep_it_is_no_failure(
    shop: Project, reviewed: Reviewed, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file is in the way")
    _, told = reviewed(shop)
    assert "; not kept: " in told


def test_roles_that_were_missing(
    shop: Project, longer: Callable[..., None], reviewed: Reviewed
) -> None:
    longer('op.execute("GRANT SELECT ON orders TO auditors")')
    reviewed(shop)
    shop.revision("r4", 'op.execute("GRANT SELECT ON orders TO watchers")')
    taken, told = reviewed(shop)
    assert told.startswith("3 revisions were kept")
    notes = [note for note in taken.plan.notes if "was created for this run" in note]
    assert [note.split()[2] for note in notes] == ["auditors", "watchers"]


def test_two_checks_at_once_leave_one_base(
    shop: Project, longer: Callable[..., None], tmp_path: Path
) -> None:
    longer('op.execute("SELECT pg_sleep(0.4)")')
    folder = tmp_path / "kept"
    command = [sys.executable, "-m", "gatekeeper", "check", "--python", sys.executable]
    command += ["--base", "main", "--timings", "--format", "json"]
    environment = os.environ | {"GATEKEEPER_CACHE_DIR": str(folder)}

    def start() -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command,
            cwd=shop.root,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    both = [start(), start()]
    reports = [process.communicate(timeout=100) for process in both]
    third = start()
    reports.append(third.communicate(timeout=100))
    assert [process.returncode for process in (*both, third)] == [0] * 3
    assert len({out for out, _ in reports}) == 1
    assert len(kept_in(folder)) == 1
    assert "the base's database: 3 revisions were kept" in reports[2][1]
    steps = [line.rsplit(maxsplit=2)[0].strip() for line in reports[2][1].splitlines()[:-1]]
    assert steps[0] == "starting"
    assert steps[2] == "loading the migrations"
    assert steps[-2:] == ["writing the report", "all"]


HERE = {"HOME": "/home/ann"}


def test_where_it_is_kept() -> None:
    assert cache_folder(HERE) == Path("/home/ann/.cache/gatekeeper")
    assert cache_folder(HERE | {"XDG_CACHE_HOME": "/x"}) == Path("/x/gatekeeper")
    assert cache_folder(HERE | {"GATEKEEPER_CACHE_DIR": "/kept"}) == Path("/kept")
    assert cache_folder({}) is None
    assert cache_folder(HERE | {"CI": "true"}) is None
    assert cache_folder(HERE | {"CI": "true", "GATEKEEPER_CACHE_DIR": "/kept"}) == Path("/kept")


def test_what_passes_decides_nothing() -> None:
    given = {"PATH": "/bin", "SSH_TTY": "1", "_": "x", "SCHEMA": "shop", "CI_JOB_ID": "7"}
    assert lasting(given) == {"PATH": "/bin", "SCHEMA": "shop"}
