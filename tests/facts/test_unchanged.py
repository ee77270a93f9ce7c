"""Base and head share the rows of what nothing changed, and only those."""

from dataclasses import replace

import pytest

from gatekeeper.diff.compare import compare
from gatekeeper.facts.build import Facts, build_facts
from gatekeeper.facts.store import FactStore
from gatekeeper.facts.unchanged import Unchanged
from gatekeeper.model.evidence import Evidence
from gatekeeper.model.schema import Column, Constraint, Index, Schema, Sequence, Table, Type

ORDERS, USERS = Table(1, "public", "orders"), Table(2, "public", "users")


def column(table: Table, number: int, name: str, data_type: str = "bigint") -> Column:
    return Column(table.oid, table.oid, "public", table.name, name, number, data_type, data_type)


def primary_key(table: Table) -> Constraint:
    name = f"{table.name}_pkey"
    return Constraint(10 + table.oid, table.oid, "public", table.name, name, "primary_key", ("id",))


USER_ID, STATE = column(ORDERS, 2, "user_id"), column(ORDERS, 3, "state", "public.state")
BEFORE = Schema(
    tables=(ORDERS,),
    columns=(column(ORDERS, 1, "id"), USER_ID, STATE),
    constraints=(primary_key(ORDERS),),
)
UNIQUE = Index(20, 1, "public", "orders", "one", ("user_id",), is_unique=True)
NEXT = {
    "a table to refer to": replace(
        BEFORE,
        tables=(ORDERS, USERS),
        columns=(*BEFORE.columns, column(USERS, 1, "id")),
        constraints=(*BEFORE.constraints, primary_key(USERS)),
    ),
    "a comment on the table": replace(BEFORE, tables=(replace(ORDERS, comment="@pii"),)),
    "a unique index": replace(BEFORE, indexes=(UNIQUE,)),
    "a type": replace(BEFORE, types=(Type(30, "public", "state"),)),
    "a sequence": replace(
        BEFORE, sequences=(Sequence(40, "public", "s", owned_by="public.orders.user_id"),)
    ),
    "no primary key": replace(BEFORE, constraints=()),
    "another column": replace(
        BEFORE, columns=(BEFORE.columns[0], replace(USER_ID, not_null=True), STATE)
    ),
}


def facts(after: Schema) -> Facts:
    return build_facts(BEFORE, after, compare(BEFORE, after), Evidence())


def test_what_is_as_it_was_has_one_row() -> None:
    found = facts(replace(BEFORE, tables=(ORDERS, USERS)))
    for name in ("columns", "constraints"):
        pairs = zip(found.base[name], found.head[name], strict=True)
        assert all(was is now for was, now in pairs), name


@pytest.mark.parametrize("what", NEXT)
def test_rows_are_those_that_would_be_built(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = facts(NEXT[what])
    assert shared.head["columns"] != shared.base["columns"]
    monkeypatch.setattr(Unchanged, "row", lambda *_: None)
    assert facts(NEXT[what]) == shared


def test_columns_of_one_value_are_not_handed_over_and_are_there() -> None:
    rows = facts(NEXT["a unique index"]).head
    store = FactStore(rows)
    try:
        for name in ("tables", "columns", "indexes"):
            found = store.select(f'SELECT * FROM "{name}"', tables=[name])
            assert [list(row) for row in found] == [list(row) for row in rows[name]]
            assert found == rows[name]
    finally:
        store.close()


def test_of_columns_of_one_name_the_first_counts() -> None:
    store = FactStore({})
    try:
        assert store.select("SELECT 1 AS a, 2 AS b, 3 AS a") == [{"a": 1, "b": 2}]
    finally:
        store.close()
