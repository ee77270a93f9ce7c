"""Message templates of policies: which names they may use, and filling them in.

Values come from the pull request and are hostile. A template never decides how they are escaped:
the environment's `finalize` does, and whoever renders says how.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

Escape = Callable[[str], str]

ALIASES = ("table", "column")  # short for table_subject, and the subject of a column


@lru_cache(maxsize=8)
def _environment(escape: Escape) -> ImmutableSandboxedEnvironment:
    def finalize(value: Any) -> Any:  # noqa: ANN401
        return "" if value is None else escape(str(value))

    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=finalize, keep_trailing_newline=False
    )


def template_mistake(text: str, known: set[str]) -> str | None:
    """Say what is wrong with a template, or None; `known` are the names it may use."""
    environment = _environment(str)
    try:
        names = meta.find_undeclared_variables(environment.parse(text))
    except TemplateError as error:
        return f"not a valid template: {error}"
    unknown = sorted(names - known)
    return unknown[0] if unknown else None


def fill(text: str, values: dict[str, Any], escape: Escape) -> str:
    """Fill in a template; every value passes through `escape`. Raises jinja2.TemplateError."""
    variables = dict(values)
    variables.setdefault("table", values.get("table_subject") or values.get("subject"))
    variables.setdefault("column", values.get("subject"))
    return _environment(escape).from_string(text).render(variables)
