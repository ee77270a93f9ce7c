"""A rehearsal says of each revision what a review of it alone would say."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gatekeeper.config_database import ProductionRole
from gatekeeper.errors import SourceError
from gatekeeper.git import Repository
from gatekeeper.observe import Setup
from gatekeeper.policy.load import load_all
from gatekeeper.policy.model import Finding
from gatekeeper.replay import replay
from gatekeeper.report.dry_run import DryRun
from gatekeeper.report.view import message
from gatekeeper.review import review
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.sources.alembic.history import History
from gatekeeper.sources.alembic.revisions import AlembicOptions
from gatekeeper.sources.alembic.source import AlembicSource
from gatekeeper.sources.base import Stepwise
from gatekeeper.sources.sql_steps import SqlSteps
from tests.conftest import POLICIES

EVERY = tuple(load_all().values())
OPTIONS = AlembicOptions(python=sys.executable, timeout=60)
Rehearse = Callable[..., DryRun]


@pytest.fixture
def judged(server, monkeypatch) -> Iterator[Callable[..., Any]]:
    """Run `judge` on the test run's server with the source that `make` makes of a directory."""
    monkeypatch.setattr(server, "close", lambda: None)  # it is shared by all tests
    made = []
    create = server.create_database
    monkeypatch.setattr(server, "create_database", lambda: made.append(create()) or made[-1])

    def run(judge, make, policies=POLICIES, setup=None):
        directory = RunDirectory()
        source = make(directory)
        try:
            return judge(source, lambda: server, policies, setup or Setup())
        finally:
            source.close()
            directory.close()

    yield run
    for database in made:
        server.drop_database(database.database)
    server.drop_new_roles()  # other tests make roles of the same names


@pytest.fixture
def rehearse(judged) -> Rehearse:
    def run(project, *, last=20, since=None, head=None, **options) -> DryRun:
        def make(directory: RunDirectory) -> Stepwise:
            repository = Repository(project.root)
            return History(
                repository, directory, head=head, last=last, since=since, options=OPTIONS
            )

        return judged(replay, make, **options)

    return run


def seen(findings: tuple[Finding, ...]) -> list[tuple[Any, ...]]:
    """Give all that a report says of findings."""
    return [
        (f.policy.id, f.severity, f.blocks, f.undecided, f.subject, f.fingerprint, message(f),
         f.values.get("file"), f.values.get("line"), f.waiver)
        for f in findings
    ]  # fmt: skip


def names(run: DryRun) -> list[str]:
    return [one.revision.id for one in run.replayed]


@pytest.fixture
def shop(project):
    """Ten revisions with a branch and a merge; `commits` are where each was the newest."""
    bodies: list[tuple[str, Any, list[str]]] = [
        ("r01", None, [
            'op.create_table("people", sa.Column("id", sa.BigInteger, primary_key=True),',
            '    sa.Column("name", sa.Text), sa.Column("age", sa.Integer))',
            "op.execute(\"INSERT INTO people SELECT i, 'x', i FROM generate_series(1, 50) i\")",
        ]),
        ("r02", "r01", [
            'if not sa.inspect(op.get_bind()).has_table("nowhere"):',
            "    # gatekeeper: allow blocking-index-build because the table was still small then",
            '    op.create_index("people_name", "people", ["name"])',
        ]),
        ("r03", "r02", [
            'op.create_table("notes", sa.Column("id", sa.BigInteger, primary_key=True),',
            '    sa.Column("people_id", sa.BigInteger), sa.Column("body", sa.Text))',
            "op.execute(\"INSERT INTO notes SELECT i, i, 'x' FROM generate_series(1, 9) i\")",
        ]),
        ("r04", "r03", [
            "op.execute(\"UPDATE notes SET body = 'y'\")",  # a table that a replayed one made
            'op.execute("DELETE FROM people WHERE id > 20")',
        ]),
        ("b01", "r04", [
            'op.drop_column("people", "name")',
            "op.execute(\"COMMENT ON TABLE notes IS 'by people'\")",
        ]),
        ("a01", "r04", ['op.alter_column("people", "age", type_=sa.BigInteger)']),
        ("a02", "a01", [
            "with op.get_context().autocommit_block():",
            '    op.create_index("notes_body", "notes", ["body"], postgresql_concurrently=True)',
        ]),
        ("m01", ("a02", "b01"), []),
        ("r09", "m01", [
            'op.execute("CREATE VIEW shown AS SELECT id, age FROM people")',
            'op.execute("GRANT SELECT ON shown TO replay_reader")',  # which nobody creates
        ]),
        ("r10", "r09", [
            "op.execute(\"UPDATE notes SET body = 'z'\")",
            'op.alter_column("notes", "people_id", nullable=False)',
            'op.create_foreign_key("fk", "notes", "people", ["people_id"], ["id"])',
        ]),
    ]  # fmt: skip
    project.commit()
    project.commits = []
    for name, parent, lines in bodies:
        project.revision(name, *lines, parent=parent)
        project.commits.append((name, project.commit(name)))
    return project


