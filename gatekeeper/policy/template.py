"""Message templates of policies: which names they may use, and filling them in.

Values come from the pull request and are hostile. A template never decides how they are escaped:
the environment's `finalize` does, and whoever renders says how.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gatekeeper.yaml_reader import did_you_mean

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

Escape = Callable[[str], str]


@lru_cache(maxsize=8)
def _environment(escape: Escape) -> "ImmutableSandboxedEnvironment":
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def finalize(value: Any) -> Any:  # noqa: ANN401
        return "" if value is None else escape(str(value))

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=finalize, keep_trailing_newline=False
    )
    environment.filters["suffix"] = _suffix
    environment.filters["thousands"] = _thousands
    return environment


def _suffix(name: str, ending: str) -> str:
    """Lengthen an identifier, inside its quotes where it has them."""
    return f'{name[:-1]}{ending}"' if str(name).endswith('"') else f"{name}{ending}"


def _thousands(number: int | str) -> str:
    return f"{int(number):,}"


def template_mistakes(text: str, samples: Mapping[str, object]) -> list[str]:
    """Say everything that is wrong with a template that may use the names of `samples`.

    It is also filled in with their values once: one that fails would fail when it is needed.
    """
    from jinja2 import TemplateError, meta

    environment = _environment(str)
    try:
        names = meta.find_undeclared_variables(environment.parse(text))
    except TemplateError as error:
        return [f"not a valid template: {error.message}"]
    unknown = sorted(names - samples.keys())
    if unknown:
        return [
            f"the template uses {name!r}, which no row has{did_you_mean(name, samples)}"
            for name in unknown
        ]
    try:
        fill(text, dict(samples), str)
    except Exception as error:  # noqa: BLE001 - whatever a template can do wrong
        return [f"not a valid template: it cannot be filled in: {error}"]
    return []


def fill(text: str, values: dict[str, Any], escape: Escape) -> str:
    """Fill in a template; every value passes through `escape`. Raises jinja2.TemplateError."""
    variables = dict(values)
    variables.setdefault("table", values.get("table_subject") or values.get("subject"))
    variables.setdefault("column", values.get("subject"))
    return _compiled(escape, text).render(variables)


@lru_cache(maxsize=1024)
def _compiled(escape: Escape, text: str) -> "Template":
    return _environment(escape).from_string(text)
