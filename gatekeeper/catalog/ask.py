"""Runs the `catalog_query:` policies' own queries on the scratch database."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from gatekeeper.errors import ConfigError

_SETTINGS = (
    "SET LOCAL search_path = pg_catalog",
    "SET LOCAL statement_timeout = '30s'",
    "SET LOCAL standard_conforming_strings = on",
)

CatalogQueries = Mapping[str, tuple[str, str]]  # by SQL: the policy, and "file:line" where it is
Row = dict[str, Any]


def ask(connection: psycopg.Connection[Any], queries: CatalogQueries) -> dict[str, list[Row]]:
    """Run SELECTs in a read-only transaction; give the rows of each, by its SQL.

    Raises ConfigError naming the place of a query that the server refuses.
    """
    answers: dict[str, list[Row]] = {}
    for query, (name, place) in queries.items():
        try:
            with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
                for setting in _SETTINGS:
                    cursor.execute(setting)
                cursor.execute(query.encode())
                answers[query] = [{k: _plain(v) for k, v in row.items()} for row in cursor]
        except psycopg.Error as error:
            diagnosis = error.diag.message_primary or str(error).strip()
            hint = f" ({error.diag.message_hint})" if error.diag.message_hint else ""
            raise ConfigError(
                f"{place}: the server refuses the catalog_query of {name}: {diagnosis}{hint}",
                "It runs with search_path = pg_catalog: tables, functions and types of yours need"
                " their schema.",
            ) from error
        if any(row["subject"] is None for row in answers[query]):
            raise ConfigError(f"{place}: the catalog_query of {name} gives a subject that is null")
    return answers


def _plain(value: object) -> object:
    """Give what a template and a report can hold."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
