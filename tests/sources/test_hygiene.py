"""Revisions as files among others: projects in git, judged by the pack hygiene."""

from collections.abc import Callable

import pytest

from gatekeeper.errors import SourceError
from gatekeeper.policy.load import load_all
from gatekeeper.report.outcome import Outcome
from gatekeeper.report.view import instead, message
from gatekeeper.sources.alembic.source import AlembicSource
from tests.sources.conftest import Reviewed

Check = Callable[..., Outcome]

HYGIENE = tuple(p for p in load_all().values() if p.pack == "hygiene" and p.severity == "error")
EVERY = tuple(p for p in load_all().values() if p.pack == "hygiene")


@pytest.fixture
def check(reviewed: Reviewed) -> Check:
    def run(project, base=None, policies=HYGIENE, **options) -> Outcome:
        return reviewed(AlembicSource, project, policies, base=base, **options)

    return run


def found(outcome: Outcome) -> dict[str, str]:
    """Give policy:subject → file:line."""
    return {
        f"{f.policy.id}:{f.subject}": f"{(f.values['file'] or '').rpartition('/')[2]}:{f.values['line']}"
        for f in outcome.findings
    }


@pytest.fixture
def shop(project):
    """A project with two revisions, on a branch."""
    project.revision("r1", 'op.create_table("a", sa.Column("n", sa.Integer))')
    project.revision("r2", 'op.create_table("b", sa.Column("n", sa.Integer))')
    project.commit()
    project.branch()
    return project


def elsewhere(project, name, parent):
    """Let the base's branch go on by a revision, and come back."""
    is_dirty = bool(project.git("status", "--porcelain"))
    if is_dirty:
        project.git("stash", "--include-untracked", "--quiet")
    here = project.git("rev-parse", "--abbrev-ref", "HEAD")
    project.git("checkout", "--quiet", "main")
    project.revision(name, f'op.create_table("{name}", sa.Column("n", sa.Integer))', parent=parent)
    project.commit()
    project.git("checkout", "--quiet", here)
    if is_dirty:
        project.git("stash", "pop", "--quiet")


def edit(project, name, old, new):
    file = project.root / f"migrations/versions/{name}.py"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_the_next_revision_and_a_chain_of_them_are_well(shop, check):
    shop.revision("r3", "pass")
    shop.revision("r4", "pass")
    outcome = check(shop)
    assert (outcome.verdict, found(outcome)) == ("passed", {})


def test_a_branch_behind_the_tip_of_its_base(shop, check):
    shop.revision("r3", 'op.drop_table("a")')
    shop.revision("r4", "pass")
    elsewhere(shop, "other", "r2")
    outcome = check(shop)
    assert outcome.verdict == "blocked"
    assert found(outcome) == {"multiple-heads:r4": "r3.py:7"}
    (finding,) = outcome.findings
    assert "git rebase main" in message(finding)
    assert "the down_revision of r3, now r2, be other" in message(finding)
    assert "alembic merge r4 other" in message(finding)
    assert 'down_revision = "other"' in instead(finding, alembic=True)
    assert len(outcome.statements) == 1  # the rest was judged as well


def test_the_merge_commit_of_the_ci(shop, check):
    shop.revision("r3", "pass")
    shop.commit()
    elsewhere(shop, "other", "r2")
    shop.git("checkout", "--quiet", "--detach", "main")
    shop.git("merge", "--quiet", "--no-edit", "feature")
    outcome = check(shop, base="HEAD^1", head="HEAD")
    assert found(outcome) == {"multiple-heads:r3": "r3.py:7"}
    assert "rebase" not in message(outcome.findings[0])


def test_the_base_is_named_and_has_gone_on(shop, check):
    shop.revision("r3", "pass")
    elsewhere(shop, "other", "r2")
    outcome = check(shop, base="main")
    assert found(outcome) == {"multiple-heads:r3": "r3.py:7"}
    assert any("the base has gone on" in note for note in outcome.notes)
    silent = check(shop, base="main", policies=())
    assert silent.verdict == "undecided"
    assert "Rebase" in silent.failure.hint


