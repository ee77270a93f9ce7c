"""Puts the steps of `gatekeeper doctor` together, and prints them; imported when it is asked."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from textwrap import indent

from rich.console import Console
from rich.text import Text

from gatekeeper.cli.actions import Compared, is_actions, with_event
from gatekeeper.cli.cache import cache_folder
from gatekeeper.cli.session import is_embedded, own_template, server_starter, today
from gatekeeper.cli.take import alembic_options
from gatekeeper.config import Config
from gatekeeper.git import Repository
from gatekeeper.report.escape import visible, visible_lines
from gatekeeper.report.json import encodable
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.setup import standing
from gatekeeper.setup.examine import EXAMINED, Examination
from gatekeeper.setup.steps import Checkup, Found, Step
from gatekeeper.setup.subject import Subject
from gatekeeper.sources.sql_files import bootstrap_scripts
from gatekeeper.tree import FolderTree

VERSION = 1
_NOTHING = "\N{EN DASH}"
_MARKS = {
    "works": ("✓", "green"),
    "fails": ("✗", "bold red"),
    "not tried": (_NOTHING, "dim"),
    "none": (_NOTHING, "dim"),
}
_SLOW = 0.05  # seconds; less is not worth a word


Directory = Callable[[], AbstractContextManager[RunDirectory]]


class _Looked:
    """What the first steps found, for those that come after."""

    def __init__(self, base: str | None, config_from: str | None) -> None:
        self.compared = Compared(base, config_from)
        self.config = Config(FolderTree(Path.cwd()))
        self.chosen: tuple[Config, ...] = (self.config,)
        self.repository: Repository | None = None

    def git(self) -> Found:
        self.repository = Repository(Path.cwd())
        return standing.git(self.repository)

    def event(self) -> Found:
        if not is_actions():
            return Found("not under GitHub Actions", none=True)
        found = standing.actions()
        self.compared = with_event(self.compared.base, self.compared.config_from)
        return found

    def read(self, settings: Callable[[str | None], Config], project: str | None) -> Found:
        config = settings(self.compared.config_from)
        chosen = config.chosen(project)
        for one in chosen:
            bootstrap_scripts(one)  # what is not there is a mistake of this file
        self.config, self.chosen = config, chosen
        if config.file is None:
            return Found("there is none, so all is at its default", "gatekeeper init")
        text = f"{config.file}, packs: {', '.join(config.packs)}"
        if config.projects:
            text += f"; projects: {', '.join(one.project for one in config.projects)}"
        return Found(text)


def examine(
    directory: Directory,
    *,
    base: str | None,
    config_from: str | None,
    settings: Callable[[str | None], Config],
    project: str | None = None,
    database_url: str | None,
    progress: Callable[[str], None],
) -> Checkup:
    """Take all steps, those that are not common to all for each project, or for the named one.

    `directory` gives one of a run, `settings` reads gatekeeper.yml, as a commit has it or as it is.
    """
    checkup, looked = Checkup(), _Looked(base, config_from)
    step = checkup.step
    step("git", looked.git)
    step("GitHub Actions", looked.event)
    step("gatekeeper.yml", lambda: looked.read(settings, project), ["GitHub Actions"])
    needs = ["gatekeeper.yml"]
    step("policies", lambda: standing.policies(looked.config), needs)
    step("waivers", lambda: standing.waivers(looked.config, today()), needs)
    step("template", lambda: standing.template(own_template(looked.config)), needs)
    step("cache", lambda: standing.cache(cache_folder()))
    for config in looked.chosen:
        one = checkup.of(config.project) if config.project else checkup
        with directory() as run:  # each starts a server of its own
            _examine_one(run, one, looked, config, database_url, progress)
    return checkup


def _examine_one(
    run: RunDirectory,
    checkup: Checkup,
    looked: _Looked,
    config: Config,
    database_url: str | None,
    progress: Callable[[str], None],
) -> None:
    """Take the steps that are about one project."""
    checkup.step("statistics", lambda: standing.statistics(config, today()), ["gatekeeper.yml"])
    if looked.repository is None:
        for name in EXAMINED:
            checkup.add(Step(name, "not tried", "needs: git"))
        return
    about = f"{config.project}: " if config.project else ""
    subject = Subject(
        repository=looked.repository,
        options=alembic_options(config, looked.repository.root),
        start=server_starter(run, config, database_url),
        base=looked.compared.base,
        branch=looked.compared.branch,
        roles=config.database.roles,
        bootstrap=bootstrap_scripts(config),
        embedded=is_embedded(config, database_url),
    )
    Examination(checkup, subject, run, lambda text: progress(about + text)).go()


def print_steps(checkup: Checkup) -> None:
    """Print a line a step, and below it what to do."""
    console = Console(highlight=False)
    project = ""
    for step in checkup.steps:
        if step.project != project:
            project = step.project
            console.print(Text(f"\n{visible(project)}", style="bold"), soft_wrap=True)
        console.print(_line(step), soft_wrap=True)
        if step.advice:
            advice = indent(visible_lines(step.advice), "      ")
            console.print(Text(advice, style="green"), soft_wrap=True)
    failed = [
        f"{step.name} of {step.project}" if step.project else step.name
        for step in checkup.steps
        if step.state == "fails"
    ]
    if failed:
        words = f"To be put right first: {', '.join(failed)}"
        console.print(Text(f"\n{words}", style="bold red"), soft_wrap=True)
    else:
        console.print(Text("\nAll works: gatekeeper check", style="bold green"), soft_wrap=True)


def _line(step: Step) -> Text:
    mark, style = _MARKS[step.state]
    text = Text.assemble((mark, style), " ", (f"{step.name:16}", "bold"))
    found = step.found if step.state != "not tried" else f"not tried; {step.found}"
    first, *more = found.splitlines() or [""]
    text.append(" " + visible(first), style="dim" if mark == _NOTHING else "")
    if step.seconds >= _SLOW:
        text.append(f"  {step.seconds:.1f} s", style="dim")
    for line in more:
        text.append(f"\n      {visible(line)}")
    return text


def steps_json(checkup: Checkup) -> str:
    """Give the steps as JSON."""
    values = {
        "version": VERSION,
        "works": checkup.works,
        "steps": [
            {
                **({"project": step.project} if step.project else {}),
                "step": step.name,
                "state": step.state,
                "found": step.found,
                "advice": step.advice,
                "seconds": round(step.seconds, 2),
            }
            for step in checkup.steps
        ],
    }
    return encodable(json.dumps(values, indent=2, ensure_ascii=False)) + "\n"
