"""What changing a column's type does to the values in it, found out by trying.

Sample values of the old type are assigned to a column of the new type and cast back, on the server
itself. Nothing here is a list of types: what PostgreSQL accepts, rounds or refuses decides.
"""

from collections.abc import Iterable
from importlib.resources import files
from typing import Any

import psycopg

from gatekeeper.model.change import Change
from gatekeeper.model.names import qualified
from gatekeeper.model.schema import Column, Ident, Schema

# Texts that are extreme for some type; those that are no value of the old type are passed over.
# Too long a text becomes as long as its type allows, since the cast that makes it is explicit.
_SAMPLES = (
    "0", "1", "-1", "32767", "-32768", "2147483647", "-2147483648", "9223372036854775807",
    "16777217", "9007199254740993", "1.5",
    *("9" * digits for digits in range(1, 39)),
    *("0." + "1" * digits for digits in range(1, 20)),
    "", "a", "two words", "x" * 20000,
    "2024-02-29", "2024-02-29 13:14:15.123456", "2024-02-29 13:14:15.123456+00", "13:14:15.123456",
    "1 day 02:03:04.567", "true", "false", "8f0e7f2e-3c5b-4a52-9a4e-1d2c3b4a5f60",
    "{}", "[]", '{"a": 1}', '"x"', "{1,2}", "{a,b}", "10.0.0.1", "10.0.0.0/8", "\\xdeadbeef", "101",
    "{2147483647}", "{9223372036854775807}", "{1.5}",
)  # fmt: skip


def classify_conversions(
    connection: psycopg.Connection[Any], changes: Iterable[Change], before: Schema
) -> dict[Ident, str]:
    """Say for each column whose type changed: none, widening, lossy or may_fail.

    Left out is a column of which it cannot be told, because its old type is gone.
    """
    labels: dict[str, list[str]] = {}
    for value in before.enum_values:
        labels.setdefault(qualified(value.schema_name, value.type_name), []).append(value.name)
    pairs = {
        change.ident: (change.before.data_type, change.after.data_type)
        for change in changes
        if change.kind == "column.type_changed"
        and isinstance(change.before, Column)
        and isinstance(change.after, Column)
    }
    words = {
        pair: _classify(connection, *pair, labels.get(pair[0])) for pair in set(pairs.values())
    }
    return {ident: word for ident, pair in pairs.items() if (word := words[pair]) is not None}


def _classify(
    connection: psycopg.Connection[Any], was: str, becomes: str, labels: list[str] | None
) -> str | None:
    # The type of an enum's name may be another by now (renamed, made anew): its labels are known.
    samples = list(_SAMPLES) if labels is None else labels
    script = (files("gatekeeper.catalog") / "conversion.sql").read_text("utf-8")
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL client_min_messages = error")
            connection.execute(script.encode())
            row = connection.execute(
                "SELECT pg_temp.gatekeeper_conversion(%s, %s, %s)",
                ["text" if labels is not None else was, becomes, samples],
            ).fetchone()
    except psycopg.Error:
        return None
    return None if row is None else row[0]
