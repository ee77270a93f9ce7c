"""Says what went wrong in the application's process, and the way out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gatekeeper.errors import SourceError
from gatekeeper.model.evidence import Failure
from gatekeeper.sources.alembic.child import ProbeFailed

_HINTS = {
    "25001": "PostgreSQL runs this only outside of a transaction: put it into"
    " `with op.get_context().autocommit_block():`.",
    "0A000": "If an extension is missing: the scratch server has PostgreSQL's contrib modules and"
    " pgvector. Use a server that has more: --database-url postgresql://…",
    "3F000": "If production creates it elsewhere, create it before the first migration: list an SQL"
    " file under database.bootstrap in gatekeeper.yml.",
    "42P01": "If the history does not start from an empty database, give what was there before:"
    " list an SQL dump under database.bootstrap in gatekeeper.yml.",
}


_URL_SETTING = re.compile(
    r"\b(?:[A-Z][A-Z0-9_]*_)?(?:DATABASE|DB|POSTGRES|SQLALCHEMY|PG)[A-Z0-9_]*_(?:URL|URI|DSN)\b"
)


# Older ones pass `context` otherwise, or have none of the events that we listen to.
_OLDEST = {"alembic": ("1.0.11", "alembic"), "sqlalchemy": ("1.1", "SQLAlchemy")}
_WITHOUT_ENV_PY = (
    "If only env.py wants it, and no revision: in gatekeeper.yml `migrations: {env_py: bare}` runs"
    " the version files without the project's env.py."
)
_WITHOUT_SERVICES = (
    "If it wants services that are not there, such as Redis: leave the prelude out, and let"
    " `migrations: {env_py: bare}` in gatekeeper.yml run the version files without env.py."
)


def refuse_old(versions: Mapping[str, object], interpreter: Path) -> None:
    """Raise SourceError where the application's alembic or SQLAlchemy is older than we can drive.

    `versions` is what the probe says when it starts.
    """
    for key, (oldest, name) in _OLDEST.items():
        found = str(versions.get(key, ""))
        if (number := _number(found)) and number < _number(oldest):
            raise SourceError(
                f"{interpreter} has {name} {found}, which is too old: {oldest} is the oldest that"
                " works",
                f"Install a newer one there, or name an interpreter that has it: --python PATH."
                f" The history itself may stay as it is: {name} reads it all the same.",
            )


def _number(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _for_want_of(module: str) -> str:
    """Say the ways out where a module cannot be imported."""
    return (
        f"Install what provides {module}, or name the interpreter that has it: --python PATH (or"
        " migrations.python in gatekeeper.yml). If no migration really needs it, a script that"
        " migrations.prelude names can put a stand-in into sys.modules."
    )


def missing_url_setting(error: ProbeFailed, known: Iterable[str]) -> str | None:
    """Name the environment variable for a database URL that the application seems to lack."""
    report = error.report
    if report.get("sqlstate") or report.get("refused") or report.get("missing_module"):
        return None
    text = f"{report.get('message', '')}\n{_last_lines(report)}"
    found = (name for name in _URL_SETTING.findall(text) if name not in set(known))
    return next(found, None)


def explain_load(error: ProbeFailed, interpreter: Path, trees: Sequence[Path]) -> SourceError:
    """Turn a failure to load the project into an error that says what to do."""
    report = error.report
    missing = report.get("missing_module")
    where = _where(report, trees)
    message = f"{where}{report.get('type', 'error')}: {report.get('message', '')}"
    if report.get("step") == "import":
        return SourceError(
            f"{interpreter} has no {missing or 'alembic'}",
            "Name the interpreter that the application's packages are installed in:"
            " --python .venv/bin/python (or migrations.python in gatekeeper.yml).",
        )
    if report.get("step") == "prelude":
        return SourceError(
            f"the prelude fails: {message}",
            "migrations.prelude of gatekeeper.yml names it; it runs before env.py and the"
            f" revisions are loaded, under {interpreter}.\n{_last_lines(report)}\n"
            + _WITHOUT_SERVICES,
        )
    if missing:
        return SourceError(
            f"the migrations cannot be loaded by {interpreter}: {message}",
            _for_want_of(str(missing)),
        )
    return SourceError(
        f"the migrations cannot be loaded: {message}",
        "Settings without a default can be given under migrations.env in gatekeeper.yml."
        f"\n{_last_lines(report)}",
    )


def failure_of(error: ProbeFailed, trees: Sequence[Path], *, during: str) -> Failure:
    """Turn a failed upgrade into what the report shows."""
    report = error.report
    state = report.get("sqlstate")
    message = report.get("server_message") or report.get("message") or report.get("type") or ""
    if not report.get("server_message") and report.get("type"):
        message = f"{report['type']}: {message}"
    hint = report.get("hint") or _HINTS.get(state or "")
    if (missing := report.get("missing_module")) and not hint:
        in_revision = bool(report.get("revision"))
        hint = _for_want_of(str(missing)) + ("" if in_revision else f"\n{_WITHOUT_ENV_PY}")
    elif not hint and not state and not report.get("refused"):
        hint = (
            "If a setting is missing, give it under migrations.env in gatekeeper.yml.\n"
            + _last_lines(report)
        )
    if report.get("refused"):
        message = report["message"]
    return Failure(
        message=message,
        during=during,
        revision=report.get("revision"),
        file=_relative(report.get("file"), trees),
        line=report.get("line"),
        sql=report.get("sql"),
        sqlstate=state,
        detail=report.get("detail"),
        hint=hint,
        output=error.output,
    )


def _where(report: dict[str, object], trees: Sequence[Path]) -> str:
    file = _relative(report.get("file"), trees)
    return f"{file}:{report.get('line')}: " if file else ""


def _relative(file: object, trees: Sequence[Path]) -> str | None:
    if not isinstance(file, str) or not file:
        return None
    for tree in trees:
        try:
            return str(Path(file).relative_to(tree.resolve()))
        except ValueError:
            continue
    return file


def _last_lines(report: dict[str, object]) -> str:
    """Give the end of the application's traceback: it is theirs, and it says where to look."""
    lines = [line for line in str(report.get("traceback", "")).splitlines() if line.strip()]
    return "\n".join(lines[-6:])