def test_the_tip_has_other_files_only(shop, check):
    shop.revision("r3", "pass")
    shop.git("stash", "--include-untracked", "--quiet")
    shop.git("checkout", "--quiet", "main")
    shop.write("migrations/versions/notes.py", "revision_notes = 1\n")
    shop.write("migrations/versions/broken.py", "revision = (\n")
    shop.commit()
    shop.git("checkout", "--quiet", "feature")
    shop.git("stash", "pop", "--quiet")
    assert found(check(shop)) == {}


def test_heads_that_the_base_has_are_no_news(shop, check):
    shop.git("checkout", "--quiet", "main")
    shop.revision("x1", "pass", parent="r1")
    shop.commit()
    shop.git("branch", "--force", "feature")
    shop.git("checkout", "--quiet", "feature")
    shop.revision("x2", "pass", parent="x1")
    shop.revision("r3", "pass", parent="r2")
    assert found(check(shop)) == {}
    shop.revision("x3", "pass", parent="x1")
    assert found(check(shop)) == {"multiple-heads:x3": "x3.py:7"}


def test_a_dependency_does_not_make_a_head_less(shop, check):
    shop.revision("x1", "pass", parent="r1", head='depends_on = "r2"')
    assert list(found(check(shop))) == ["multiple-heads:x1"]


def test_the_first_two_revisions_of_all(project, check):
    project.write("README", "x")
    project.git("add", "README")
    project.git("commit", "--quiet", "--message", "empty")
    project.branch()
    project.revision("r1", "pass")
    project.revision("r2", "pass", parent="r1")
    project.revision("x2", "pass", parent="r1")
    assert list(found(check(project))) == ["multiple-heads:x2"]


