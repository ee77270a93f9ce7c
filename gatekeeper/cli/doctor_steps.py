"""Puts the steps of `gatekeeper doctor` together, and prints them; imported when it is asked."""

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import indent

from rich.console import Console
from rich.text import Text

from gatekeeper.cli.actions import Compared, is_actions, with_event
from gatekeeper.cli.check import alembic_options
from gatekeeper.cli.session import own_template, server_starter, today
from gatekeeper.config import Config
from gatekeeper.git import Repository
from gatekeeper.report.escape import visible, visible_lines
from gatekeeper.report.json import encodable
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.setup import standing
from gatekeeper.setup.examine import EXAMINED, Examination, Subject
from gatekeeper.setup.steps import Checkup, Found, Step
from gatekeeper.sources.sql_files import SqlText, bootstrap_scripts
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


class _Looked:
    """What the first steps found, for those that come after."""

    def __init__(self, base: str | None, config_from: str | None) -> None:
        self.compared = Compared(base, config_from)
        self.config = Config(FolderTree(Path.cwd()))
        self.bootstrap: tuple[SqlText, ...] = ()
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

    def read(self, settings: Callable[[str | None], Config]) -> Found:
        config = settings(self.compared.config_from)
        self.bootstrap = bootstrap_scripts(config)
        self.config = config
        if config.file is None:
            return Found("there is none, so all is at its default", "gatekeeper init")
        return Found(f"{config.file}, packs: {', '.join(config.packs)}")


def examine(
    run: RunDirectory,
    *,
    base: str | None,
    config_from: str | None,
    settings: Callable[[str | None], Config],
    database_url: str | None,
    progress: Callable[[str], None],
) -> Checkup:
    """Take all steps. `settings` reads gatekeeper.yml, as a commit has it or as it is."""
    checkup, looked = Checkup(), _Looked(base, config_from)
    step = checkup.step
    step("git", looked.git)
    step("GitHub Actions", looked.event)
    step("gatekeeper.yml", lambda: looked.read(settings), ["GitHub Actions"])
    needs = ["gatekeeper.yml"]
    step("policies", lambda: standing.policies(looked.config), needs)
    step("waivers", lambda: standing.waivers(looked.config, today()), needs)
    step("statistics", lambda: standing.statistics(looked.config, today()), needs)
    step("template", lambda: standing.template(own_template(looked.config)), needs)
    if looked.repository is None:
        for name in EXAMINED:
            checkup.add(Step(name, "not tried", "needs: git"))
        return checkup
    config = looked.config
    subject = Subject(
        repository=looked.repository,
        options=alembic_options(config, looked.repository.root),
        start=server_starter(run, config, database_url),
        base=looked.compared.base,
        branch=looked.compared.branch,
        roles=config.database.roles,
        bootstrap=looked.bootstrap,
    )
    Examination(checkup, subject, run, progress).go()
    return checkup


def print_steps(checkup: Checkup) -> None:
    """Print a line a step, and below it what to do."""
    console = Console(highlight=False)
    for step in checkup.steps:
        console.print(_line(step), soft_wrap=True)
        if step.advice:
            advice = indent(visible_lines(step.advice), "      ")
            console.print(Text(advice, style="green"), soft_wrap=True)
    failed = [step.name for step in checkup.steps if step.state == "fails"]
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
