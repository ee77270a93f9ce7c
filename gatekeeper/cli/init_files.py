"""What `gatekeeper init` looks at, writes and says; imported when it is asked."""

import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.cli.check import alembic_options, with_arguments
from gatekeeper.cli.session import read_config, run_directory, server_starter, write_whole
from gatekeeper.config import Config
from gatekeeper.errors import SourceError
from gatekeeper.git import Repository
from gatekeeper.report.escape import visible
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.setup import standing
from gatekeeper.setup.adopt import Draft, Tried, drafts, existing_config, home, to_do, try_out
from gatekeeper.setup.examine import Subject
from gatekeeper.setup.steps import Step
from gatekeeper.setup.survey import SqlFolder, Survey, look_around
from gatekeeper.sources.alembic.interpreter import find_interpreter
from gatekeeper.sources.sql_files import bootstrap_scripts
from gatekeeper.tree import FolderTree

_SHOWN = ("base", "interpreter", "heads", "extensions")
_MOST_FOLDERS = 3


@dataclass(frozen=True, slots=True)
class Adopted:
    """What to print, and whether `gatekeeper check` works now."""

    lines: tuple[str, ...]
    works: bool


def adopt(
    *,
    config: str | None,
    python: str | None,
    database_url: str | None,
    force: bool,
    write: bool,
    progress: Callable[[str], None],
) -> Adopted:
    """Look, try, and write. Raises GatekeeperError, and has written nothing, when it cannot."""
    repository = Repository(Path.cwd())
    survey = look_around(repository, config)
    if survey.config is None and not survey.sql:
        raise SourceError(
            "there is nothing to judge here: no alembic.ini, no [tool.alembic] in a pyproject.toml,"
            " and no folder of numbered SQL files",
            "Run this in the repository of your migrations; --config PATH names an alembic.ini.",
        )
    lines = [_line("repository", standing.git(repository).text)]
    tried = None
    if survey.config is not None:
        settings, is_old = _settings(repository, survey, python, force=force)
        tried = try_out(
            _subject(repository, settings, database_url),
            run_directory,
            dict(settings.migrations.env),
            progress,
            fill_in=not is_old,
        )
        lines += _of_project(survey, tried)
    python = _said_of(repository.root, survey, tried, python)
    found = drafts(repository.root, survey, tried, python)
    lines += _write(repository.root, found, force=force, write=write)
    works = tried is None or tried.checkup.works
    lines += _next(repository, survey, works=works)
    return Adopted(tuple(lines), works)


def _write(root: Path, found: list[Draft], *, force: bool, write: bool) -> Iterator[str]:
    """Write what is not there yet, or all of it; say what was written and what was left."""
    written = []
    for draft in found:
        path = root / draft.path
        if path.exists() and not force:
            if not draft.minor:
                yield _left(path, draft)
            continue
        written.append(draft)
        if write:
            write_whole(path, draft.text)
        if not draft.minor:
            yield _line("wrote" if write else "would write", f"{draft.path}: {draft.why}")
    for text in to_do(root, written):
        yield _line("to do", text)


def _subject(
    repository: Repository, settings: Config, database_url: str | None
) -> Callable[[RunDirectory], Subject]:
    options, bootstrap = alembic_options(settings, repository.root), bootstrap_scripts(settings)

    def make(run: RunDirectory) -> Subject:
        return Subject(
            repository=repository,
            options=options,
            start=server_starter(run, settings, database_url),
            roles=settings.database.roles,
            bootstrap=bootstrap,
        )

    return make


def _settings(
    repository: Repository, survey: Survey, python: str | None, *, force: bool
) -> tuple[Config, bool]:
    """Give what holds while trying, and whether it is a file's that is there and stays."""
    root = repository.root
    old = None if force else existing_config(root, home(survey))
    settings = read_config(old) if old else Config(FolderTree(root / home(survey)))
    config = str(root / (survey.config or ""))
    return with_arguments(settings, config, python), old is not None


def _said_of(root: Path, survey: Survey, tried: Tried | None, python: str | None) -> str | None:
    """Give what gatekeeper.yml says of the interpreter: one in the repository that is not found."""
    if python is None or tried is None or "/" not in python:
        return python if tried is not None else None
    path = Path(python).expanduser().absolute()
    chosen = find_interpreter(str(path), tried.directory, root)
    if not path.is_relative_to(root) or chosen == find_interpreter(None, tried.directory, root):
        return None
    return os.path.relpath(path, root / home(survey))


def _of_project(survey: Survey, tried: Tried) -> Iterator[str]:
    steps = {step.name: step for step in tried.checkup.steps}
    if survey.is_one_of_several:
        yield _line("alembic", f"{survey.config}: as told; there are {len(survey.configs)}")
    else:
        yield _line("alembic", f"{survey.config}: the only one")
    for name in _SHOWN:
        if steps[name].state == "works":
            yield _line(name, steps[name].found)
    if tried.added:
        names = ", ".join(tried.added)
        yield _line("settings", f"{names}: the application demands it; a value stands in")
    if tried.roles:
        yield _line("roles", f"{', '.join(tried.roles)}: granted to, and nothing here creates it")
    if tried.checkup.works:
        yield _line("history", _history(steps))
    for step in tried.checkup.steps:
        if step.state == "fails":
            yield f"✗ {_line(step.name, step.found)}"
            yield from (f"    {visible(line)}" for line in step.advice.splitlines())


def _history(steps: dict[str, Step]) -> str:
    seconds = sum(step.seconds for step in steps.values())
    return f"{steps['revisions'].found.replace(' load', '')}; all ran ({seconds:.1f} s)"


def _left(path: Path, draft: Draft) -> str:
    what = "is there already" if path.read_bytes() != draft.text.encode() else "is as it would be"
    return _line("left", f"{draft.path} {what}; --force overwrites it")


def _next(repository: Repository, survey: Survey, *, works: bool) -> Iterator[str]:
    if survey.config is None:
        yield from _sql(repository.root, survey.sql)
        return
    folder = home(survey)
    option = ""
    if survey.is_one_of_several and folder != ".":
        option = f" --config-file {_from_here(repository.root / folder / 'gatekeeper.yml')}"
    yield _line("next", f"gatekeeper check{option}" if works else f"gatekeeper doctor{option}")
    for other in survey.configs:
        beside = existing_config(repository.root, Path(other).parent.as_posix())
        if other != survey.config and beside is None:
            yield _line("others", f"gatekeeper init --config {_from_here(repository.root / other)}")


def _from_here(path: Path) -> str:
    """Give a path as somebody types it."""
    return shlex.quote(os.path.relpath(path, Path.cwd()))


def _sql(root: Path, folders: tuple[SqlFolder, ...]) -> Iterator[str]:
    """Say what works for migrations that are plain SQL."""
    yield _line("alembic", "none; plain SQL is judged file by file, without a workflow of ours")
    for found in folders[:_MOST_FOLDERS]:
        yield _line("sql", f"{found.folder}: {len(found.files)} migrations")
    first = folders[0]
    files = [_from_here(root / first.folder / name) for name in first.files]
    if first.both:
        yield _line(
            "but", "they hold the way back, too: give files with the way up alone to these commands"
        )
    yield _line(
        "next",
        f"cat all but the newest > before.sql; gatekeeper check --schema before.sql {files[-1]}",
    )
    yield _line("or", f"gatekeeper dry-run --schema /dev/null {' '.join(files[:2])} …")


def _line(name: str, text: str) -> str:
    return f"{name:12} {visible(text)}"
