"""Schema coverage of a shop with twelve tables, counted by hand, and what a pull request makes of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

import gatekeeper.report
from gatekeeper.config_coverage import CoverageConfig
from gatekeeper.judge import judge_snapshot, with_approvals
from gatekeeper.observe import Setup, observe
from gatekeeper.policy.coverage import Count, Coverage, Line, percent_text
from gatekeeper.policy.evaluate import judge
from gatekeeper.policy.load import load_all
from gatekeeper.policy.minimum import below_minimum, minimum_policy
from gatekeeper.policy.model import Policy, Waiver
from gatekeeper.report.badge import render_badge
from gatekeeper.report.coverage import coverage_rows, coverage_sentence
from gatekeeper.report.coverage_text import VERSION, render_coverage
from gatekeeper.report.escape import visible
from gatekeeper.report.json import render_json
from gatekeeper.report.markdown import render_markdown
from gatekeeper.report.outcome import Outcome, alone
from gatekeeper.report.view import message
from gatekeeper.scratch.base import Address
from gatekeeper.sources.split import split_script
from gatekeeper.sources.sql_files import SqlFiles

# Twelve tables. P: has a primary key. Columns that are, or look like, a reference: F with a foreign
# key. Each foreign key: I with an index. A small letter: it lacks that.
#
#                P   references            indexes of foreign keys
# customers      P
# products       P
# tags           P
# import_rows    p
# addresses      P   customer_id F         I
# orders         P   customer_id F         I
# lines          P   order_id F            I
#                    product_id F          i
# payments       P   order_id f
# shipments      P   order_id F            i
# events         p   customer_id f
# product_tags   P   product_id F          I  (the first column of its primary key)
#                    tag_id F              i
# reviews        P   product_id F          I
#                    customer_id F         I
#
# keys        10 of 12
# references  F 9 of 11, I 6 of 9: 15 of 20
# total       25 of 32
BEFORE = """
CREATE TABLE customers (id bigint PRIMARY KEY, email text);
CREATE TABLE products (id bigint PRIMARY KEY);
CREATE TABLE tags (id bigint PRIMARY KEY);
CREATE TABLE import_rows (line text);
CREATE TABLE addresses (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers);
CREATE INDEX ON addresses (customer_id);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers);
CREATE INDEX ON orders (customer_id);
CREATE TABLE lines (
  id bigint PRIMARY KEY, order_id bigint REFERENCES orders, product_id bigint REFERENCES products
);
CREATE INDEX ON lines (order_id);
CREATE TABLE payments (id bigint PRIMARY KEY, order_id bigint);
CREATE TABLE shipments (id bigint PRIMARY KEY, order_id bigint REFERENCES orders);
CREATE TABLE events (customer_id bigint);
CREATE TABLE product_tags (
  product_id bigint REFERENCES products, tag_id bigint REFERENCES tags,
  PRIMARY KEY (product_id, tag_id)
);
CREATE TABLE reviews (
  id bigint PRIMARY KEY, product_id bigint REFERENCES products, customer_id bigint REFERENCES customers
);
CREATE INDEX ON reviews (product_id);
CREATE INDEX ON reviews (customer_id);
"""
# returns        added, P: order_id f, product_id F i
# payments       order_id f becomes F, its foreign key i is new
# orders         customer_id F becomes f, and its foreign key I is gone
# shipments      i becomes I
# reviews        gone: P, F F, I I
#
#             head                                   base without what is gone  patch
# keys        10 - 1 + 1 of 12 - 1 + 1 = 10 of 12    9 of 11                    returns: 1 of 1
# references  F: 9 - 2 + 1 (returns) + 1 - 1         F 7 of 9                   F: returns 1 of 2, payments,
#                of 11 - 2 + 2 = 8 of 11                                           orders: 2 of 4
#             I: 6 - 2 - 1 + 1 of 9 - 2 - 1 + 2      I 3 of 6                   I: returns, payments,
#                = 4 of 8                                                          shipments: 1 of 3
#             together 12 of 19                      10 of 15                   3 of 7
# total       22 of 31                               19 of 26                   4 of 8
MIGRATION = """
CREATE TABLE returns (id bigint PRIMARY KEY, order_id bigint, product_id bigint REFERENCES products);
ALTER TABLE payments ADD FOREIGN KEY (order_id) REFERENCES orders;
ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey;
CREATE INDEX ON shipments (order_id);
DROP TABLE reviews;
"""
_FOLDER = Path(gatekeeper.report.__file__).parent
_ALL = load_all()
COUNTED = tuple(
    _ALL[n] for n in ("missing-primary-key", "missing-foreign-key", "unindexed-foreign-key")
)
Judge = Callable[..., Outcome]


@pytest.fixture
def judged(database: Address) -> Judge:
    """Judge a migration of the twelve tables."""

    def judge(
        migration: str,
        waivers: tuple[Waiver, ...] = (),
        policies: tuple[Policy, ...] = COUNTED,
        before: str = BEFORE,
        **minimum: int,
    ) -> Outcome:
        source = SqlFiles.of_scripts(
            split_script(before, "before.sql"), [split_script(migration, "m.sql")]
        )
        snapshot = observe(source, source.prepare(), database, Setup())
        demanded = (minimum_policy(CoverageConfig(**minimum), "gatekeeper.yml"),) if minimum else ()
        return judge_snapshot(snapshot, (*policies, *demanded), waivers, date(2026, 1, 1))

    return judge


def _numbers(line: Line) -> list[tuple[int, int]]:
    return [(c.covered, c.total) for c in (line.base, line.kept, line.head, line.patch)]


def _lines(coverage: Coverage, by: Any = "group") -> dict[str, list[tuple[int, int]]]:
    return {line.name: _numbers(line) for line in coverage.lines(by)}


def _missing(coverage: Coverage) -> set[str]:
    return {one.subject for one in coverage.missing if one.touched}


def _waiver(policy: str, subject: str) -> Waiver:
    return Waiver(policy, subject, "the parent lives elsewhere", "file")


def test_twelve_tables_counted_by_hand(judged: Judge) -> None:
    coverage = judged(MIGRATION).coverage
    assert _lines(coverage) == {
        "keys": [(10, 12), (9, 11), (10, 12), (1, 1)],
        "references": [(15, 20), (10, 15), (12, 19), (3, 7)],
    }
    assert _numbers(coverage.total) == [(25, 32), (19, 26), (22, 31), (4, 8)]
    assert _lines(coverage, "policy")["missing-foreign-key"] == [(9, 11), (7, 9), (8, 11), (2, 4)]
    assert _lines(coverage, "policy")["unindexed-foreign-key"] == [(6, 9), (3, 6), (4, 8), (1, 3)]
    assert _lines(coverage, "pack") == {"integrity": _numbers(coverage.total)}
    assert _lines(coverage, "table")["public.orders"] == [(3, 3), (2, 2), (1, 2), (0, 1)]
    assert _missing(coverage) == {
        "public.returns.order_id", "public.returns.returns_product_id_fkey",
        "public.orders.customer_id", "public.payments.payments_order_id_fkey",
    }  # fmt: skip


def test_dropping_a_well_covered_table_is_no_regression_of_the_patch(judged: Judge) -> None:
    outcome = judged("DROP TABLE reviews;", minimum_patch=100, minimum=78)
    total = outcome.coverage.total
    # 25 of 32 are 78.1 %; without the five of reviews 20 of 27 are 74.0 %, before and after.
    assert _numbers(total) == [(25, 32), (20, 27), (20, 27), (0, 0)]
    assert total.patch.percent is None
    assert (outcome.verdict, outcome.findings) == ("passed", ())


def test_renaming_moves_nothing(judged: Judge) -> None:
    coverage = judged("ALTER TABLE lines RENAME COLUMN order_id TO order_ref;").coverage
    total = coverage.total
    assert _numbers(total) == [(25, 32), (25, 32), (25, 32), (1, 1)]


def test_a_type_change_makes_foreign_keys_anew_and_they_stay_the_same(judged: Judge) -> None:
    coverage = judged("ALTER TABLE shipments ALTER COLUMN order_id TYPE integer;").coverage
    assert _numbers(coverage.total)[:3] == [(25, 32), (25, 32), (25, 32)]


def test_a_minimum_of_the_patch_blocks_and_can_be_waived(judged: Judge) -> None:
    outcome = judged(MIGRATION, minimum_patch=80)
    (found,) = [f for f in outcome.findings if f.blocks]
    assert (found.policy.id, found.subject) == ("coverage-below-minimum", "patch")
    assert message(found) == (
        "Of what this change touches 4 of 8 are covered: 50 %, and gatekeeper.yml demands 80 %. Not"
        " covered: public.orders.customer_id, public.returns.order_id,"
        " public.payments.payments_order_id_fkey and 1 more."
    )
    assert judge_again(outcome, 50).verdict == "passed"
    waived = judge_again(outcome, 80, _waiver("coverage-below-minimum", "patch"))
    assert (waived.verdict, waived.notes) == ("passed", ())


def test_a_waived_row_is_not_covered_and_meets_the_minimum(judged: Judge) -> None:
    migration = "CREATE TABLE notes (id bigint PRIMARY KEY, order_id bigint);"  # 1 of 2
    outcome = judged(migration, (_waiver("missing-foreign-key", "public.*"),), minimum_patch=100)
    total = outcome.coverage.total
    assert total.patch == Count(covered=1, total=2, waived=1)
    assert total.head == Count(covered=26, total=34, waived=3)  # of old debt payments and events
    assert outcome.verdict == "passed"
    # Waived by a review, which is known only later.
    outcome = judge_again(outcome, 100)
    assert outcome.verdict == "blocked"
    approval = Waiver("missing-foreign-key", "public.notes.order_id", "by review", "approval")
    assert with_approvals(outcome, [approval]).verdict == "passed"


def test_a_minimum_of_the_schema_stops_who_lowers_it_and_nobody_else(judged: Judge) -> None:
    outcome = judged("CREATE TABLE raw (line text);", minimum=78)  # 25 of 32 to 25 of 33
    (found,) = [f for f in outcome.findings if f.blocks]
    assert (found.subject, found.values["percent"], found.values["missing"]) == (
        "schema", "75.7", "public.raw",
    )  # fmt: skip
    demanding = [minimum_policy(CoverageConfig(minimum=99), "")]
    better = Coverage(
        tuple(one for one in outcome.coverage.standings if one.subject != "public.raw")
    )
    assert below_minimum(demanding, better) == []  # far below, as before
    assert below_minimum(demanding, Coverage()) == []


def test_nothing_to_cover(judged: Judge) -> None:
    outcome = judged("CREATE TYPE mood AS ENUM ('sad');", before="", minimum_patch=100, minimum=100)
    assert (outcome.coverage, outcome.verdict) == (Coverage(), "passed")
    assert outcome.coverage.total.head.percent is None
    assert coverage_rows(outcome.coverage) == []
    assert coverage_sentence(outcome.coverage) == ""
    assert "overage" not in render_markdown(outcome)
    assert json.loads(render_json(alone(outcome)))["coverage"] is None


def test_reports(judged: Judge) -> None:
    outcome = judged(MIGRATION)
    said = "Schema coverage of this change 4 of 8 (50 %), of the schema 78.1 % → 70.9 %"
    assert coverage_sentence(outcome.coverage) == said
    text = render_markdown(outcome)
    assert text == render_markdown(outcome)
    assert f"<summary>{said}</summary>" in text
    assert (
        "| keys | 10 of 12 (83.3 %) | 10 of 12 (83.3 %) | ±0 (+1.5 without what is dropped)"
        " | 1 of 1 (100 %) |\n" in text
    )
    assert "| **total** | 25 of 32 (78.1 %) | 22 of 31 (70.9 %) | −7.2 (−2.1 without" in text  # noqa: RUF001
    values = json.loads(render_json(alone(outcome)))["coverage"]
    assert values["total"]["patch"] == {"covered": 4, "total": 8, "waived": 0, "percent": 50.0}
    assert next((m["subject"], m["policy"]) for m in values["missing"]) == (
        "public.orders.customer_id", "missing-foreign-key",
    )  # fmt: skip
    schema = json.loads((_FOLDER / "report.schema.json").read_text("utf-8"))
    checked = {"$defs": schema["$defs"], "$ref": "#/$defs/coverage"}
    assert [e.message for e in Draft202012Validator(checked).iter_errors(values)] == []
    whole = json.loads(render_coverage(outcome.coverage, "shop"))
    schema = json.loads((_FOLDER / "coverage.schema.json").read_text("utf-8"))
    assert schema["properties"]["version"]["const"] == VERSION
    assert [e.message for e in Draft202012Validator(schema).iter_errors(whole)] == []


@pytest.mark.parametrize("label", ["schema coverage", '<script>"&\x00]]>'])
def test_the_badge_is_well_formed_and_loads_nothing(label: str) -> None:
    text = render_badge(Coverage(), label)
    root = ET.fromstring(text)  # noqa: S314 - our own
    assert root.attrib["aria-label"] == f"{visible(label)}: —"
    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {
        "svg", "title", "rect", "g", "text",
    }  # fmt: skip
    assert text.count("http") == 1  # the name of the format, which nobody fetches


def test_a_share_is_rounded_down() -> None:
    assert percent_text(Count(1999, 2000)) == "99.9 %"
    assert percent_text(Count(2, 3)) == "66.6 %"
    assert percent_text(Count(7, 8)) == "87.5 %"
    assert percent_text(Count()) == "—"


def judge_again(outcome: Outcome, minimum_patch: int, *waivers: Waiver) -> Outcome:
    """Judge the same facts by another minimum, and without what was waived."""
    gate = minimum_policy(CoverageConfig(minimum_patch=minimum_patch), "gatekeeper.yml")
    found = judge(outcome.facts, (*COUNTED, gate), waivers, date(2026, 1, 1))
    return replace(
        outcome,
        verdict=found.verdict,
        findings=found.findings,
        notes=found.notes,
        coverage=found.coverage,
    )
