"""Adding a waiver to the text of gatekeeper.yml: lines come, and no other byte changes."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.config_edit import with_waiver
from gatekeeper.errors import ConfigError

ENTRY = {"policy": "new", "subject": "*.x", "because": "it is: so # and", "until": "2027-03-01"}


def block(indent, gap=2, newline="\n"):
    lines = ["policy: new", 'subject: "*.x"', 'because: "it is: so # and"', "until: 2027-03-01"]
    first = " " * indent + "-" + " " * (gap - 1)
    return (
        newline.join([first + lines[0], *(" " * (indent + gap) + line for line in lines[1:])])
        + newline
    )


BRACES = '{policy: new, subject: "*.x", because: "it is: so # and", until: 2027-03-01}'
ONE = "policy: a\n    subject: b\n    because: c\n"


@pytest.mark.parametrize(
    ("before", "line", "new", "after"),
    [
        ("", 2, "waivers:\n" + block(2), ""),
        ("# none yet\n", 4, "\nwaivers:\n" + block(2), ""),
        ("packs: [a]\n\n", 4, "waivers:\n" + block(2), ""),
        ("packs:\n- a\n", 5, "\nwaivers:\n" + block(0), ""),  # lists are not indented here
        ("  packs: [a]\n  stats: b\n", 5, "\n  waivers:\n" + block(4), ""),
        (f"waivers:\n  - {ONE}", 5, block(2), "\n# of packs\npacks:   [a]   # b\n"),
        (f"waivers:\n  - {ONE}    # more of it\n", 6, block(2), "  # of what follows\nstats: a\n"),
        ("waivers:\n- policy: a\n  because: b\n", 4, block(0), "stats: 'a'\n"),
        ("waivers:\n    -   policy: a\n        owner:\n", 4, block(4, 4), ""),
        ("waivers:\n  - policy: a\n    because: |\n      b\n      # c\n", 6, block(2), "\n\nstats: a\n"),
        ("waivers:\n  - policy: a\n    because: >-\n      b\n", 5, block(2), "\n# c\n"),
        ("waivers:\n  - policy: a\n    because: b\n      c\n", 5, block(2), "stats: a\n"),
        ("waivers:\n  - policy: a\n\n  - policy: b\n", 6, "\n" + block(2), "stats: a\n"),
        ("waivers:\n  - {policy: a,\n     owner: b}  # c\n", 4, f"  - {BRACES}\n", "stats: a\n"),
        ("waivers:   # none\n  # - policy: x\n", 3, block(2), "packs: [a]\n"),
        ("waivers: [{policy: a}", 1, f", {BRACES}", "]  # b\n"),
        ("waivers: [\n  {policy: a},\n  {policy: b}", 4, f",\n  {BRACES}", ",\n]\n"),
        ("packs: [a]\r\n", 4, "\r\nwaivers:\r\n" + block(2, newline="\r\n"), ""),
        ("waivers:\r\n  - policy: a\r\n", 3, block(2, newline="\r\n"), "stats: a\r\n"),
        ("---\npacks: [é, '日本']\n", 5, "\nwaivers:\n" + block(2), ""),
    ],
)  # fmt: skip
def test_lines_come_and_the_rest_stays(before, line, new, after):
    assert with_waiver(before + after, ENTRY) == (before + new + after, line)


def test_a_last_line_without_an_end_gets_one():
    edited, line = with_waiver("packs: [a]", ENTRY)
    assert (edited, line) == ("packs: [a]\n\nwaivers:\n" + block(2), 4)


@pytest.mark.parametrize("nothing", ["[]", "~", "null", "[ ]"])
def test_what_says_that_nothing_is_waived_goes(nothing):
    edited, line = with_waiver(f"waivers: {nothing}  # b\nstats: a\n", ENTRY)
    assert (edited, line) == (f"waivers:  # b\n{block(2)}stats: a\n", 2)


@pytest.mark.parametrize(
    "text",
    [
        "{packs: [a]}\n",
        "waivers:\n  policy: a\n",
        "packs: [a]\n...\n",
        "waivers:\n  - policy: a\n    because: |+\n      b\n\n\nstats: a\n",  # empty lines count
    ],
)
def test_what_has_no_place_for_a_line_is_refused_with_the_lines(text):
    with pytest.raises(ConfigError, match="nothing was written") as caught:
        with_waiver(text, ENTRY)
    assert caught.value.hint + "\n" == "Write it yourself:\nwaivers:\n" + block(2)


_TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20) | st.sampled_from(
    ["null", "~", "- a", "a: b", "a #b", "*.x", "&a", "!b", "[a]", "{a}", "'a'", '"a"', "%a", "@a",
     "`a`", "?", ":", "#", "yes", "1", "a, b", "a]", 'public."Order"', "a\nb", "a\n\nb", "🜁", "---"]
)  # fmt: skip


@pytest.mark.parametrize("text", ["waivers:\n  - policy: a\n", "waivers: [{policy: a}]\n", ""])
@given(because=_TEXTS, subject=_TEXTS)
def test_any_text_is_read_again_as_it_was(text, because, subject):
    edited, line = with_waiver(text, {"policy": "p", "subject": subject, "because": because})
    root = yaml.compose(edited, Loader=yaml.SafeLoader)
    entry = root.value[0][1].value[-1]
    assert entry.start_mark.line + 1 == line
    found = {key.value: value for key, value in entry.value}
    assert found["subject"].value == subject
    assert found["because"].value == because
    assert not found["because"].tag.endswith("null")
