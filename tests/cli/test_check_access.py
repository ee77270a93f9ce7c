"""Access in a whole review: what the configuration calls sensitive, in an Alembic project."""

import json
from typing import Any

from tests.conftest import Project, Run

_DATA = "data:\n  pii: {columns: [public.users.email], readers: [billing]}\n"


def _report(project: Project, gatekeeper: Run) -> dict[str, Any]:
    return json.loads(gatekeeper("check", "--format", "json", cwd=project.root).stdout)


def test_a_chain_of_views_is_one_finding_at_its_grant(project: Project, gatekeeper: Run) -> None:
    project.write("gatekeeper.yml", _DATA)
    project.revision("one", "op.execute('CREATE TABLE users (id int PRIMARY KEY, email text)')")
    project.commit()
    project.branch()
    project.revision(
        "two",
        "op.execute('CREATE VIEW people AS SELECT id, email AS contact FROM users')",
        "op.execute('CREATE VIEW again AS SELECT contact FROM people')",
        "op.execute('CREATE VIEW contacts AS SELECT contact FROM again')",
        "op.execute('GRANT SELECT ON contacts TO reporting')",
    )
    report = _report(project, gatekeeper)
    (found,) = [f for f in report["findings"] if f["policy"] == "sensitive-column-exposed"]
    assert found["subject"] == "public.users.email to reporting"
    assert (found["file"], found["line"]) == ("migrations/versions/two.py", 14)
    assert all(f"public.{view}" in found["message"] for view in ("contacts", "again", "people"))
    assert report["verdict"] == "blocked"
    assert any("the role reporting was created" in note for note in report["notes"])
    gained = {(row["role_name"], row["object_subject"]) for row in report["access"]}
    assert ("reporting", "public.users.email") in gained


def test_a_permitted_reader_passes(project: Project, gatekeeper: Run) -> None:
    project.write("gatekeeper.yml", _DATA)
    project.revision("one", "op.execute('CREATE TABLE users (id int PRIMARY KEY, email text)')")
    project.commit()
    project.branch()
    project.revision("two", "op.execute('GRANT SELECT ON users TO billing')")
    report = _report(project, gatekeeper)
    assert report["verdict"] == "passed"
    assert not [f for f in report["findings"] if f["pack"] == "access"]
