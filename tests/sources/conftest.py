"""A review of a project on the test run's server, with any kind of source."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.git import Repository
from gatekeeper.observe import Setup
from gatekeeper.policy.model import Policy
from gatekeeper.report.outcome import Outcome
from gatekeeper.review import review
from gatekeeper.scratch.private import PrivateCluster
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.sources.alembic.revisions import AlembicOptions
from gatekeeper.sources.alembic.source import AlembicSource
from tests.conftest import Project

Reviewed = Callable[..., Outcome]


@pytest.fixture
def reviewed(server: PrivateCluster, monkeypatch: pytest.MonkeyPatch) -> Reviewed:
    """Review with a class of source; `options` are those of the Alembic project."""
    monkeypatch.setattr(server, "close", lambda: None)  # it is shared by all tests

    def run(
        kind: type[AlembicSource],
        project: Project,
        policies: tuple[Policy, ...],
        *,
        base: str | None = "main",
        head: str | None = None,
        start: Path | None = None,
        setup: Setup | None = None,
        python: str = sys.executable,
        **options: Any,
    ) -> Outcome:
        directory = RunDirectory()
        source = kind(
            Repository(start or project.root),
            directory,
            base=base,
            head=head,
            options=AlembicOptions(python=python, **options),
        )
        try:
            return review(source, lambda: server, policies, setup or Setup())
        finally:
            source.close()
            directory.close()

    return run
