"""Reads the URL of a PostgreSQL server and never repeats it: a password may be in it."""

import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from gatekeeper.errors import ScratchError

_DRIVER = re.compile(r"(postgres(?:ql)?)\+\w+(?=://)")  # SQLAlchemy's: postgresql+psycopg://
_HINT = (
    "It looks like postgresql://user@host:5432/database; characters such as @, / and % in a"
    " password are written %40, %2F and %25."
)


def read_url(url: str, named: str) -> dict[str, Any]:
    """Give libpq's parameters. `named` is what the user calls the URL: --url.

    Raises ScratchError when it is none.
    """
    try:
        parameters: dict[str, Any] = conninfo_to_dict(_DRIVER.sub(r"\1", url, count=1))
    except psycopg.ProgrammingError:  # its message quotes the URL
        raise ScratchError(f"{named} cannot be read", _HINT) from None
    places = f"{parameters.get('host', '')}{parameters.get('dbname', '')}"
    if "@" in places or re.search(r"[^0-9,]", str(parameters.get("port", ""))):
        # A password with a plain @ or / ends too early; the rest of it would be in every message.
        raise ScratchError(f"{named} cannot be read: host, port or database make no sense", _HINT)
    return parameters
