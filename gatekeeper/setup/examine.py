"""Goes through a project step by step: is it found, does it load and run, what does it need."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from gatekeeper.config_database import ProductionRole
from gatekeeper.errors import GatekeeperError, SourceError
from gatekeeper.model.plan import Plan
from gatekeeper.scratch.base import Address, ScratchServer, lost_server_explained
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.setup.install import guess_install
from gatekeeper.setup.interpreter import described, look_at_interpreter
from gatekeeper.setup.remedy import of_load, of_run, quoted, several_databases
from gatekeeper.setup.settings import missing_settings
from gatekeeper.setup.steps import Checkup, Found, Step, counted
from gatekeeper.setup.subject import Subject, Way, another_way, gone
from gatekeeper.setup.trial import BASE, BOOTSTRAP, ENV, NEW, Run, Trial, run_trial
from gatekeeper.sources.alembic.locate import Location
from gatekeeper.sources.alembic.revisions import heads_of

_MOST_NAMED = 5
SCRATCH = "scratch database"
EXAMINED = (
    "base", "alembic", "interpreter", SCRATCH, "revisions", "heads", ENV, BASE, NEW,
    "extensions", "roles",
)  # fmt: skip


class Examination:
    """The steps from the base to the newest revision, and what they showed.

    `missing` are settings that the application lacks, with stand-ins; `way` is one that works where
    the given one does not; `roles` were created for want of; `databases` are several that env.py
    migrates; `directory` is the folder that alembic runs in, once that is known.
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
        self.databases: tuple[str, ...] = ()
        self.way: Way | None = None

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
        self._source = self._trial_of(self._subject)
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
        with lost_server_explained():
            run = self._run_trial(self._subject, self._trial, self._plan, self._server)
            self.roles = run.roles
            advice = "" if run.error is None else self._advice(run)
        self._tell(run, names, advice)

    def _advice(self, run: Run) -> str:
        """Say what to do about a failure; another way that there may be is tried."""
        assert run.error is not None  # noqa: S101 - there is one
        self.missing = self._settings(run.error)
        self.databases = several_databases(run.error)
        hint = of_run(run.error, self.missing, old=run.failed == BASE).hint
        way = None if self.missing else another_way(run, self._subject)
        if way is None:
            return hint
        if trouble := self._try(way):
            is_proposed = way is Way.models or way.line in hint
            return f"{hint}\n{way.line} was tried: {trouble}" if is_proposed else hint
        self.way = way
        return f"{way.advice}\n{hint}" if way is Way.bare else way.advice

    def _try(self, way: Way) -> str:
        """Run the project another way; give what that came to, empty if all is well."""
        self._progress(f"trying {way.line}")
        subject = gone(self._subject, way, self._run)
        source, server = self._trial_of(subject), self._server
        try:
            server = subject.start() if way is Way.local else server
            assert server is not None  # noqa: S101 - the run before had it
            error = self._run_trial(subject, source, source.prepare(), server).error
        except GatekeeperError as trouble:
            error = trouble
        finally:
            source.close()
            if server is not None and server is not self._server:
                server.close()
        return "" if error is None else str(error)

    def _trial_of(self, subject: Subject) -> Trial:
        return Trial(
            subject.repository,
            self._run,
            base=subject.base,
            branch=subject.branch,
            head=None,
            options=subject.options,
        )

    def _run_trial(self, subject: Subject, source: Trial, plan: Plan, server: ScratchServer) -> Run:
        return run_trial(source, plan, server, subject.roles, subject.bootstrap, self._progress)

    def _tell(self, run: Run, names: list[str], remedy: str) -> None:
        add, done = self._checkup.add, {phase.name: phase for phase in run.phases}
        for name in names:
            if name in done:
                found = done[name].found or "none is new"
                state = "works" if done[name].found else "none"
                advice = self._placeholders() if name == ENV else ""
                add(Step(name, state, found, advice, done[name].seconds))  # type: ignore[arg-type]
            elif name == run.failed and run.error is not None:
                said = of_run(run.error, self.missing, old=name == BASE).message
                add(Step(name, "fails", said, remedy, run.seconds))
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
