"""What the shipped packs compile to is taken from a file, and only where nothing has changed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.policy import compiler
from gatekeeper.policy.compiler import Compiler, as_file
from gatekeeper.policy.load import compiled_packs, load_all, load_files, pack_files, shipped_folder
from gatekeeper.yaml_reader import Node, Problems

COLUMNS = TABLES["columns"]


def node(text: str, problems: Problems | None = None) -> Node:
    return Node(yaml.compose(yaml.safe_dump(text)), "p.yml", problems or Problems())


def test_the_file_holds_what_the_shipped_packs_compile_to() -> None:
    kept = Path(compiler.__file__).with_name(compiler.FILE).read_text("utf-8")
    assert compiled_packs() == kept, "make catalogue writes it"


def test_a_policy_is_the_same_compiled_and_from_the_file() -> None:
    assert tuple(load_all().values()) == load_files(pack_files(shipped_folder()))


@pytest.mark.parametrize(
    ("text", "params", "table"),
    [
        ("name <> :word", {"word": "id"}, COLUMNS),
        ("name = :word", {"word": "uid"}, COLUMNS),
        ("name = :word", {"word": None}, COLUMNS),
        ("name = :word", {"word": "id"}, TABLES["tables"]),
        (
            "name = :word",
            {"word": "id"},
            replace(
                COLUMNS, columns=tuple(replace(c, null_is_unknown=True) for c in COLUMNS.columns)
            ),
        ),
    ],
    ids=["text", "parameter", "its type", "table", "a column's meaning"],
)
def test_what_differs_is_compiled_anew(text: str, params: Any, table: Any) -> None:
    first = Compiler()
    first.condition(node("name = :word"), COLUMNS, {"word": "id"})
    second = Compiler(first.made)
    second.condition(node("name = :word"), COLUMNS, {"word": "id"})
    assert not second.made
    second.condition(node(text), table, params)
    assert len(second.made) == 1


def test_a_mistake_is_reported_though_others_are_known() -> None:
    problems = Problems()
    shipped = compiler.shipped_compiler()
    assert not shipped.query(node("select nonsense from columns", problems), {})
    assert [line for _, line, _ in problems.found] == [1]
    assert shipped.query(node("select subject from columns", problems), {})


def test_the_file_has_a_line_an_entry() -> None:
    text = as_file({"b": [1], "a": None})
    assert text == '{\n"a": null,\n"b": [1]\n}\n'
