"""The facts of revisions: those of plain SQL have nothing of Alembic's."""

from gatekeeper.examples import Result, run_examples
from gatekeeper.facts.revisions import revision_rows
from gatekeeper.judge import of_files
from gatekeeper.model.evidence import Condition, Evidence, Revision, Statement, Upkeep
from gatekeeper.policy.load import load_all
from gatekeeper.sources.split import split_script
from gatekeeper.sources.sql_files import SqlFiles

POLICIES = load_all()


def rows(*revisions, statements=()):
    return list(revision_rows(Evidence(revisions, statements)))


def test_an_sql_file_has_nothing_of_alembics():
    plan = SqlFiles.of_scripts(
        split_script("", "before"), [split_script("SELECT 1", "one.sql")]
    ).prepare()
    ((table, row),) = rows(
        *plan.revisions, statements=(Statement(1, "SELECT 1", revision="one.sql"),)
    )
    assert table == "revisions"
    assert {name for name, value in row.items() if value} == {
        "subject", "revision", "file", "is_new", "statement_count",
    }  # fmt: skip


def test_what_a_revision_is_among_others():
    upkeep = Upkeep(
        follows=("a", "b"),
        labels=("expand",),
        line=4,
        is_head=True,
        upgrade="schema",
        downgrade="raises",
        conditions=(Condition("time", "now()", 9),),
        beside=("x", "y"),
        forks_at="c",
        behind="origin/main",
    )
    (_, row), (table, condition) = rows(Revision("c", "c.py", is_new=True, upkeep=upkeep))
    assert row["follows"] == "a, b"
    assert row["other_heads"] == "x, y"
    assert (row["is_merge"], row["is_head"], row["is_deleted"]) == (True, True, False)
    assert table == "conditions"
    assert condition == {
        "subject": "c", "revision": "c", "file": "c.py", "line": 9, "depends_on": "time", "condition": "now()",
    }  # fmt: skip


def test_which_policies_need_no_run():
    names = {policy.id for policy in of_files(POLICIES.values())}
    assert {"multiple-heads", "environment-dependent", "application-import-in-migration"} <= names
    assert names.isdisjoint({"column-dropped", "missing-primary-key"})
    assert all(POLICIES[name].pack in ("hygiene", "data") for name in names)


def test_examples_of_files_say_what_they_found(server):
    policy = POLICIES["multiple-heads"]
    results: list[Result] = list(run_examples([policy], server))
    assert [r.found for r in results if not r.passed] == []
    assert {r.found for r in results} == {("c3",), ("b2",), ()}
