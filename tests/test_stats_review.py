"""Row counts of production in facts and policies: small is silent, large found, unknown said."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.facts.build import Facts
from gatekeeper.observe import Setup, observe
from gatekeeper.policy.evaluate import new_findings
from gatekeeper.policy.load import load_all
from gatekeeper.policy.model import Example, Policy, Rule
from gatekeeper.report.view import message
from gatekeeper.scratch.base import Address
from gatekeeper.scratch.private import PrivateCluster
from gatekeeper.sources.split import split_script
from gatekeeper.sources.sql_files import SqlFiles
from gatekeeper.stats import Statistics

from .conftest import Project

Run = Callable[..., Any]


def _facts(
    server: PrivateCluster, before: str, migration: str, rows: Mapping[str, int | None] | None
) -> Facts:
    source = SqlFiles.of_scripts(
        split_script(before, "before"), [split_script(migration, "migration")]
    )
    counted = None if rows is None else Statistics("2026-08-24", "18", rows)
    database = server.create_database()
    try:
        return observe(source, source.prepare(), database, Setup(statistics=counted)).facts
    finally:
        server.drop_database(database.database)


_CASES = [
    (policy, example)
    for policy in load_all().values()
    for example in policy.examples
    # A detached partition is a matter of waiting for a lock, not of the table's size.
    if "min_rows" in policy.params and example.finds and example.name != "detached"
]


@pytest.mark.parametrize(
    ("policy", "example"), _CASES, ids=[f"{p.id}: {e.name}" for p, e in _CASES]
)
def test_the_size_decides_wherever_a_policy_has_min_rows(
    server: PrivateCluster, policy: Policy, example: Example
) -> None:
    there = _facts(server, example.before, example.migration, None).base
    tables = [row["subject"] for row in (*there["tables"], *there["views"])]
    known = {
        rows: _facts(
            server,
            example.before,
            example.migration,
            {} if rows is None else dict.fromkeys(tables, rows),
        )
        for rows in (None, 0, 9_999, 10_000)
    }
    large = replace(policy, params={"min_rows": 10_000})

    def found(judged: Policy, rows: int | None) -> list[tuple[str, str, bool]]:
        findings = new_findings(known[rows], [judged])
        assert all(message(finding) for finding in findings)
        return [(f.subject, f.severity, f.undecided) for f in findings]

    subjects = sorted(example.finds)
    decided = [(subject, policy.severity, False) for subject in subjects]
    for rows in (None, 0, 9_999, 10_000):
        assert found(policy, rows) == decided  # whoever sets nothing needs no statistics
    assert found(large, 9_999) == []
    assert found(large, 10_000) == decided
    told = isinstance(policy.judge, Rule)  # a query has no third answer
    assert found(large, None) == [(s, policy.severity, told) for s in subjects]
    milder = replace(large, severity="notice")
    assert found(milder, None) == [(s, "notice", told) for s in subjects]


def test_every_policy_about_work_that_grows_with_a_table_has_the_parameter() -> None:
    assert sorted({policy.id for policy, _ in _CASES}) == [
        "blocking-check", "blocking-domain-constraint", "blocking-exclusion-constraint",
        "blocking-foreign-key", "blocking-index-build", "blocking-partition-change",
        "blocking-primary-key", "blocking-reindex", "blocking-unique-constraint",
        "data-change-with-schema-change", "full-scan-under-lock", "index-rewritten", "repeated-alter-table", "table-rewritten",
        "validated-in-same-transaction",
    ]  # fmt: skip


_BEFORE = """
CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a > 0), b int);
CREATE TABLE "Odd" (id int PRIMARY KEY);
CREATE TABLE gone (id int PRIMARY KEY);
CREATE TABLE unknown (id int PRIMARY KEY);
CREATE MATERIALIZED VIEW m AS SELECT 1 AS id;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
"""
_COUNTS = {
    "public.t": 7,
    'public."Odd"': 8,
    "public.gone": 9,
    "public.m": 3,
    "public.unknown": None,
}


def test_everything_of_a_table_knows_its_rows_under_any_name(server: PrivateCluster) -> None:
    facts = _facts(
        server,
        _BEFORE,
        "ALTER TABLE t RENAME TO u; ALTER TABLE u ADD FOREIGN KEY (b) REFERENCES u;"
        "CREATE TRIGGER g BEFORE INSERT ON u FOR EACH ROW EXECUTE FUNCTION f();"
        "CREATE RULE r AS ON DELETE TO u DO INSTEAD NOTHING; DROP TABLE gone;"
        "CREATE TABLE made (id int PRIMARY KEY); CREATE TABLE gone (n int);",
        _COUNTS,
    )
    of_table = (
        "tables", "columns", "indexes", "constraints", "foreign_keys", "triggers", "rules",
    )  # fmt: skip
    counts = {
        (row["table_subject"], row["change"] == "dropped", row["row_count"])
        for name in of_table
        for row in facts.head[name]
        if row["dropped_with"] is None
    }
    assert counts == {
        ("public.u", False, 7),
        ('public."Odd"', False, 8),
        ("public.gone", True, 9),
        ("public.gone", False, 0),
        ("public.made", False, 0),
        ("public.unknown", False, None),
    }
    assert {
        row["row_count"]
        for name in of_table
        for row in facts.head[name]
        if row["table_subject"] == "public.u"
    } == {7}
    before = {row["subject"]: row["row_count"] for row in facts.base["tables"]}
    assert before == {name: rows for name, rows in _COUNTS.items() if name != "public.m"}
    assert {row["row_count"] for row in facts.base["columns"] if row["table_name"] == "t"} == {7}


_ROWS = ("locked_row_count", "scanned_row_count", "rewritten_row_count")


@pytest.mark.parametrize(
    ("migration", "expected"),
    [
        ("SELECT 1", (0, 0, 0)),
        ("ALTER TABLE t ADD COLUMN c int", (7, 0, 0)),
        ("ALTER TABLE t ALTER b SET NOT NULL", (7, 7, 0)),
        ("ALTER TABLE t ALTER b TYPE bigint", (7, 7, 7)),
        ("ALTER TABLE unknown ADD CHECK (id > 0)", (None, None, 0)),
        ('ALTER TABLE t ADD FOREIGN KEY (b) REFERENCES "Odd" NOT VALID', (8, 0, 0)),
        ("ALTER TABLE t ADD FOREIGN KEY (b) REFERENCES unknown NOT VALID", (None, 0, 0)),
        ("CREATE TABLE n (id int); ALTER TABLE n ADD CHECK (id > 0)", (0, 0, 0)),
        ("REFRESH MATERIALIZED VIEW m", (3, 0, 0)),
        ("REINDEX TABLE t", (7, 7, 0)),
    ],
)
def test_a_statement_knows_the_rows_of_what_it_worked_on(
    server: PrivateCluster, migration: str, expected: tuple[int | None, ...]
) -> None:
    rows = _facts(server, _BEFORE, migration, _COUNTS).head["statements"]
    assert tuple(rows[-1][name] for name in _ROWS) == expected


def _stats(folder: Path, **rows: int | None) -> None:
    content = {
        "version": 1,
        "taken": "2026-08-24",
        "server_version": "16.4",
        "tables": {f"public.{name}": count for name, count in rows.items()},
    }
    (folder / "gatekeeper-stats.json").write_text(json.dumps(content), "utf-8")


_CONFIG = """
stats: gatekeeper-stats.json
policies:
  blocking-index-build: {params: {min_rows: 10000}}
