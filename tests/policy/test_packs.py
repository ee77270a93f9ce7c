"""What holds of all shipped policies, and what their examples cannot say."""

import re
from dataclasses import replace

import pytest

from gatekeeper.examples import run_examples
from gatekeeper.policy.load import check_examples, load_all
from gatekeeper.policy.model import CatalogQuery, Example, Policy, Rule

POLICIES = load_all()
# Dropping loses data whatever a comment says; the tag is for the policy about the rename they advise.
TAGS_OF_OTHERS = {"table-dropped", "schema-dropped", "missing-column"}


@pytest.fixture
def found(server):
    """Run a policy, perhaps with other parameters, on a migration; give the subjects it finds."""

    def run(policy_id, before, migration, **params):
        policy = POLICIES[policy_id]
        example = Example("here", before, migration, (), 1)
        chosen = replace(policy, params=policy.params | params, examples=(example,))
        (result,) = run_examples([chosen], server)
        assert result.error is None
        return list(result.found)

    return run


def condition(policy: Policy) -> str:
    judge = policy.judge
    if isinstance(judge, Rule):
        return " ".join(
            part.sql for part in (*judge.parts, *([judge.where] if judge.where else []))
        )
    return judge.sql


def test_every_policy_has_a_finding_and_a_near_miss():
    check_examples(tuple(POLICIES.values()))


def test_what_blocks_loses_data_breaks_code_or_stops_production():
    packs = {policy.pack for policy in POLICIES.values() if policy.severity == "error"}
    assert packs <= {
        "destructive",
        "compatibility",
        "locks",
        "access",
        "row-security",
        "supabase",
        "hygiene",
    }


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: policy.id)
def test_a_tag_that_is_advised_is_heeded(policy):
    advised = set(re.findall(r"IS '@([a-z-]+)", policy.instead))
    if isinstance(policy.judge, CatalogQuery) or policy.id in TAGS_OF_OTHERS:
        return
    sql = condition(policy)
    assert [
        tag for tag in advised if not re.search(rf"tagged\([^()]*'{tag}'\)", sql, re.IGNORECASE)
    ] == []


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: policy.id)
def test_texts_are_whole(policy):
    assert policy.title[0].isupper() or policy.title.split()[0] in ("char(n)", "json", "serial")
    assert not policy.title.endswith(".")
    assert policy.why.endswith(".")
    assert policy.instead.strip()


def test_columns_that_a_house_demands(found):
    table = "CREATE TABLE orders (id bigint PRIMARY KEY, made_by text, created_at date, updated_at date);"
    assert found("missing-column", "", table) == []
    assert found("missing-column", "", table, columns=" made_by  tenant ") == ["public.orders"]
    assert found("missing-column", "", table, columns="") == []


def test_only_what_outlives_a_failure_must_be_able_to_run_again(found):
    before = "CREATE TABLE orders (id bigint PRIMARY KEY, note text);"
    migration = "BEGIN; ALTER TABLE orders ADD a int; COMMIT; CREATE INDEX CONCURRENTLY notes ON orders (note);"
    assert found("not-idempotent", before, migration) == ["migration#2", "migration#4"]
    assert found("not-idempotent", before, migration, only_outside_transactions=1) == [
        "migration#4"
    ]


def test_small_tables_are_changed_in_an_instant(found):
    before = "CREATE TABLE orders (id bigint PRIMARY KEY, a int);"
    migration = "ALTER TABLE orders ADD b int; UPDATE orders SET b = a WHERE b IS NULL;"
    policy = "data-change-with-schema-change"
    assert found(policy, before, migration) == ["public.orders"]
    assert found(policy, before, migration, min_rows=10) == ["public.orders"], (
        "unknown is not small"
    )


@pytest.mark.parametrize(
    ("per_migration", "expected"), [(False, ["public.orders"]), (True, [])], ids=["one", "each"]
)
def test_revisions_share_a_transaction_or_do_not(project, gatekeeper, per_migration, expected):
    env = (project.root / "migrations/env.py").read_text("utf-8")
    options = f"connection=connection, transaction_per_migration={per_migration}"
    project.write("migrations/env.py", env.replace("connection=connection", options))
    project.revision("0001", "op.execute('CREATE TABLE orders (id bigint PRIMARY KEY, a int)')")
    project.commit()
    project.branch()
    project.revision("0002", "op.execute('ALTER TABLE orders ADD b int')")
    project.revision("0003", "op.execute('UPDATE orders SET b = a WHERE b IS NULL')")
    project.commit()
    done = gatekeeper("check", cwd=project.root)
    policies = re.findall(r"data-change-with-schema-change\s+(\S+)", done.stdout)
    assert policies == expected, done.stdout + done.stderr


def test_an_example_may_be_a_revision_among_files(policy, mistakes, server):
    judged = {"for_": "imports", "forbid": "is_model"}
    example = (
        "{name: a, files: {m.py: 'class A(Base): pass'}, migration: 'import m; m.A', finds: []}"
    )
    (result,) = run_examples([policy(**judged, examples=f"[{example}]")], server)
    assert result.found == ()  # Base is nowhere
    example = example.replace("A(Base): pass", "A: __tablename__ = 1")
    (result,) = run_examples([policy(**judged, examples=f"[{example}]")], server)
    assert result.found == ("migration",)
    (mistake,) = mistakes(**judged, examples="[{name: a, files: 3, migration: x, finds: []}]")
    assert "expected a mapping" in mistake
