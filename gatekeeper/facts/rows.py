"""One schema object → one row of its fact table; pure derivations of one World."""

import re
from collections.abc import Mapping
from typing import Any

from gatekeeper.facts.access_rows import access_row
from gatekeeper.facts.sql_tokens import listed
from gatekeeper.facts.tags import tags_of
from gatekeeper.facts.world import World
from gatekeeper.model.names import qualified
from gatekeeper.model.schema import (
    Column,
    Constraint,
    DefaultPrivilege,
    EnumValue,
    Extension,
    ForeignKey,
    Function,
    Grant,
    Index,
    Membership,
    Namespace,
    Other,
    Part,
    RewriteRule,
    Role,
    RowPolicy,
    SchemaObject,
    Sequence,
    Table,
    Trigger,
    Type,
    View,
)

Row = dict[str, Any]


def rows_of(world: World, thing: SchemaObject) -> list[tuple[str, Row]]:
    """Give (fact table, row) pairs for one object. A foreign key is a constraint as well."""
    row: Row = _common(thing)
    match thing:
        case Table():
            return [("tables", row | _table(world, thing))]
        case Column():
            return [("columns", row | _column(world, thing))]
        case ForeignKey():
            return [
                ("foreign_keys", row | _foreign_key(world, thing)),
                ("constraints", row | _constraint(world, thing, "foreign_key")),
            ]
        case Constraint():
            return [("constraints", row | _constraint(world, thing, thing.constraint_type))]
        case Index():
            return [("indexes", row | _index(world, thing))]
        case View():
            return [("views", row | _view(thing))]
        case Sequence():
            values = {"name": thing.name, "data_type": thing.data_type, "owned_by": thing.owned_by}
            return [("sequences", row | values)]
        case Trigger():
            row |= {"enabled": thing.enabled, "is_inherited": thing.is_inherited}
            return [("triggers", row | _of_table(world, thing) | _defined(thing))]
        case RewriteRule():
            return [("rules", row | _of_table(world, thing) | _defined(thing))]
        case Function():
            return [("functions", row | _function(world, thing))]
        case Type():
            return [("types", row | _defined(thing) | {"type_kind": thing.type_kind})]
        case EnumValue():
            return [("enum_values", row | _enum_value(thing))]
        case Extension():
            return [("extensions", row | {"name": thing.name, "version": thing.version})]
        case Namespace():
            return [("schemas", row | {"name": thing.name, "owner": thing.owner})]
        case Role() | Membership() | Grant() | DefaultPrivilege() | RowPolicy():
            table, own = access_row(thing, world.powers, world.secured)
            return [(table, row | own)]
        case Other():
            return []  # its changes are facts, it is not


def table_of(thing: SchemaObject) -> int:
    """Give the oid of the table that an object is or is a part of; 0 for none."""
    return thing.oid if isinstance(thing, Table) else getattr(thing, "table_oid", 0)


def _common(thing: SchemaObject) -> Row:
    comment = getattr(thing, "comment", None)
    schema = thing.name if isinstance(thing, Namespace) else getattr(thing, "schema_name", None)
    return {
        "subject": thing.subject,
        "schema_name": schema,
        "comment": comment,
        "tags": tags_of(comment),
    }


def _table(world: World, table: Table) -> Row:
    return {
        "table_name": table.name,
        "table_subject": table.subject,
        "table_kind": table.table_kind,
        "persistence": table.persistence,
        "is_partition": table.parent is not None,
        "inherits": table.inherits,
        "owner": table.owner,
        "row_security": table.row_security,
        "row_security_forced": table.row_security_forced,
        "row_policy_count": world.row_policies[table.oid],
        "tablespace": table.tablespace,
        "options": table.options,
        "replica_identity": table.replica_identity,
        "has_primary_key": table.oid in world.primary_keys,
        "column_count": len(world.columns.get(table.oid, {})),
        "rewritten": False,
    }


def _defined(thing: Trigger | RewriteRule | Type) -> Row:
    return {"name": thing.name, "definition": thing.definition}


def _view(view: View) -> Row:
    options = (view.options or "").replace("=on", "=true").split(", ")
    return {
        "name": view.name,
        "is_materialized": view.is_materialized,
        "owner": view.owner,
        "is_security_invoker": "security_invoker=true" in options,
        "is_security_barrier": "security_barrier=true" in options,
        "definition": view.definition,
        "column_names": ", ".join(view.columns),
    }


