"""Models against the migrated database: real projects, compared by their own alembic."""

from collections.abc import Callable

import pytest

from gatekeeper.policy.load import load_all
from gatekeeper.report.outcome import Outcome
from gatekeeper.report.view import message
from gatekeeper.sources.alembic.drift import ModelledSource
from tests.conftest import ENV_PY, Project
from tests.sources.conftest import Reviewed
from tests.sources.test_drivers import ASYNC_ENV

Check = Callable[..., Outcome]

POLICY = load_all()["models-out-of-sync"]
MODELS = """import sqlalchemy as sa

metadata = sa.MetaData()
orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("state", sa.String(20), nullable=False),
)
"""
PAID = '    sa.Column("state", sa.String(20), nullable=False),\n'
ADD_PAID = 'op.add_column("orders", sa.Column("paid", sa.Boolean))'


@pytest.fixture
def check(reviewed: Reviewed) -> Check:
    def run(project, policies=(POLICY,), **options) -> Outcome:
        return reviewed(ModelledSource, project, policies, **options)

    return run


def env(text: str = ENV_PY, more: str = "") -> str:
    """Give an env.py that knows the models."""
    plain = "context.configure(connection=connection"
    assert plain in text
    known = f"{plain}, target_metadata=models.metadata, compare_type=True{more}"
    path = "import os, sys\nsys.path.insert(0, os.getcwd())\nimport models\n"
    return path + text.replace(plain, known)


def with_column(text: str, column: str) -> str:
    return text.replace(PAID, f"{PAID}    {column},\n")


def drifts(outcome: Outcome) -> dict[str, str]:
    """Give subject → kind of each finding."""
    assert outcome.failure is None, outcome.failure
    return {f.subject: f.values["kind"] for f in outcome.findings}


def compared(outcome: Outcome) -> bool:
    return not any("models were not compared" in note for note in outcome.notes)


def write_models(project: Project) -> None:
    """Write models and migrations that agree, and begin a branch."""
    project.write("migrations/env.py", env())
    project.write("models.py", MODELS)
    project.revision(
        "r1",
        'op.create_table("orders", sa.Column("id", sa.BigInteger, primary_key=True),',
        '    sa.Column("state", sa.String(20), nullable=False))',
    )
    project.commit()
    project.branch()


@pytest.fixture
def shop(project):
    write_models(project)
    return project


def change_model(shop, column: str = 'sa.Column("paid", sa.Boolean)') -> None:
    shop.write("models.py", with_column(MODELS, column))


def test_a_column_of_the_models_that_no_migration_adds(shop, check):
    change_model(shop)
    shop.revision("r2", 'op.add_column("orders", sa.Column("note", sa.Text))')
    outcome = check(shop)
    assert drifts(outcome) == {
        "public.orders.paid": "missing_column",
        "public.orders.note": "extra_column",
    }
    assert compared(outcome)


def test_a_migration_that_the_models_do_not_follow_is_found_at_its_line(shop, check):
    shop.revision("r2", ADD_PAID)
    outcome = check(shop)
    (finding,) = outcome.findings
    assert (finding.subject, finding.values["kind"]) == ("public.orders.paid", "extra_column")
    assert (finding.values["file"], finding.values["line"]) == ("migrations/versions/r2.py", 11)
    assert (finding.severity, outcome.verdict) == ("warning", "passed")
    assert "public.orders.paid once the migrations have run, and the models do not" in message(
        finding
    )


def test_models_and_migration_that_change_together(shop, check):
    change_model(shop)
    shop.revision("r2", ADD_PAID)
    outcome = check(shop)
    assert drifts(outcome) == {}
    assert compared(outcome)


def test_models_that_change_alone(shop, check):
    change_model(shop)
    outcome = check(shop)
    assert drifts(outcome) == {"public.orders.paid": "missing_column"}
    assert outcome.new_revisions == ()


def test_models_that_change_with_env_py_alone(shop, check):
    change_model(shop)
    shop.write("migrations/env.py", env() + "# more\n")
    assert drifts(check(shop)) == {"public.orders.paid": "missing_column"}


def test_without_any_change_of_python_nothing_runs(shop, check):
    shop.write("README.md", "a shop")
    outcome = check(shop)
    assert drifts(outcome) == {}
    assert outcome.server_version == ""


def test_python_that_declares_nothing_waits_for_nothing(shop, check):
    shop.write("application.py", "raise SystemExit('nobody imports this')\n")
    outcome = check(shop)
    assert outcome.verdict == "passed"
    assert any("no migration is new" in note for note in outcome.notes)
    assert outcome.server_version == ""  # nothing ran


def test_models_alone_whose_history_does_not_run_are_a_note(shop, check):
    shop.revision("r2", 'op.execute("SELECT nothing_of_the_kind()")')
    shop.commit()
    shop.git("branch", "--force", "main")
    change_model(shop)
    outcome = check(shop)
    assert outcome.verdict == "passed"
    assert not compared(outcome)