def test_each_revision_has_the_findings_of_a_review_of_it_alone(shop, rehearse, judged) -> None:
    run = rehearse(shop, policies=EVERY)
    assert run.failure is None, run.failure
    assert run.count == 10
    assert names(run) == [name for name, _ in shop.commits]
    assert run.notes == (
        "the role replay_reader was created for this run; nothing in the history creates it",
    )
    alone = {}
    for name, commit in shop.commits:

        def make(directory: RunDirectory, commit: str = commit) -> AlembicSource:
            repository = Repository(shop.root)
            return AlembicSource(
                repository, directory, base=f"{commit}~", head=commit, options=OPTIONS
            )

        alone[name] = judged(review, make, EVERY)
        assert alone[name].failure is None, alone[name].failure
    assert {one.revision.id: seen(one.findings) for one in run.replayed} == {
        name: seen(outcome.findings) for name, outcome in alone.items()
    }
    assert {one.revision.id: one.verdict for one in run.replayed} == {
        name: outcome.verdict for name, outcome in alone.items()
    }
    found = {one.revision.id: {f.policy.id for f in one.findings} for one in run.replayed}
    assert {"blocking-index-build", "environment-dependent"} <= found["r02"]
    assert "column-dropped" in found["b01"]
    assert not found["m01"]
    # Writes to tables that the replay itself made are seen, too.
    assert "unbounded-update" in found["r04"] & found["r10"]


def test_the_last_ones_are_judged_on_what_was_before(shop, rehearse) -> None:
    whole, some = rehearse(shop), rehearse(shop, last=3)
    assert some.count == 3
    assert names(some) == names(whole)[-3:] == ["m01", "r09", "r10"]
    assert set(some.base.split(", ")) == {"a02", "b01"}
    assert [seen(o.findings) for o in some.replayed] == [
        seen(o.findings) for o in whole.replayed[-3:]
    ]
    assert rehearse(shop, last=1000).count == 10


def test_since_a_revision_all_that_it_does_not_have(shop, rehearse) -> None:
    assert names(rehearse(shop, since="m01")) == ["r09", "r10"]
    assert names(rehearse(shop, since="m0")) == ["r09", "r10"]
    assert set(names(rehearse(shop, since="a02"))) == {"b01", "m01", "r09", "r10"}
    nothing = rehearse(shop, since="r10")
    assert (nothing.count, nothing.replayed) == (0, ())
    assert nothing.notes == ("there is no revision after r10",)
    with pytest.raises(SourceError, match="begins with 'x9'"):
        rehearse(shop, since="x9")
    with pytest.raises(SourceError, match="several revisions begin with 'a': a01, a02"):
        rehearse(shop, since="a")


def test_a_commit_is_replayed_as_it_was(shop, rehearse) -> None:
    head = dict(shop.commits)["r03"]
    assert names(rehearse(shop, head=head)) == ["r01", "r02", "r03"]


def test_a_failing_revision_ends_the_run_and_keeps_what_came_before(shop, rehearse) -> None:
    shop.revision("r11", 'op.execute("ALTER TABLE nowhere ADD a int")')
    shop.revision("r12", 'op.drop_table("notes")')
    run = rehearse(shop, last=4)
    assert (run.count, names(run)) == (4, ["r09", "r10"])
    assert run.failure is not None
    assert (run.failure.revision, run.failure.line) == ("r11", 11)


def test_a_refused_statement_is_judged_and_ends_the_run(shop, rehearse) -> None:
    shop.revision(
        "r11", 'op.create_index("i", "notes", ["people_id"], postgresql_concurrently=True)'
    )
    shop.revision("r12", 'op.drop_table("notes")')
    run = rehearse(shop, last=2)
    (one,) = run.replayed
    assert [f.policy.id for f in one.findings] == ["concurrently-in-transaction"]
    assert run.failure is not None
    assert run.failure.sqlstate == "25001"


