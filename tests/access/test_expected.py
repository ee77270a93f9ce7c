"""The committed matrix: whatever things are called, what is written is what is read."""

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.access.expected import Superusers, compare, read_expected, written
from gatekeeper.access.listed import Entry
from gatekeeper.model.names import qualified, quoted

NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=70
) | st.sampled_from(["yes", "null", "1", "<<", "~", "y", "a: b", "- a", "#", "'", '"', "PUBLIC"])
NOBODY = Superusers(frozenset(), frozenset())


@st.composite
def _entry(draw):
    columns = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True).map(sorted))
    some = tuple(quoted(c) for c in columns if draw(st.booleans())) or (quoted(columns[0]),)
    whole = draw(st.booleans())
    return Entry(
        draw(st.just("PUBLIC") | NAMES.map(quoted)),
        qualified(draw(NAMES), draw(NAMES)),
        "table",
        "DELETE" if whole else draw(st.sampled_from(["SELECT", "UPDATE", "UNTRACED"])),
        draw(st.sampled_from([(), ("derived",), ("condition", "some-rows", "set-role")])),
        () if whole else some,
        () if whole else tuple(map(quoted, columns)),
    )


@given(entries=st.lists(_entry(), max_size=4, unique_by=lambda e: (e.role, e.thing)))
def test_what_is_written_is_read(tmp_path_factory, entries):
    path = tmp_path_factory.mktemp("expected") / "access.yml"
    strong = Superusers(frozenset({"root", "postgres"}), frozenset({"root"}))
    text = written(entries, strong)
    assert text.isascii()
    path.write_text(text)
    expected = read_expected(path)
    assert compare(expected, entries, strong) == ()
    assert len(compare(expected, (), strong)) == len(entries)
    assert written(reversed(entries), strong) == text


def test_columns_are_compared_one_by_one(tmp_path):
    def entry(*columns):
        return Entry("a", "public.t", "table", "SELECT", (), columns, ("x", "y", "z"))

    def drift(text, *entries):
        path = tmp_path / "access.yml"
        path.write_text(f"a: {{public.t: {{select: {text}}}}}")
        found = compare(read_expected(path), entries, NOBODY)
        return [(one.kind, one.columns) for one in found]

    assert drift("[x, y]", entry("x", "y")) == []
    assert drift("[x, y]", entry("x"), entry("y")) == []  # by other ways
    assert drift("[x, y]", entry("y", "z")) == [("unexpected", ("z",)), ("missing", ("x",))]
    assert drift("all", entry("x", "y", "z")) == []
    assert drift("[z, y, x]", entry("x", "y", "z")) == []
    assert drift("all", entry("x", "z")) == [("missing", ("y",))]
    assert drift("[x]", entry("x", "y", "z")) == [("unexpected", ("y", "z"))]
    assert drift("all") == [("missing", None)]
    assert drift("[gone]", entry("x")) == [("unexpected", ("x",)), ("missing", ("gone",))]


def test_a_superuser_is_said_once(tmp_path):
    path = tmp_path / "access.yml"
    path.write_text("a: {public.t: {select: all}}\nroot: superuser\npostgres: superuser\n")
    expected = read_expected(path)
    strong = Superusers(frozenset({"a", "postgres"}), frozenset({"a"}))
    found = [(one.kind, one.role, one.key) for one in compare(expected, (), strong)]
    assert found == [("unexpected", "a", "superuser"), ("missing", "root", "superuser")]