"""


def test_statistics_of_a_real_server_decide_in_an_alembic_project(
    project: Project, database: Address, connection: Any, gatekeeper: Run
) -> None:
    tables = ("small", "large", "unknown")
    for name in tables:
        connection.execute(f"CREATE TABLE {name} (id int, a int)")
    connection.execute("INSERT INTO small SELECT n, n FROM generate_series(1, 50) n")
    connection.execute("INSERT INTO large SELECT n, n FROM generate_series(1, 12000) n")
    connection.execute("ANALYZE small, large")
    url = f"postgresql://postgres@/{database.database}?host={database.host}&port={database.port}"
    assert gatekeeper("stats", "--url", url, cwd=project.root).returncode == 0
    project.write("gatekeeper.yml", _CONFIG)
    project.revision(
        "0001", *(f'op.execute("CREATE TABLE {name} (id int, a int)")' for name in tables)
    )
    project.commit()
    project.branch()
    project.revision("0002", *(f'op.create_index("i_{name}", "{name}", ["a"])' for name in tables))
    done = gatekeeper("check", "--format", "json", cwd=project.root)
    report = json.loads(done.stdout)
    findings = [f for f in report["findings"] if f["policy"] == "blocking-index-build"]
    assert [(f["subject"], f["severity"], f["undecided"]) for f in findings] == [
        ("public.i_large", "error", False),
        ("public.i_unknown", "error", True),
    ]
    assert "on public.large (about 12,000 rows): writes wait" in findings[0]["message"]
    assert findings[1]["message"].endswith("(Undecided: row_count is unknown.)")
    assert done.returncode == 1
    notes = [note for note in report["notes"] if "row counts" in note or "how large" in note]
    day = json.loads((project.root / "gatekeeper-stats.json").read_text("utf-8"))["taken"]
    assert notes[0] == f"row counts are those of {day}, from gatekeeper-stats.json"
    assert "gatekeeper stats --url" in notes[1]
    assert gatekeeper("check", "--format", "json", cwd=project.root).stdout == done.stdout


@pytest.fixture
def sql(tmp_path: Path, gatekeeper: Run) -> Run:
    """Check an index on the table `orders`, with this gatekeeper.yml."""

    def run(config: str) -> Any:
        (tmp_path / "before.sql").write_text("CREATE TABLE orders (id int PRIMARY KEY, a int);")
        (tmp_path / "m.sql").write_text("CREATE INDEX i ON orders (a);")
        (tmp_path / "gatekeeper.yml").write_text(config)
        return gatekeeper("check", "--schema", "before.sql", "m.sql", "--format", "json")

    return run


def _found(done: Any) -> list[tuple[str, bool]]:
    report = json.loads(done.stdout)
    return [(f["severity"], f["undecided"]) for f in report["findings"]]


def test_without_statistics_nothing_changes_until_somebody_asks_for_the_size(sql: Run) -> None:
    assert _found(sql("")) == [("error", False)]
    done = sql("policies: {blocking-index-build: {params: {min_rows: 10000}}}")
    assert (_found(done), done.returncode) == ([("error", True)], 1)
    (note,) = json.loads(done.stdout)["notes"]
    assert note.startswith("a policy asks how large a table is")
    lower = "policies: {blocking-index-build: {severity: warning, params: {min_rows: 10000}}}"
    done = sql(lower)
    assert (_found(done), done.returncode) == ([("warning", True)], 0)


def test_a_small_table_is_silent(sql: Run, tmp_path: Path) -> None:
    _stats(tmp_path, orders=9_999)
    done = sql(_CONFIG)
    assert (_found(done), done.returncode) == ([], 0)
    assert json.loads(done.stdout)["notes"] == [
        "row counts are those of 2026-08-24, from gatekeeper-stats.json"
    ]


def test_a_statistics_file_that_is_wrong_stops_the_check(sql: Run, tmp_path: Path) -> None:
    done = sql("stats: nowhere.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: nowhere.json: cannot be read: No such file" in done.stderr
    _stats(tmp_path, orders=-5)
    done = sql("stats: gatekeeper-stats.json")
    assert done.returncode == 2
    assert "gatekeeper-stats.json:1: public.orders has -5 rows" in done.stderr
    assert "Traceback" not in done.stderr