def test_a_history_that_does_not_run_is_a_failure_of_its_own(shop, rehearse) -> None:
    shop.revision("r11", 'op.execute("ALTER TABLE nowhere ADD a int")')
    shop.revision("r12", 'op.drop_table("notes")')
    run = rehearse(shop, last=1)
    assert run.replayed == ()
    assert run.failure is not None
    assert run.failure.during == "base history"


def test_roles_of_the_configuration_are_there(shop, rehearse) -> None:
    run = rehearse(shop, last=2, setup=Setup(roles=(ProductionRole("replay_reader"),)))
    assert (len(run.replayed), run.notes) == (2, ())


KEEPS_ENGINE = """
from alembic import context
from sqlalchemy import create_engine, text

import kept

connection = kept.engine.connect()
kept.connections.append(connection)
connection.execute(text("SELECT pg_advisory_lock(7)"))
connection.commit()
context.configure(connection=connection)
with context.begin_transaction():
    context.run_migrations()
connection.commit()
connection.execute(text("SELECT * FROM t"))
"""


def test_what_env_py_leaves_open_is_not_in_the_way_of_the_next(project, rehearse) -> None:
    project.write(
        "kept.py",
        "from sqlalchemy import create_engine\n"
        "engine = create_engine('postgresql+psycopg://nobody@nowhere.invalid/x', pool_size=50)\n"
        "connections = []\n",
    )
    project.write("migrations/env.py", KEEPS_ENGINE)
    project.revision("r1", 'op.execute("CREATE TABLE t (id int PRIMARY KEY, a int)")')
    project.revision("r2", 'op.execute("UPDATE t SET a = 1")')
    project.revision("r3", 'op.execute("ALTER TABLE t DROP a")')
    project.commit()
    run = rehearse(project)
    assert run.failure is None, run.failure
    assert [[f.policy.id for f in one.findings] for one in run.replayed] == [
        [],
        [],
        ["column-dropped"],
    ]


def test_a_session_that_outlives_a_revision_is_still_watched(project, rehearse) -> None:
    project.write(
        "kept.py",
        "from sqlalchemy import create_engine\n"
        "engine = create_engine('postgresql+psycopg://nobody@nowhere.invalid/x', pool_size=1)\n",
    )
    project.write(
        "migrations/env.py",
        "from alembic import context\nfrom kept import engine\n"
        "with engine.connect() as connection:\n"
        "    context.configure(connection=connection)\n"
        "    with context.begin_transaction():\n        context.run_migrations()\n",
    )
    project.revision("r1", 'op.execute("CREATE TABLE t (id int PRIMARY KEY, a int)")')
    for name in ("r2", "r3", "r4"):  # the same write as the first statement each time
        project.revision(name, 'op.execute("UPDATE t SET a = 1")')
    project.commit()
    run = rehearse(project, policies=[p for p in EVERY if p.id == "unbounded-update"])
    assert [len(one.findings) for one in run.replayed] == [0, 1, 1, 1], run.failure


def test_sql_files_one_after_the_other(tmp_path, judged) -> None:
    texts = {
        "0.sql": "CREATE TABLE t (id int PRIMARY KEY, a int, b int);",
        "1.sql": "ALTER TABLE t DROP a;",
        "2.sql": "CREATE TABLE u (n int);",
        "3.sql": "ALTER TABLE u ADD m int NOT NULL;\nDROP TABLE u;",
    }
    paths = [tmp_path / name for name in texts]
    for path in paths:
        path.write_text(texts[path.name])

    def run(last: int | None) -> DryRun:
        make = lambda _: SqlSteps(paths[0], paths[1:], last=last)  # noqa: E731
        return judged(replay, make)

    found = [[f.policy.id for f in one.findings] for one in run(None).replayed]
    assert found[:2] == [["column-dropped"], ["missing-primary-key"]]
    assert "table-dropped" in found[2]
    some = run(2)
    assert some.count == 2
    assert [[f.policy.id for f in one.findings] for one in some.replayed] == found[1:]
    paths[1].write_text("nonsense;")
    failed = run(1)
    assert failed.failure is not None
    assert (failed.failure.during, failed.failure.file) == ("base history", str(paths[1]))
