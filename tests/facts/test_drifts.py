"""Rows of drift, from what alembic's comparison said."""

from dataclasses import replace

from gatekeeper.facts.build import Facts
from gatekeeper.facts.drifts import drift_of, with_drifts
from gatekeeper.model.evidence import Drift
from gatekeeper.model.plan import Plan
from gatekeeper.model.schema import Schema
from gatekeeper.snapshot import not_run
from gatekeeper.snapshot_file import read_snapshots, write_snapshots

MISSING = Drift("missing_column", "public", "orders", column="state", models="text")


def rows(head: tuple[Drift, ...], base: tuple[Drift, ...] = ()) -> list[dict[str, object]]:
    return with_drifts(Facts(), head, base, Schema()).head["drifts"]


def test_what_the_base_had_is_not_added():
    assert [row["change"] for row in rows((MISSING,), (MISSING,))] == [None]
    assert [row["change"] for row in rows((MISSING,))] == ["added"]


def test_another_difference_of_the_same_column_is_added():
    was = replace(MISSING, models="varchar(20)")
    assert [row["change"] for row in rows((MISSING,), (was,))] == ["added"]


def test_subjects_are_quoted_as_postgresql_does():
    (row,) = rows((Drift("extra_column", "public", "Order", column="state"),))
    assert (row["subject"], row["table_subject"]) == (
        'public."Order".state',
        'public."Order"',
    )


def test_what_has_no_name_is_called_by_what_it_is():
    (row,) = rows((Drift("missing_constraint", "public", "orders", models="unique (a, b)"),))
    assert row["subject"] == "public.orders unique (a, b)"


def test_a_table_that_the_schema_does_not_have_is_an_extensions():
    assert rows((Drift("extra_table", "public", "spatial_ref_sys"),)) == []


def test_a_subject_says_what_it_is():
    assert drift_of("missing_index", "public.t.i") == Drift(
        "missing_index", "public", "t", name="i"
    )
    assert drift_of("type_differs", "public.t.c") == Drift(
        "type_differs", "public", "t", column="c"
    )
    assert drift_of("extra_table", "public.t") == Drift("extra_table", "public", "t")


def test_a_snapshot_carries_them():
    empty = not_run(Plan("base", "head"))
    taken = replace(empty, facts=with_drifts(empty.facts, (MISSING,), (), Schema()))
    (read,) = read_snapshots(write_snapshots([taken]), "snapshot.json")
    assert read.facts.head["drifts"] == taken.facts.head["drifts"]
