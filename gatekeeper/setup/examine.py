"""Goes through a project step by step: is it found, does it load and run, what does it need."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.config import ProductionRole
from gatekeeper.errors import GatekeeperError, SourceError
from gatekeeper.git import Repository
from gatekeeper.model.plan import Plan
from gatekeeper.review import lost_server_explained
from gatekeeper.scratch.base import Address, ScratchServer
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.setup.install import guess_install
from gatekeeper.setup.interpreter import described, look_at_interpreter
from gatekeeper.setup.remedy import of_load, of_run, quoted
from gatekeeper.setup.settings import missing_settings
from gatekeeper.setup.steps import Checkup, Found, Step, counted
from gatekeeper.setup.trial import BASE, BOOTSTRAP, ENV, NEW, Run, Trial, run_trial
from gatekeeper.sources.alembic.locate import Location
from gatekeeper.sources.alembic.revisions import AlembicOptions, heads_of
from gatekeeper.sources.sql_files import SqlText

_MOST_NAMED = 5
SCRATCH = "scratch database"
EXAMINED = (
    "base", "alembic", "interpreter", SCRATCH, "revisions", "heads", ENV, BASE, NEW,
    "extensions", "roles",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined, and with what; see gatekeeper.yml."""

    repository: Repository
    options: AlembicOptions
    start: Callable[[], ScratchServer]
    base: str | None = None
    branch: str | None = None
    roles: tuple[ProductionRole, ...] = ()
    bootstrap: tuple[SqlText, ...] = ()