def test_an_edited_revision_when_nothing_is_new(shop, check):
    edit(shop, "r1", '"n"', '"m"')
    outcome = check(shop)
    assert (outcome.verdict, outcome.statements) == ("blocked", ())
    assert found(outcome) == {"migration-edited:r1": "r1.py:7"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""r1."""', '"""Another title."""\n# and a comment'),
        ("def downgrade():\n    pass", 'def downgrade() -> None:\n    op.drop_table("a")'),
        (
            "import sqlalchemy as sa\nfrom alembic import op",
            "from alembic import op\nimport sqlalchemy as sa\nimport os",
        ),
        ("def upgrade():\n    ", 'def upgrade() -> None:\n    """Upgrade."""\n\n    '),
    ],
)
def test_what_is_no_edit(shop, check, old, new):
    edit(shop, "r1", old, new)
    assert found(check(shop)) == {}


def test_what_the_base_edited_since_is_not_ours(shop, check):
    shop.revision("r3", "pass")
    shop.commit()
    shop.git("checkout", "--quiet", "main")
    edit(shop, "r1", '"n"', '"m"')
    shop.commit()
    shop.git("checkout", "--quiet", "feature")
    assert found(check(shop, base="main")) == {}
    edit(shop, "r1", '"n"', '"o"')
    assert found(check(shop, base="main")) == {"migration-edited:r1": "r1.py:7"}


def test_a_deleted_revision(shop, check):
    (shop.root / "migrations/versions/r2.py").unlink()
    shop.revision("r3", "pass", parent="r1")
    outcome = check(shop)
    assert outcome.verdict == "blocked"
    assert found(outcome) == {"migration-deleted:r2": "r2.py:None"}
    assert any("did not run: the base has revisions" in note for note in outcome.notes)


def test_the_newest_one_deleted_and_nothing_new(shop, check):
    (shop.root / "migrations/versions/r2.py").unlink()
    outcome = check(shop)
    assert (outcome.verdict, list(found(outcome))) == ("blocked", ["migration-deleted:r2"])


def test_a_renamed_file_is_the_same_revision(shop, check):
    versions = shop.root / "migrations/versions"
    (versions / "r2.py").rename(versions / "2024_r2.py")
    shop.revision("r3", "pass")
    outcome = check(shop)
    assert (outcome.verdict, found(outcome)) == ("passed", {})


def test_a_parent_that_is_not_there(shop, check):
    shop.revision("r4", "pass", parent="r3")
    outcome = check(shop)
    assert (outcome.verdict, found(outcome)) == ("blocked", {"broken-chain:r4": "r4.py:7"})
    assert "no revision has the id r3, which r4 follows" in message(outcome.findings[0])
    every = found(check(shop, policies=EVERY))
    assert every == {"broken-chain:r4": "r4.py:7", "empty-migration:r4": "r4.py:7"}
    silent = check(shop, policies=())
    assert silent.verdict == "undecided"
    assert silent.failure.message.startswith(
        "the migrations are no chain: migrations/versions/r4.py: "
    )
    assert (silent.failure.file, silent.failure.line) == ("migrations/versions/r4.py", 7)


def test_a_broken_chain_with_a_revision_that_does_something(shop, check):
    shop.revision("r4", 'op.drop_table("a")', parent="r3")
    assert "empty-migration:r4" not in found(check(shop, policies=EVERY))


def test_one_in_the_middle_is_deleted(shop, check):
    (shop.root / "migrations/versions/r1.py").unlink()
    outcome = check(shop)
    assert found(outcome) == {"broken-chain:r2": "r2.py:7", "migration-deleted:r1": "r1.py:None"}


def test_a_circle(shop, check):
    shop.revision("r3", "pass", parent="r4")
    shop.revision("r4", "pass", parent="r3")
    assert list(found(check(shop))) == ["broken-chain:r3", "broken-chain:r4"]


def test_a_copied_file(shop, check):
    file = shop.root / "migrations/versions/r2.py"
    (file.parent / "r2_copy.py").write_text(file.read_text())
    assert list(found(check(shop))) == ["broken-chain:r2"]


def test_a_chain_that_was_broken_before_is_an_error_to_put_right(shop, check):
    shop.git("checkout", "--quiet", "main")
    shop.revision("x4", "pass", parent="x3")
    shop.commit()
    shop.git("checkout", "--quiet", "feature")
    shop.git("merge", "--quiet", "main")
    shop.revision("r3", "pass", parent="r2")
    with pytest.raises(SourceError, match=r"x4.py: no revision has the id x3") as caught:
        check(shop)
    assert "down_revision" in caught.value.hint


def test_another_fault_in_a_file_is_told_as_it_is(shop, check):
    shop.revision("r3", "pass", head='{}["lost"]')
    with pytest.raises(SourceError, match=r"cannot be loaded: KeyError: 'lost'"):
        check(shop)


def test_another_chain_in_the_folder_is_not_blamed(shop, check):
    old = shop.root / "migrations/versions/r1.py"
    shop.write("migrations/old/r1.py", old.read_text())  # alembic does not look there
    shop.revision("r4", "pass", parent="r3")
    assert found(check(shop)) == {"broken-chain:r4": "r4.py:7"}


def test_a_failing_migration_with_findings_about_files(shop, check):
    edit(shop, "r1", '"n"', '"m"')
    shop.revision("r3", 'op.execute("SELECT nonsense")')
    outcome = check(shop)
    assert list(found(outcome)) == ["migration-edited:r1"]
    assert any("nonsense" in note for note in outcome.notes)


def test_what_a_revision_does_is_read_where_it_runs(shop, check):
    shop.revision("r3", "pass")
    shop.revision(
        "r4",
        "if sa.inspect(op.get_bind()).has_table('a'):",
        "    op.drop_table('a')",
    )
    assert found(check(shop, policies=EVERY)) == {
        "empty-migration:r3": "r3.py:7",
        "environment-dependent:r4": "r4.py:11",
        "missing-downgrade:r4": "r4.py:7",
    }
