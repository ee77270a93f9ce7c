"""Loading packs: every mistake at once with its place, and which policies a project gets."""

from pathlib import Path
from typing import Any

import pytest

from gatekeeper.config import Config, load_config
from gatekeeper.errors import ConfigError
from gatekeeper.policy.load import (
    check_examples,
    load_files,
    load_policies,
    pack_files,
    shipped_folder,
)
from gatekeeper.policy.model import Query, Rule
from gatekeeper.tree import FolderTree

_RULE = {"for_": "columns", "require": "has_default"}


def _ids(folder: Path, *packs: str) -> set[str]:
    return {policy.id for policy in load_policies(Config(FolderTree(folder), packs=packs))}


def _house(folder: Path, name: str, *ids: str, top: str = "") -> Path:
    """Write a pack with policies of these ids."""
    entries = "".join(
        f"  - {{id: {i}, title: T, severity: error, for: tables, forbid: cascaded, message: M,"
        " why: W}\n"
        for i in ids
    )
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(f"{top}policies:\n{entries}", "utf-8")
    return folder / name


def _configured(folder: Path, text: str) -> list[str]:
    """Give the mistakes that loading by this gatekeeper.yml reports."""
    (folder / "gatekeeper.yml").write_text(text, "utf-8")
    config = load_config(None, folder)
    with pytest.raises(ConfigError) as caught:
        load_policies(config)
    return caught.value.message.replace(f"{folder}/", "").splitlines()


def test_a_rule_is_compiled(policy: Any) -> None:
    made = policy(where="change = 'added'", scope="[public.*]", mode="dry-run", **_RULE)
    assert isinstance(made.judge, Rule)
    assert (made.judge.table, made.judge.forbids) == ("columns", False)
    assert (made.id, made.pack, made.severity) == ("house", "pack", "error")
    assert (made.scope, made.mode, made.on_unknown) == (("public.*",), "dry-run", "warning")


def test_a_query_is_compiled(policy: Any) -> None:
    made = policy(query="select subject, count(*) as n, _ident from tables", message="'{{ n }}'")
    assert isinstance(made.judge, Query)
    assert (made.judge.columns, made.judge.tables) == (("subject", "n"), ("tables",))


@pytest.mark.parametrize("key", ["id", "title", "severity", "message", "why"])
def test_a_missing_key_is_named(mistakes: Any, key: str) -> None:
    assert mistakes(without=(key,), **_RULE) == [f"2: the policy has no {key}"]


@pytest.mark.parametrize(
    ("keys", "mistake"),
    [
        (
            {"for_": "colums", "require": "x"},
            "there is no fact table 'colums'; did you mean columns?",
        ),
        ({"for_": "tables"}, "a policy has either require (what must hold) or forbid"),
        ({**_RULE, "forbid": "cascaded"}, "a policy has either require (what must hold) or forbid"),
        ({}, "the policy says neither for (a fact table) nor query"),
        (
            {"for_": "columns", "forbid": "casaded"},
            "columns has no column 'casaded'; did you mean cascaded?",
        ),
        (
            {**_RULE, "where": "chnge is null"},
            "columns has no column 'chnge'; did you mean change?",
        ),
        (
            {**_RULE, "message": "'{{ colum }}'"},
            "the template uses 'colum', which no row has; did you mean column?",
        ),
        (
            {**_RULE, "instead": "'{{ tble }}'"},
            "the template uses 'tble', which no row has; did you mean table?",
        ),
        ({**_RULE, "alembic": "'{{ x }}'"}, "the template uses 'x', which no row has"),
        ({**_RULE, "message": "'{{ subject'"}, "not a valid template"),
        ({**_RULE, "message": "'{{ subject | upcase }}'"}, "not a valid template"),
        ({**_RULE, "message": "'{{ subject.nosuch }}'"}, "not a valid template"),
        ({**_RULE, "message": "'{{ line + subject }}'"}, "not a valid template"),
        ({**_RULE, "instead": "'{% include subject %}'"}, "not a valid template"),
        ({**_RULE, "id": "Has_Caps"}, "'Has_Caps' is no id: lower case words joined by hyphens"),
        ({**_RULE, "severity": "eror"}, "'eror' is no severity; did you mean error?"),
        ({**_RULE, "mode": "dryrun"}, "'dryrun' is no mode; did you mean dry-run?"),
        ({**_RULE, "on_unknown": "warn"}, "'warn' is no on_unknown; did you mean warning?"),
        ({**_RULE, "requires": "x"}, "unknown key 'requires'; did you mean require?"),
        ({**_RULE, "examples": "[{name: x, finds: []}]"}, "the example has no migration"),
        (
            {"query": "select subject from tabels"},
            "there is no fact table 'tabels'; did you mean tables?",
        ),
        (
            {"query": "select subjct from tables"},
            "SQLite refuses the query: no such column: subjct; did you mean sub",
        ),
        ({"query": "select name from schemas"}, "the query must give a column subject"),
        ({"query": "select subject from tables where line > :x"}, "unknown parameter :x"),
        ({"query": "select subject from tables; drop table tables"}, "a query is one SELECT"),
        ({"query": "delete from tables"}, "a query is one SELECT"),
        ({"query": "selec subject"}, "a query is one SELECT"),
        ({"query": "select 'x"}, "not a query that SQL understands"),
        (
            {"query": "select nosuch(1) as subject"},
            "SQLite refuses the query: no such function: nosuch",
        ),
        ({"query": '"select 1 as subject\\0"'}, "SQLite refuses the query"),
        (
            {"query": "select subject from tables", "message": "'{{ line }}'"},
            "the template uses 'line'",
        ),
        (
            {"query": "select subject from tables", "for_": "tables"},
            "a policy has either query or for, not both",
        ),
    ],
)
def test_a_mistake_in_a_policy_is_named(mistakes: Any, keys: dict[str, str], mistake: str) -> None:
    (found,) = mistakes(**keys)
    line, _, message = found.partition(": ")
    assert message.startswith(mistake)
    assert 2 <= int(line) <= 9


