"""The steps of a check-up: each is looked at, and says what was found or what to do."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from gatekeeper.errors import GatekeeperError

State = Literal["works", "fails", "not tried", "none"]


@dataclass(frozen=True, slots=True)
class Found:
    """What a step saw, and what would be better. `none`: there was nothing to look at."""

    text: str
    advice: str = ""
    none: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """How a step came out; `advice` is the line to add or the command to run."""

    name: str
    state: State
    found: str = ""
    advice: str = ""
    seconds: float = 0.0
    project: str = ""  # of several


class Trouble(GatekeeperError):
    """A step fails, and the advice for it is known."""


class Checkup:
    """Takes the steps one after the other; one that needs another that failed is not tried."""

    def __init__(self, tell: Callable[[Step], None] = lambda _: None, project: str = "") -> None:
        self._tell = tell
        self._project = project
        self.steps: list[Step] = []

    def of(self, project: str) -> "Checkup":
        """Give the check-up of one project, which begins with the steps that are common to all.

        What it comes to is told here, too.
        """
        one = Checkup(self.add, project)
        one.steps = [step for step in self.steps if not step.project]
        return one

    def step(self, name: str, look: Callable[[], Found], needs: Iterable[str] = ()) -> bool:
        """Take a step; say whether what needs it can be tried."""
        if missing := self.missing(needs):
            self.add(Step(name, "not tried", f"needs: {', '.join(missing)}"))
            return False
        start = time.monotonic()
        try:
            found = look()
        except GatekeeperError as error:
            self.add(Step(name, "fails", error.message, error.hint, time.monotonic() - start))
            return False
        state: State = "none" if found.none else "works"
        self.add(Step(name, state, found.text, found.advice, time.monotonic() - start))
        return True

    def add(self, step: Step) -> None:
        """Take over a step that was looked at elsewhere."""
        step = replace(step, project=self._project or step.project)
        self.steps.append(step)
        self._tell(step)

    def missing(self, needs: Iterable[str]) -> list[str]:
        """Give those of the steps that did not work."""
        bad = {step.name for step in self.steps if step.state in ("fails", "not tried")}
        return [name for name in needs if name in bad]

    @property
    def works(self) -> bool:
        return all(step.state in ("works", "none") for step in self.steps)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
