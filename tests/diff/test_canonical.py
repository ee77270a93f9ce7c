"""Two spellings of one expression."""

import pytest

from gatekeeper.diff.canonical import canonical, same_without_prefixes
from gatekeeper.diff.compare import compare
from gatekeeper.model.schema import Schema, View

X = "'x'::character varying"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"((ARRAY[{X}, 'y'::text])::text[])", f"(ARRAY[({X})::text, ('y'::text)::text])"),
        ("(ARRAY[1, 2])::bigint[]", "ARRAY[(1)::bigint, (2)::bigint]"),
        ("(ARRAY['a,]('::a, 'it''s'::a])::text[]", "ARRAY[('a,]('::a)::text, ('it''s'::a)::text]"),
        (
            '(ARRAY[f(a, "b]", c[1])])::public."My ""type"[]',
            'ARRAY[(f(a, "b]", c[1]))::public."My ""type"]',
        ),
        ("(ARRAY[a])::character varying(5)[]", "ARRAY[(a)::character varying(5)]"),
        (
            "(ARRAY[a])::timestamp without time zone[] x",
            "ARRAY[(a)::timestamp without time zone] x",
        ),
        ("(ARRAY[ARRAY[a], ARRAY[b]])::text[]", "ARRAY[ARRAY[(a)::text], ARRAY[(b)::text]]"),
        ("(ARRAY[(ARRAY[a])::b[]])::c[]", "ARRAY[(ARRAY[(a)::b])::c]"),
        # What is no cast of an array stays.
        ("(ARRAY[a, b])", "(ARRAY[a, b])"),
        ("(ARRAY[a, b])::text", "(ARRAY[a, b])::text"),
        ("(ARRAY[a, b] || c)::text[]", "(ARRAY[a, b] || c)::text[]"),
        ("(ARRAY[a", "(ARRAY[a"),
        ("(ARRAY[a] ((ARRAY[b])::text[]", "(ARRAY[a] (ARRAY[(b)::text]"),
        (7, 7),
        (None, None),
    ],
)
def test_casts_go_to_the_elements(text, expected):
    assert canonical(text) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize(
    ("older", "newer", "same"),
    [
        ("SELECT t.id FROM public.t", "SELECT id FROM public.t", True),
        ("SELECT t.id, 't.x' FROM public.t", "SELECT id, 'x' FROM public.t", False),
        ("SELECT t.a WHERE (SELECT o.b = t.a)", "SELECT a WHERE (SELECT o.b = t.a)", True),
        ('SELECT "T.x".a FROM "T.x"', 'SELECT a FROM "T.x"', True),
        ("SELECT a.x FROM a JOIN b", "SELECT b.x FROM a JOIN b", False),
        ("SELECT id FROM public.t", "SELECT t.id FROM public.t", False),
        ("SELECT t.id FROM one.t", "SELECT id FROM two.t", False),
    ],
)
def test_prefixes_that_newer_servers_leave_out(older, newer, same):
    assert same_without_prefixes(older, newer) is same


@pytest.mark.parametrize(
    ("versions", "changes"), [(("15.3", "16.0"), 0), (("18.1", "14.9"), 0), (("16.0", "18.0"), 1)]
)
def test_views_of_older_servers_are_the_same(versions, changes):
    texts = ["SELECT t.id FROM public.t", "SELECT id FROM public.t"]
    if int(versions[0][:2]) > int(versions[1][:2]):
        texts.reverse()
    schemas = [
        Schema(views=(View(1, "public", "v", definition=text),), server_version=version)
        for text, version in zip(texts, versions, strict=True)
    ]
    assert len(compare(*schemas, by_name=True)) == changes
    assert len(compare(*schemas)) == 1
