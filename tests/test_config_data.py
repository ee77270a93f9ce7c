"""`data:` of gatekeeper.yml: classes, globs on columns, permitted roles; and its mistakes."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.config import load_config
from gatekeeper.config_data import ColumnGlob, DataClass, DataConfig, matcher
from gatekeeper.errors import ConfigError
from gatekeeper.model.names import qualified

_FULL = """\
data:
  pii:
    columns: ["*.*.email", public.people.*, 'public."Order ""x"" .1".phone', people.name]
    readers: [billing, "support_*"]
    writers: app
  secret:
    readers: []
  health:
  suggest: off
"""


def _data(folder: Path, text: str) -> DataConfig:
    (folder / "gatekeeper.yml").write_text(text, "utf-8")
    return load_config(None, folder).data


def _mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        _data(folder, text)
    prefix = f"{folder / 'gatekeeper.yml'}:"
    return [line.removeprefix(prefix) for line in caught.value.message.splitlines()]


def test_every_key_is_read(tmp_path: Path) -> None:
    file = str(tmp_path / "gatekeeper.yml")
    globs = (
        ColumnGlob("*", "*", "email", file, 3),
        ColumnGlob("public", "people", "*", file, 3),
        ColumnGlob("public", '"Order ""x"" .1"', "phone", file, 3),
        ColumnGlob("*", "people", "name", file, 3),
    )
    assert _data(tmp_path, _FULL) == DataConfig(
        (
            DataClass("pii", globs, ("billing", "support_*"), ("app",), file, 3),
            DataClass("secret", (), (), None, file, 7),
            DataClass("health", (), None, None, file, 8),
        ),
        suggest=False,
    )


@pytest.mark.parametrize("text", ["", "data:\n", "data: {}\n"])
def test_without_it_there_are_no_classes_and_names_suggest(tmp_path: Path, text: str) -> None:
    assert _data(tmp_path, text) == DataConfig((), suggest=True)


def test_a_class_is_found_by_its_name(tmp_path: Path) -> None:
    data = _data(tmp_path, _FULL)
    assert data.named("secret") == data.classes[1]
    assert data.named("financial") is None
    assert data.named(None) is None


def test_every_mistake_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    text = """data:
  pii:
    colums: ["*.*.email"]
    columns:
      - email
      - public.people
      - a.b.c.d
      - '"a.b'
      - a b.c
      - ""
      - [a.b]
    readers: [[x]]
  PII: {columns: [a.b.c]}
  sugest: off
  secret: ["*.*.password"]
  health: {columns: [a.b.c], writers: [" "]}
  public: {readers: [app], columns: [x.y.z]}
  suggest: perhaps
"""
    assert _mistakes(tmp_path, text) == [
        "3: unknown key 'colums'; did you mean columns?",
        "5: 'email' is no schema.table.column; *.email means it in every table",
        "6: 'public.people' means columns people of tables named public; "
        "write public.people.* for all columns of a table, or *.public.people",
        "7: 'a.b.c.d' is no schema.table.column or table.column",
        "8: '\"a.b' is no schema.table.column or table.column",
        "9: 'a b.c' is no schema.table.column or table.column",
        "10: '' is no schema.table.column or table.column",
        "11: expected a text, found a list",
        "12: expected a text, found a list",
        "13: 'PII' is no name of a class: lower case letters, digits, - and _",
        "14: class 'sugest' takes a mapping: columns, readers, writers; did you mean suggest?",
        "15: class 'secret' takes a mapping: columns, readers, writers",
        "16: 'a.b.c' is in class PII, too; a column has one class",
        "16: a role has a name",
        "17: public lists what is not sensitive; it has no readers",
        "18: expected true or false, found 'perhaps'",
    ]


def test_the_asterisk_that_yaml_takes_for_an_alias(tmp_path: Path) -> None:
    (mistake,) = _mistakes(tmp_path, "data:\n  pii:\n    columns: [*.*.email]\n")
    assert mistake.startswith("3: not valid YAML")
    assert "a text that begins with * needs quotes" in mistake


def test_a_table_that_is_named_public_can_be_meant(tmp_path: Path) -> None:
    data = _data(tmp_path, "data: {pii: {columns: ['\"public\".people', '*.public.email']}}")
    assert [str(glob) for glob in data.classes[0].columns] == [
        '*."public".people',
        "*.public.email",
    ]


@pytest.mark.parametrize(
    ("glob", "matches", "others"),
    [
        ("email", ["email", "Email", "EMAIL"], ["emails", "e-mail", " email"]),
        ('"Email"', ["Email"], ["email", "EMAIL", '"Email"']),
        ('"a*"', ["a*"], ["ab", "a"]),
        ('"a""b"', ['a"b'], ['a""b', "ab"]),
        ("*", ["email", "E-Mail", "a.b", "a\nb"], []),
        ("*mail", ["email", "EMail", "mail"], ["mails", "email\n"]),
        ("pho?e", ["phone", "PHOSE"], ["phoe", "phonee"]),
        ("a.c", ["a.c"], ["abc"]),
        ("[ab]", ["[ab]"], ["a", "b"]),
        ("a$1", ["a$1", "A$1"], ["a1"]),
    ],
)
def test_what_a_part_of_a_glob_stands_for(glob: str, matches: list[str], others: list[str]) -> None:
    assert [name for name in matches if not matcher(glob)(name)] == []
    assert [name for name in others if matcher(glob)(name)] == []


_NAMES = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1)  # YAML folds Zl


@settings(deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_NAMES, _NAMES, _NAMES)
def test_a_column_as_postgresql_writes_it_is_a_glob_for_that_column(
    tmp_path: Path, schema: str, table: str, column: str
) -> None:
    written = qualified(schema, table, column)
    in_yaml = "'" + written.replace("'", "''") + "'"
    (found,) = _data(tmp_path, f"data: {{pii: {{columns: {in_yaml}}}}}").classes
    (glob,) = found.columns
    assert str(glob) == written
    for part, name in ((glob.schema, schema), (glob.table, table), (glob.column, column)):
        assert matcher(part)(name)
        assert not matcher(part)(name + "x")


def test_who_may_read_and_write() -> None:
    known = DataClass("pii", readers=("billing", "support_*", "Ops"), writers=())
    assert [role for role in ("billing", "support_eu", "Ops") if not known.may_read(role)] == []
    others = ("Billing", "billing2", "ops", "support", "public", "SUPPORT_EU")
    assert [role for role in others if known.may_read(role)] == []
    assert known.may_write("billing") is False
    assert DataClass("pii").may_read("billing") is None
    assert DataClass("pii").may_write("billing") is None


@pytest.mark.parametrize("everyone", ["public", "PUBLIC"])
def test_public_stands_for_everyone(everyone: str) -> None:
    assert DataClass("audit", readers=(everyone,)).may_read("anyone")
    assert DataClass("audit", readers=(everyone,)).may_read("public")
