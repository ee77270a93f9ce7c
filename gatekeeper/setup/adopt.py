"""What `gatekeeper init` decides: which files, what is in them, and why."""

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from gatekeeper.config import FILE_NAMES
from gatekeeper.policy.config_schema import config_schema
from gatekeeper.policy.jsonschema import pack_schema
from gatekeeper.policy.load import load_all
from gatekeeper.policy.new import CONFIG_SCHEMA_FILE, SCHEMA_FILE
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.setup.examine import Examination
from gatekeeper.setup.install import guess_install
from gatekeeper.setup.steps import Checkup
from gatekeeper.setup.subject import Subject, Way, gone
from gatekeeper.setup.survey import Survey
from gatekeeper.setup.texts import HOUSE_POLICY, Needs, config_text, free_folder, house_text
from gatekeeper.setup.workflow import GUESSED, release, workflow

_MOST_TRIES = 8
WORKFLOWS = ".github/workflows"


@dataclass(frozen=True, slots=True)
class Draft:
    """A file to write; `path` is from the repository's root. `minor`: nobody need hear of it."""

    path: str
    text: str
    why: str = ""
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """What trying came to: the steps, and what the project turned out to need."""

    checkup: Checkup
    directory: Path
    env: Mapping[str, str]
    added: tuple[str, ...] = ()  # names in `env` that nobody gave
    roles: tuple[str, ...] = ()
    ways: tuple[Way, ...] = ()  # what had to be otherwise than by default
    databases: tuple[str, ...] = ()  # several that env.py migrates


@dataclass(frozen=True, slots=True)
class Candidate:
    """A project that was tried, and what gatekeeper.yml says of where it is and what runs it.

    `config` is a path from the repository's root, `name` empty where there is but one project.
    """

    config: str
    tried: Tried
    name: str = ""
    database: str | None = None  # of several that env.py migrates
    python: str | None = None


def try_out(
    subject: Callable[[RunDirectory], Subject],
    directory: Callable[[], AbstractContextManager[RunDirectory]],
    env: dict[str, str],
    progress: Callable[[str], None],
    *,
    fill_in: bool,
) -> Tried:
    """Run the project's history with `env`, in a new directory each time that it is needed again.

    With `fill_in` what settings it demands is found out, too, and which way it runs.
    """
    given = set(env)
    ways: list[Way] = []
    for _ in range(_MOST_TRIES):
        checkup = Checkup()
        with directory() as run:
            made = subject(run)
            made = replace(made, options=replace(made.options, env=env))
            for way in ways:
                made = gone(made, way, run)
            examination = Examination(checkup, made, run, progress)
            examination.go()
        if not fill_in or not (examination.missing or examination.way):
            break
        env = {**env, **examination.missing}
        ways += [examination.way] if examination.way else []
    added = tuple(name for name in env if name not in given)
    return Tried(
        checkup,
        examination.directory,
        env,
        added,
        examination.roles,
        tuple(ways),
        examination.databases,
    )


def slug(survey: Survey) -> str:
    """Name the workflow of a project that has its own; empty: there is but one workflow."""
    folder = Path(survey.config or "").parent.as_posix()
    if not survey.is_apart or folder == ".":
        return ""
    return re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-") or "other"


def home(survey: Survey) -> str:
    """Give the folder of gatekeeper.yml: the root, or that of the one project that was named."""
    return Path(survey.config or "").parent.as_posix() if survey.is_apart else "."


def existing_config(root: Path, folder: str) -> Path | None:
    """Give the gatekeeper.yml of a folder, if there is one."""
    found = (root / folder / name for name in FILE_NAMES)
    return next((path for path in found if path.is_file()), None)


def drafts(root: Path, survey: Survey, candidates: Sequence[Candidate]) -> list[Draft]:
    """Give the files to write."""
    folder = home(survey)
    packs = free_folder(root / folder)
    needs = [_needs(one, folder, named=survey.is_one_of_several) for one in candidates]
    config = config_text(["recommended", packs], needs)
    file = existing_config(root, folder)
    name = file.name if file else FILE_NAMES[0]
    schema = json.dumps(config_schema(load_all().values()), indent=2) + "\n"
    found = [
        Draft(_path(folder, name), config, "recommended policies, and those of the house"),
        Draft(_path(folder, CONFIG_SCHEMA_FILE), schema, minor=True),
        Draft(
            _path(folder, packs, "house.yml"),
            house_text(),
            f"{HOUSE_POLICY}, a first policy of your own, with examples",
        ),
        Draft(
            _path(folder, packs, SCHEMA_FILE),
            json.dumps(pack_schema(), indent=2) + "\n",
            minor=True,
        ),
    ]
    if candidates and not _is_elsewhere(root):
        found.append(_workflow(root, survey, candidates, _path(folder, name)))
    return found


def _needs(one: Candidate, folder: str, *, named: bool) -> Needs:
    tried = one.tried
    return Needs(
        name=one.name,
        config=os.path.relpath(one.config, folder) if named else None,
        database=one.database,
        python=one.python,
        env=tried.env,
        roles=tried.roles,
        ways=tried.ways,
    )


def _workflow(
    root: Path, survey: Survey, candidates: Sequence[Candidate], config_file: str
) -> Draft:
    guesses = dict.fromkeys(guess_install(root, one.tried.directory) for one in candidates)
    known = [install for install in guesses if install is not None]
    first = None if None in guesses else known.pop(0)
    name = slug(survey)
    text = workflow(
        first, more=known, name=name, config_file=config_file if survey.is_apart else ""
    )
    file = f"gatekeeper-{name}.yml" if name else "gatekeeper.yml"
    signs = " and ".join(install.because for install in guesses if install is not None)
    says = "say" if known else "says"
    how = f"installs as {signs} {says}" if first else "its install step is a guess"
    return Draft(f"{WORKFLOWS}/{file}", text, f"two jobs; {how}")


def to_do(root: Path, written: list[Draft]) -> list[str]:
    """Say what only a person can fill in."""
    flows = [draft for draft in written if draft.path.startswith(WORKFLOWS)]
    lines = []
    if any("OWNER/gatekeeper" in draft.text for draft in flows) and release() is None:
        lines.append(
            f"{flows[0].path}: OWNER and the zeros stand for where this Gatekeeper comes from, and"
            " for its commit"
        )
    lines += [
        f"{draft.path}: nothing says how the application is installed; write that step"
        for draft in flows
        if GUESSED in draft.text
    ]
    if _is_elsewhere(root):
        lines.append(
            "no workflow, as this is no project of GitHub's: `gatekeeper check` in a job of yours"
            " ends with 0, 1 or 2; --format markdown writes a comment"
        )
    return lines


def _is_elsewhere(root: Path) -> bool:
    """Say whether the project is built by something other than GitHub Actions."""
    others = (".gitlab-ci.yml", "bitbucket-pipelines.yml", "azure-pipelines.yml")
    return any((root / name).is_file() for name in others) and not (root / ".github").is_dir()


def _path(*parts: str) -> str:
    return os.path.normpath(os.path.join(*parts))  # noqa: PTH118 - not a place, a name in git