def test_a_model_that_cannot_be_imported_is_a_note(shop, check):
    shop.write("models.py", MODELS + "import nothing_of_the_kind\n")
    outcome = check(shop)
    assert outcome.verdict == "passed"
    assert not compared(outcome)


def test_what_differed_before_is_no_news(shop, check):
    change_model(shop)
    shop.revision("old", 'op.create_table("old", sa.Column("id", sa.Integer, primary_key=True))')
    shop.commit()
    shop.git("branch", "--force", "main")
    shop.revision("r2", 'op.add_column("orders", sa.Column("note", sa.Text))')
    outcome = check(shop)
    assert drifts(outcome) == {"public.orders.note": "extra_column"}
    changes = {row["subject"]: row["change"] for row in outcome.facts.head["drifts"]}
    assert changes == {
        "public.orders.note": "added",
        "public.orders.paid": None,
        "public.old": None,
    }


def test_what_differed_before_is_no_news_where_roles_are_made(shop, check):
    change_model(shop)
    shop.revision("who", 'op.execute("CREATE ROLE drifting; GRANT SELECT ON orders TO drifting")')
    shop.commit()
    shop.git("branch", "--force", "main")
    shop.revision("r2", 'op.add_column("orders", sa.Column("note", sa.Text))')
    outcome = check(shop)
    assert compared(outcome)
    assert drifts(outcome) == {"public.orders.note": "extra_column"}


def test_a_column_that_differs_in_another_way_than_before(shop, check):
    change_model(shop, 'sa.Column("paid", sa.Boolean)')
    shop.revision("r2", 'op.add_column("orders", sa.Column("paid", sa.Integer))')
    shop.commit()
    shop.git("branch", "--force", "main")
    change_model(shop, 'sa.Column("paid", sa.Boolean, nullable=False)')
    outcome = check(shop)
    assert drifts(outcome) == {"public.orders.paid": "nullable_differs"}
    (finding,) = outcome.findings
    assert message(finding) == (
        "The nullable of public.orders.paid is not null in the models and null in the database."
    )


def test_indexes_constraints_and_tables(shop, check):
    shop.write(
        "models.py",
        with_column(
            MODELS,
            'sa.Column("customer_id", sa.ForeignKey("customers.id", name="fk")),'
            ' sa.Index("orders_state", "state", unique=True)',
        )
        + 'sa.Table("customers", metadata, sa.Column("id", sa.BigInteger, primary_key=True))\n'
        + 'sa.Table("missing", metadata, sa.Column("n", sa.Integer, index=True))\n',
    )
    shop.revision(
        "r2",
        'op.create_table("customers", sa.Column("id", sa.BigInteger, primary_key=True))',
        'op.add_column("orders", sa.Column("customer_id", sa.BigInteger))',
        'op.create_index("orders_state", "orders", ["state"])',
        'op.create_unique_constraint("one_state", "orders", ["state"])',
    )
    assert drifts(check(shop)) == {
        "public.missing": "missing_table",
        "public.orders.fk": "missing_foreign_key",
        "public.orders.one_state": "extra_constraint",
        "public.orders.orders_state": "index_differs",
    }


def test_what_only_has_another_name_is_one_difference(shop, check):
    shop.write(
        "models.py",
        with_column(
            MODELS,
            'sa.Column("customer_id", sa.ForeignKey("customers.id", ondelete="CASCADE")),'
            ' sa.Column("payer_id", sa.ForeignKey("customers.id", name="payer")),'
            ' sa.Index("ix_state", "state"), sa.Index("ix_two", "payer_id", "state"),'
            ' sa.UniqueConstraint("payer_id", name="uq_payer")',
        )
        + 'sa.Table("customers", metadata, sa.Column("id", sa.BigInteger, primary_key=True))\n',
    )
    shop.revision(
        "r2",
        'op.create_table("customers", sa.Column("id", sa.BigInteger, primary_key=True))',
        'op.add_column("orders", sa.Column("customer_id", sa.BigInteger))',
        'op.add_column("orders", sa.Column("payer_id", sa.BigInteger))',
        'op.create_foreign_key("to_customer", "orders", "customers", ["customer_id"], ["id"])',
        'op.create_foreign_key("to_payer", "orders", "customers", ["payer_id"], ["id"])',
        'op.create_index("orders_state", "orders", ["state"], unique=True)',
        'op.create_index("orders_two", "orders", ["state", "payer_id"])',
        'op.create_unique_constraint("one_payer", "orders", ["payer_id"])',
    )
    outcome = check(shop)
    assert drifts(outcome) == {
        "public.orders.to_customer": "foreign_key_differs",
        "public.orders.orders_state": "index_differs",
        "public.orders.ix_two": "missing_index",
        "public.orders.orders_two": "extra_index",
        "public.orders.one_payer": "constraint_differs",
    }
    said = {f.subject.rpartition(".")[2]: message(f) for f in outcome.findings}
    assert said["to_customer"] == (
        "The foreign key of public.orders.to_customer is (customer_id) references customers (id)"
        " on delete cascade in the models and (customer_id) references customers (id) in the"
        " database."
    )
    assert said["orders_state"] == (
        "The index of public.orders.orders_state is ix_state (state) in the models and"
        " orders_state unique (state) in the database."
    )