class Examination:
    """The steps from the base to the newest revision, and what they showed.

    `missing` are settings that the application lacks, with stand-ins; `roles` were created for want
    of; `directory` is the folder that alembic runs in, once that is known.
    """

    def __init__(
        self,
        checkup: Checkup,
        subject: Subject,
        run: RunDirectory,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._checkup = checkup
        self._subject = subject
        self._run = run
        self._progress = progress
        self._source: Trial | None = None
        self._server: ScratchServer | None = None
        self._plan: Plan | None = None
        self._where: Location | None = None
        self.missing: Mapping[str, str] = {}
        self.roles: tuple[str, ...] = ()

    def go(self) -> None:
        """Take all steps. What they need in turn is told apart by their names."""
        step = self._checkup.step
        try:
            step("base", self._base, ["git", "GitHub Actions"])
            step("alembic", self._locate, ["base", "gatekeeper.yml"])
            step("interpreter", self._interpreter, ["alembic"])
            step(SCRATCH, self._scratch, ["gatekeeper.yml", "GitHub Actions"])
            step("revisions", self._load, ["interpreter"])
            step("heads", self._heads, ["revisions"])
            self._history()
        finally:
            if self._source is not None:
                self._source.close()
            if self._server is not None:
                self._server.close()

    @property
    def directory(self) -> Path:
        root = self._subject.repository.root
        return root / self._where.directory if self._where else root

    def _base(self) -> Found:
        subject = self._subject
        self._source = Trial(
            subject.repository,
            self._run,
            base=subject.base,
            branch=subject.branch,
            head=None,
            options=subject.options,
        )
        return Found(f"{self._source.label}, against the working tree")

    def _locate(self) -> Found:
        where = self._where = self._trial.locate()
        inside = "" if where.directory == "." else f", run from {where.directory}"
        return Found(f"{where.config}{inside}")

    def _interpreter(self) -> Found:
        root, given = self._subject.repository.root, self._subject.options.python
        install = guess_install(root, self.directory)
        found = look_at_interpreter(given, self.directory, root)
        return described(found, self.directory, root, install.locally if install else "")

    def _scratch(self) -> Found:
        self._progress("starting a server")
        self._server = self._subject.start()
        database = self._server.create_database()
        version = _version(database)
        self._server.drop_database(database.database)
        return Found(f"PostgreSQL {version} starts")

    def _load(self) -> Found:
        self._progress("loading the migrations")
        try:
            self._plan = self._trial.prepare()
        except SourceError as error:
            self.missing = self._settings(error)
            raise of_load(error, self.missing) from error
        if (failure := self._plan.failure) is not None:
            raise SourceError(failure.message, failure.hint or "")
        new = len(self._plan.new_revisions)
        return Found(f"{counted(len(self._plan.revisions), 'revision')} load, {new} of them new")

    def _heads(self) -> Found:
        assert self._plan is not None  # noqa: S101 - the step before made it
        heads = heads_of(list(self._plan.revisions))
        named = ", ".join(heads[:_MOST_NAMED]) + (" …" if len(heads) > _MOST_NAMED else "")
        if len(heads) < 2:  # noqa: PLR2004 - one is what alembic expects
            return Found(named or "no revision yet", none=not heads)
        advice = "All are upgraded to. If they are not on purpose: alembic merge heads"
        return Found(f"{len(heads)} heads: {named}", advice)

    def _history(self) -> None:
        names = [ENV, *([BOOTSTRAP] if self._subject.bootstrap else []), BASE, NEW]
        needs = ["revisions", SCRATCH]
        if missing := self._checkup.missing(needs):
            for name in (*names, "extensions", "roles"):
                self._checkup.add(Step(name, "not tried", f"needs: {', '.join(missing)}"))
            return
        assert self._plan is not None  # noqa: S101 - both steps worked
        assert self._server is not None  # noqa: S101
        subject = self._subject
        with lost_server_explained():
            run = run_trial(
                self._trial,
                self._plan,
                self._server,
                subject.roles,
                subject.bootstrap,
                self._progress,
            )
        self.roles = run.roles
        self._tell(run, names)

    def _tell(self, run: Run, names: list[str]) -> None:
        add, done = self._checkup.add, {phase.name: phase for phase in run.phases}
        for name in names:
            if name in done:
                found = done[name].found or "none is new"
                state = "works" if done[name].found else "none"
                advice = self._placeholders() if name == ENV else ""
                add(Step(name, state, found, advice, done[name].seconds))  # type: ignore[arg-type]
            elif name == run.failed and run.error is not None:
                self.missing = self._settings(run.error)
                trouble = of_run(run.error, self.missing, old=name == BASE)
                add(Step(name, "fails", trouble.message, trouble.hint, run.seconds))
            else:
                add(Step(name, "not tried", f"needs: {run.failed}"))
        for name, step in (
            ("extensions", _extensions(run)),
            ("roles", _roles(run, self._subject.roles)),
        ):
            untold = run.error is not None and step.state == "none"
            add(Step(name, "not tried", f"needs: {run.failed}") if untold else step)

    def _placeholders(self) -> str:
        names = ", ".join(self._trial.assumed)
        return f"A placeholder stands in for {names}, which was missing." if names else ""

    def _settings(self, error: Exception) -> Mapping[str, str]:
        given = {**os.environ, **(self._subject.options.env or {})}
        given |= dict.fromkeys(self._trial.assumed, "")
        return missing_settings(error, given, self._subject.repository.root)

    @property
    def _trial(self) -> Trial:
        if self._source is None:
            raise GatekeeperError("there is nothing to compare with")
        return self._source


def _version(database: Address) -> str:
    with database.connect() as connection:
        number = connection.info.server_version
    return f"{number // 10000}.{number % 10000}"


def _extensions(run: Run) -> Step:
    names = [f"{n} (a stand-in)" if n in run.stand_ins else n for n in run.extensions]
    if not names:
        return Step("extensions", "none", "the history needs none")
    return Step("extensions", "works", ", ".join(names))


def _roles(run: Run, given: tuple[ProductionRole, ...]) -> Step:
    named = ", ".join(role.name for role in given)
    if not run.roles:
        return Step("roles", "works" if named else "none", named or "none had to be created")
    entries = ", ".join(quoted(name) for name in (*(role.name for role in given), *run.roles))
    return Step(
        "roles",
        "works",
        f"created, as nothing in the history does: {', '.join(run.roles)}",
        f"To say that they come from elsewhere, in gatekeeper.yml:\n"
        f"  database:\n    roles: [{entries}]",
    )