def test_every_mistake_of_a_policy_is_reported_at_once(mistakes: Any) -> None:
    found = mistakes(
        severity="eror", message="'{{ colum }} {{ tble }}'", for_="columns", where="chnge is null",
        require="has_defalt", mode="dry", on_unknown="shrug", examples="[{name: x}]",
    )  # fmt: skip
    text = "\n".join(found)
    words = ("eror", "colum'", "tble", "chnge", "has_defalt", "dry", "shrug", "migration", "finds")
    assert [word for word in words if word not in text] == []


def test_every_mistake_of_every_policy_is_reported_with_its_line(mistakes: Any) -> None:
    text = "policies:\n  - id: a\n  - id: b\n    titel: x\n  - 7\n"
    lines = [found.partition(":")[0] for found in mistakes(text)]
    assert set(lines) == {"2", "3", "4", "5"}
    assert lines == sorted(lines)


def test_a_mistake_in_a_block_of_text_has_its_own_line(mistakes: Any) -> None:
    (found,) = mistakes(for_="columns", require="|\n      has_default\n      or cascadd")
    assert found == "10: columns has no column 'cascadd'; did you mean cascaded?"


@pytest.mark.parametrize("text", ["", "pack: x\n", "policies: 1\n", "- a\n", "policy: []\n"])
def test_what_is_no_pack_is_refused(mistakes: Any, text: str) -> None:
    assert mistakes(text)


def test_an_id_that_two_files_define_is_refused(tmp_path: Path) -> None:
    paths = [_house(tmp_path, "a.yml", "one", "two"), _house(tmp_path, "b.yml", "three", "two")]
    with pytest.raises(ConfigError) as caught:
        load_files(paths)
    a, b = paths
    assert caught.value.message == f"{b}:3: the policy 'two' is already defined in {a}:3"


