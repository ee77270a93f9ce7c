"""However a run ends, nothing of it stays: no process, no directory."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gatekeeper.scratch.embedded import start_embedded
from gatekeeper.scratch.rundir import RunDirectory


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A directory for temporary files of these runs only; its path is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def slow(project, tmp_path):
    """A project whose new migration tells that it runs, and then waits."""
    project.revision("r1", "pass")
    project.commit()
    project.branch()
    marker = tmp_path / "running"
    project.revision("r2", f"import time; open({str(marker)!r}, 'w').close(); time.sleep(100)")
    return project, marker


def start(project, temporary: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "gatekeeper", "check", "--python", sys.executable],
        cwd=project.root,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(marker: Path) -> None:
    deadline = time.monotonic() + 30
    while not marker.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def processes_of(temporary: Path) -> list[str]:
    found = []
    for process in psutil.process_iter(["cmdline", "status", "cwd"]):
        text = " ".join(process.info["cmdline"] or ())
        if str(temporary) in text and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(text)
    return found


def probes(temporary: Path) -> list[int]:
    """Give the living processes that run migrations of these runs."""
    found = []
    for process in psutil.process_iter(["cmdline", "status", "environ"]):
        info = process.info
        if (
            any("alembic/probe.py" in word for word in info["cmdline"] or ())
            and info["status"] != psutil.STATUS_ZOMBIE
            and (info["environ"] or {}).get("TMPDIR") == str(temporary)
        ):
            found.append(process.pid)
    return found


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_a_signal_cleans_up_at_once(slow, temporary, number, status):
    project, marker = slow
    run = start(project, temporary)
    wait_for(marker)
    assert processes_of(temporary)
    assert probes(temporary)
    run.send_signal(number)
    output, _ = run.communicate(timeout=20)
    assert run.returncode == status, output
    assert "Traceback" not in output
    assert processes_of(temporary) == []
    assert probes(temporary) == []
    assert list(temporary.iterdir()) == []


def test_the_run_after_a_kill_sweeps(slow, temporary, gatekeeper, tmp_path):
    project, marker = slow
    run = start(project, temporary)
    wait_for(marker)
    run.kill()
    run.communicate()
    assert list(temporary.iterdir()) != []
    assert processes_of(temporary) != []
    (tmp_path / "a.sql").write_text("SELECT 1;")
    environment = {**os.environ, "TMPDIR": str(temporary)}
    done = gatekeeper("check", "--schema", "a.sql", "a.sql", env=environment)
    assert done.returncode == 0, done.stderr
    assert list(temporary.iterdir()) == []
    assert processes_of(temporary) == []
    assert probes(temporary) == []


def test_a_migration_ends_with_its_parent(slow, temporary):
    project, marker = slow
    run = start(project, temporary)
    wait_for(marker)
    run.kill()
    run.communicate()
    deadline = time.monotonic() + 5
    while probes(temporary) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert probes(temporary) == []


def test_two_runs_side_by_side_do_not_meet(temporary, tmp_path):
    (tmp_path / "before.sql").write_text("CREATE TABLE t (id int PRIMARY KEY, a int);")
    (tmp_path / "m.sql").write_text("CREATE ROLE somebody; ALTER TABLE t DROP a;")
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "gatekeeper", "check", "--schema", "before.sql", "m.sql"],
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(3)
    ]
    outputs = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [1, 1, 1], outputs
    assert list(temporary.iterdir()) == []


def test_what_is_not_ours_is_left_alone(temporary, gatekeeper, tmp_path):
    (temporary / "gatekeeper-notes").mkdir()
    (temporary / "gatekeeper-notes" / "precious").write_text("x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "lock").write_text("")
    (temporary / "gatekeeper-link").symlink_to(outside)
    (tmp_path / "a.sql").write_text("SELECT 1;")
    environment = {**os.environ, "TMPDIR": str(temporary)}
    assert gatekeeper("check", "--schema", "a.sql", "a.sql", env=environment).returncode == 0
    assert (temporary / "gatekeeper-notes" / "precious").exists()
    assert outside.exists()


def test_a_private_directory_for_temporary_files_will_do(temporary, gatekeeper, tmp_path):
    temporary.chmod(0o700)  # mktemp -d makes them so; as root the server runs as another user
    (tmp_path / "a.sql").write_text("SELECT 1;")
    environment = {**os.environ, "TMPDIR": str(temporary)}
    done = gatekeeper("check", "--schema", "a.sql", "a.sql", env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_can_run_it(temporary):
    temporary.chmod(0o777)
    child = os.fork()  # not exec: another user may not be able to read this interpreter's files
    if child == 0:
        status = 1
        try:
            daemon = pwd.getpwnam("daemon")
            os.setgroups([])
            os.setgid(daemon.pw_gid)
            os.setuid(daemon.pw_uid)
            tempfile.tempdir = str(temporary)
            run = RunDirectory()
            server = start_embedded(run)
            with server.create_database().connect() as connection:
                row = connection.execute("SELECT current_user").fetchone()
            server.close()
            run.close()
            status = 0 if row == ("postgres",) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert list(temporary.iterdir()) == []
