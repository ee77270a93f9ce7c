"""What a column's name says about the table it refers to, and what it does not."""

from itertools import count

import pytest

from gatekeeper.facts.world import World
from gatekeeper.model.schema import Column, Constraint, Index, Schema, Table

_TYPES = {"bigint", "integer", "text", "uuid", "character varying", "numeric"}


def _world(**tables: str) -> World:
    """Make tables from `schema__name="key id bigint, other text"`; `key` and `unique` mark keys."""
    oids = count(1)
    made = Schema()
    for full, text in tables.items():
        schema, _, name = full.rpartition("__")
        schema = schema or "public"
        table = Table(next(oids), schema, name)
        columns, keys, indexes = [], [], []
        for number, entry in enumerate(filter(None, text.split(", ")), start=1):
            *marks, column, kind = entry.replace("varchar", "character_varying").split()
            kind = kind.replace("_", " ")
            assert kind in _TYPES, kind
            columns.append(Column(table.oid, table.oid, schema, name, column, number, kind, kind))
            keys += [column] if "key" in marks else []
            if "unique" in marks:
                indexes.append(
                    Index(next(oids), table.oid, schema, name, "u", (column,), is_unique=True)
                )
        primary = (
            Constraint(next(oids), table.oid, schema, name, "pk", "primary_key", tuple(keys)),
        )
        made = Schema(
            tables=(*made.tables, table),
            columns=(*made.columns, *columns),
            constraints=made.constraints + (primary if keys else ()),
            indexes=(*made.indexes, *indexes),
        )
    return World(made)


def _guess(world: World, column: str, table: str = "orders") -> str | None:
    """Give the guess for one column of one table as table.column."""
    found = [c for c in world.schema.columns if (c.table_name, c.name) == (table, column)]
    assert len(found) == 1
    suggestion = world.suggestion(found[0])
    return None if suggestion is None else f"{suggestion.table}.{suggestion.column}"


@pytest.mark.parametrize(
    ("column", "table"),
    [
        ("customer_id", "customers"),
        ("customer_id", "customer"),
        ("customer_id", "Customer"),
        ("category_id", "categories"),
        ("person_id", "people"),
        ("child_id", "children"),
        ("address_id", "addresses"),
        ("status_id", "statuses"),
        ("status_id", "status"),
        ("box_id", "boxes"),
        ("branch_id", "branches"),
        ("order_item_id", "order_items"),
        ("order_item_id", "OrderItems"),
        ("customer_uuid", "customers"),
        ("customer_guid", "customers"),
        ("customer_fk", "customers"),
        ("customer_key", "customers"),
        ("customer_ref", "customers"),
        ("customerId", "customers"),
        ("customerID", "customers"),
        ("customerUuid", "customers"),
        ("orderItemId", "order_items"),
        ("created_by", "users"),
        ("updated_by_id", "users"),
        ("createdBy", "users"),
        ("approved_by", "employees"),
        ("owner_id", "users"),
        ("author_id", "people"),
        ("billing_address_id", "addresses"),
        ("shipping_address_id", "addresses"),
        ("default_billing_address_id", "addresses"),
        ("parent_category_id", "categories"),
        ("movie_id", "movies"),
        ("cache_id", "caches"),
        ("prize_id", "prizes"),
        ("analysis_id", "analyses"),
    ],
)
def test_a_name_is_guessed(column: str, table: str) -> None:
    world = _world(orders=f"key id bigint, {column} bigint", **{table: "key id bigint"})
    target = next(t.subject for t in world.schema.tables if t.name == table)
    assert _guess(world, column) == f"{target}.id"


@pytest.mark.parametrize(
    "column",
    ["paid", "valid", "grid", "userid", "customer", "customers", "id", "customer_name",
     "customer_ids", "is_customer", "PAID", "customer_identity", "stripe_customer_id",
     "github_user_id", "external_id", "session_id", "tax_id", "customer_number"],
)  # fmt: skip
def test_a_name_is_not_guessed(column: str) -> None:
    tables = dict.fromkeys(("customers", "users", "pas", "vals", "grs", "gr"), "key id bigint")
    world = _world(orders=f"key number bigint, {column} bigint", **tables)
    assert _guess(world, column) is None


@pytest.mark.parametrize("column", ["parent_id", "root_id", "previous_id", "duplicate_of_id"])
def test_words_for_another_row_mean_the_table_itself(column: str) -> None:
    world = _world(orders=f"key id bigint, {column} bigint", parents="key id bigint")
    assert _guess(world, column) == "public.orders.id"


