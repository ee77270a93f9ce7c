"""Reads access for `gatekeeper access`, and makes the report of it; imported when it is asked."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from gatekeeper.access.effective import Access
from gatekeeper.access.expected import Expected, compare, superusers, written
from gatekeeper.access.listed import changes, entries, untraced_elsewhere
from gatekeeper.access.wanted import PRIVILEGES, Wanted, unmatched
from gatekeeper.cli.session import progress_shown, run_directory, server_starter, write_whole
from gatekeeper.cli.take import alembic_options
from gatekeeper.config import Config
from gatekeeper.config_data import BUILT_IN
from gatekeeper.errors import GatekeeperError
from gatekeeper.facts.sensitivity import Classifier
from gatekeeper.git import Repository
from gatekeeper.model.relations import Ident
from gatekeeper.model.schema import Schema
from gatekeeper.report.access import AccessReport
from gatekeeper.sources.alembic.source import AlembicSource
from gatekeeper.sources.sides import Commit, SideReader, SideSchema, find_side, working_tree
from gatekeeper.sources.sql_files import bootstrap_scripts
from gatekeeper.sources.states import States, read_states
from gatekeeper.yaml_reader import did_you_mean

_LARGEST = 1_000_000  # bytes of a file that is read again


def known_privileges(given: Iterable[str]) -> tuple[str, ...]:
    """Give privileges in capitals. Raises GatekeeperError for a word that is none."""
    found = tuple(word.upper() for word in given)
    for word in found:
        if word not in PRIVILEGES:
            near = did_you_mean(word, PRIVILEGES)
            names = ", ".join(name.lower() for name in PRIVILEGES)
            raise GatekeeperError(f"{word} is no privilege{near.lower()}", f"There are: {names}")
    return found


def known_classes(config: Config, given: Iterable[str]) -> tuple[str, ...]:
    """Give classes of data. Raises GatekeeperError for one that is neither ours nor configured."""
    known = dict.fromkeys((*BUILT_IN, *(c.name for c in config.data.classes)))
    for word in given:
        if word not in known:
            raise GatekeeperError(
                f"{word} is no class of data{did_you_mean(word, known)}",
                f"There are: {', '.join(known)}; data: in gatekeeper.yml makes others.",
            )
    return tuple(given)


class Reader:
    """Reads what is asked for, with one configuration."""

    def __init__(
        self, config: Config, wanted: Wanted, database_url: str | None, *, quiet: bool
    ) -> None:
        self._config = config
        self._wanted = wanted
        self._database_url = database_url
        self._quiet = quiet
        self._bootstrap = bootstrap_scripts(config)

    def matrix(
        self, side: str | None, expected: Expected | None, write: Path | None
    ) -> AccessReport:
        """Report one state, compare it with a file, or write that."""
        found = self._read(side)
        access = found.access
        wanted = replace(self._wanted, left_out=found.version_tables)
        _refuse_unmatched((access,), wanted)
        classes = _classes(self._config, (found.schema,))
        rows = entries(access, wanted, classes)
        strong = superusers(access, wanted)
        if write is not None:
            _write(write, written(rows, strong))
        drift = compare(expected, rows, strong) if expected else None
        if expected and drift:  # the ways take their time, and are of use only now
            explained = entries(access, replace(wanted, ways=True), classes)
            drift = compare(expected, explained, strong)
        return AccessReport(
            head=found.name,
            superusers=tuple(sorted(strong.names)),
            entries=rows,
            expected=expected.file if expected else None,
            drift=drift,
            notes=(*found.notes, *_notes(access, wanted, classes)),
        )

    def changes(self, side: str | None, base: str | None) -> AccessReport:
        """Report what the new migrations give and take."""
        found = self._states(side, base)
        plan = found.plan
        if found.pair is None:
            note = f"no migration is new against {plan.base}; --base REF compares with another"
            return AccessReport(plan.head, base=plan.base, changes=(), notes=(*plan.notes, note))
        before, after = found.pair
        wanted = replace(self._wanted, left_out=found.version_tables)
        _refuse_unmatched((before.access, after.access), wanted)
        classes = _classes(self._config, (before.schema, after.schema))
        was, now = (superusers(state.access, wanted).names for state in (before, after))
        notes = [f"{role} becomes a superuser" for role in sorted(now - was)]
        notes += [f"{role} is no superuser any more" for role in sorted(was - now)]
        return AccessReport(
            head=plan.head,
            base=plan.base,
            superusers=tuple(sorted(now)),
            changes=changes(before.access, after.access, wanted, classes),
            notes=(*notes, *plan.notes, *_notes(after.access, wanted, classes)),
        )

    def _read(self, given: str | None) -> SideSchema:
        side = working_tree() if given is None else find_side(given)
        with run_directory() as run, progress_shown(quiet=self._quiet) as progress:
            reader = SideReader(
                run,
                server_starter(run, self._config, self._database_url),
                lambda repository: alembic_options(self._config, repository.root),
                roles=self._config.database.roles,
                bootstrap=self._bootstrap,
                traced=True,
                progress=progress,
            )
            try:
                return reader.read(side)
            finally:
                reader.close()

    def _states(self, given: str | None, base: str | None) -> States:
        repository, head = Repository(Path.cwd()), None
        if given is not None:
            side = find_side(given)
            if not isinstance(side, Commit):
                raise GatekeeperError(
                    f"--changed compares migrations of git revisions; {side.name} is none",
                    "Leave it out to compare the working tree.",
                )
            head = side.commit
        with run_directory() as run, progress_shown(quiet=self._quiet) as progress:
            options = alembic_options(self._config, repository.root)
            source = AlembicSource(repository, run, base=base, head=head, options=options)
            try:
                return read_states(
                    source,
                    server_starter(run, self._config, self._database_url),
                    roles=self._config.database.roles,
                    bootstrap=self._bootstrap,
                    progress=progress,
                )
            finally:
                source.close()


def _classes(config: Config, schemas: Iterable[Schema]) -> Mapping[Ident, str]:
    """Give the classes of columns of tables; a class that any of the states gives counts."""
    classifier = Classifier(config.data)
    found: dict[Ident, str] = {}
    for schema in schemas:
        comments = {table.oid: table.comment for table in schema.tables}
        for c in schema.columns:
            table = comments.get(c.table_oid)
            known = classifier.classify(
                c.schema_name, c.table_name, c.name, c.base_type, c.comment, table
            )
            if known.class_name is not None:
                found.setdefault(c.ident, known.class_name)
    return found


def _refuse_unmatched(states: tuple[Access, ...], wanted: Wanted) -> None:
    """Refuse globs that match nothing: a typing error must not look as if nobody had access."""
    for kind, glob in unmatched(states, wanted):
        raise GatekeeperError(
            f"no {kind} is like {glob}",
            "Globs are on names as PostgreSQL writes them: people, public.people, public.*.",
        )


def _notes(access: Access, wanted: Wanted, classes: Mapping[Ident, str]) -> list[str]:
    known = set(classes.values())
    notes = [f"no column is of class {name}" for name in wanted.classes if name not in known]
    notes += [
        f"{thing} could not be traced: what it lets {', '.join(roles)} reach is not known"
        for thing, roles in untraced_elsewhere(access, wanted).items()
    ]
    return notes


def _write(path: Path, text: str) -> None:
    if len(text.encode()) > _LARGEST:
        raise GatekeeperError(
            f"{path} would be larger than {_LARGEST:,} bytes, which is more than is read again",
            "Write a part of it: --class pii, --role …, --table …",
        )
    write_whole(path, text)
