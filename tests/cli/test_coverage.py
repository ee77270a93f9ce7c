"""gatekeeper coverage as a user meets it."""

import json
import sys
from xml.etree import ElementTree as ET

SCHEMA = """
CREATE TABLE a (id bigint PRIMARY KEY);
CREATE TABLE b (id bigint PRIMARY KEY, a_id bigint REFERENCES a);
CREATE TABLE c (line text);
"""  # keys 2 of 3
HOUSE = (
    "policies:\n  - {id: keyless, title: No key, severity: warning, for: tables,"
    " require: has_primary_key, message: No., why: Bad., coverage: keys}\n"
)


def test_the_table_the_badge_and_the_exit_status(tmp_path, gatekeeper):
    (tmp_path / "now.sql").write_text(SCHEMA)
    config = tmp_path / "gatekeeper.yml"
    pack = "packs: house.yml\n"
    (tmp_path / "house.yml").write_text(HOUSE)
    config.write_text(pack)
    say = ("coverage", "--schema", "now.sql")
    done = gatekeeper(*say, "--missing", "--badge", "docs/badge.svg", "--fail-under", "67")
    assert (done.returncode, done.stdout.splitlines()) == (
        1,
        [
            "Group             Head",
            "keys   2 of 3 (66.6 %)",
            "",
            "keyless  public.c",
            "",
            "Schema coverage 2 of 3 (66.6 %)",
            "now.sql",
        ],
    )
    assert done.stderr == "below the minimum: 66.6 % of 67 %\n"
    badge = ET.fromstring((tmp_path / "docs/badge.svg").read_text())  # noqa: S314 - our own
    assert badge.attrib["aria-label"] == "schema coverage: 66.6 %"
    config.write_text(pack + "coverage: {minimum: 66}\n")
    done = gatekeeper(*say, "-f", "json", "--by", "table")
    assert done.returncode == 0
    found = json.loads(done.stdout)["coverage"]
    assert found["total"]["head"] == {"covered": 2, "total": 3, "waived": 0, "percent": 66.6}
    assert [m["subject"] for m in found["missing"]] == ["public.c"]


def test_it_is_of_one_schema(gatekeeper):
    done = gatekeeper("coverage", "--schema", "x.sql", "--base", "main")
    assert done.returncode == 2
    assert "--schema and --base do not go together" in done.stderr


def test_what_a_branch_makes_of_one_project(project, gatekeeper):
    project.write("house.yml", HOUSE)
    waiver = (
        "  - {policy: keyless, subject: public.%s, because: rows come from a log, project: %s}\n"
    )
    project.write(
        "gatekeeper.yml",
        "packs: house.yml\nprojects:\n  shop: {migrations: {config: alembic.ini}}\n  other: {}\n"
        "waivers:\n" + waiver % ("d", "shop") + waiver % ("e", "other"),
    )
    project.revision("r1", f'op.execute("""{SCHEMA}""")')
    project.commit()
    project.branch()
    project.revision(
        "r2",
        'op.execute("CREATE TABLE d (line text); CREATE TABLE e (line text); DROP TABLE a CASCADE")',
    )
    say = ("coverage", "--project", "shop", "--python", sys.executable)
    done = gatekeeper(
        *say, "--base", "main", "--missing", "-f", "json", "-o", "coverage.json", cwd=project.root
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[:2] == [
        "Group Base Head Difference This change",
        "keys 2 of 3 (66.6 %) 1 of 4 (25 %, 1 \N{MINUS SIGN}41.7 (\N{MINUS SIGN}25.0 0 of 2 (0 %, 1",
    ]
    listed = [line for line in lines if line.startswith("keyless")]
    assert listed == [
        "keyless public.c",
        "keyless public.d (touched, waived)",
        "keyless public.e (touched)",
    ]
    written = json.loads((project.root / "coverage.json").read_text())
    assert written["coverage"]["total"]["head"]["waived"] == 1
    done = gatekeeper(*say, "--fail-under", "50", cwd=project.root)
    assert done.returncode == 0, done.stdout  # what is waived is let pass: 1 and 1 of 4
    done = gatekeeper("coverage", cwd=project.root)
    assert done.returncode == 2
    assert "--project shop" in done.stderr


def test_of_a_database(database, connection, tmp_path, gatekeeper):
    connection.execute(SCHEMA)
    (tmp_path / "house.yml").write_text(HOUSE)
    url = f"postgresql://postgres@/{database.database}?host={database.host}"
    done = gatekeeper("coverage", "--url", url, "--packs", "house.yml", "-o", "coverage.txt")
    assert (done.returncode, done.stderr) == (0, "")
    assert "keys   2 of 3 (66.6 %)" in done.stdout
    assert (tmp_path / "coverage.txt").read_text() == done.stdout
