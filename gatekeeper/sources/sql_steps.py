"""Plain SQL, file after file: each is judged on the schema that those before it made."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gatekeeper.model.evidence import Statement
from gatekeeper.model.plan import Plan
from gatekeeper.scratch.base import Address
from gatekeeper.sources.base import MigrationFailed, Ran
from gatekeeper.sources.sql_files import SqlFiles


class SqlSteps(SqlFiles):
    """Runs SQL files one at a time; all but the `last` so many build the base."""

    def __init__(
        self,
        schema: Path | None,
        migrations: list[Path],
        *,
        transaction: str = "single",
        last: int | None = None,
    ) -> None:
        super().__init__(schema, migrations, transaction=transaction)
        self._first = 0 if last is None else max(0, len(migrations) - last)
        self._step = 0
        self._plan = Plan(base="", head="")

    def prepare(self) -> Plan:
        plan = super().prepare()
        found = enumerate(plan.revisions)
        revisions = tuple(replace(r, is_new=i >= self._first) for i, r in found)
        self._plan = replace(plan, revisions=revisions)
        return self._plan

    def build_base(self, database: Address) -> None:
        super().build_base(database)
        try:
            for number in range(self._first):
                self._run_one(database, number, lambda _: None)
        except MigrationFailed as error:
            raise MigrationFailed(replace(error.failure, during="base history")) from error

    def steps(self) -> Iterator[Plan]:
        for step in range(self._first, len(self._plan.revisions)):
            self._step = step
            *before, revision = self._plan.revisions[: step + 1]
            old = [replace(r, is_new=False, allowances=()) for r in before]
            yield replace(self._plan, head=revision.file, revisions=(*old, revision))

    def apply(self, database: Address, ran: Ran = lambda _: None) -> tuple[Statement, ...]:
        return self._run_one(database, self._step, ran)

    def _run_one(self, database: Address, number: int, ran: Ran) -> tuple[Statement, ...]:
        self._statements = []
        with database.connect() as connection:
            self._run_script(connection, self._scripts[number], ran)
        return tuple(self._statements)
