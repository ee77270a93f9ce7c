"""A team's months with Gatekeeper, through its commands alone: old debt, and what comes on top."""

import subprocess
import sys
from datetime import date, timedelta

import pytest

TABLES = 60  # each without a key, and with four columns of the wrong type
CONFIG = "packs: [integrity, modelling]\npolicies: {missing-primary-key: error}\n"
SUBJECT = ("missing-primary-key", "public.extra")
TODAY = date(2030, 3, 1)
LAST_DAY = TODAY + timedelta(days=30)
LATER = LAST_DAY + timedelta(days=1)

# The commands as they are, on a day of our choice.
ON_A_DAY = """
import sys
from datetime import date
from gatekeeper.cli import session
day = date.fromisoformat(sys.argv.pop(1))
session.today = lambda: day
from gatekeeper.cli.main import run
run()
"""


@pytest.fixture
def shop(project):
    project.revision(
        "r1",
        f"for i in range({TABLES}):",
        '    op.execute(f"CREATE TABLE t{i} (price real, amount float, doc json, seen timestamp)")',
    )
    project.write("gatekeeper.yml", CONFIG)
    project.commit()
    return project


@pytest.fixture
def run(shop):
    """Run a command; give the status and the lines of the report."""

    def on(day, *arguments):
        if arguments[0] in ("audit", "check"):
            arguments = (*arguments, "--python", sys.executable)
        done = subprocess.run(
            [sys.executable, "-c", ON_A_DAY, day.isoformat(), *arguments],
            cwd=shop.root,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()

    return on


def adopt(shop, run):
    """Write a baseline of what there is, and give its lines."""
    status, lines = run(TODAY, "audit", "--write-baseline")
    assert status == 0
    assert lines[0].startswith(".gatekeeper/baseline.json: 300 known findings. ")
    status, lines = run(TODAY, "audit")
    assert status == 0
    assert "Passed; 300 known findings left" in lines
    shop.commit()
    known = baseline(shop)
    assert len(known) == 302
    assert known[1:-1] == sorted(known[1:-1])
    return known


def baseline(shop):
    return (shop.root / ".gatekeeper/baseline.json").read_text("utf-8").splitlines()


def add_one(shop, run):
    """A pull request adds one: that one blocks it, and nothing of the past is shown."""
    shop.branch()
    shop.revision("r2", 'op.execute("CREATE TABLE extra (note text)")')
    shop.commit()
    status, lines = run(TODAY, "check")
    assert status == 1
    assert "Blocked by 1 error" in lines
    assert not any("public.t1" in line for line in lines)


def waive(shop, run):
    """It is waived with a reason: it passes, and the report lists it; so it is merged."""
    because = ("--because", "rows come from a log", "--until", LAST_DAY.isoformat())
    status, _ = run(TODAY, "waive", *SUBJECT, *because)
    assert status == 0
    status, lines = run(LAST_DAY, "check")
    assert status == 0
    assert "Passed, 1 error waived" in lines
    assert "  error missing-primary-key  public.extra" in lines
    assert any("rows come from a log (not said, until 2030-03-31;" in line for line in lines)
    shop.commit()
    shop.git("checkout", "--quiet", "main")
    shop.git("merge", "--quiet", "feature")


def let_it_end(run):
    """The day after its last one, it blocks again."""
    status, lines = run(LATER, "audit")
    assert status == 1
    assert lines[0] == "error missing-primary-key  1 finding in 1 table"
    assert "Blocked by 1 new error; 300 known findings left" in lines
    assert (
        "  warning gatekeeper.yml:5: the waiver of missing-primary-key for public.extra does not"
        " count: it ended on 2030-03-31, and what it was for is back"
    ) in lines


def fix(shop, run, known):
    """What is fixed, old debt with it, is taken out of the baseline when that is asked for."""
    shop.write("gatekeeper.yml", CONFIG)
    shop.revision("r3", 'op.execute("ALTER TABLE extra ADD PRIMARY KEY (note); DROP TABLE t7")')
    status, lines = run(LATER, "audit")
    assert status == 0
    assert "Passed; 295 known findings left; 5 fixed" in lines
    assert "  missing-primary-key  public.t7" in lines
    assert baseline(shop) == known
    status, lines = run(LATER, "audit", "--prune")
    assert status == 0
    assert "Fixed, and taken out of the baseline" in lines
    assert baseline(shop) == [line for line in known if "public.t7" not in line]


def test_a_project_with_a_past_lives_with_it(shop, run):
    known = adopt(shop, run)
    add_one(shop, run)
    waive(shop, run)
    let_it_end(run)
    fix(shop, run, known)
