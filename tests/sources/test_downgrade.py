"""Up, down, up: real projects, undone by their own alembic."""

from collections.abc import Callable

import pytest

from gatekeeper.config_database import ProductionRole
from gatekeeper.model.evidence import Revision, Upkeep
from gatekeeper.observe import Setup
from gatekeeper.policy.load import load_all
from gatekeeper.report.outcome import Outcome
from gatekeeper.report.view import message
from gatekeeper.sources.alembic.downgrade import target_below, undo_order
from gatekeeper.sources.alembic.drift import ModelledSource
from tests.sources.conftest import Reviewed

Check = Callable[..., Outcome]

ALL = load_all()
POLICIES = (ALL["downgrade-fails"], ALL["downgrade-incomplete"])


@pytest.fixture
def check(reviewed: Reviewed) -> Check:
    setup = Setup(roles=(ProductionRole("shop_reader"),))

    def run(project, policies=POLICIES) -> Outcome:
        return reviewed(ModelledSource, project, policies, setup=setup)

    return run


@pytest.fixture
def shop(project):
    """A project with a table and all that may be on it, on a branch."""
    project.revision(
        "r1",
        'op.create_table("orders", sa.Column("id", sa.BigInteger, primary_key=True),',
        '    sa.Column("state", sa.Text, server_default="new"))',
        'op.create_index("orders_state", "orders", ["state"])',
        'op.execute("GRANT SELECT ON orders TO shop_reader")',
    )
    project.commit()
    project.branch()
    return project


def revision(project, name: str, up: str, down: str, **more) -> None:
    """Write a revision file with a downgrade."""
    file = project.revision(name, *up.splitlines(), **more)
    text, empty = file.read_text("utf-8"), "def downgrade():\n    pass\n"
    assert empty in text
    lines = "\n    ".join(down.splitlines())
    file.write_text(text.replace(empty, f"def downgrade():\n    {lines}\n"), "utf-8")


def found(outcome: Outcome) -> dict[tuple[str, str], str]:
    """Give the message of each finding by policy and revision."""
    assert outcome.failure is None, outcome.failure
    assert not any("downgrades" in note for note in outcome.notes), outcome.notes
    return {(f.policy.id.partition("-")[2], f.subject): message(f) for f in outcome.findings}


def test_it_names_what_it_forgets(shop, check):
    revision(
        shop,
        "r2",
        'op.drop_table("orders")',
        'op.create_table("orders", sa.Column("id", sa.BigInteger, primary_key=True),\n'
        '    sa.Column("state", sa.Text))',
    )
    outcome = check(shop)
    (text,) = found(outcome).values()
    assert "index public.orders_state" in text
    assert "grant SELECT on public.orders to shop_reader" in text
    assert "default of column public.orders.state ('new'::text became none)" in text
    (finding,) = outcome.findings
    assert (finding.severity, outcome.verdict) == ("warning", "passed")
    place = (finding.values["file"], finding.values["line"])
    assert place == ("migrations/versions/r2.py", 14)
    line = (shop.root / place[0]).read_text("utf-8").splitlines()[place[1] - 1]
    assert line.startswith("def downgrade")


def test_all_comes_back(shop, check):
    revision(
        shop,
        "r2",
        'op.drop_column("orders", "state")',
        'op.add_column("orders", sa.Column("state", sa.Text, server_default="new"))\n'
        'op.create_index("orders_state", "orders", ["state"])',
    )
    assert found(check(shop)) == {}


def test_the_whole_history_is_new(project, check):
    project.commit()
    project.branch()
    revision(
        project,
        "r1",
        'op.create_table("orders", sa.Column("state", sa.Enum("a", "b", name="order_state")))',
        'op.drop_table("orders")',
    )
    text = found(check(project))["incomplete", "r1"]
    assert "Left behind: type public.order_state." in text
    assert 'The next upgrade fails: type "order_state" already exists.' in text


def test_a_downgrade_that_fails_is_found_where_it_fails(shop, check):
    revision(
        shop,
        "r2",
        'op.add_column("orders", sa.Column("note", sa.Text))',
        "pass\nop.execute('SELECT 1')\nop.drop_column('orders', 'notes')",
    )
    outcome = check(shop)
    text = found(outcome)["fails", "r2"]
    assert 'column "notes" of relation "orders" does not exist' in text
    assert len(outcome.findings) == 1
    values = outcome.findings[0].values
    assert (values["file"], values["line"]) == ("migrations/versions/r2.py", 17)


def test_of_two_new_revisions_the_one_that_forgets_is_named(shop, check):
    revision(
        shop,
        "r2",
        'op.drop_index("orders_state")\nop.add_column("orders", sa.Column("note", sa.Text))',
        'op.drop_column("orders", "note")',
    )
    revision(
        shop,
        "r3",
        'op.alter_column("orders", "state", server_default=None)',
        'op.execute("SELECT 1")',
    )
    told = found(check(shop))
    assert "Lost: index public.orders_state." in told["incomplete", "r2"]
    assert "default of column public.orders.state" in told["incomplete", "r3"]
    # Upgrading again is the first revision's trouble: the index is not there.
    assert 'index "orders_state" does not exist' in told["incomplete", "r2"]


def test_a_merge_is_undone_with_both_its_branches(shop, check):
    add = 'op.add_column("orders", sa.Column("{0}", sa.Text))'
    drop = 'op.drop_column("orders", "{0}")'
    revision(shop, "r2", add.format("a"), drop.format("a"), parent="r1")
    revision(shop, "r3", add.format("b"), "op.execute('SELECT 1')", parent="r1")
    shop.revision("r4")
    file = shop.root / "migrations/versions/r4.py"
    text = file.read_text("utf-8")
    file.write_text(text.replace("down_revision = 'r3'", "down_revision = ('r2', 'r3')"), "utf-8")
    told = found(check(shop))
    assert list(told) == [("incomplete", "r3")]
    assert "Left behind: column public.orders.b." in told["incomplete", "r3"]


