"""What reading one query gives, and which of the server's functions hand values on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gatekeeper.model.lineage import COPIED, DERIVED
from gatekeeper.model.relations import Ident

# Where a value comes from, and how. Column 0 of a relation is its whole row; column 0 of a function
# is whatever it returns.
Sources = dict[Ident, str]


class UnreadableError(Exception):
    """The query or body cannot be traced; the message is a reason for people."""


@dataclass(frozen=True, slots=True)
class Traced:
    """What one query gives out, column by column.

    `mentioned` are the columns and functions it uses anywhere, `relations` all that it reads from,
    `by_type` (type, attribute) pairs that it names without reading the table of that type, and
    `hidden` calls of functions that run SQL which is not here to see.
    """

    outputs: tuple[Mapping[Ident, str], ...]
    mentioned: frozenset[Ident] = frozenset()
    relations: frozenset[int] = frozenset()
    by_type: frozenset[tuple[int, int]] = frozenset()
    hidden: frozenset[str] = frozenset()
    open_ended: Mapping[Ident, str] = field(default_factory=dict)  # of outputs nobody can count


def merge(into: Sources, more: Mapping[Ident, str], how: str = COPIED) -> None:
    """Add `more`, weakened to DERIVED where `how` says so; a copy is never weakened by another."""
    for origin, found in more.items():
        if how == COPIED == found:
            into[origin] = COPIED
        else:
            into.setdefault(origin, DERIVED)


def union(every: Iterable[Mapping[Ident, str]], how: str = COPIED) -> Sources:
    """Merge many into a new one."""
    found: Sources = {}
    for sources in every:
        merge(found, sources, how)
    return found


# Functions of the server whose result can hold an argument's value as it is, alone or among
# others: its names for ||, -> and subscripts of JSON are here as well, and what SQL writes like a
# function (row, json_array). Everything else is a computation: upper(), replace(), left().
CARRIERS = frozenset(
    {
        "any_value", "array_agg", "array_append", "array_cat", "array_fill", "array_prepend",
        "array_remove", "array_replace", "array_reverse", "array_sample", "array_shuffle",
        "array_sort", "array_to_json", "array_to_string", "anytextcat", "bitcat", "bpchar",
        "byteacat", "concat", "concat_ws", "date", "daterange", "first_value", "float4",
        "float8", "format", "int2", "int4", "int4range", "int8", "int8range", "json_agg",
        "json_agg_strict", "json_array", "json_array_element", "json_array_element_text",
        "json_array_elements", "json_array_elements_text", "json_build_array",
        "json_build_object", "json_each", "json_each_text", "json_extract_path",
        "json_extract_path_text", "json_object", "json_object_agg", "json_object_agg_strict",
        "json_object_agg_unique", "json_object_agg_unique_strict", "json_object_field",
        "json_object_field_text", "json_object_keys", "json_populate_record",
        "json_populate_recordset", "json_query", "json_strip_nulls", "json_to_record",
        "json_to_recordset", "json_serialize",
        "jsonb_agg", "jsonb_agg_strict", "jsonb_array_element", "jsonb_array_element_text",
        "jsonb_array_elements", "jsonb_array_elements_text", "jsonb_build_array",
        "jsonb_build_object", "jsonb_concat", "jsonb_delete", "jsonb_delete_path", "jsonb_each",
        "jsonb_each_text", "jsonb_extract_path", "jsonb_extract_path_text", "jsonb_insert",
        "jsonb_object", "jsonb_object_agg", "jsonb_object_agg_strict",
        "jsonb_object_agg_unique", "jsonb_object_agg_unique_strict", "jsonb_object_field",
        "jsonb_object_field_text", "jsonb_object_keys", "jsonb_path_query",
        "jsonb_path_query_array", "jsonb_path_query_array_tz", "jsonb_path_query_first",
        "jsonb_path_query_first_tz", "jsonb_path_query_tz", "jsonb_populate_record",
        "jsonb_populate_recordset", "jsonb_pretty", "jsonb_set", "jsonb_set_lax",
        "jsonb_strip_nulls", "jsonb_to_record", "jsonb_to_recordset", "lag", "last_value",
        "lead", "max", "min", "mode", "multirange", "name", "nth_value", "numeric", "numrange",
        "percentile_disc", "quote_ident", "quote_literal", "quote_nullable", "range_agg",
        "regexp_split_to_array", "regexp_split_to_table", "row", "row_to_json", "string_agg",
        "string_to_array", "string_to_table", "text", "textanycat", "textcat", "to_json",
        "to_jsonb", "trim_array", "tsrange", "tstzrange", "unnest", "varchar", "xmlagg",
        "xmlconcat", "xmltext", "xpath",
    }
)  # fmt: skip

# Functions that run SQL, or read tables, named in a text: what they give out cannot be traced.
HIDING = frozenset(
    {
        "connectby", "crosstab", "crosstab2", "crosstab3", "crosstab4", "cursor_to_xml",
        "cursor_to_xmlschema", "database_to_xml", "database_to_xml_and_xmlschema",
        "database_to_xmlschema", "dblink", "dblink_exec", "dblink_fetch", "dblink_get_result",
        "dblink_open", "query_to_xml", "query_to_xml_and_xmlschema", "query_to_xmlschema",
        "schema_to_xml", "schema_to_xml_and_xmlschema", "schema_to_xmlschema", "table_to_xml",
        "table_to_xml_and_xmlschema", "table_to_xmlschema", "ts_rewrite", "ts_stat",
        "xpath_table",
    }
)  # fmt: skip
