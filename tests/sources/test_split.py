"""Scripts are split where the server would end a statement, and nowhere else."""

import pytest

from gatekeeper.errors import SourceError
from gatekeeper.sources.split import split_script


def split(text: str) -> list[tuple[str, int]]:
    return [(s.sql, s.line) for s in split_script(text, "f.sql").statements]


@pytest.mark.parametrize(
    "statement",
    [
        "select 'a;b'",
        "select E'a\\';b'",
        'create table "a;b" (i int)',
        "do $$ begin; perform 1; end $$",
        "do $x$ select '$$;$$' $x$",
        "select /* ; /* ; */ ; */ 1",
        "select 1 -- ;\n + 1",
        "create function f() returns int begin atomic select 1; select case when a then 2 end; end",
        "select $1",
        "select 1 #>> '{a;b}'",
    ],
)
def test_semicolons_that_end_nothing(statement):
    assert split(f"{statement};\nselect 2;") == [
        (statement, 1),
        ("select 2", 2 + statement.count("\n")),
    ]


def test_lines_skip_leading_comments():
    assert split("-- one\n\n/* two\n */ select 1;\n\n\nselect 2") == [
        ("select 1", 4),
        ("select 2", 7),
    ]


def test_psql_commands_and_copy_data_are_not_sql():
    script = split_script(
        "\\restrict abc\nCOPY t (a) FROM stdin;\n1'\n2;\n\\.\n\nSELECT 1;\n", "f.sql"
    )
    first, second = script.statements
    assert (first.sql, first.copy_data) == ("COPY t (a) FROM stdin", "1'\n2;\n")
    assert (second.sql, second.line) == ("SELECT 1", 7)


@pytest.mark.parametrize("text", ["select 'a", "do $$ x", 'select "a', ""])
def test_what_is_not_closed_is_an_error_with_its_file(text):
    if not text:
        assert split(text) == []
        return
    with pytest.raises(SourceError, match=r"f\.sql:\d+"):
        split(text)


@pytest.mark.parametrize(
    ("sql", "refuses"),
    [
        ("create index concurrently i on t (a)", True),
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", True),
        ("drop index concurrently i", True),
        ("reindex table concurrently t", True),
        ("alter table p detach partition q concurrently", True),
        ("vacuum t", True),
        ("create index i on t (a)", False),
        ("refresh materialized view concurrently v", False),
        ("create table concurrently_made (i int)", False),
    ],
)
def test_what_cannot_run_in_a_transaction(sql, refuses):
    assert split_script(sql, "f.sql").statements[0].refuses_transaction is refuses


def test_a_psql_command_that_would_do_something_is_refused():
    with pytest.raises(SourceError, match=r"f\.sql:2: \\i is a command of psql"):
        split("SELECT 1;\n\\i other.sql\n")


def test_the_line_of_a_refused_command_counts_copied_data():
    with pytest.raises(SourceError, match=r"f\.sql:5"):
        split("COPY t FROM stdin;\n1\n2\n\\.\n\\i other.sql\n")
