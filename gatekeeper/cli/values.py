"""Converts what the command line gives, where that needs no more than the type.

Typer converts every value with pydantic, also one that is not given, and importing that takes
longer than most commands run. What is not plain is still Typer's business, and every complaint.
What an option may ask for beyond its type (exists=, parser=) is not looked at: none of ours does.
"""

import os
from collections.abc import Callable
from enum import StrEnum
from functools import partialmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from typer.core import TyperArgument, TyperOption

if TYPE_CHECKING:
    from typer._click import Context

Parameter = TyperArgument | TyperOption
Process = Callable[[Parameter, "Context", Any], Any]


def convert_plainly() -> None:
    """Let parameters convert plain values themselves."""
    for kind in (TyperArgument, TyperOption):
        kind.process_value = partialmethod(_process, kind.process_value)  # type: ignore[assignment]


def _process(param: Parameter, by_typer: Process, context: "Context", value: object) -> object:
    try:
        plain = _converted(param, value)
    except (TypeError, ValueError):
        return by_typer(param, context, value)
    return param.callback(context, param, plain) if param.callback else plain


def _converted(param: Parameter, value: object) -> object:
    """Convert a parameter's value. Raises ValueError for what is not plain, or perhaps wrong."""
    described = getattr(param, "type_descriptor", None)
    lacks = param.required and not value
    if described is None or lacks:  # without a description, this Typer knows no pydantic
        raise ValueError(value)
    kind = described.annotation
    if get_origin(kind) is not list:
        return None if value is None else _plain(kind, value)
    if not isinstance(value, list | tuple | None):
        raise TypeError(value)
    return [_plain(get_args(kind)[0], one) for one in value or ()]


def _plain(kind: type, value: object) -> object:
    if isinstance(value, str):
        value.encode()  # an argument need not be UTF-8
        if kind is Path and (os.access(value, os.R_OK) or not Path(value).exists()):
            return Path(value)
        if issubclass(kind, StrEnum):
            return kind(value)
    if isinstance(value, kind):
        return value
    raise ValueError(value)
