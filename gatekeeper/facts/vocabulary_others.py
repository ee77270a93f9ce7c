"""The fact tables of what belongs to no table: functions, types, extensions."""

from gatekeeper.facts.columns import FactColumn, FactTable
from gatekeeper.facts.columns import flag as _flag
from gatekeeper.facts.columns import number as _number
from gatekeeper.facts.columns import text as _text


def other_tables(common: tuple[FactColumn, ...], owner: FactColumn) -> tuple[FactTable, ...]:
    """Give the tables; `common` are the columns that all objects share."""
    return (
        FactTable(
            "functions",
            "function or procedure",
            (
                *common,
                _text("name", "its name"),
                _text("arguments", "its arguments, as far as they tell it from others of its name"),
                _text(
                    "signature", "its arguments with names and defaults: a int, b text DEFAULT 'x'"
                ),
                _text(
                    "function_kind", "what it is", *("function", "procedure", "aggregate", "window")
                ),
                _text("returns", "what it returns; null: a procedure"),
                _text("language", "sql, plpgsql …"),
                _text("volatility", "what it promises", *("immutable", "stable", "volatile")),
                _flag("is_strict", "it is not called with a null"),
                owner,
                _flag("is_security_definer", "it runs with the rights of its owner"),
                _flag("public_can_execute", "everybody may call it"),
                _text("settings", "its SET clauses: search_path=pg_catalog"),
                _text("body", "its source"),
            ),
        ),
        FactTable(
            "types",
            "enum, domain, composite or range type",
            (
                *common,
                _text("name", "the type's name"),
                _text("type_kind", "what it is", *("enum", "domain", "composite", "range")),
                _text("definition", "what it is made of; null for an enum"),
            ),
        ),
        FactTable(
            "enum_values",
            "value of an enumerated type",
            (
                *common,
                _text("name", "the value"),
                _text("type_name", "the type's name"),
                _text("type_subject", "the type's subject"),
                _number("position", "its place in the order, from 1"),
            ),
        ),
        FactTable(
            "extensions",
            "extension",
            (*common, _text("name", "the extension's name"), _text("version", "its version")),
        ),
    )
