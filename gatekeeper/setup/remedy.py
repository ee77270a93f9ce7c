"""What to do about a step that failed: the line to add to gatekeeper.yml, or the command to run."""

import re
import shlex
from collections.abc import Mapping
from textwrap import indent

from gatekeeper.errors import GatekeeperError
from gatekeeper.model.evidence import Failure
from gatekeeper.setup.steps import Trouble
from gatekeeper.sources.base import MigrationFailed

# Functions, types and operator classes that are missing, by the extension that brings them.
_BRINGS = {
    "uuid-ossp": r"uuid_generate_v\w+|uuid_nil|uuid_ns_\w+",
    "pgcrypto": r"gen_random_bytes|gen_salt|crypt|digest|hmac|pgp_\w+",
    "pg_trgm": r"g(?:in|ist)_trgm_ops|similarity|word_similarity|show_trgm",
    "unaccent": r"unaccent",
    "citext": r"citext",
    "hstore": r"hstore",
    "ltree": r"ltree|lquery",
    "vector": r"vector|halfvec|vector_\w+_ops",
    "postgis": r"geometry|geography|st_\w+|addgeometrycolumn",
    "btree_gist": r"gist_(?:int|text|uuid|date|timestamp)\w*_ops",
}
_MISSING = re.compile(r'(?:function|type|operator class) "?([\w.]+)"?.* does not exist')
_SCHEMA = re.compile(r'schema "(.+)" does not exist')
UNAVAILABLE = re.compile(r'extension "(.+)" is not available|ICU is not supported')
_NOT_FROM_NOTHING = ("42P01", "42703")
_DUMP = """\
The history does not start from an empty database: something made the first tables before it ran.
Give a dump that holds the tables and the version they are at; then only newer revisions run:
  pg_dump --schema-only --no-owner --no-privileges DATABASE > gatekeeper-base.sql
  pg_dump --data-only --table='*alembic_version' DATABASE >> gatekeeper-base.sql
and in gatekeeper.yml:
  database:
    bootstrap: [gatekeeper-base.sql]"""


def settings_line(values: Mapping[str, str]) -> str:
    """Give the lines that stand in for settings."""
    entries = ", ".join(f"{name}: {quoted(value)}" for name, value in values.items())
    return f"migrations:\n  env: {{{entries}}}"


def quoted(value: str) -> str:
    """Give a value of YAML that is read as text, and as the same one."""
    if re.fullmatch(r"[A-Za-z][\w./-]*", value) and value.lower() not in (
        "true", "false", "yes", "no", "on", "off", "null", "y", "n",
    ):  # fmt: skip
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def of_run(
    error: MigrationFailed | GatekeeperError, settings: Mapping[str, str], *, old: bool
) -> Trouble:
    """Say what a run came to and what to do; `old`: the base's history failed, not what is new."""
    if isinstance(error, MigrationFailed):
        failure = error.failure
        return Trouble(_said(failure), _advice(failure, settings, old=old))
    return of_load(error, settings)


def of_load(error: GatekeeperError, settings: Mapping[str, str]) -> Trouble:
    """Say why a project does not load, and what to do."""
    if settings:
        return Trouble(error.message, _settings(settings))
    for words, advice in _BY_WORDS.items():
        if words in error.message:
            return Trouble(error.message, advice)
    return Trouble(error.message, error.hint)


def _settings(settings: Mapping[str, str]) -> str:
    return "The application demands it. Any value will do; in gatekeeper.yml:\n" + indent(
        settings_line(settings), "  "
    )


_SEVERAL = re.compile(r"^  \S+: \{migrations: \{database: (\S+)\}\}$", re.MULTILINE)
_BY_WORDS = {
    "Working outside of application context": (
        "env.py needs a Flask application. Write a prelude.py, with the application's own names:\n"
        "  from app import create_app\n"
        "\n"
        "  create_app().app_context().push()\n"
        "and in gatekeeper.yml:\n"
        "  migrations:\n    prelude: prelude.py\n"
        "Where create_app() wants services that are not there, such as Redis, leave env.py out:\n"
        "  migrations:\n    env_py: bare"
    ),
    "No 'script_location' key": (
        "Add to the configuration that was found, in its section [alembic]:\n"
        "  script_location = %(here)s"
    ),
}


def several_databases(error: BaseException | None) -> tuple[str, ...]:
    """Name the databases of an env.py that migrates several; none: it does not, or has not said."""
    said = error.failure.message if isinstance(error, MigrationFailed) else ""
    return tuple(_SEVERAL.findall(said))


def _said(failure: Failure) -> str:
    if _SEVERAL.search(failure.message):
        return "env.py migrates several databases"
    place = f"{failure.file}:{failure.line}: " if failure.file else ""
    return f"{place}{failure.message}"


def _advice(failure: Failure, settings: Mapping[str, str], *, old: bool) -> str:
    if settings:
        return _settings(settings)
    if _SEVERAL.search(failure.message):
        lines = "projects:" + failure.message.partition("projects:")[2]
        return "Make each one a project; in gatekeeper.yml:\n" + indent(lines, "  ")
    for words, advice in _BY_WORDS.items():
        if words in failure.message:
            return advice
    if unavailable := UNAVAILABLE.search(failure.message):
        return _server(unavailable[1] or "ICU")
    if found := _extension(failure.message):
        return _prepare(
            f'CREATE EXTENSION "{found}";', f"Production has the extension {found} from elsewhere."
        )
    if schema := _SCHEMA.search(failure.message):
        return _prepare(
            f'CREATE SCHEMA "{schema[1]}";',
            f"Production has the schema {schema[1]} from elsewhere.",
        )
    if old and failure.sqlstate in _NOT_FROM_NOTHING and "baseline" not in (failure.hint or ""):
        return _DUMP
    return failure.hint or ""


def _extension(message: str) -> str | None:
    match = _MISSING.search(message)
    name = match[1].rpartition(".")[2].lower() if match else ""
    return next((e for e, names in _BRINGS.items() if re.fullmatch(names, name)), None)


def _prepare(statement: str, why: str) -> str:
    return (
        f"{why} Create it before the first revision:\n"
        f"  echo {shlex.quote(statement)} > gatekeeper-base.sql\n"
        "and in gatekeeper.yml:\n"
        "  database:\n    bootstrap: [gatekeeper-base.sql]"
    )


def _server(what: str) -> str:
    return (
        f"The PostgreSQL that Gatekeeper brings has no {what}. Start a throw-away server that does,"
        " and in gatekeeper.yml:\n"
        "  database:\n    url: postgresql://postgres:postgres@localhost:5432/postgres"
    )
