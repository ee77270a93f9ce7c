"""The pipeline of an audit: the facts of a schema in which nothing changed, and what follows."""

from dataclasses import replace
from datetime import date

import pytest

from gatekeeper.audit import (
    Rules,
    audit,
    entries,
    facts_of,
    for_catalog_alone,
    is_about_changes,
    kept,
)
from gatekeeper.baseline import Entry
from gatekeeper.catalog.access import read_access
from gatekeeper.catalog.ask import ask
from gatekeeper.catalog.read import read_schema
from gatekeeper.config_data import DataConfig
from gatekeeper.facts.build import build_facts
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.facts.vocabulary_events import EVENT_TABLES
from gatekeeper.model.evidence import Evidence
from gatekeeper.policy.catalog_query import catalog_queries
from gatekeeper.policy.load import load_all, load_files
from gatekeeper.policy.model import Waiver
from gatekeeper.report.audit import groups
from gatekeeper.sources.sides import SideSchema

# One thing at least that each kind of policy about states has something to say of.
SCHEMA = """
CREATE TABLE customer (id serial PRIMARY KEY, email varchar(20), seen timestamp, balance float);
CREATE TABLE "order" (id int PRIMARY KEY, customer_id int, doc json, price real);
CREATE UNLOGGED TABLE log (t text);
CREATE INDEX a ON "order" (price);
CREATE INDEX b ON "order" (price);
CREATE VIEW v AS SELECT * FROM "order";
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE RULE r AS ON DELETE TO log DO INSTEAD NOTHING;
ALTER TABLE log ADD CONSTRAINT c CHECK (t <> '') NOT VALID;
CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
GRANT SELECT ON "order" TO PUBLIC;
CREATE TABLE part (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (9);
CREATE MATERIALIZED VIEW m AS SELECT * FROM customer;
"""
ALL = tuple(load_all().values())
BY_ID = {policy.id: policy for policy in ALL}


@pytest.fixture
def side(connection):
    connection.execute(SCHEMA)
    asked = ask(connection, catalog_queries(ALL))
    return SideSchema("now", read_schema(connection), access=read_access(connection), asked=asked)


def waiver(policy, subject, until=None):
    return Waiver(policy, subject, "we looked", "file", until=until, file="g.yml", line=1)


def test_in_the_facts_nothing_changed_and_nothing_ran(side):
    facts = facts_of(side.schema, DataConfig(), {}, {})
    assert facts.base == {}
    schema = side.schema
    base = build_facts(schema, schema, (), Evidence()).base
    for name in TABLES:
        assert facts.head[name] == base[name], name
    for row in (row for rows in facts.head.values() for row in rows):
        assert row["change"] is None
        assert not row.get("table_is_new")
        assert row["statement"] is None
    for table in EVENT_TABLES:
        assert facts.head.get(table.name, []) == []


def test_policies_about_changes_find_nothing(side):
    found = audit(side, Rules(ALL))
    assert len(groups(found.findings)) > 20
    packs = {one.finding.policy.pack for one in found.findings}
    assert packs >= {"access", "integrity", "modelling", "style"}
    assert packs.isdisjoint(("locks", "compatibility", "data", "hygiene"))
    assert not any(one.finding.undecided for one in found.findings)


def test_findings_know_their_table(side):
    found = audit(side, Rules(ALL)).findings
    tables = {(one.finding.policy.id, one.finding.subject): one.table for one in found}
    assert tables["redundant-index", "public.b"] == 'public."order"'
    assert tables["float-money", 'public."order".price'] == 'public."order"'
    assert tables["missing-primary-key", "public.log"] == "public.log"
    assert tables["definer-function-search-path", "public.f()"] == ""
    assert tables["grant-to-public", 'SELECT on public."order" to PUBLIC'] == 'public."order"'