def test_whoever_made_a_user_is_a_user() -> None:
    world = _world(users="key id bigint, created_by bigint", accounts="key id bigint")
    assert _guess(world, "created_by", "users") == "public.users.id"


def test_a_category_in_a_category_is_the_table_itself() -> None:
    world = _world(categories="key id bigint, parent_category_id bigint")
    assert _guess(world, "parent_category_id", "categories") == "public.categories.id"


def test_the_only_table_of_another_schema_is_guessed() -> None:
    world = _world(orders="key id bigint, customer_id bigint", crm__customers="key id bigint")
    assert _guess(world, "customer_id") == "crm.customers.id"


def test_the_same_schema_is_preferred() -> None:
    world = _world(
        orders="key id bigint, customer_id bigint",
        crm__customers="key id bigint",
        customers="key id bigint",
    )
    assert _guess(world, "customer_id") == "public.customers.id"


def test_two_candidates_in_other_schemas_are_none() -> None:
    world = _world(
        orders="key id bigint, customer_id bigint",
        a__customers="key id bigint",
        b__customers="key id bigint",
    )
    assert _guess(world, "customer_id") is None


@pytest.mark.parametrize(
    ("own", "key", "fits"),
    [
        ("integer", "bigint", True),
        ("text", "varchar", True),
        ("uuid", "uuid", True),
        ("text", "bigint", False),
        ("uuid", "bigint", False),
        ("bigint", "text", False),
        ("numeric", "bigint", False),
        ("numeric", "numeric", False),
    ],
)
def test_the_types_must_be_of_one_family(own: str, key: str, *, fits: bool) -> None:
    world = _world(orders=f"key id bigint, customer_id {own}", customers=f"key id {key}")
    assert _guess(world, "customer_id") == ("public.customers.id" if fits else None)


def test_a_unique_column_of_the_ending_is_a_key_as_well() -> None:
    world = _world(orders="key id bigint, user_uuid uuid", users="key id bigint, unique uuid uuid")
    assert _guess(world, "user_uuid") == "public.users.uuid"


def test_a_column_that_is_not_unique_is_no_key() -> None:
    world = _world(orders="key id bigint, user_uuid uuid", users="key id bigint, uuid uuid")
    assert _guess(world, "user_uuid") is None


@pytest.mark.parametrize("kind", ["_type", "_kind", "_class", "_model", "_content_type"])
def test_half_of_a_polymorphic_pair_refers_to_any_table(kind: str) -> None:
    world = _world(
        orders=f"key id bigint, owner_id bigint, owner{kind} text",
        owners="key id bigint",
        users="key id bigint",
    )
    assert _guess(world, "owner_id") is None


def test_half_of_a_polymorphic_pair_in_camel_case_refers_to_any_table() -> None:
    world = _world(orders="key id bigint, ownerId bigint, ownerType text", users="key id bigint")
    assert _guess(world, "ownerId") is None


def test_the_tables_own_key_refers_to_nothing() -> None:
    world = _world(orders="key customer_id bigint", customers="key id bigint")
    assert _guess(world, "customer_id") is None


def test_the_tables_own_number_refers_to_nothing() -> None:
    world = _world(customers="key id bigint, unique customer_id bigint")
    assert _guess(world, "customer_id", "customers") is None


def test_half_of_a_tables_own_composite_key_is_guessed() -> None:
    world = _world(orders="key order_id bigint, key product_id bigint", products="key id bigint")
    assert _guess(world, "product_id") == "public.products.id"


@pytest.mark.parametrize("key", ["", "key shop bigint, key id bigint", "id bigint"])
def test_a_table_without_a_key_of_one_column_is_no_target(key: str) -> None:
    world = _world(orders="key id bigint, customer_id bigint", customers=key)
    assert _guess(world, "customer_id") is None


def test_a_partition_is_no_target() -> None:
    world = _world(orders="key id bigint, event_id bigint", events="key id bigint")
    assert _guess(world, "event_id") == "public.events.id"
    parted = [
        Table(t.oid, t.schema_name, t.name, parent="public.all") if t.name == "events" else t
        for t in world.schema.tables
    ]
    schema = Schema(
        tables=tuple(parted), columns=world.schema.columns, constraints=world.schema.constraints
    )
    assert _guess(World(schema), "event_id") is None