def test_the_mistakes_of_every_file_are_reported(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.yml").write_text("policies:\n  - {id: x}\n", "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_files(pack_files(tmp_path))
    assert {line.split(":")[0] for line in caught.value.message.splitlines()} == {
        str(tmp_path / "a.yml"), str(tmp_path / "b.yml"),
    }  # fmt: skip


def test_the_shipped_packs_load_and_have_examples(tmp_path: Path) -> None:
    policies = load_files(pack_files(shipped_folder()))
    check_examples(policies)
    assert {p.pack for p in policies} >= {"compatibility", "destructive", "integrity", "locks"}
    assert _ids(tmp_path, "all") == {p.id for p in policies}
    assert _ids(tmp_path, "recommended") <= _ids(tmp_path, "all")


def test_packs_are_chosen_by_name_file_and_folder(tmp_path: Path) -> None:
    _house(tmp_path, "rules/a.yml", "one")
    _house(tmp_path, "rules/b.yaml", "two")
    (tmp_path / "rules" / "notes.txt").write_text("no pack", "utf-8")
    assert _ids(tmp_path, "rules/") == {"one", "two"}
    assert _ids(tmp_path, "rules/a.yml") == {"one"}
    assert "table-rewritten" in _ids(tmp_path, "locks")
    assert "column-dropped" not in _ids(tmp_path, "locks")
    assert _ids(tmp_path, "locks", "rules/b.yaml") == _ids(tmp_path, "locks") | {"two"}
    assert _ids(tmp_path) == set()


def test_a_pack_that_is_nowhere_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no pack 'lock'; did you mean locks\?"):
        _ids(tmp_path, "lock")


def test_a_pack_that_is_off_by_default_is_on_when_it_is_named(tmp_path: Path) -> None:
    _house(tmp_path, "house.yml", "one", "two", top="default: off\n")
    assert _ids(tmp_path, "house.yml") == {"one", "two"}


def test_a_folder_without_a_pack_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="the folder 'empty' holds no pack"):
        _ids(tmp_path, "empty")


def test_overrides_change_severity_mode_and_parameters(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text(
        "policies:\n- {id: big, title: T, severity: error, for: tables, forbid: row_count > :rows,"
        " params: {rows: 100}, message: '{{ rows }}', why: W}\n",
        "utf-8",
    )
    (tmp_path / "gatekeeper.yml").write_text(
        "packs: p.yml\npolicies: {big: {severity: warning, mode: dry-run, params: {rows: 5}}}\n",
        "utf-8",
    )
    (made,) = load_policies(load_config(None, tmp_path))
    assert (made.severity, made.mode, made.params) == ("warning", "dry-run", {"rows": 5})


def test_a_policy_that_is_off_is_gone(tmp_path: Path) -> None:
    (tmp_path / "gatekeeper.yml").write_text("policies: {table-dropped: off}\n", "utf-8")
    ids = {p.id for p in load_policies(load_config(None, tmp_path))}
    assert "column-dropped" in ids
    assert "table-dropped" not in ids


def test_what_gatekeeper_yml_says_of_no_policy_is_refused(tmp_path: Path) -> None:
    _house(tmp_path, "house.yml", "one")
    text = "packs: [house.yml, lokcs]\npolicies:\n  onne: off\n  one: {params: {rows: 5}}\n"
    assert _configured(tmp_path, text) == [
        "gatekeeper.yml:1: there is no pack 'lokcs'; did you mean locks?",
        "gatekeeper.yml:3: there is no policy 'onne'; did you mean one?",
        "gatekeeper.yml:4: one has no parameter 'rows'",
    ]


def test_a_parameter_of_another_type_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text(
        "policies:\n- {id: big, title: T, severity: error, for: tables, forbid: row_count > :rows,"
        " params: {rows: 100}, message: M, why: W}\n",
        "utf-8",
    )
    (mistake,) = _configured(tmp_path, "packs: p.yml\npolicies: {big: {params: {rows: many}}}\n")
    assert mistake.startswith("gatekeeper.yml:2: ")


def test_a_policy_without_examples_is_refused_when_asked(policy: Any) -> None:
    examples = "[{name: x, migration: y, finds: [z]}]"
    with pytest.raises(ConfigError, match="house has no example that finds nothing"):
        check_examples((policy(examples=examples, **_RULE),))


@pytest.mark.parametrize("where", ["param", "literal", "override"])
def test_a_bad_pattern_in_a_query_is_refused(tmp_path: Path, where: str) -> None:
    pattern = {"param": "'(['", "literal": "ok", "override": "ok"}[where]
    call = "matches(subject, '([')" if where == "literal" else "matches(subject, :pattern)"
    (tmp_path / "p.yml").write_text(
        "policies:\n- id: q\n  title: T\n  severity: error\n  message: m\n  why: W\n"
        f"  query: select subject from tables where {call}\n  params: {{pattern: {pattern}}}\n",
        "utf-8",
    )
    override = "policies: {q: {params: {pattern: '(['}}}\n" if where == "override" else ""
    (tmp_path / "gatekeeper.yml").write_text(f"packs: p.yml\n{override}", "utf-8")
    with pytest.raises(ConfigError, match="regular expression"):
        load_policies(load_config(None, tmp_path))
