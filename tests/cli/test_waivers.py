"""Waivers as a user meets them: in gatekeeper.yml, above an operation, in every format."""

import json
import sys

import pytest

SCHEMA = "CREATE TABLE t (id int PRIMARY KEY, a int, b int);"
DROPS = "ALTER TABLE t DROP COLUMN a;\nALTER TABLE t DROP COLUMN b;\n"
PACKS = ("--packs", "destructive")  # others would find other things, too
ENTRY = "  - {policy: column-dropped, subject: public.t.%s, because: it was never filled%s}\n"


@pytest.fixture
def sql(tmp_path, gatekeeper):
    def run(migration, *arguments, config=""):
        (tmp_path / "before.sql").write_text(SCHEMA)
        (tmp_path / "m.sql").write_text(migration)
        (tmp_path / "gatekeeper.yml").write_text(config)
        return gatekeeper("check", "--schema", "before.sql", "m.sql", *PACKS, *arguments)

    return run


def test_a_waiver_of_the_configuration_ends_on_its_day(sql):
    both = "waivers:\n" + ENTRY % ("a", "") + ENTRY % ("b", ", until: 2999-12-31, owner: ann")
    done = sql(DROPS, config=both)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Passed, 2 errors waived\n" in done.stdout
    assert "error column-dropped  public.t.b\n" in done.stdout
    assert "it was never filled (ann, until 2999-12-31; gatekeeper.yml:3)" in done.stdout
    done = sql(DROPS, config=both.replace("2999", "2001"))
    assert done.returncode == 1
    assert "Blocked by 1 error; 1 error waived\n" in done.stdout
    assert "gatekeeper.yml:3: the waiver of column-dropped for public.t.b does not" in done.stdout


def test_comments_above_the_statement(sql):
    text = "-- gatekeeper: allow column-dropped because it was never filled\n"
    done = sql(text + DROPS, "-f", "json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert [(f["subject"], f["blocks"], f["waiver"]) for f in report["findings"]] == [
        ("public.t.b", True, None),
        (
            "public.t.a",
            False,
            {
                "kind": "comment",
                "by": None,
                "because": "it was never filled",
                "until": None,
                "place": "m.sql:1",
            },
        ),
    ]
    assert sql(DROPS.replace("ALTER", text + "ALTER")).returncode == 0


def test_a_comment_without_a_reason_or_a_use_is_said(sql):
    done = sql(
        "-- gatekeeper: allow column-dropped because TODO\nALTER TABLE t DROP COLUMN a;\n"
        "-- gatekeeper: allow table-dropped because it is empty, I looked\n"
        "ALTER TABLE t ADD COLUMN c int;\n"
    )
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert "m.sql:1: the waiver of column-dropped does not count: 'TODO' is no reason" in said
    assert "m.sql:3: the waiver of table-dropped is not needed" in said


def test_a_policy_with_approvers_takes_neither(sql):
    done = sql(
        "-- gatekeeper: allow column-dropped because it was never filled\n" + DROPS,
        "-f",
        "markdown",
        config="policies: {column-dropped: {approvers: [ann, acme/dba]}}\nwaivers:\n"
        + ENTRY % ("b", ""),
    )
    assert done.returncode == 1
    assert done.stdout.startswith("### ❌ Gatekeeper: blocked by 2 errors\n")
    assert done.stdout.count("does not count: only an approving review by ann, acme/dba") == 2
    assert "gatekeeper: allow column-dropped public.t.a because …\n" in done.stdout


def test_explain_names_the_approvers(tmp_path, gatekeeper):
    (tmp_path / "gatekeeper.yml").write_text(
        "policies: {column-dropped: {approvers: ['@ann', acme/dba]}}\n"
    )
    done = gatekeeper("explain", "column-dropped")
    assert "waived by an approving review of ann, acme/dba\n" in done.stdout


@pytest.fixture
def shop(project):
    project.revision("r1", f'op.execute("{SCHEMA}")')
    project.commit()
    project.branch()
    return project


SAID = "# gatekeeper: allow column-dropped because it was never filled"


@pytest.mark.parametrize(
    ("body", "waived"),
    [
        ([SAID, 'op.drop_column("t", "a")', 'op.drop_column("t", "b")'], ["public.t.a"]),
        ([SAID, "op.drop_column(", '    "t",', '    "a",', ")"], ["public.t.a"]),
        (
            [SAID.replace("because", "public.t.b because"), "op.execute(", f'    """{DROPS}"""', ")"],
            ["public.t.b"],
        ),
        (
            [SAID, 'with op.batch_alter_table("t") as t:', '    t.drop_column("a")'],
            ["public.t.a"],
        ),
        (['for name in "ab":', f"    {SAID}", '    op.drop_column("t", name)'], ["public.t.a", "public.t.b"]),
    ],
)  # fmt: skip
def test_comments_above_operations_of_alembic(shop, gatekeeper, body, waived):
    shop.revision("r2", *body)
    arguments = ("--python", sys.executable, "-f", "json")
    done = gatekeeper("check", *arguments, cwd=shop.root)
    findings = json.loads(done.stdout)["findings"]
    assert [f["subject"] for f in findings if f["waiver"]] == waived


def test_a_snapshot_carries_what_comments_allow(shop, gatekeeper):
    shop.revision("r2", SAID, 'op.drop_column("t", "a")')
    arguments = ("--output", "s.json", "--python", sys.executable, *PACKS)
    taken = gatekeeper("snapshot", *arguments, cwd=shop.root)
    assert taken.returncode == 0, taken.stderr
    done = gatekeeper("judge", "s.json", *PACKS, cwd=shop.root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed, 1 error waived" in done.stdout
