"""Which settings an application lacks, as it and its libraries say."""

from pathlib import Path

import pytest

from gatekeeper.setup.remedy import quoted, settings_line
from gatekeeper.setup.settings import missing_settings
from gatekeeper.sources.alembic.child import DEAD_URL, ProbeFailed
from gatekeeper.yaml_reader import Problems, read_yaml

OLD_PYDANTIC = (
    "2 validation errors for Settings\nsecret_key\n  field required (type=value_error.missing)\n"
    "port\n  value is not a valid integer (type=type_error.integer)"
)
NEW_PYDANTIC = (
    "2 validation errors for Settings\nsecret_key\n  Field required [type=missing, input_value={},"
    " input_type=dict]\n    For further information visit https://errors.example.invalid\n"
    "debug\n  Input should be a valid boolean [type=bool_parsing, input_value='x', input_type=str]"
)


def found(message: str, tmp_path: Path, known: dict[str, str] | None = None, **report: object):
    error = ProbeFailed({"message": message, "type": "RuntimeError", **report}, "")
    return missing_settings(error, known or {}, tmp_path)


@pytest.mark.parametrize(
    ("message", "values"),
    [
        (
            "SECRET_KEY not found. Declare it as envvar or define a default value.",
            {"SECRET_KEY": "x" * 32},
        ),
        ("APP__AUTH__KEY must be set to run this migration.", {"APP__AUTH__KEY": "x" * 32}),
        ('Environment variable "API_TOKEN" not set', {"API_TOKEN": "x"}),
        ("Config 'SMTP_PORT' is missing, and has no default.", {"SMTP_PORT": "1"}),
        ("Set the AUTH_URL environment variable", {"AUTH_URL": "http://127.0.0.1:1"}),
        ("Missing required setting: APP_ENV", {"APP_ENV": "x"}),
        ("SHOP_DATABASE_URL must be set", {"SHOP_DATABASE_URL": DEAD_URL}),
        ("SQL was not found", {}),
        ("the column is missing", {}),
        (OLD_PYDANTIC, {"SECRET_KEY": "x" * 32}),
        (NEW_PYDANTIC, {"SECRET_KEY": "x" * 32}),
    ],
)
def test_what_messages_say(tmp_path: Path, message: str, values: dict[str, str]) -> None:
    assert found(message, tmp_path) == values


def test_a_value_that_was_refused_gets_another(tmp_path: Path) -> None:
    assert found(OLD_PYDANTIC, tmp_path, {"PORT": "x"})["PORT"] == "1"
    assert found(NEW_PYDANTIC, tmp_path, {"DEBUG": "x"})["DEBUG"] == "true"
    assert "DEBUG" not in found(NEW_PYDANTIC, tmp_path, {"DEBUG": "true"})
    assert found("SECRET_KEY not found", tmp_path, {"SECRET_KEY": "x"}) == {}


def test_a_key_is_a_setting_only_where_the_environment_is_read(tmp_path: Path) -> None:
    read = {"type": "KeyError", "traceback": 'key = os.environ["APP_KEY"]'}
    assert found("'APP_KEY'", tmp_path, **read) == {"APP_KEY": "x" * 32}
    assert found("'APP_KEY'", tmp_path, type="KeyError", traceback="columns[name]") == {}


@pytest.mark.parametrize("why", [{"sqlstate": "42P01"}, {"refused": True}, {"missing_module": "a"}])
def test_other_failures_are_none_of_it(tmp_path: Path, why: dict[str, object]) -> None:
    assert found("SECRET_KEY not found", tmp_path, **why) == {}
    assert missing_settings(ValueError("SECRET_KEY not found"), {}, tmp_path) == {}


@pytest.mark.parametrize("value", ["x", "1", "true", "no", "a: b", 'say "hi"', "[]", DEAD_URL, "é"])
def test_a_value_is_read_as_it_was_meant(value: str) -> None:
    problems = Problems()
    node = read_yaml(f"a: {quoted(value)}\n", "f", problems)
    assert node is not None
    assert node.mapping()["a"].text() == value
    assert problems.found == []
    assert settings_line({"A_B": value}) == f"migrations:\n  env: {{A_B: {quoted(value)}}}"
