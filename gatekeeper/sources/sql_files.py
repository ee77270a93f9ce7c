"""Plain SQL: one script is the base, others are the migrations. No git, no migration tool."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psycopg

from gatekeeper.config import Config
from gatekeeper.errors import ConfigError, SourceError
from gatekeeper.model.evidence import Failure, Revision, Statement
from gatekeeper.model.plan import Plan
from gatekeeper.scratch.base import Address
from gatekeeper.sources.base import MigrationFailed, Ran
from gatekeeper.sources.split import Script, ScriptStatement, split_script

MOST_BYTES = 200_000_000  # of a script that gatekeeper.yml names: it may be a dump with data


@dataclass(frozen=True, slots=True)
class SqlText:
    """A script as it is written; `file` is what messages call it."""

    file: str
    text: str


class SqlFiles:
    """`schema` builds the base; `migrations` run on it, in their order.

    With transaction `single` each file runs in one transaction, as most migration runners do,
    unless it says BEGIN itself or holds the comment `-- gatekeeper: transaction off`. Statements
    that PostgreSQL refuses to run in a transaction run between two. With `none` every statement
    commits by itself.
    """

    def __init__(
        self, schema: Path | None, migrations: list[Path], *, transaction: str = "single"
    ) -> None:
        self._schema = schema
        self._paths = migrations
        self._single = transaction == "single"
        self._base: Script | None = None
        self._scripts: list[Script] = []
        self._statements: list[Statement] = []

    @classmethod
    def of_scripts(cls, base: Script, scripts: list[Script]) -> Self:
        """Make a source of scripts that are already split."""
        source = cls(None, [])
        source._base, source._scripts = base, scripts
        return source

    def prepare(self) -> Plan:
        if self._schema is not None or self._paths:
            self._base = None if self._schema is None else _split(self._schema)
            self._scripts = [_split(path) for path in self._paths]
        revisions = tuple(
            Revision(id=script.file, file=script.file, is_new=True, allowances=script.allowances)
            for script in self._scripts
        )
        base = "an empty database" if self._schema is None else str(self._schema)
        return Plan(base=base, head=", ".join(s.file for s in self._scripts), revisions=revisions)

    def build_base(self, database: Address) -> None:
        if self._base is None:
            return
        with database.connect() as connection:
            for statement in self._base.statements:
                self._run(connection, statement, self._base, during="base history", tag="")

    def apply(self, database: Address, ran: Ran = lambda _: None) -> tuple[Statement, ...]:
        self._statements = []
        for script in self._scripts:
            with database.connect() as connection:
                self._run_script(connection, script, ran)
        return tuple(self._statements)

    def version_tables(
        self,
        connection: psycopg.Connection[Any],  # noqa: ARG002 - plain SQL keeps no state
    ) -> tuple[tuple[str, str], ...]:
        return ()

    def confirm(self, connection: psycopg.Connection[Any]) -> None:
        """Every statement ran, or apply() had raised."""

    def restart(self) -> Plan:
        return self.prepare()

    def close(self) -> None:
        """There is no process to end."""

    def _run_script(self, connection: psycopg.Connection[Any], script: Script, ran: Ran) -> None:
        wrap = self._single and not script.transaction_off and not script.controls_transactions
        is_open = False
        for statement in script.statements:
            if wrap and statement.refuses_transaction:
                if is_open:
                    connection.execute("COMMIT")
                    is_open = False
            elif wrap and not is_open:
                connection.execute("BEGIN")
                is_open = True
            number = len(self._statements) + 1
            self._statements.append(
                Statement(
                    number=number,
                    sql=statement.sql,
                    file=script.file,
                    line=statement.line,
                    revision=script.file,
                    autocommit=not is_open
                    and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
                    and not statement.begins_transaction,
                )
            )
            tag = f"\n/* gatekeeper:{number} */"
            self._run(connection, statement, script, during="new migrations", tag=tag)
            ran(number)
        if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            connection.execute("COMMIT")

    def _run(
        self,
        connection: psycopg.Connection[Any],
        statement: ScriptStatement,
        script: Script,
        *,
        during: str,
        tag: str,
    ) -> None:
        try:
            if statement.copy_data is not None:
                command = (statement.sql + tag).encode()
                with connection.cursor() as cursor, cursor.copy(command) as copy:
                    copy.write(statement.copy_data.encode())
            else:
                connection.execute((statement.sql + tag).encode())
        except psycopg.Error as error:
            raise MigrationFailed(
                Failure(
                    message=error.diag.message_primary or str(error).strip(),
                    during=during,
                    revision=script.file if tag else None,
                    file=script.file,
                    line=statement.line + _offset(statement, error),
                    sql=statement.sql,
                    sqlstate=error.sqlstate,
                    detail=error.diag.message_detail,
                    hint=error.diag.message_hint or _hint(error),
                ),
                tuple(self._statements),
            ) from error


def _offset(statement: ScriptStatement, error: psycopg.Error) -> int:
    """Count the lines from the statement's first to the one the server points at."""
    position = error.diag.statement_position
    return statement.sql.count("\n", 0, int(position) - 1) if position else 0


def _hint(error: psycopg.Error) -> str | None:
    if error.sqlstate == "25001":
        return (
            "Put it into a file of its own without BEGIN, or write `-- gatekeeper: transaction off`"
            " at the top of this one."
        )
    return None


def _split(path: Path) -> Script:
    script = read_script(path)
    return split_script(script.text, script.file)


def read_script(path: Path) -> SqlText:
    """Read a script that the command line names. Raises SourceError."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise SourceError(
            f"{path}: cannot be read: {error.strerror}", "Give the paths of existing SQL files."
        ) from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not UTF-8 text (byte {error.start})") from error
    return SqlText(str(path), text)


def bootstrap_scripts(config: Config) -> tuple[SqlText, ...]:
    """Read the scripts that run before the first migration. Raises ConfigError."""
    paths, tree = config.database.bootstrap, config.tree
    try:
        texts = tree.read(*paths, most_bytes=MOST_BYTES)
    except ConfigError as error:
        hint = "The key database.bootstrap of gatekeeper.yml names it."
        raise ConfigError(error.message, error.hint or hint) from error
    return tuple(SqlText(tree.display(p), text) for p, text in zip(paths, texts, strict=True))


def run_scripts(scripts: Iterable[SqlText], database: Address) -> None:
    """Run SQL scripts. Raises MigrationFailed."""
    for script in scripts:
        base = split_script(script.text, script.file)
        SqlFiles.of_scripts(base, []).build_base(database)
