"""Which settings an application demands and does not get, and what may stand in for them."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gatekeeper.sources.alembic.child import DEAD_URL, ProbeFailed

Values = dict[str, str]

_MOST_FILES = 40
_NAME = r"[A-Z][A-Z0-9]*(?:_+[A-Z0-9]+)*"  # APP__AUTH__KEY: two where settings are nested
_ENVIRON = re.compile(r"environ|getenv|\benv\b|config\(")
# What libraries of settings say: decouple, environs, starlette, django-environ, people themselves.
_SAID = (
    re.compile(rf"environment variable:?\s*[\"'`]?({_NAME})\b", re.IGNORECASE),
    re.compile(rf"[\"'`]?\b({_NAME})[\"'`]?\s+(?:environment variable|env var|env variable)"),
    re.compile(
        rf"[\"'`]?\b({_NAME})[\"'`]?\s+(?:is |was |are |must be |has to be |needs to be )?"
        r"(?:not set|not found|not defined|missing|required|undefined|unset|set\b)"
    ),
    re.compile(
        rf"(?:[Mm]issing|[Rr]equired|[Ss]et|[Uu]ndefined)(?: \w+){{0,3}}:? [\"'`]?({_NAME})\b"
    ),
)
_PYDANTIC = re.compile(
    r"^(?P<field>[A-Za-z_][\w.]*)\n +[^\n]*?(?:\[type=(?P<type>\w+)|\(type=(?P<old>[\w.]+))",
    re.MULTILINE,
)
_PREFIX = re.compile(r"env_prefix[\"']?\s*[=:]\s*[\"'](\w*)[\"']")
_NUMBERS = re.compile(
    r"(?:^|_)(?:PORT|TIMEOUT|SECONDS|MINUTES|HOURS|DAYS|SIZE|COUNT|LIMIT|MAX|MIN)$"
)
_URLS = re.compile(r"(?:^|_)(?:URL|URI|ENDPOINT|DSN|ORIGIN)$")
_KEYS = re.compile(r"(?:^|_)(?:KEY|SECRET|SALT)$")
_KEY = "x" * 32  # the length of an AES key, and no less than applications want of a secret
_BY_TYPE = {
    "int": "1", "float": "1", "decimal": "1", "bool": "true", "url": "http://127.0.0.1:1",
    "json": "[]", "list": "[]", "dict": "{}", "uuid": "00000000-0000-4000-8000-000000000000",
}  # fmt: skip


def missing_settings(error: BaseException, known: Mapping[str, str], tree: Path) -> Values:
    """Give the environment variables that an application seems to lack, each with a stand-in.

    `error` is what loading or migrating came to, `known` what is given already. A setting that is
    there and was refused gets another value, if its type says which.
    """
    report = _report(error)
    if report is None or any(report.get(key) for key in ("sqlstate", "refused", "missing_module")):
        return {}
    message, traceback = str(report.get("message", "")), str(report.get("traceback", ""))
    if found := _of_pydantic(message, known, _prefixes(traceback, tree)):
        return found
    if report.get("type") == "KeyError":
        name = message.strip("'\"")
        is_setting = re.fullmatch(_NAME, name) and _ENVIRON.search(traceback)
        return _new([name], known) if is_setting else {}
    return _new((m for said in _SAID for m in said.findall(message) if _likely(m)), known)


def _report(error: BaseException | None) -> dict[str, Any] | None:
    while error is not None and not isinstance(error, ProbeFailed):
        error = error.__cause__
    return error.report if error is not None else None


def _likely(name: str) -> bool:
    """Say whether a word in capitals is a setting's name and not just SQL or an acronym."""
    return "_" in name or name in ("SECRET", "DEBUG", "ENV", "ENVIRONMENT")


def _new(names: Iterable[str], known: Mapping[str, str]) -> Values:
    return {name: _stand_in(name) for name in names if name not in known}


def _stand_in(name: str) -> str:
    if re.search(r"(DATABASE|DB|POSTGRES|SQLALCHEMY|PG)[A-Z0-9_]*_(URL|URI|DSN)$", name):
        return DEAD_URL
    if _NUMBERS.search(name):
        return "1"
    if _KEYS.search(name):
        return _KEY
    return "http://127.0.0.1:1" if _URLS.search(name) else "x"


def _of_pydantic(message: str, known: Mapping[str, str], prefixes: list[str]) -> Values:
    """Read a validation error of a settings class. Names of variables are its fields, in capitals.

    A prefix stands in a file of the application; without one there the plain name is right.
    """
    if "validation error" not in message:
        return {}
    found: Values = {}
    for match in _PYDANTIC.finditer(message):
        field, kind = match["field"].partition(".")[0], match["type"] or match["old"] or ""
        names = [(prefix + field).upper() for prefix in (*prefixes, "")]
        if kind.endswith("missing"):
            name = next((name for name in names if name not in known), None)
            if name is not None:
                found[name] = _stand_in(name)
            continue
        given = next((name for name in names if name in known), None)
        value = next(
            (
                v
                for word, v in _BY_TYPE.items()
                if kind.startswith((word, f"value_error.{word}", f"type_error.{word}"))
            ),
            "",
        )
        if given is not None and value and known[given] != value:
            found[given] = value
    return found


def _prefixes(traceback: str, tree: Path) -> list[str]:
    """Give the prefixes of the settings classes in those files that the error went through."""
    found: dict[str, None] = {}
    root = tree.resolve()
    for name in dict.fromkeys(re.findall(r'File "([^"]+)"', traceback)[:_MOST_FILES]):
        path = Path(name)
        if not path.is_relative_to(root) or {"site-packages", ".venv"} & set(path.parts):
            continue
        try:
            text = path.read_text("utf-8", errors="replace")
        except OSError:
            continue
        found |= dict.fromkeys(prefix for prefix in _PREFIX.findall(text) if prefix)
    return list(found)
