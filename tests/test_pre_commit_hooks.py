"""What .pre-commit-hooks.yaml offers: commands that exist, for the files that they are about."""

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from gatekeeper.cli.main import app

_HOOKS = {
    hook["id"]: hook
    for hook in yaml.safe_load(Path(__file__).parents[1].joinpath(".pre-commit-hooks.yaml").read_text("utf-8"))
}  # fmt: skip


@pytest.mark.parametrize("hook", _HOOKS.values(), ids=_HOOKS)
def test_the_entry_is_a_command_with_options_that_it_knows(hook):
    name, *words = shlex.split(hook["entry"])
    assert name == "gatekeeper"
    command = typer.main.get_command(app)
    while words and not words[0].startswith("-"):
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert set(words) <= known
    assert hook["language"] == "python"


@pytest.mark.parametrize(
    ("hook", "path", "runs"),
    [
        ("gatekeeper-check", "migrations/versions/0001_a.py", True),
        ("gatekeeper-check", "app/alembic/versions/0001_a.py", True),
        ("gatekeeper-check", "db/migrations/0001.sql", True),
        ("gatekeeper-check", "app/models.py", False),
        ("gatekeeper-check", "docs/migrations.md", False),
        ("gatekeeper-policies", "policies/house.yml", True),
        ("gatekeeper-policies", "ops/policies/a/b.yaml", True),
        ("gatekeeper-policies", "gatekeeper.yml", False),
    ],
)
def test_it_runs_for_its_files_alone(hook, path, runs):
    assert bool(re.search(_HOOKS[hook]["files"], path)) is runs