def test_one_new_head_beside_that_of_the_base_is_undone_alone(project, check):
    project.revision("r1", 'op.execute("CREATE TABLE orders (id int)")')
    project.revision("r2", 'op.execute("CREATE TABLE kept (id int)")')
    project.commit()
    project.branch()
    revision(
        project,
        "r3",
        'op.execute("CREATE TABLE made (id int)")',
        'op.drop_table("made")',
        parent="r1",
    )
    assert found(check(project)) == {}


def test_a_revision_that_depends_on_one_of_another_branch(project, check):
    project.revision("r1", 'op.execute("CREATE TABLE orders (id int)")')
    project.commit()
    project.branch()
    revision(project, "r2", "op.execute('CREATE TABLE a (id int)')", "op.drop_table('a')")
    revision(
        project,
        "r3",
        "op.execute('CREATE TABLE b (id int)')",
        "op.drop_table('a')\nop.drop_table('b')",  # what it depends on is not its to drop
        parent="r1",
        head="depends_on = ('r2',)",
    )
    told = found(check(project))
    assert list(told) == [("fails", "r2")]
    assert 'table "a" does not exist' in told["fails", "r2"]


@pytest.mark.parametrize("end", ["pass", 'raise RuntimeError("there is no way back")'])
def test_what_is_below_one_that_cannot_be_undone_is_left_alone(shop, check, end):
    revision(shop, "r2", "op.drop_column('orders', 'state')", "op.drop_table('nothing')")
    revision(shop, "r3", "op.execute('CREATE TABLE a (id int)')", end)
    revision(
        shop,
        "r4",
        "op.execute('CREATE TABLE b (id int)')\nop.execute('CREATE TYPE t AS (a int)')",
        "op.drop_table('b')",
    )
    told = found(check(shop))
    assert list(told) == [("incomplete", "r4")]
    assert 'type "t" already exists' in told["incomplete", "r4"]


def test_one_that_decides_to_refuse_when_it_runs_is_a_note(shop, check):
    revision(
        shop,
        "r2",
        "op.drop_column('orders', 'state')",
        "if True:\n    raise NotImplementedError('no way back')\nop.execute('SELECT 1')",
    )
    outcome = check(shop)
    assert outcome.findings == ()
    assert "nothing is known of the downgrades: r2: NotImplementedError: no way back" in (
        outcome.notes
    )


def test_a_role_that_is_not_here_is_a_note(shop, check):
    revision(
        shop,
        "r2",
        "op.execute('REVOKE SELECT ON orders FROM shop_reader')",
        "op.execute('GRANT SELECT ON orders TO shop_owner')",
    )
    outcome = check(shop)
    assert outcome.findings == ()
    assert any('role "shop_owner" does not exist' in note for note in outcome.notes)


def test_a_revision_that_commits_on_its_own(shop, check):
    revision(
        shop,
        "r2",
        "with op.get_context().autocommit_block():\n"
        "    op.create_index('orders_id', 'orders', ['id'], postgresql_concurrently=True)",
        "with op.get_context().autocommit_block():\n"
        "    op.drop_index('orders_id', postgresql_concurrently=True)",
    )
    assert found(check(shop)) == {}


def test_a_session_that_holds_a_lock_is_not_waited_for(shop, check):
    revision(
        shop,
        "r2",
        "op.create_index('orders_id', 'orders', ['id'])\n"
        "global other\n"
        "other = op.get_bind().engine.connect()\n"
        "other.execute(sa.text('SELECT 1 FROM orders'))",
        "op.drop_index('orders_id')",
    )
    assert found(check(shop)) == {}


def test_nothing_is_undone_when_no_policy_asks(shop, check):
    mark = shop.root / "undone"
    revision(
        shop,
        "r2",
        "op.add_column('orders', sa.Column('note', sa.Text))",
        f"open({str(mark)!r}, 'w').close()\nop.drop_column('orders', 'note')",
    )
    assert check(shop, (ALL["missing-downgrade"], ALL["models-out-of-sync"])).findings == ()
    assert not mark.exists()
    assert found(check(shop)) == {}
    assert mark.exists()


def _new(name: str, *parents: str, does: str = "schema", follows: tuple[str, ...] | None = None):
    upkeep = Upkeep(follows=parents if follows is None else follows, upgrade="schema")
    return Revision(name, f"{name}.py", parents, is_new=True, upkeep=_down(upkeep, does))


def _down(upkeep: Upkeep, does: str) -> Upkeep:
    return Upkeep(follows=upkeep.follows, upgrade=upkeep.upgrade, downgrade=does)


def test_the_order_of_undoing():
    base = Revision("r1", "r1.py")
    diamond = (base, _new("r2", "r1"), _new("r3", "r1"), _new("r4", "r2", "r3"))
    assert [r.id for r in undo_order(diamond)] == ["r4", "r2", "r3"]
    depends = (base, _new("a", "b", "r1", follows=("r1",)), _new("b", "r1"))
    assert [target_below(r) for r in undo_order(depends)] == ["a@r1", "b@r1"]
    stays = (_new("r2"), _new("r3", "r2", does="raises"), _new("r4", "r3"), _new("x"))
    assert [target_below(r) for r in undo_order(stays)] == ["r4@r3", "x@base"]
