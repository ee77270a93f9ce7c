"""What a repository holds: Alembic projects, or folders of migrations in SQL."""

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.errors import SourceError
from gatekeeper.git import WORKING_TREE, Repository
from gatekeeper.sources.alembic.locate import projects

_SKIPPED = {"node_modules", "site-packages", "venv", "target", "build", "dist"}
_MOST_FOLDERS = 20_000
# Flyway, golang-migrate, dbmate, goose, sqlx, Supabase: a number or a day comes first.
_NUMBERED = re.compile(r"(?:[VU]?\d+|R_)[\w.-]*\.sql\Z")
_DOWN = re.compile(r"\.down\.sql\Z|^U\d")
_BOTH = re.compile(r"^\s*--\s*(?:migrate:down|\+goose Down|\+migrate Down)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SqlFolder:
    """A folder of migrations in SQL: the files that lead upwards, in their order.

    `both`: the files hold the way back, too, which `check` must not run.
    """

    folder: str
    files: tuple[str, ...]
    both: bool = False


@dataclass(frozen=True, slots=True)
class Survey:
    """Paths from the repository's root. `config`: the project that is meant."""

    configs: tuple[str, ...]
    config: str | None
    sql: tuple[SqlFolder, ...] = ()

    @property
    def is_one_of_several(self) -> bool:
        return len(self.configs) > 1


def look_around(repository: Repository, given: str | None) -> Survey:
    """Find what there is; `given` is the path of alembic.ini, relative to where we are.

    Raises SourceError when there are several projects and none is given.
    """
    found = tuple(sorted(projects(repository, WORKING_TREE, repository.root)))
    if given is not None:
        config = _given(repository, given)
        return Survey(tuple(sorted({*found, config})), config)
    if len(found) > 1:
        here, root = repository.start.resolve(), repository.root.resolve()
        ways = "\n".join(
            f"  gatekeeper init --config {shlex.quote(os.path.relpath(root / path, here))}"
            for path in found
        )
        listed = ", ".join(found)
        raise SourceError(
            f"this repository has {len(found)} Alembic projects: {listed}",
            f"Each gets a gatekeeper.yml and a workflow of its own:\n{ways}",
        )
    return Survey(found, found[0] if found else None, () if found else sql_folders(repository.root))


def _given(repository: Repository, given: str) -> str:
    path = (repository.start / given).resolve()
    if not path.is_file():
        raise SourceError(
            f"{given}: there is no such file", "Give the path of alembic.ini: --config PATH"
        )
    root = repository.root.resolve()
    if not path.is_relative_to(root):
        raise SourceError(
            f"{given} is not in the repository {repository.root}",
            "Run the command from the repository that has it.",
        )
    return path.relative_to(root).as_posix()


def sql_folders(root: Path) -> tuple[SqlFolder, ...]:
    """Find folders in which at least two files of SQL are numbered, those with most files first."""
    found: list[SqlFolder] = []
    for count, (place, folders, names) in enumerate(os.walk(root)):
        if count >= _MOST_FOLDERS:
            break
        folders[:] = sorted(f for f in folders if f not in _SKIPPED and not f.startswith("."))
        numbered = [n for n in names if _NUMBERED.match(n) and not _DOWN.search(n)]
        prisma = [f for f in folders if re.match(r"\d{8}", f)]
        prisma = [
            f"{f}/migration.sql" for f in prisma if (Path(place, f, "migration.sql")).is_file()
        ]
        files = sorted(numbered, key=_order) or prisma
        if len(files) > 1:
            both = any(_BOTH.match(line) for line in _lines(Path(place, files[0])))
            folder = Path(place).relative_to(root).as_posix()
            found.append(SqlFolder(folder, tuple(files), both))
    return tuple(sorted(found, key=lambda f: (-len(f.files), f.folder)))


def _order(name: str) -> tuple[int, str]:
    number = re.search(r"\d+", name)
    return int(number[0]) if number else 0, name


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
