"""Names from a pull request are hostile: a report shows them, and they do nothing else."""

import re
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from gatekeeper.report.escape import cell, code, fence, shortened, visible

_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_FRAGMENTS = (
    "`", "``", "```", "````", "|", "\\|", "\\", "\n", "\r\n", "\r", "\n\n", "\t", " ", "   ",
    "\u00a0", "\u3000", "-->", "<!--", "<!-- gatekeeper -->", "<img src=x onerror=alert(1)>",
    "<details>", "</details>", "<summary>", "</code>", "</td>", "<script>", "@everyone #1", "#",
    "# x", "\n# x\n", "- ", "\n- x\n", "1. ", "> ", "\n---\n", "***", "**b**", "_i_", "~~s~~",
    "$x$", "$`x`$", "[x](javascript:alert(1))", "![](x)", "![]()", "[x]: http://y",
    "http://example.invalid", "&lt;", "&#96;", "&#124;", "\u202e", "\u200b", "\ufeff", "\u2028",
    "\u0085", "\x00", "\x1b[31m", "\x7f", "\ud800", "\udfff", "\U000e0041", "a", "public.orders",
    "\u00e9", "\U0001f600", "x" * 170,
)  # fmt: skip
_ANY = st.text(st.characters(), max_size=8)  # surrogates included
_HOSTILE = st.lists(
    st.one_of(st.sampled_from(_FRAGMENTS), st.sampled_from(_FRAGMENTS), _ANY), max_size=6
).map("".join)
_FEW = settings(max_examples=300, deadline=None, database=None)

# Where the comment's template places code: paragraph, table, list, <details>.
_DOCUMENT = (
    "{0} against {0}.\n\n"
    "| a | b |\n|---|---|\n| {0} | Dropped {0}, too |\n\n"
    "- {0}\n\n"
    "<details>\n<summary>Notes</summary>\n\n- {0}\n\n</details>\n"
)


def _flat(text: str) -> list[Token]:
    return [inner for token in _MARKDOWN.parse(text) for inner in (token, *(token.children or ()))]


def _shape(tokens: list[Token]) -> list[tuple[str, str, str]]:
    """Give the structure, with all text that does not come from code."""
    fixed = ("text", "html_block", "html_inline")
    return [(t.type, t.tag, t.content if t.type in fixed else "") for t in tokens]


_BENIGN = _shape(_flat(_DOCUMENT.format(code("x"))))


def _shown(text: str) -> str:
    return shortened(visible(text)).replace("|", "\\u007c")


@settings(
    max_examples=10_000, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
@given(_HOSTILE)
def test_code_never_adds_structure_and_shows_the_text(text: str) -> None:
    tokens = _flat(_DOCUMENT.format(code(text)))
    assert _shape(tokens) == _BENIGN
    shown = _shown(text)
    expected = shown if shown.strip(" ") else f" {shown} "  # CommonMark keeps a span of blanks
    assert {t.content for t in tokens if t.type == "code_inline"} == {expected}


@pytest.mark.parametrize("fragment", _FRAGMENTS)
@pytest.mark.parametrize("around", ["{}", "`{}", "{}`", " {} ", "a{}b", "{}\n\n{}", "``{}`"])
def test_code_of_every_fragment_is_one_span(fragment: str, around: str) -> None:
    text = around.format(fragment, fragment)
    assert _shape(_flat(_DOCUMENT.format(code(text)))) == _BENIGN


def test_the_benign_document_has_what_the_property_compares() -> None:
    kinds = [kind for kind, _, _ in _BENIGN]
    assert kinds.count("code_inline") == _DOCUMENT.count("{0}")
    assert kinds.count("td_open") == 2
    assert kinds.count("html_block") == 2
    assert kinds.count("list_item_open") == 2


def test_code_of_a_plain_name_is_plain() -> None:
    assert code("public.orders") == "`public.orders`"
    assert code("a`b") == "``a`b``"
    assert code("`") == "`` ` ``"
    assert code("a|b") == "`a\\u007cb`"


def test_code_cuts_long_text() -> None:
    assert code("x" * 500) == f"`{'x' * 159}…`"


@_FEW
@given(_HOSTILE)
def test_a_fence_stays_one_fence_with_the_text_as_content(text: str) -> None:
    before, token, after = (
        t for t in _MARKDOWN.parse(f"<p>\n\n{fence(text, 'sql')}\n\n</p>\n") if t.level == 0
    )
    assert (before.type, token.type, after.type) == ("html_block", "fence", "html_block")
    assert token.info == "sql"
    lines = text.replace("\r\n", "\n").split("\n")
    shown = "\n".join("\t".join(visible(part) for part in line.split("\t")) for line in lines)
    assert token.content == shown.rstrip("\n") + "\n"


@_FEW
@given(_HOSTILE)
def test_a_cell_stays_one_cell(markdown: str) -> None:
    text = cell(markdown)
    assert len(text.splitlines()) <= 1
    tokens = _MARKDOWN.parse(f"| a | b |\n|---|---|\n| x {text} | y |\n\nend\n")
    kinds = [t.type for t in tokens]
    assert (kinds.count("tr_open"), kinds.count("td_open")) == (2, 2)
    assert [t.content for t in tokens if t.type == "inline"][-2:] == ["y", "end"]


@_FEW
@given(_HOSTILE)
def test_visible_text_has_no_control_direction_or_zero_width_character(text: str) -> None:
    shown = visible(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not re.search("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\u061c\ufeff\u00ad]", shown)


def test_visible_spells_out_every_control_and_leaves_letters_alone() -> None:
    assert visible("a\nb\u202ec\x00") == "a\\u000ab\\u202ec\\u0000"
    assert visible("Größe 表 😀 naïve") == "Größe 表 😀 naïve"
    for number in range(0x20):
        assert visible(chr(number)) == f"\\u{number:04x}"


@pytest.mark.parametrize(
    "number",
    # DerivedCoreProperties.txt, Default_Ignorable_Code_Point: drawn as nothing at all
    [0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x180B, 0x180E, 0x180F, 0x200B, 0x202E, 0x2060,
     0x2066, 0x3164, 0xFE0F, 0xFEFF, 0xFFA0, 0x1BCA0, 0x1D173, 0xE0001, 0xE0100],
)  # fmt: skip
def test_visible_spells_out_what_is_drawn_as_nothing(number: int) -> None:
    assert visible(f"a{chr(number)}b") == f"a\\u{number:04x}b"
