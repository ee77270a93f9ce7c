"""What is kept between runs is what was kept, or it is not used."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gatekeeper.scratch.cluster import Cluster
from gatekeeper.scratch.embedded import start_embedded
from gatekeeper.scratch.image import Damaged
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.scratch.store import Kept, Store

ABOUT = {"database": "scratch_1"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder as a cluster's is: folders, empty ones too, and files of several sizes."""
    folder = tmp_path / "data"
    (folder / "base" / "5").mkdir(parents=True)
    (folder / "pg_tblspc").mkdir()
    (folder / "PG_VERSION").write_text("18\n")
    (folder / "base" / "5" / "112").write_bytes(os.urandom(20_000))
    (folder / "base" / "5" / "113").write_bytes(b"")
    (folder / "postmaster.opts").write_text("of the run that is over")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache" / "gatekeeper")


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


def filled(store: Store, kept: Kept, tmp_path: Path) -> dict[str, bytes | None] | None:
    target = tmp_path / f"target{time.monotonic_ns()}"
    target.mkdir()
    return contents(target) if store.fill(kept, target, {}) else None


def test_what_is_kept_comes_back(store: Store, data: Path, tmp_path: Path) -> None:
    made = store.keep("key", "first", ABOUT, data)
    (kept,) = store.kept("key")
    assert kept == made
    assert kept.about == ABOUT | {"key": "key"}
    assert kept.path.stat().st_size == sum(store.sizes())
    expected = contents(data)
    del expected["postmaster.opts"]
    assert filled(store, kept, tmp_path) == expected
    assert store.folder.stat().st_mode & 0o777 == 0o700
    assert list(store.kept("another key")) == []


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(at: float) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[int(at * (len(content) - 1))] ^= 1
        path.write_bytes(content)

    return change


DAMAGE = {"cut": cut, "lengthen": lengthen, "empty": empty}
DAMAGE |= {f"flip at {at / 10}": flip(at / 10) for at in range(11)}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_one_that_is_damaged_is_thrown_away(
    store: Store, data: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    store.keep("key", "first", ABOUT, data)
    (before,) = store.kept("key")
    damage(before.path)
    found = list(store.kept("key"))
    assert all(filled(store, kept, tmp_path) is None for kept in found)
    assert not before.path.exists()
    store.keep("key", "first", ABOUT, data)
    (again,) = store.kept("key")
    assert filled(store, again, tmp_path) is not None


def test_a_foreign_one_is_not_used(store: Store, data: Path, tmp_path: Path) -> None:
    store.keep("key", "first", ABOUT, data)
    store.keep("other", "first", ABOUT, data)
    (kept,) = store.kept("key")
    (other,) = store.kept("other")
    other.path.rename(kept.path)  # what another key decides, under the name of this one
    assert list(store.kept("key")) == []
    assert not store.fill(kept, tmp_path, {})


def test_what_another_run_wrote_meanwhile_stays(store: Store, data: Path, tmp_path: Path) -> None:
    kept = store.keep("key", "first", ABOUT, data)
    other = store.keep("key", "first", ABOUT | {"seconds": 2}, data)
    assert other.path == kept.path
    assert filled(store, kept, tmp_path) is None
    store.forget(kept)
    assert filled(store, other, tmp_path) is not None


def test_who_else_may_write_is_not_trusted(store: Store, data: Path, tmp_path: Path) -> None:
    store.keep("key", "first", ABOUT, data)
    (kept,) = store.kept("key")
    kept.path.chmod(0o666)
    assert list(store.kept("key")) == []
    kept.path.chmod(0o600)
    store.folder.chmod(0o777)
    assert list(store.kept("key")) == []
    with pytest.raises(Damaged, match="others may write into"):
        store.keep("key", "first", ABOUT, data)
    store.folder.chmod(0o700)
    away = kept.path.rename(tmp_path / "elsewhere")
    kept.path.symlink_to(away)
    assert list(store.kept("key")) == []


def test_a_tablespace_is_not_kept(store: Store, data: Path) -> None:
    (data / "pg_tblspc" / "16390").symlink_to("/var")
    with pytest.raises(Damaged, match="it has a tablespace"):
        store.keep("key", "first", ABOUT, data)
    assert list(store.folder.iterdir()) == []


def test_what_was_used_longest_ago_goes_first(data: Path, tmp_path: Path) -> None:
    size = Store(tmp_path / "other").keep("key", "first", ABOUT, data).path.stat().st_size
    store = Store(tmp_path / "cache", most_bytes=size * 5 // 2)
    for turn, name in enumerate(("first", "second")):
        store.keep("key", name, ABOUT | {"name": name}, data)
        os.utime(next(store.kept("key")).path, (turn, turn))
    (used,) = (kept for kept in store.kept("key") if kept.about["name"] == "first")
    assert filled(store, used, tmp_path) is not None
    store.keep("key", "third", ABOUT | {"name": "third"}, data)
    assert [kept.about["name"] for kept in store.kept("key")] == ["third", "first"]


def test_the_newest_stays_however_large(data: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "cache", most_bytes=1)
    store.keep("key", "first", ABOUT, data)
    store.keep("key", "second", ABOUT, data)
    assert len(list(store.kept("key"))) == 1


def test_an_abandoned_draft_is_removed(store: Store, data: Path) -> None:
    store.keep("key", "first", ABOUT, data)
    old, young = store.folder / ".draft-old", store.folder / ".draft-young"
    old.write_text("half")
    young.write_text("half")
    os.utime(old, (0, 0))
    store.keep("key", "first", ABOUT, data)
    assert not old.exists()
    assert young.exists()


_KEEPS = """
import sys, time
from pathlib import Path
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.scratch.store import Store
time.sleep(max(0, float(sys.argv[3]) - time.time()))
for _ in range(20):
    Store(Path(sys.argv[1])).keep("key", "first", {"database": "scratch_1"}, Path(sys.argv[2]))
"""


def test_two_that_keep_the_same_leave_one(store: Store, data: Path, tmp_path: Path) -> None:
    at = str(time.time() + 0.5)
    command = [sys.executable, "-c", _KEEPS, str(store.folder), str(data), at]
    both = [subprocess.Popen(command) for _ in range(2)]
    while any(process.poll() is None for process in both):  # who reads meanwhile is well served
        for kept in store.kept("key"):
            assert filled(store, kept, tmp_path) is not None
    assert [process.returncode for process in both] == [0, 0]
    assert len(list(store.folder.iterdir())) == 1
    (kept,) = store.kept("key")
    assert filled(store, kept, tmp_path) is not None


def test_an_empty_cluster_is_made_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def tables() -> list[tuple[str]]:
        run = RunDirectory()
        try:
            server = start_embedded(run, store)
            database = server.create_database()
            with database.connect() as connection:
                connection.execute("CREATE TABLE t (id int)")
                return connection.execute(
                    "SELECT tablename FROM pg_tables WHERE tablename = 't'"
                ).fetchall()
        finally:
            server.close()
            run.close()

    assert tables() == [("t",)]
    monkeypatch.setattr(Cluster, "_initdb", lambda _: pytest.fail("it was made a second time"))
    assert tables() == [("t",)]
    monkeypatch.undo()
    (file,) = store.folder.iterdir()
    flip(0.5)(file)
    assert tables() == [("t",)]
    assert len(list(store.folder.iterdir())) == 1