def test_a_baseline_knows_what_was_there_and_says_what_is_fixed(side):
    policies = (BY_ID["missing-primary-key"], BY_ID["float-money"])
    first = audit(side, Rules(policies))
    assert first.debt is None
    gone = Entry("float-money", "public.x.price", "GK-0")
    other = Entry("json-not-jsonb", "public.x.doc", "GK-1")
    known = (*entries(first), gone, other)
    found = audit(side, Rules(policies, known=known))
    assert found.news == ()
    assert found.debt.remaining == len(first.findings) == 3
    assert (found.debt.fixed, found.debt.unjudged) == ((gone,), (other,))
    assert set(kept(found, known)) == set(known) - {gone}


def test_what_is_waived_is_not_debt(side):
    policies = (BY_ID["missing-primary-key"],)
    day = date(2030, 1, 1)
    known = waiver("missing-primary-key", "public.log", day)
    found = audit(side, Rules(policies, (known,), day))
    assert entries(found) == []
    assert [one.finding.waiver for one in found.waived] == [known]
    late = audit(side, Rules(policies, (known,), date(2030, 1, 2), known=()))
    assert [one.finding.subject for one in late.news] == ["public.log"]
    assert [idle.kind for idle in late.idle] == ["expired"]


@pytest.mark.parametrize(
    ("policy", "subject", "kinds"),
    [
        ("missing-primary-key", "public.*", []),
        ("missing-primary-key", "public.none", ["unused"]),
        ("table-dropped", "public.none", []),  # of a change to come
        ("undocumented-table", "public.none", []),
        ("foreign-key-disabled", "public.none", ["unused"]),
        ("off", "public.none", []),
    ],
)
def test_waivers_that_nothing_needs(side, policy, subject, kinds):
    found = audit(side, Rules(ALL, (waiver(policy, subject),), date(2030, 1, 1)))
    assert [idle.kind for idle in found.idle] == kinds


def test_a_waiver_that_lasts_too_long(side):
    long = replace(waiver("missing-primary-key", "public.log"), most_days=9)
    found = audit(side, Rules(ALL, (long,), date(2030, 1, 1)))
    assert [(idle.kind, idle.message) for idle in found.idle] == [
        (
            "refused",
            "g.yml:1: the waiver of missing-primary-key for public.log does not count: it has no"
            " until, and waiver_days of gatekeeper.yml lets it last until 2030-01-10 at most",
        )
    ]
    assert not found.waived


def test_two_waivers_for_one_finding_are_both_of_use(side):
    both = (waiver("missing-primary-key", "public.log"), waiver("missing-primary-key", "public.*"))
    assert audit(side, Rules(ALL, both, date(2030, 1, 1))).idle == ()


@pytest.mark.parametrize(
    ("policy", "about_changes"),
    [
        ("column-dropped", True), ("blocking-index-build", True), ("migration-edited", True),
        ("unbounded-update", True), ("view-column-removed", True), ("undocumented-column", True),
        ("sensitive-column-exposed", True), ("missing-primary-key", False),
        ("constraint-not-validated", False), ("wide-table", False), ("float-money", False),
        ("definer-view", False), ("plaintext-secret", False),
    ],
)  # fmt: skip
def test_which_policies_are_about_changes(policy, about_changes):
    assert is_about_changes(BY_ID[policy]) == about_changes


@pytest.mark.parametrize(
    ("sql", "is_kept"),
    [
        ("select relname as subject from pg_class", True),
        (
            "with x as (select relname as subject from pg_catalog.pg_class) select subject from x",
            True,
        ),
        ("select table_name as subject from information_schema.tables", True),
        ("select name as subject from public.people", False),
        ("select relname as subject from pg_class where exists (select 1 from app.t)", False),
        ("select public.peek() as subject from pg_class", False),
        ("select pg_catalog.format('%I', relname) as subject from pg_class", True),
    ],
)
def test_what_reads_nothing_but_the_catalog(tmp_path, sql, is_kept):
    path = tmp_path / "house.yml"
    path.write_text(
        "pack: house\npolicies:\n  - id: asks\n    title: t\n    severity: error\n"
        f'    catalog_query: "{sql}"\n    message: m\n    why: w\n'
    )
    policies = load_files([path])
    assert for_catalog_alone(policies) == ((policies, ()) if is_kept else ((), policies))


def test_shipped_policies_can_all_be_asked_of_a_database_in_use():
    assert for_catalog_alone(ALL) == (ALL, ())
