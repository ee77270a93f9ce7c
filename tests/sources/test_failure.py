"""What is said where the application cannot be loaded: every way out that there is."""

from pathlib import Path
from typing import Any

import pytest

from gatekeeper.errors import SourceError
from gatekeeper.sources.alembic.child import ProbeFailed
from gatekeeper.sources.alembic.failure import explain_load, failure_of, refuse_old

PYTHON = Path("/app/.venv/bin/python")


def hint(**report: Any) -> str:
    """Give the way out of a run that failed for want of a module."""
    known = {"type": "ModuleNotFoundError", "message": "No module named 'redis'"}
    error = ProbeFailed({**known, "missing_module": "redis", **report}, "")
    return failure_of(error, [], during="env.py").hint or ""


def test_a_module_that_env_py_cannot_import() -> None:
    said = hint()
    assert "Install what provides redis" in said
    assert "--python PATH" in said
    assert "migrations.prelude" in said
    assert "env_py: bare" in said


def test_without_env_py_a_revision_still_wants_its_modules() -> None:
    assert "env_py: bare" not in hint(revision="r1")
    error = ProbeFailed({"step": "inspect", "missing_module": "redis", "type": "E"}, "")
    said = explain_load(error, PYTHON, []).hint
    assert "migrations.prelude" in said
    assert "env_py: bare" not in said


def test_a_prelude_that_wants_services() -> None:
    report = {"step": "prelude", "type": "ConnectionError", "message": "no Redis"}
    assert "env_py: bare" in explain_load(ProbeFailed(report, ""), PYTHON, []).hint


@pytest.mark.parametrize(
    ("alembic", "sqlalchemy", "says"),
    [
        ("1.0.10", "1.3.24", "alembic 1.0.10, which is too old: 1.0.11 is the oldest"),
        ("0.9.10", "1.0.19", "alembic 0.9.10, which is too old"),
        ("1.0.11", "1.0.19", "SQLAlchemy 1.0.19, which is too old: 1.1 is the oldest"),
    ],
)
def test_versions_that_are_too_old(alembic: str, sqlalchemy: str, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        refuse_old({"alembic": alembic, "sqlalchemy": sqlalchemy}, PYTHON)
    assert says in caught.value.message
    assert str(PYTHON) in caught.value.message


@pytest.mark.parametrize(
    ("alembic", "sqlalchemy"), [("1.0.11", "1.1.18"), ("1.4.3", "1.3.0"), ("1.16.0b1", "2.1.0b1")]
)
def test_versions_that_work(alembic: str, sqlalchemy: str) -> None:
    refuse_old({"alembic": alembic, "sqlalchemy": sqlalchemy}, PYTHON)
