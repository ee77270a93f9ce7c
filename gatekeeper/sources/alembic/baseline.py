"""Histories that do not start from nothing: what is there before the first revision that runs."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gatekeeper.config import Config
from gatekeeper.errors import ConfigError, SourceError
from gatekeeper.model.evidence import Failure, Revision
from gatekeeper.scratch.base import Address
from gatekeeper.sources.split import Script, split_script
from gatekeeper.sources.sql_files import MOST_BYTES, SqlFiles, SqlText

_MISSING = re.compile(r'(?:relation|table) "(?P<sql>[^"]+)" does not exist|^NoSuchTableError: (.+)')
PROPOSED = "database: {baseline: metadata}"
_MODELS_NOTE = (
    "the base was made of the models (database.baseline: metadata); what only migrations make"
    " (functions, grants, rows) is not in it"
)


@dataclass(frozen=True, slots=True)
class Start:
    """What an empty database gets before alembic runs: a dump, or what the models say.

    `revisions` are those that the dump holds; none: its version table says so.
    """

    dump: SqlText | None = None
    revisions: tuple[str, ...] = ()


def read_start(config: Config) -> Start | None:
    """Read what `database.baseline` names. Raises ConfigError."""
    baseline, tree = config.database.baseline, config.tree
    if baseline is None or baseline.dump is None:
        return None if baseline is None else Start()
    try:
        (text,) = tree.read(baseline.dump, most_bytes=MOST_BYTES)
    except ConfigError as error:
        hint = "The key database.baseline of gatekeeper.yml names it."
        raise ConfigError(error.message, error.hint or hint) from error
    return Start(SqlText(tree.display(baseline.dump), text), baseline.revisions)


def made_of_models(start: Start | None) -> bool:
    """Say whether the base's own models are needed, and with them the base's own tree."""
    return start is not None and start.dump is None


def notes_of(start: Start | None) -> list[str]:
    """Say what the base lacks for where it comes from."""
    return [_MODELS_NOTE] if made_of_models(start) else []


def begin(start: Start | None, database: Address, known: Iterable[str]) -> dict[str, Any]:
    """Run the dump, if there is one; give what the probe is to do before it upgrades.

    `known` are the ids of the base's revisions. Raises MigrationFailed for the dump, SourceError
    for a revision that the base does not have.
    """
    if start is None:
        return {}
    if start.dump is None:
        return {"models": True}
    strange = sorted(set(start.revisions) - set(known))
    if strange:
        raise SourceError(
            f"the base has no revision {strange[0]!r}, at which database.baseline says that"
            f" {start.dump.file} is",
            "Give the id in full, as `alembic current` showed it where the dump was made.",
        )
    script = split_script(start.dump.text, start.dump.file)
    SqlFiles.of_scripts(_without_unknown_settings(script, database), []).build_base(database)
    return {"stamp": list(start.revisions), "dump": start.dump.file}


def _without_unknown_settings(script: Script, database: Address) -> Script:
    """Leave out SET of what this server does not know: a newer pg_dump than the server wrote it.

    psql would go on after such an error.
    """
    with database.connect() as connection:
        known = {name for (name,) in connection.execute("SELECT lower(name) FROM pg_settings")}

    def is_unknown(sql: str) -> bool:
        match = re.match(r"SET\s+(\w+)\s*=", sql, re.IGNORECASE)
        return match is not None and match[1].lower() not in known

    return replace(script, statements=tuple(s for s in script.statements if not is_unknown(s.sql)))


def stamped_by(start: Start | None) -> tuple[str, ...]:
    """Give the revisions at which the history starts; that of a rehearsal must be known before.

    Raises SourceError where it is not.
    """
    if start is None or start.revisions:
        return () if start is None else start.revisions
    hint = "Give a dump: database: {baseline: {dump: schema.sql, revision: ID}}"
    if start.dump is None:
        message = (
            "database.baseline: metadata gives the newest schema, on which revisions that are in it"
            " cannot be replayed"
        )
        raise SourceError(message, hint)
    raise SourceError(
        f"database.baseline does not say at which revision {start.dump.file} is", hint
    )


def ancestors(ids: Iterable[str], parents: Mapping[str, Iterable[str]]) -> set[str]:
    """Give revisions and all that they follow."""
    found: set[str] = set()
    waiting = list(ids)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += parents.get(name, ())
    return found


def with_proposal(
    failure: Failure, start: Start | None, revisions: Iterable[Revision], tree: Path
) -> Failure:
    """Propose a baseline where the history changes a table that no revision makes."""
    match = _MISSING.search(failure.message)
    if match is None or start is not None or failure.revision is None:
        return failure
    table = (match["sql"] or match[2]).rpartition(".")[2].strip('"')
    if failure.during == "new migrations" or _is_made(table, revisions, tree):
        return failure
    hint = (
        f"No revision makes the table {table}: the history does not start from nothing. If the"
        f" models describe what was there, write into gatekeeper.yml:\n{PROPOSED}\n"
        "Otherwise give a dump (pg_dump --schema-only) and the revision that it is at:\n"
        "database: {baseline: {dump: schema.sql, revision: ID}}"
    )
    return replace(failure, hint=hint)


def _is_made(table: str, revisions: Iterable[Revision], tree: Path) -> bool:
    """Say whether the text of a revision makes a table of that name, or renames one to it."""
    name = re.escape(table)
    made = re.compile(
        rf"create_table\(\s*(?:table_name\s*=\s*)?f?['\"]{name}['\"]"
        rf"|rename_table\([^)]*['\"]{name}['\"]"
        rf"|create\s+(?:\w+\s+){{0,2}}(?:table|view)\s+(?:if\s+not\s+exists\s+)?"
        rf"(?:\"?\w+\"?\.)?\"?{name}\b"
        rf"|rename\s+to\s+\"?{name}\b",
        re.IGNORECASE,
    )
    for revision in revisions:
        file = tree / revision.file
        if file.is_file() and made.search(file.read_text("utf-8", errors="replace")):
            return True
    return False
