"""What `gatekeeper init` looks at, writes and says; imported when it is asked."""

import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gatekeeper.cli.session import (
    is_embedded,
    read_config,
    run_directory,
    server_starter,
    write_whole,
)
from gatekeeper.cli.take import alembic_options, with_arguments
from gatekeeper.config import Config
from gatekeeper.errors import SourceError
from gatekeeper.git import Repository
from gatekeeper.report.escape import visible
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.setup import standing
from gatekeeper.setup.adopt import (
    Candidate,
    Draft,
    Tried,
    drafts,
    existing_config,
    home,
    to_do,
    try_out,
)
from gatekeeper.setup.steps import Step
from gatekeeper.setup.subject import Subject
from gatekeeper.setup.survey import SqlFolder, Survey, look_around
from gatekeeper.sources.alembic.interpreter import find_interpreter
from gatekeeper.sources.alembic.locate import project_lines, project_names
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
    if not survey.meant and not survey.sql:
        raise SourceError(
            "there is nothing to judge here: no alembic.ini, no [tool.alembic] in a pyproject.toml,"
            " and no folder of numbered SQL files",
            "Run this in the repository of your migrations; --config PATH names an alembic.ini.",
        )
    lines = [_line("repository", standing.git(repository).text)]
    candidates: list[Candidate] = []
    if survey.meant:
        file, subjects = _settings(repository, survey, python, force=force)
        for name, settings in subjects:
            candidates += _try(repository, name, settings, database_url, progress, old=file)
        candidates = [_with_python(repository.root, survey, c, python) for c in candidates]
    for one in candidates:
        lines += _of_project(survey, one)
    found = drafts(repository.root, survey, candidates)
    lines += _write(repository.root, found, force=force, write=write)
    unnamed = _unnamed(repository.root, survey, force=force)
    lines += unnamed
    works = all(one.tried.checkup.works for one in candidates) and not unnamed
    lines += _left_out(repository.root, survey, candidates)
    lines += _next(repository, survey, works=works)
    return Adopted(tuple(lines), works)


def _try(
    repository: Repository,
    name: str,
    settings: Config,
    database_url: str | None,
    progress: Callable[[str], None],
    *,
    old: Path | None,
) -> Iterator[Candidate]:
    """Try a project out; one whose env.py migrates several databases is a project for each.

    `old` is the gatekeeper.yml that says all of it already.
    """

    def tried_out(settings: Config) -> Tried:
        return try_out(
            _subject(repository, settings, database_url),
            run_directory,
            dict(settings.migrations.env),
            lambda text: progress(f"{name}: {text}" if name else text),
            fill_in=old is None,
        )

    tried = tried_out(settings)
    config = alembic_options(settings, repository.root).config or ""
    if old is not None or not tried.databases:
        yield Candidate(config, tried, name)
        return
    for database in tried.databases:
        migrations = replace(settings.migrations, database=database)
        yield Candidate(
            config,
            tried_out(replace(settings, migrations=migrations)),
            f"{name}-{database}" if name else database,
            database,
        )


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
            embedded=is_embedded(settings, database_url),
        )

    return make


def _settings(
    repository: Repository, survey: Survey, python: str | None, *, force: bool
) -> tuple[Path | None, list[tuple[str, Config]]]:
    """Give what holds while trying, by the project's name, and the file that says it and stays."""
    root = repository.root
    old = None if force else existing_config(root, home(survey))
    settings = read_config(old) if old else Config(FolderTree(root / home(survey)))
    if not survey.is_given and (settings.projects or settings.migrations.config is not None):
        said = with_arguments(settings, None, python)
        return old, [(one.project, one) for one in said.chosen()]
    names = project_names(survey.meant) if survey.config is None else [""]
    return old, [
        (name, with_arguments(settings, str(root / config), python))
        for name, config in zip(names, survey.meant, strict=True)
    ]


def _with_python(root: Path, survey: Survey, one: Candidate, python: str | None) -> Candidate:
    """Let gatekeeper.yml name the interpreter: one in the repository that is not found."""
    if python is None or "/" not in python:
        return replace(one, python=python)
    path, folder = Path(python).expanduser().absolute(), one.tried.directory
    chosen = find_interpreter(str(path), folder, root)
    if not path.is_relative_to(root) or chosen == find_interpreter(None, folder, root):
        return one
    return replace(one, python=os.path.relpath(path, root / home(survey)))


def _of_project(survey: Survey, one: Candidate) -> Iterator[str]:
    tried = one.tried
    steps = {step.name: step for step in tried.checkup.steps}
    if one.name:
        yield _line("project", f"{one.name}: {one.config or steps['alembic'].found}")
    elif survey.is_one_of_several:
        why = "as told" if survey.is_given else "the one to judge"
        yield _line("alembic", f"{one.config}: {why}; there are {len(survey.configs)}")
    else:
        yield _line("alembic", f"{survey.config}: the only one")
    for name in _SHOWN:
        if steps[name].state == "works":
            yield _line(name, steps[name].found)
    if tried.added:
        names = ", ".join(tried.added)
        yield _line("settings", f"{names}: the application demands it; a value stands in")
    for way in tried.ways:
        yield _line("otherwise", f"{way.section}: {{{way.line}}}: {way.why}")
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


def _unnamed(root: Path, survey: Survey, *, force: bool) -> list[str]:
    """Say what a gatekeeper.yml that stays must say before it can judge several projects."""
    old = None if force or survey.config else existing_config(root, home(survey))
    if old is None or len(survey.meant) < 2:  # noqa: PLR2004 - several
        return []
    settings = read_config(old)
    if settings.projects or settings.migrations.config is not None:
        return []
    lines = ("projects:", *project_lines(survey.meant))
    return [_line("to do", f"{old.name}: name the projects"), *(f"    {visible(x)}" for x in lines)]


def _left_out(root: Path, survey: Survey, candidates: list[Candidate]) -> Iterator[str]:
    """Say which projects are not judged, and how each would be."""
    for path, why in survey.left.items():
        yield _line("left out", f"{path}: {why}")
        if existing_config(root, Path(path).parent.as_posix()) is not None:
            continue
        if any(one.name for one in candidates):
            yield "    If it is to be judged, too, below projects: in gatekeeper.yml:"
            yield from (f"    {visible(line)}" for line in project_lines([path]))
        else:
            yield f"    If it is to be judged, too: {_alone(root, path)}"


def _next(repository: Repository, survey: Survey, *, works: bool) -> Iterator[str]:
    root = repository.root
    if not survey.meant:
        yield from _sql(root, survey.sql)
        return
    if len(survey.meant) > 1:
        yield _line("or", f"{_alone(root, survey.meant[0])}: for that one alone, in its folder")
    folder, option = root / home(survey), ""
    if not Path.cwd().resolve().is_relative_to(folder.resolve()):
        option = f" --config-file {_from_here(folder / 'gatekeeper.yml')}"
    yield _line("next", f"gatekeeper check{option}" if works else f"gatekeeper doctor{option}")
    for other in survey.configs if survey.is_given else ():
        beside = existing_config(root, Path(other).parent.as_posix())
        if other not in survey.meant and beside is None:
            yield _line("others", _alone(root, other))


def _alone(root: Path, config: str) -> str:
    """Give the command for one of several projects."""
    return visible(f"gatekeeper init --config {_from_here(root / config)}")


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
