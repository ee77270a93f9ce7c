"""gatekeeper.yml: what it means, where it is found, and all its mistakes at once."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.config import Config, Migrations, load_config
from gatekeeper.config_database import Database, ProductionRole
from gatekeeper.errors import ConfigError
from gatekeeper.tree import FolderTree

_FULL = """
migrations:
  config: db/alembic.ini
  section: shop
  python: .venv/bin/python
  env: {SECRET_KEY: x, DEBUG: 1, EMPTY: ""}
  x: [tenant=a, b]
  timeout: 90
database:
  url: postgresql://localhost/
  allow_remote: yes
  roles: [reporting]
  bootstrap: roles.sql
packs: [recommended, policies/]
policies:
  column-dropped: warning
  table-dropped: {severity: notice, mode: dry-run, params: {min_rows: 10, name: "007", x: null}}
"""


def _load(folder: Path, text: str) -> Config:
    (folder / "gatekeeper.yml").write_text(text, "utf-8")
    return load_config(None, folder)


def _mistakes(folder: Path, text: str) -> list[str]:
    """Give the mistakes as line: message."""
    with pytest.raises(ConfigError) as caught:
        _load(folder, text)
    prefix = f"{folder / 'gatekeeper.yml'}:"
    lines = caught.value.message.splitlines()
    assert all(line.startswith(prefix) for line in lines)
    return [line.removeprefix(prefix) for line in lines]


def test_every_key_is_read(tmp_path: Path) -> None:
    config = _load(tmp_path, _FULL)
    assert config.root == tmp_path
    assert config.migrations == Migrations(
        config="db/alembic.ini",
        section="shop",
        python=".venv/bin/python",
        env={"SECRET_KEY": "x", "DEBUG": "1", "EMPTY": ""},
        x=("tenant=a", "b"),
        timeout=90,
    )
    assert config.database == Database(
        "postgresql://localhost/",
        allow_remote=True,
        roles=(ProductionRole("reporting"),),
        bootstrap=("roles.sql",),
    )
    assert config.packs == ("recommended", "policies/")
    assert config.policies["column-dropped"].severity == "warning"
    override = config.policies["table-dropped"]
    assert (override.severity, override.mode, override.line) == ("notice", "dry-run", 17)
    assert override.params == {"min_rows": 10, "name": "007", "x": None}


@pytest.mark.parametrize("text", ["", "# nothing\n", "migrations:\ndatabase:\npolicies:\n", "{}"])
def test_an_empty_file_means_the_defaults(tmp_path: Path, text: str) -> None:
    config = _load(tmp_path, text)
    assert config.file == str(tmp_path / "gatekeeper.yml")
    assert (config.migrations, config.database) == (Migrations(), Database())
    assert (config.packs, config.policies) == (("recommended",), {})


def test_packs_without_a_value_do_not_switch_every_policy_off(tmp_path: Path) -> None:
    assert _load(tmp_path, "packs:\n").packs == ("recommended",)


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_config(None, tmp_path) == Config(FolderTree(tmp_path))


def test_every_mistake_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    text = """migrations:
  confg: alembic.ini
  timeout: soon
  env: [a]
databse:
  url: x
database:
  allow_remote: perhaps
  allow_remote: true
policies:
  column-dropped: eror
  table-dropped: {severty: error, mode: dry}
