"""All migrations of one tree, from an empty database; there is no base to compare with."""

from gatekeeper.git import Repository
from gatekeeper.model.plan import Plan
from gatekeeper.scratch.base import Address
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.sources.alembic.baseline import begin
from gatekeeper.sources.alembic.locate import locate
from gatekeeper.sources.alembic.revisions import AlembicOptions, LoadedPlan, revision_of
from gatekeeper.sources.alembic.source import AlembicSource


class WholeHistory(AlembicSource):
    """Migrates databases to the heads of a commit, or of the working tree, as often as asked."""

    def __init__(
        self, repository: Repository, run: RunDirectory, commit: str, options: AlembicOptions
    ) -> None:
        # The base is never looked at; the working tree has no name that could be one.
        super().__init__(repository, run, base=commit or "HEAD", head=commit, options=options)

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Name the settings that were missing and filled in."""
        return tuple(self._children.assumed)

    def build_base(self, database: Address) -> None:
        """Migrate an empty database. Raises MigrationFailed; RestartNeeded: another database."""
        self._children.restart()
        tree = self._tree(self._head)
        given = self._options.config
        where = locate(self._repository, self._head, tree, given, self._options.section)
        child, seen = self._children.inspect(tree, where)
        found = tuple(revision_of(report, tree) for report in seen["revisions"])
        self._plan = LoadedPlan(where, Plan(base="", head=self._head, revisions=found))
        self._plan.heads = tuple(seen["heads"])
        self._plan.loaded = True
        first = begin(self._options.baseline, database, {revision.id for revision in found})
        self._upgrade(child, database, ["heads"], "migrations", first=first)
        with database.connect() as connection:
            self.confirm(connection)
        self.close()
