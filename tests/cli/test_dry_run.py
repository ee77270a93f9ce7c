"""gatekeeper dry-run as a team meets it: a policy on its own past, and nothing is blocked."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

HOUSE = (
    "pack: house\npolicies:\n"
    "  - id: short-names\n    title: t\n    severity: error\n    for: columns\n"
    "    where: change = 'added' and not table_is_new\n    require: length(column_name) > 2\n"
    "    message: '{{ column }} is short'\n    why: w\n"
    "  - id: never\n    title: t\n    severity: error\n    for: columns\n"
    "    where: column_name = 'none'\n    require: false\n    message: m\n    why: w\n"
)


@pytest.fixture
def shop(project):
    project.revision("r1", 'op.execute("CREATE TABLE orders (id int PRIMARY KEY, note text)")')
    project.revision("r2", 'op.add_column("orders", sa.Column("n", sa.Integer))')
    project.revision("r3", 'op.drop_column("orders", "note")')
    project.revision("r4", 'op.add_column("orders", sa.Column("total", sa.Integer))')
    project.commit()
    project.write("house.yml", HOUSE)
    return project


@pytest.fixture
def dry_run(shop, gatekeeper):
    def run(*arguments, cwd=None):
        return gatekeeper("dry-run", "--python", sys.executable, *arguments, cwd=cwd or shop.root)

    return run


def test_findings_by_revision_and_how_often_each_policy_fired(dry_run):
    done = dry_run("--packs", "destructive")
    assert (done.returncode, done.stderr) == (0, "")
    assert "error column-dropped  public.orders.note  line 11" in done.stdout
    assert "migrations/versions/r3.py" in done.stdout
    assert "1 of 4 revisions would have been blocked" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_policy_that_is_in_no_pack_is_tried(dry_run):
    done = dry_run("--policies", "house.yml", "--only", "short-names", "--format", "json")
    values = json.loads(done.stdout)
    assert (values["count"], values["blocked"]) == (4, 1)
    (policy,) = values["policies"]
    assert (policy["policy"], policy["tried"], policy["revisions"]) == ("short-names", True, 1)
    found = {one["id"]: [f["message"] for f in one["findings"]] for one in values["revisions"]}
    assert found == {"r1": [], "r2": ["public.orders.n is short"], "r3": [], "r4": []}
    done = dry_run("--policies", "house.yml", "--last", "1", "--packs", "destructive")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["never", "error", "0", "0", "0"] in rows
    assert ["short-names", "error", "0", "0", "0"] in rows
    assert not any(row[:1] == ["column-dropped"] for row in rows)


def test_a_folder_of_policies_and_a_pack_in_use_as_well(dry_run, shop):
    shop.write("rules/house.yml", HOUSE)
    shop.write("gatekeeper.yml", "packs: [rules]\n")
    done = dry_run("--policies", "rules", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert {p["policy"] for p in json.loads(done.stdout)["policies"]} == {"never", "short-names"}


def test_markdown_to_a_file_and_the_rest_to_the_terminal(dry_run, shop):
    done = dry_run("--since", "r2", "-f", "markdown", "-o", "out/dry.md", "--packs", "destructive")
    assert "1 of 2 revisions would have been blocked" in done.stdout
    text = (shop.root / "out/dry.md").read_text()
    assert text.startswith("### Gatekeeper dry run: 1 of 2 revisions would have been blocked")
    assert "`migrations/versions/r3.py:11`" in text


def test_waivers_of_the_configuration_count(dry_run, shop):
    shop.write(
        "gatekeeper.yml",
        "packs: [destructive]\nwaivers:\n  - policy: column-dropped\n"
        "    subject: public.orders.note\n    because: the column was never filled by anyone\n",
    )
    done = dry_run()
    assert "error (waived) column-dropped" in done.stdout
    assert "0 of 4 revisions would have been blocked" in done.stdout


def test_a_history_that_breaks_says_how_far_it_came(dry_run, shop):
    shop.revision("r5", 'op.execute("ALTER TABLE nowhere ADD a int")')
    done = dry_run("--packs", "destructive")
    assert done.returncode == 2
    assert 'relation "nowhere" does not exist' in done.stdout
    assert "1 of the first 4 revisions of 5 would have been blocked" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_sql_files(gatekeeper, tmp_path):
    (tmp_path / "0.sql").write_text("CREATE TABLE t (id int PRIMARY KEY, a int);")
    (tmp_path / "1.sql").write_text("ALTER TABLE t DROP a;")
    (tmp_path / "2.sql").write_text("ALTER TABLE t ADD a bigint;")
    done = gatekeeper("dry-run", "--schema", "0.sql", "1.sql", "2.sql", "--packs", "destructive")
    assert done.returncode == 0, done.stderr
    assert "error column-dropped  public.t.a  line 1" in done.stdout
    assert "1 of 2 revisions would have been blocked" in done.stdout


def test_bad_usage_is_an_error_with_the_way_out(dry_run, shop, gatekeeper, tmp_path):
    cases = [
        (("--last", "3", "--since", "r1"), "--last and --since do not go together"),
        (("--since", "x"), "no revision of the migrations has an id that begins with 'x'"),
        (("--policies", "no.yml"), "no.yml: there is no such file"),
        (("--only", "column-droped"), "did you mean column-dropped"),
        (("a.sql",), "SQL files need --schema"),
        (("--schema", "a.sql", "a.sql", "--since", "r1"), "--since and --head are about"),
        (("--head", "nowhere"), "git knows no revision 'nowhere'"),
    ]
    for arguments, words in cases:
        done = dry_run(*arguments)
        assert done.returncode == 2, arguments
        assert words in done.stderr, (arguments, done.stderr)
        assert "Traceback" not in done.stderr
    assert "not in a git repository" in gatekeeper("dry-run", cwd=tmp_path).stderr


def test_the_schema_is_published(gatekeeper):
    assert json.loads(gatekeeper("schema", "dry-run").stdout)["title"] == "Gatekeeper dry run"


def test_interrupted_it_leaves_nothing(shop, tmp_path):
    mark = tmp_path / "begun"
    shop.revision("r5", f"open({str(mark)!r}, 'w').close()", 'op.execute("SELECT pg_sleep(60)")')
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "gatekeeper", "dry-run", "--python", sys.executable],
        cwd=shop.root,
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    own = psutil.Process(process.pid)
    deadline = time.monotonic() + 60
    while not mark.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    children = own.children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.strip()) == (130, "interrupted")
    assert not any(child.is_running() for child in children)
    assert list(scratch.iterdir()) == []
