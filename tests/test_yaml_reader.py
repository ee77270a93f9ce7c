"""Strict YAML: every mistake with its line, no tricks, and no text that makes it crash."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.errors import ConfigError
from gatekeeper.yaml_reader import Node, Problems, did_you_mean, read_text, read_yaml

_FEW = settings(max_examples=500, deadline=None, database=None)


def _read(text: str) -> tuple[Node, Problems]:
    problems = Problems()
    node = read_yaml(text, "f.yml", problems)
    assert node is not None, problems.found
    return node, problems


def _refused(text: str) -> list[str]:
    """Give the mistakes of a text that cannot be read at all."""
    problems = Problems()
    try:
        assert read_yaml(text, "f.yml", problems) is None
    except ConfigError as error:
        return error.message.splitlines()
    return [f"{file}:{line}: {message}" for file, line, message in problems.found]


def _read_file(path: Path) -> None:
    problems = Problems()
    read_yaml(read_text(path), str(path), problems)
    problems.raise_if_any()


def _mistakes(problems: Problems) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        problems.raise_if_any()
    return caught.value.message.splitlines()


def test_an_unknown_key_is_reported_with_its_line_and_the_nearest_word() -> None:
    node, problems = _read("a: 1\n\nmigratons: 2\nzzz: 3\n")
    assert set(node.mapping(("a", "migrations"))) == {"a"}
    assert _mistakes(problems) == [
        "f.yml:3: unknown key 'migratons'; did you mean migrations?",
        "f.yml:4: unknown key 'zzz'",
    ]


def test_a_key_given_twice_is_refused_and_the_first_stands() -> None:
    node, problems = _read("a: 1\nb: 2\na: 3\n")
    assert node.mapping()["a"].text() == "1"
    assert _mistakes(problems) == ["f.yml:3: 'a' is given twice"]


def test_a_key_that_is_no_text_is_refused() -> None:
    node, problems = _read("? [a, b]\n: c\n? {d: e}\n: f\n")
    assert node.mapping() == {}
    assert [line for _, line, _ in problems.found] == [1, 3]


def test_mistakes_come_in_order_of_file_and_line_and_once() -> None:
    problems = Problems()
    for file, line in (("b", 1), ("a", 10), ("a", 9), ("a", 9)):
        problems.add(file, line, "wrong")
    assert _mistakes(problems) == ["a:9: wrong", "a:10: wrong", "b:1: wrong"]


def test_no_mistake_raises_nothing() -> None:
    Problems().raise_if_any()


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "{}"])
def test_an_empty_file_is_an_empty_mapping(text: str) -> None:
    node, problems = _read(text)
    assert node.mapping(()) == {}
    problems.raise_if_any()


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\nb: &x 2\n", 2, "anchors and aliases"),
        ("a: 1\nb: *x\n", 2, "anchors and aliases"),
        ("a: !!python/object/apply:os.system [id]\n", 1, "tags (tag:yaml.org,2002:python"),
        ("a: !mine 1\n", 1, "tags (!mine)"),
        ("a: !!str 1\n", 1, "tags (tag:yaml.org,2002:str)"),
        ("a: 1\nb: [\n", 3, "not valid YAML"),
        ("a: b: c\n", 1, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("a: '1\n", 2, "not valid YAML"),
        ("a: 1\n---\nb: 2\n", 2, "not valid YAML"),
        ("a: \x01\n", 1, "not valid YAML"),
        ("a: " + "[" * 21 + "]" * 21, 1, "nested deeper than 20 levels"),
        ("[" * 100_000, 1, "nested deeper than 20 levels"),
        ("- " * 100_000, 1, "nested deeper than 20 levels"),
        ("a: " + "x" * 1_000_000, 1, "larger than 1,000,000 bytes"),
        ("a: " + "é" * 500_000, 1, "larger than 1,000,000 bytes"),
    ],
)
def test_a_trick_is_refused_with_its_line(text: str, line: int, reason: str) -> None:
    (mistake,) = _refused(text)
    assert mistake.startswith(f"f.yml:{line}: ")
    assert reason in mistake


def test_twenty_levels_are_enough() -> None:
    _read("a: " + "[" * 19 + "]" * 19)


def test_a_billion_laughs_is_refused_at_once() -> None:
    lines = ["a0: &a0 [lol, lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40)]
    start = time.perf_counter()
    (mistake,) = _refused("\n".join(lines))
    assert time.perf_counter() - start < 0.1
    assert "anchors and aliases" in mistake


def test_a_merge_key_is_a_key_like_any_other() -> None:
    node, problems = _read("<<: {a: 1}\n")
    assert node.mapping(("a",)) == {}
    assert _mistakes(problems) == ["f.yml:1: unknown key '<<'"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-7", -7), ("+7", 7), ("007", 7), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None), ("'1'", "1"),
        ('"true"', "true"), ("'~'", "~"), ("off", "off"), ("no", "no"), ("yes", "yes"),
        ("on", "on"), ("2026-01-01", "2026-01-01"), ("1:30", "1:30"), ("1_000", "1_000"),
        ("NO", "NO"), ("|-\n  1", "1"),
    ],
)  # fmt: skip
def test_scalars_are_read_as_yaml_1_2_reads_them(text: str, value: object) -> None:
    node, problems = _read(f"a: {text}\n")
    found = node.mapping()["a"].plain()
    assert (found, type(found)) == (value, type(value))
    problems.raise_if_any()


@pytest.mark.parametrize(
    ("word", "value"),
    [("true", True), ("yes", True), ("ON", True), ("false", False), ("No", False), ("off", False)],
)
def test_a_flag_has_three_spellings(word: str, *, value: bool) -> None:
    node, problems = _read(f"a: {word}")
    assert node.mapping()["a"].flag() is value
    problems.raise_if_any()


@pytest.mark.parametrize("value", ["maybe", "1", "", "[]", "{}"])
def test_another_flag_is_one_mistake(value: str) -> None:
    node, problems = _read(f"a: {value}")
    assert node.mapping()["a"].flag(default=True) is True
    assert len(_mistakes(problems)) == 1


@pytest.mark.parametrize("value", ["0", "-1", "1.0", "true", "'1'", "many", "", "[1]", "9" * 30])
def test_a_number_is_whole_and_large_enough(value: str) -> None:
    node, problems = _read(f"a: {value}")
    assert node.mapping()["a"].integer(600, least=1) == 600
    assert _mistakes(problems)[0].startswith("f.yml:1: expected ")


def test_a_word_outside_the_list_names_the_list() -> None:
    node, problems = _read("a: eror\nb: [x]\n")
    entries = node.mapping()
    assert entries["a"].word(("error", "off"), "error", what="severity") == "error"
    assert entries["b"].word(("error", "off"), "off") == "off"
    assert _mistakes(problems) == [
        "f.yml:1: 'eror' is no severity; did you mean error? (one of error, off)",
        "f.yml:2: expected a text, found a list",
    ]


def test_a_single_value_stands_for_a_list_of_one() -> None:
    node, problems = _read("a: x\nb: [y, 2]\nc:\n")
    assert [v.texts() for v in node.mapping().values()] == [("x",), ("y", "2"), ()]
    problems.raise_if_any()


@pytest.mark.parametrize(("text", "found"), [("[1]", "a list"), ("x", "'x'"), ("3", "'3'")])
def test_something_else_than_a_mapping_is_said_to_be_what_it_is(text: str, found: str) -> None:
    node, problems = _read(text)
    assert node.mapping(("a",)) == {}
    assert _mistakes(problems) == [f"f.yml:1: expected a mapping (key: value), found {found}"]


def test_lines_inside_a_block_of_text_are_lines_of_the_file() -> None:
    node, _ = _read("a: x\nb: |\n  one\n  two\n")
    entries = node.mapping()
    assert (entries["a"].text_line(0), entries["b"].text_line(1)) == (1, 4)


def test_did_you_mean_is_silent_about_strangers() -> None:
    assert did_you_mean("colums", ("columns", "tables")) == "; did you mean columns?"
    assert did_you_mean("xyz", ("columns", "tables")) == ""
    assert did_you_mean("", ()) == ""


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbfa: 1\n")
    node, problems = _read(read_text(tmp_path / "f"))
    assert set(node.mapping(("a",))) == {"a"}
    problems.raise_if_any()


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"a: \xff\n", "not UTF-8 text (byte 3)"), ("a: é".encode("utf-16"), "not UTF-8 text")],
)
def test_a_file_that_is_no_utf8_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        read_text(tmp_path / "f")
    assert reason in caught.value.message


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.yml"):
        with pytest.raises(ConfigError, match="cannot be read"):
            read_text(path)


@pytest.mark.parametrize("start", ["", "a", "aa", "aaa"])
def test_a_large_file_is_too_large_whatever_the_limit_cuts(tmp_path: Path, start: str) -> None:
    (tmp_path / "f").write_text(start + "\u20ac" * 400_000, "utf-8")
    with pytest.raises(ConfigError, match="larger than"):
        _read_file(tmp_path / "f")


_PIECES = st.sampled_from(
    ["a", "b: ", ": ", "- ", "\n", "\n  ", "? ", "[", "]", "{", "}", ",", "&x ", "*x", "!!int ",
     "! ", "|", ">\n", "'", '"', "#", "%YAML 1.1\n", "---\n", "...\n", "<<: ", "\t", "~", "\\u0000",
     '"\\0"', "\x00", "\x85", "\ufeff"]
)  # fmt: skip


@_FEW
@given(st.one_of(st.text(), st.lists(st.one_of(_PIECES, st.text(max_size=3))).map("".join)))
def test_no_text_does_anything_but_record_problems(text: str) -> None:
    problems = Problems()
    try:
        node = read_yaml(text, "f.yml", problems)
    except ConfigError:
        return
    if node is None:
        assert problems.found
        return
    for entry in node.mapping().values():
        entry.flag()
        entry.integer(1)
        entry.plain()
        assert all(isinstance(item, str) for item in entry.texts())
        entry.word(("a", "b"), "a")
        entry.mapping(("a",))
