"""What a repository holds: Alembic projects, or folders of migrations in SQL."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gatekeeper.config import FILE_NAMES
from gatekeeper.errors import SourceError
from gatekeeper.git import WORKING_TREE, Repository
from gatekeeper.sources.alembic.locate import projects, script_location

_SKIPPED = {"node_modules", "site-packages", "venv", "target", "build", "dist"}
# Folders whose projects nobody runs in production.
_NO_PROJECTS = {
    "test", "tests", "example", "examples", "template", "templates", "docs", "fixtures",
}  # fmt: skip
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
    """Paths from the repository's root.

    `configs` are all projects, `meant` those that are to be judged; of those that are left out
    without having been asked `left` says why. `is_given`: somebody named the one that is meant.
    """

    configs: tuple[str, ...]
    meant: tuple[str, ...]
    left: Mapping[str, str] = field(default_factory=dict)
    sql: tuple[SqlFolder, ...] = ()
    is_given: bool = False

    @property
    def config(self) -> str | None:
        """The project that is meant, if it is one."""
        return self.meant[0] if len(self.meant) == 1 else None

    @property
    def is_one_of_several(self) -> bool:
        return len(self.configs) > 1

    @property
    def is_apart(self) -> bool:
        """Whether the project gets a gatekeeper.yml of its own beside its alembic.ini."""
        return self.is_given and self.is_one_of_several


def look_around(repository: Repository, given: str | None) -> Survey:
    """Find what there is; `given` is the path of alembic.ini, relative to where we are.

    Of several projects all are meant but for those that only look like one. Raises SourceError.
    """
    root = repository.root
    found = tuple(sorted(projects(repository, WORKING_TREE, root)))
    if given is not None:
        config = _given(repository, given)
        return Survey(tuple(sorted({*found, config})), (config,), is_given=True)
    if not found:
        return Survey((), (), sql=sql_folders(root))
    left = {path: why for path in found if (why := _why_left(root, path))}
    if len(left) == len(found):
        left = {}
    return Survey(found, tuple(path for path in found if path not in left), left)


def _why_left(root: Path, config: str) -> str:
    """Say why a configuration among several is none of a project to judge, or nothing."""
    folders = Path(config).parent.parts
    if part := next((p for p in folders if p.lower() in _NO_PROJECTS or "{{" in p), None):
        return f"it is below {part}"
    if any((root / Path(config).with_name(name)).is_file() for name in FILE_NAMES) and folders:
        return "it has a gatekeeper.yml of its own"
    try:
        script = script_location(root / config)
    except SourceError as error:
        return error.message
    if script is None:  # Flask-Migrate says it when it runs
        beside = (root / config).with_name("env.py").is_file()
        return "" if beside else "it names no script_location"
    if ":" in script:  # of a package
        return ""
    above = [root / folder for folder in Path(config).parents]
    found = any((folder / script / "env.py").is_file() for folder in above)
    return "" if found else f"there is no {script}/env.py"


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