def _function(world: World, function: Function) -> Row:
    return {
        "name": function.name,
        "arguments": function.arguments,
        "signature": function.signature,
        "function_kind": function.function_kind,
        "returns": function.returns,
        "language": function.language,
        "volatility": function.volatility,
        "is_strict": function.is_strict,
        "owner": function.owner,
        "is_security_definer": function.is_security_definer,
        "public_can_execute": function.oid in world.public_functions,
        "settings": function.settings,
        "body": function.body,
    }


def _of_table(world: World, part: Part) -> Row:
    found = world.owners.get(part.table_oid)
    if found is None:
        table = world.tables.get(part.table_oid)
        found = world.owners[part.table_oid] = {
            "table_name": part.table_name,
            "table_subject": qualified(part.schema_name, part.table_name),
            "table_tags": tags_of(table.comment) if table else None,
            "table_is_partition": table is not None and table.parent is not None,
        }
    return found


def _column(world: World, column: Column) -> Row:
    return (
        _of_table(world, column)
        | inferred(world, column)
        | {
            "column_name": column.name,
            "data_type": column.data_type,
            "base_type": column.base_type,
            "type_changed": False,
            "is_nullable": not column.not_null,
            "made_required": False,
            "made_nullable": False,
            "has_default": bool(column.default or column.generated or column.identity),
            "default_value": column.default,
            "is_generated": column.generated is not None,
            "is_identity": column.identity is not None,
            "in_primary_key": world.in_primary_key(column),
            "in_unique_key": world.in_unique_key(column),
        }
    )


def inferred(world: World, column: Column) -> Row:
    """Give what the rest of the schema says of a column: its type, sequence, reference."""
    reference = world.reference(column)
    suggestion = None if reference else world.suggestion(column)
    type_kind, max_length = world.about_type(column.data_type)
    return {
        "type_kind": type_kind,
        "max_length": max_length,
        "owned_sequence": world.owned_sequence(column),
        "references_table": reference[0] if reference else None,
        "references_column": reference[1] if reference else None,
        "suggested_reference": suggestion.table if suggestion else None,
        "suggested_column": suggestion.column if suggestion else None,
    }


def _foreign_key(world: World, key: ForeignKey) -> Row:
    return _of_table(world, key) | {
        "name": key.name,
        "column_names": ", ".join(key.columns),
        "column_types": ", ".join(world.types(key.table_oid, key.columns)),
        "references_table": key.references_table,
        "references_is_new": False,
        "references_columns": ", ".join(key.references_columns),
        "references_types": ", ".join(world.types(key.references_oid, key.references_columns)),
        "types_match": world.types_match(key),
        "on_delete": key.on_delete,
        "on_update": key.on_update,
        "is_validated": key.is_validated,
        "has_index": world.has_index(key),
        "is_inherited": key.is_inherited,
        "is_deferrable": _is_deferrable(key),
        "is_enforced": key.is_enforced,
        "definition": key.definition,
    }


def _constraint(world: World, constraint: Constraint | ForeignKey, kind: str) -> Row:
    return _of_table(world, constraint) | {
        "name": constraint.name,
        "constraint_type": kind,
        "column_names": ", ".join(constraint.columns),
        "is_validated": constraint.is_validated,
        "is_inherited": constraint.is_inherited,
        "is_deferrable": _is_deferrable(constraint),
        "is_enforced": constraint.is_enforced,
        "definition": constraint.definition,
    }


def _is_deferrable(constraint: Constraint | ForeignKey) -> bool:
    ending = r" DEFERRABLE( INITIALLY DEFERRED)?( NOT VALID| NOT ENFORCED)?$"
    return re.search(ending, constraint.definition) is not None


def _index(world: World, index: Index) -> Row:
    return _of_table(world, index) | {
        "name": index.name,
        "column_names": ", ".join(name or "(expression)" for name in index.columns),
        "keys": ", ".join(listed(index.definition, behind="using")),
        "included_columns": ", ".join(index.included_columns) or None,
        "is_unique": index.is_unique,
        "is_valid": index.is_valid,
        "is_partial": index.predicate is not None,
        "is_inherited": index.is_inherited,
        "method": index.method,
        "constraint_name": index.constraint_name,
        "definition": index.definition,
    }


def _enum_value(value: EnumValue) -> Row:
    return {
        "name": value.name,
        "type_name": value.type_name,
        "type_subject": qualified(value.schema_name, value.type_name),
        "position": value.position,
    }


def counted(kinds: Mapping[str, int]) -> str:
    """Say how many there are of each kind: 2 indexes, 1 column."""
    plural = {"index": "indexes"}
    return ", ".join(
        f"{count} {kind if count == 1 else plural.get(kind, kind + 's')}"
        for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    )