packs: [[a]]
"""
    assert _mistakes(tmp_path, text) == [
        "2: unknown key 'confg'; did you mean config?",
        "3: expected a whole number from 1 up, found 'soon'",
        "4: expected a mapping (key: value), found a list",
        "5: unknown key 'databse'; did you mean database?",
        "8: expected true or false, found 'perhaps'",
        "9: 'allow_remote' is given twice",
        "11: 'eror' is no severity; did you mean error? (one of error, warning, notice, off)",
        "12: 'dry' is no mode; did you mean dry-run? (one of enforce, dry-run)",
        "12: unknown key 'severty'; did you mean severity?",
        "13: expected a text, found a list",
    ]


@pytest.mark.parametrize("word", ["off", "'off'", "no", "false"])
@pytest.mark.parametrize("form", ["{}", "{{severity: {}}}"])
def test_a_policy_is_switched_off_by_each_spelling(tmp_path: Path, word: str, form: str) -> None:
    config = _load(tmp_path, f"policies:\n  column-dropped: {form.format(word)}\n")
    assert config.policies["column-dropped"].severity == "off"


@pytest.mark.parametrize("value", ["", "on", "true", "[error]", "1", "~", "OFF!"])
def test_another_severity_is_one_mistake(tmp_path: Path, value: str) -> None:
    (mistake,) = _mistakes(tmp_path, f"policies:\n  column-dropped: {value}\n")
    assert mistake.startswith("2: ")


def test_an_override_of_something_else_leaves_the_severity_alone(tmp_path: Path) -> None:
    override = _load(tmp_path, "policies: {a: {mode: dry-run}}\n").policies["a"]
    assert (override.severity, override.mode) == (None, "dry-run")


@pytest.mark.parametrize(
    "text", ["- a\n", "text\n", "a: &x 1\n", "a: !!set {}\n", "a: [\n", "packs: {a: b}\n"]
)
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    assert _mistakes(tmp_path, text)[0].split(":")[0].isdigit()


def test_a_file_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gatekeeper.yml").write_bytes(b"packs: [\xff]\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(None, tmp_path)


def test_the_nearest_file_above_is_found(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "gatekeeper.yaml").write_text("packs: [locks]\n", "utf-8")
    found = load_config(None, below)
    assert (found.root, found.file) == (tmp_path, str(tmp_path / "gatekeeper.yaml"))
    assert found.packs == ("locks",)
    (tmp_path / "a" / "gatekeeper.yml").write_text("packs: [integrity]\n", "utf-8")
    assert load_config(None, below).packs == ("integrity",)


def test_a_folder_of_that_name_is_not_the_file(tmp_path: Path) -> None:
    (tmp_path / "a" / "gatekeeper.yml").mkdir(parents=True)
    (tmp_path / "gatekeeper.yml").write_text("", "utf-8")
    assert load_config(None, tmp_path / "a").root == tmp_path


def test_both_spellings_in_one_folder_are_refused(tmp_path: Path) -> None:
    for name in ("gatekeeper.yml", "gatekeeper.yaml"):
        (tmp_path / name).write_text("", "utf-8")
    with pytest.raises(ConfigError, match=r"both .*gatekeeper\.yml and .*yaml") as caught:
        load_config(None, tmp_path)
    assert caught.value.hint


def test_messages_name_files_from_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "gatekeeper.yml").write_text("pack: x\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"^gatekeeper\.yml:1: unknown key"):
        load_config(None, tmp_path)
    monkeypatch.chdir(tmp_path / "a")
    with pytest.raises(ConfigError, match=rf"^{tmp_path}/gatekeeper\.yml:1: unknown key"):
        load_config(None, tmp_path / "a")


def test_a_template_of_the_report_is_named(tmp_path: Path) -> None:
    assert _load(tmp_path, "report: {template: ci/report.md.j2}\n").template == "ci/report.md.j2"
    assert _load(tmp_path, "report:\n").template is None
    assert _mistakes(tmp_path, "report:\n  templat: x\n") == [
        "2: unknown key 'templat'; did you mean template?"
    ]
    assert _mistakes(tmp_path, "report: {template: [a]}\n") == ["1: expected a text, found a list"]


def test_what_is_imported_before_the_migrations(tmp_path: Path) -> None:
    text = "migrations: {prelude: ci/ready.py, env_py: bare}\n"
    migrations = _load(tmp_path, text).migrations
    assert (migrations.prelude, migrations.env_py) == ("ci/ready.py", "bare")
    assert _mistakes(tmp_path, "migrations: {env_py: none}\n") == [
        "1: 'none' is no value (one of project, bare)"
    ]
    assert _mistakes(tmp_path, "migrations: {prelude: [a.py]}\n") == [
        "1: expected a text, found a list"
    ]


def test_a_given_path_is_taken_as_it_is(tmp_path: Path) -> None:
    other = tmp_path / "other.yml"
    other.write_text("packs: locks\n", "utf-8")
    assert load_config(other, tmp_path / "elsewhere").packs == ("locks",)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "missing.yml", tmp_path)


_WORDS = st.sampled_from(
    ["migrations", "database", "packs", "policies", "config", "env", "x", "timeout", "url",
     "allow_remote", "severity", "mode", "params", "off", "error", "a", ""]
)  # fmt: skip
_VALUES = st.recursive(
    st.one_of(_WORDS, st.integers(), st.none(), st.text("a:{}[]'\"\n#&*!| -", max_size=6)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_WORDS, inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(
    max_examples=400,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.one_of(st.text(), _VALUES.map(str), _VALUES.map(lambda v: str(v).replace("None", "~"))))
def test_no_text_raises_anything_but_config_error(tmp_path: Path, text: str) -> None:
    try:
        assert _load(tmp_path, text).root == tmp_path
    except ConfigError:
        return


def test_roles_say_what_production_says_of_them(tmp_path: Path) -> None:
    text = "database: {roles: [a, {name: b, member_of: [a, c], attributes: [login, bypassrls]}]}"
    assert _load(tmp_path, text).database.roles == (
        ProductionRole("a"),
        ProductionRole("b", ("a", "c"), ("login", "bypassrls")),
    )
    assert _load(tmp_path, "database: {roles: a}").database.roles == (ProductionRole("a"),)
    assert _load(tmp_path, "database: {roles: }").database.roles == ()


@pytest.mark.parametrize(
    ("roles", "mistake"),
    [
        ("[{member_of: [a]}]", "a role needs a name: {name: billing, member_of: [staff]}"),
        ("[a, {name: a}]", "the role 'a' is given twice"),
        ("[{name: a, attributes: [log in]}]", "'log in' is no attribute; did you mean login?"),
        ("[{name: a, groups: [b]}]", "unknown key 'groups'"),
    ],
)
def test_mistakes_in_roles(tmp_path: Path, roles: str, mistake: str) -> None:
    (found,) = _mistakes(tmp_path, f"database: {{roles: {roles}}}")
    assert found.startswith(f"1: {mistake}")