def test_an_env_py_without_metadata_has_no_models_to_compare(shop, check):
    shop.write("migrations/env.py", ENV_PY)
    shop.commit()
    shop.git("branch", "--force", "main")
    shop.revision("r2", ADD_PAID)
    outcome = check(shop)
    assert drifts(outcome) == {}
    assert outcome.notes == ()


def test_an_env_py_for_several_databases_is_a_note(shop, check):
    shop.write("migrations/env.py", env() + env().partition("poolclass=pool.NullPool\n)\n")[2])
    shop.commit()
    shop.git("branch", "--force", "main")
    shop.revision("r2", ADD_PAID)
    outcome = check(shop)
    assert drifts(outcome) == {}
    assert not compared(outcome)


def test_a_comparison_that_fails_is_a_note(shop, check):
    broken = ", include_object=lambda *_: 1 / 0"
    shop.write("migrations/env.py", env(more=broken))
    shop.commit()
    shop.git("branch", "--force", "main")
    shop.revision("r2", ADD_PAID)
    outcome = check(shop)
    assert drifts(outcome) == {}
    assert any("ZeroDivisionError: division by zero" in note for note in outcome.notes)


def test_what_env_py_leaves_out_is_left_out(shop, check):
    ours = ", include_object=lambda thing, name, *_: name != 'audit', include_schemas=True"
    shop.write("migrations/env.py", env(more=ours))
    shop.commit()
    shop.git("branch", "--force", "main")
    shop.revision(
        "r2",
        'op.create_table("audit", sa.Column("n", sa.Integer))',
        'op.execute("CREATE SCHEMA other")',
        'op.create_table("more", sa.Column("n", sa.Integer), schema="other")',
    )
    assert drifts(check(shop)) == {"other.more": "extra_table"}


def test_an_async_env_py(shop, check):
    shop.write("migrations/env.py", env(ASYNC_ENV))
    ini = (shop.root / "alembic.ini").read_text()
    shop.write("alembic.ini", ini.replace("+psycopg:", "+asyncpg:"))
    shop.commit()
    shop.git("branch", "--force", "main")
    shop.revision("r2", ADD_PAID)
    assert drifts(check(shop)) == {"public.orders.paid": "extra_column"}


def test_the_bases_models_are_those_of_the_base(shop, check, monkeypatch):
    """An application that is found by PYTHONPATH, as an editable installation is."""
    monkeypatch.setenv("PYTHONPATH", str(shop.root))
    shop.write("migrations/env.py", "import models\n" + env().partition("import models\n")[2])
    shop.commit()
    shop.git("branch", "--force", "main")
    change_model(shop)
    assert drifts(check(shop)) == {"public.orders.paid": "missing_column"}


def test_an_engine_that_the_application_keeps_open(shop, check):
    """Flask-SQLAlchemy's does; a later step is about another database."""
    kept = ENV_PY.replace("from sqlalchemy import engine_from_config, pool\n", "").replace(
        """engine = engine_from_config(
    context.config.get_section("alembic"), prefix="sqlalchemy.", poolclass=pool.NullPool
)
with engine""",
        "with models.engine",
    )
    assert "engine_from_config" not in kept
    engine = 'engine = sa.create_engine("postgresql+psycopg://db.example.invalid/shop")\n'
    shop.write("migrations/env.py", env(kept))
    shop.write("models.py", with_column(MODELS, 'sa.Column("paid", sa.Boolean)') + engine)
    shop.revision("r2", 'op.add_column("orders", sa.Column("due", sa.Date))')
    outcome = check(shop)
    assert compared(outcome), outcome.notes
    assert drifts(outcome) == {
        "public.orders.paid": "missing_column",
        "public.orders.due": "extra_column",
    }


def test_a_long_history_is_not_run_twice(shop, check, monkeypatch):
    """What the base's models are compared with is a copy of the base's database."""
    monkeypatch.setattr("gatekeeper.modelled._LONG", 0.0)
    built = []
    original = ModelledSource.build_base
    monkeypatch.setattr(
        ModelledSource, "build_base", lambda s, d: (built.append(d), original(s, d))[1]
    )
    shop.write("models.py", with_column(MODELS, 'sa.Column("paid", sa.Boolean)'))
    shop.revision("r2", 'op.add_column("orders", sa.Column("due", sa.Date))')
    assert drifts(check(shop)) == {
        "public.orders.paid": "missing_column",
        "public.orders.due": "extra_column",
    }
    assert len(built) == 1
