"""Plain SQL files, run as migration runners do."""

import pytest

from gatekeeper.observe import Setup
from gatekeeper.report.markdown import render_markdown
from gatekeeper.report.schema_diff import diff_lines
from gatekeeper.review import review
from gatekeeper.sources.sql_files import SqlFiles
from tests.conftest import POLICIES


@pytest.fixture
def check(server, tmp_path, monkeypatch):
    monkeypatch.setattr(server, "close", lambda: None)  # it is shared by all tests
    monkeypatch.chdir(tmp_path)

    def run(before, *migrations, transaction="single"):
        (tmp_path / "before.sql").write_text(before)
        paths = []
        for number, text in enumerate(migrations, 1):
            path = tmp_path / f"{number}.sql"
            path.write_text(text)
            paths.append(path.relative_to(tmp_path))
        source = SqlFiles((tmp_path / "before.sql"), paths, transaction=transaction)
        return review(source, lambda: server, POLICIES, Setup())

    return run


def test_a_finding_has_file_and_line(check):
    outcome = check(
        "CREATE TABLE t (id int PRIMARY KEY, a int);\nCREATE TABLE u (id int PRIMARY KEY);",
        "ALTER TABLE u ADD COLUMN b int;",
        "-- second\n\nSELECT 1;\nALTER TABLE t\n  DROP COLUMN a;",
    )
    (finding,) = outcome.findings
    assert (finding.policy.id, finding.values["file"], finding.values["line"]) == (
        "column-dropped",
        "2.sql",
        4,
    )


def test_a_file_is_one_transaction(check):
    outcome = check("", "CREATE TABLE t (id int PRIMARY KEY);", "BEGIN; DROP TABLE t; ROLLBACK;")
    assert [t.name for t in outcome.after.tables] == ["t"]
    transactions = {s.number: s.autocommit for s in outcome.statements}
    assert transactions == {1: False, 2: False, 3: False, 4: False}


def test_what_refuses_a_transaction_runs_outside_of_one(check):
    outcome = check(
        "CREATE TABLE t (id int PRIMARY KEY, a int);",
        "ALTER TABLE t ADD COLUMN b int;\nCREATE INDEX CONCURRENTLY i ON t (a);\nSELECT 1;",
    )
    assert outcome.findings == ()
    assert [s.autocommit for s in outcome.statements] == [False, True, False]


def test_concurrently_in_a_written_transaction_is_a_finding(check):
    outcome = check(
        "CREATE TABLE t (id int PRIMARY KEY, a int);",
        "BEGIN;\nCREATE INDEX CONCURRENTLY i ON t (a);\nCOMMIT;",
    )
    (finding,) = outcome.findings
    assert (finding.policy.id, finding.values["line"]) == ("concurrently-in-transaction", 2)


@pytest.mark.parametrize("how", ["comment", "option"])
def test_transactions_off(check, how):
    head = "-- gatekeeper: transaction off\n" if how == "comment" else ""
    option = "single" if how == "comment" else "none"
    outcome = check("", f"{head}CREATE TABLE t (id int PRIMARY KEY); SELECT 1;", transaction=option)
    assert all(s.autocommit for s in outcome.statements)


def test_a_syntax_error_has_the_line_the_server_points_at(check):
    failure = check("", "SELECT 1;\nCREATE TABLE t (\n  id int,\n  oops\n);").failure
    assert (failure.file, failure.line, failure.sqlstate) == ("1.sql", 5, "42601")


def test_the_base_may_be_a_dump_with_data(check):
    outcome = check(
        "\\restrict x\nCREATE TABLE public.t (id integer NOT NULL, a text);\n"
        "COPY public.t (id, a) FROM stdin;\n1\tit's; here\n2\t\\N\n\\.\n"
        "ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);\n\\unrestrict x\n",
        "ALTER TABLE t ALTER COLUMN a TYPE varchar(3);",
    )
    assert outcome.failure is not None  # the row does not fit: it was really loaded
    assert "too long" in outcome.failure.message


def test_a_table_renamed_and_altered_is_a_rename(check):
    outcome = check(
        "CREATE TABLE a (id int PRIMARY KEY, n int CHECK (n > 0)); CREATE INDEX i ON a (n);",
        "ALTER TABLE a RENAME TO b; ALTER TABLE b ADD COLUMN x int; ALTER TABLE b RENAME n TO m;",
    )
    assert sorted(c.kind for c in outcome.changes) == [
        "column.added",
        "column.renamed",
        "table.renamed",
    ]


def test_dropped_and_added_again_is_a_drop(check):
    outcome = check(
        "CREATE TABLE a (id int PRIMARY KEY, n int);",
        "ALTER TABLE a DROP n; ALTER TABLE a ADD n int;",
    )
    assert sorted(c.kind for c in outcome.changes) == ["column.added", "column.dropped"]


def test_what_goes_with_a_table_is_part_of_its_finding(check):
    outcome = check(
        "CREATE TABLE a (id serial PRIMARY KEY, n int UNIQUE CHECK (n > 0));CREATE INDEX ON a (n);",
        "DROP TABLE a;",
    )
    (finding,) = outcome.findings
    assert finding.policy.id == "table-dropped"
    assert finding.values["takes_along"] == "3 constraints, 3 indexes, 2 columns, 1 sequence"
    assert {c.part_of for c in outcome.changes if c.kind != "table.dropped"} == {"public.a"}


def test_fifty_dropped_indexes_are_one_line(check):
    indexes = "".join(f"CREATE INDEX i{n:02} ON a (n);" for n in range(50))
    outcome = check(
        f"CREATE TABLE a (id int PRIMARY KEY, n int); {indexes}",
        "".join(f"DROP INDEX i{n:02};" for n in range(50)),
    )
    assert len(outcome.changes) == 50
    assert diff_lines(outcome.changes) == [" TABLE public.a", "-  50 indexes: i00, i01, i02 …"]


def test_fifty_findings_of_a_policy_are_one_row(check):
    outcome = check(
        f"CREATE TABLE a (id int PRIMARY KEY, {', '.join(f'c{n:02} int' for n in range(50))});",
        f"ALTER TABLE a {', '.join(f'DROP c{n:02}' for n in range(50))};",
    )
    rows = [line for line in render_markdown(outcome).splitlines() if "column-dropped" in line]
    assert len(outcome.findings) == 50
    assert "`public.a.c02` and 47 more" in rows[0]
    assert sum(row.startswith("|") for row in rows) == 1
