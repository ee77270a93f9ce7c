"""Comments above operations: which line allows what, in Python and in SQL."""

import pytest

from gatekeeper.model.allowance import Allowance
from gatekeeper.sources.allowances import python_allowances
from gatekeeper.sources.split import split_script

WHY = "because nobody reads it"
BELOW, BESIDE = "no operation follows", "it stands beside"


def _python(text: str) -> tuple[Allowance, ...]:
    return python_allowances(text, "m.py")


def _sql(text: str) -> tuple[Allowance, ...]:
    return split_script(text, "m.sql").allowances


def _places(found: tuple[Allowance, ...]) -> list[tuple[int, int, int]]:
    return [(a.written, a.line, a.last_line) for a in found]


def test_policy_subject_and_reason() -> None:
    (found,) = _python(f"# gatekeeper: allow column-dropped public.t.a {WHY}, see #4\nop.drop()\n")
    assert found == Allowance(
        "column-dropped", "public.t.a", "nobody reads it, see #4", "m.py", 1, 2, 2
    )


@pytest.mark.parametrize(
    ("said", "subject", "because"),
    [
        ("allow a because of it", "", "of it"),
        ('allow a public."x because y".z because of it', 'public."x because y".z', "of it"),
        ('allow a public."x ""y"" z" because because', 'public."x ""y"" z"', "because"),
        ("allow a public.f(integer, text) because of it", "public.f(integer, text)", "of it"),
        ("allow a public.t because: of it because", "public.t", "of it because"),
        ("Allow   a   public.*   because   of it  ", "public.*", "of it"),
    ],
)
def test_where_the_subject_ends(said: str, subject: str, because: str) -> None:
    (found,) = _sql(f"--gatekeeper: {said}\nSELECT 1;\n")
    assert (found.policy, found.subject, found.because) == ("a", subject, because)
    assert found.mistake == ""


@pytest.mark.parametrize(
    ("said", "mistake"),
    [
        ("allow", "it names no policy"),
        ("allow because of it", "it names no policy"),
        ("allow column-dropped", "it gives no reason"),
        ("allow column-dropped public.t", "it gives no reason"),
        ('allow column-dropped "x because y', "it gives no reason"),
    ],
)
def test_what_cannot_be_understood(said: str, mistake: str) -> None:
    (found,) = _sql(f"-- gatekeeper: {said}\nSELECT 1;\n")
    assert found.mistake.startswith(mistake)


@pytest.mark.parametrize(
    "said", ["gatekeeper: transaction off", "gatekeeper: allows", "see gatekeeper: allow x because"]
)
def test_other_comments_are_nothing(said: str) -> None:
    assert _python(f"# {said}\nop.drop()\n") == ()
    assert _sql(f"-- {said}\nSELECT 1;\n") == ()


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("# §\nop.x()\n", [(1, 2, 2)]),
        ("# §\n# more\n# §\nop.x(\n    1,\n)\nop.y()\n", [(1, 4, 6), (3, 4, 6)]),
        ("def upgrade():\n    # §\n    op.x()\n    op.y()\n", [(2, 3, 3)]),
        ("if a:\n    op.x()\n    # §\nop.y()\n", [(3, 4, 4)]),
        ("# §\nwith op.batch() as b:\n    b.x()\n    b.y()\n", [(1, 2, 2)]),
        ("# §\nfor t in (\n    1,\n):\n    op.x(t)\n", [(1, 2, 4)]),
        ("# §\nop.x('''\n# §\n''')\n", [(1, 2, 4)]),
        ("# §\nop.x() \\\n    .y()\n", [(1, 2, 3)]),
        ("# §\n@a\ndef f():\n    pass\n", [(1, 2, 2)]),
        ("#§\nop.x()  # why\n", [(1, 2, 2)]),
    ],
)
def test_python_operations(text: str, places: list[tuple[int, int, int]]) -> None:
    found = _python(text.replace("§", f"gatekeeper: allow p {WHY}"))
    assert _places(found) == places
    assert not any(a.mistake for a in found)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("# §\n\nop.x()\n", BELOW),
        ("op.x()\n# §\n", BELOW),
        ("op.x(\n    # §\n    1,\n)\n", BELOW),
        ("op.x()  # §\n", BESIDE),
        ("op.x(  # §\n    1,\n)\n", BESIDE),
    ],
)
def test_python_comments_that_stand_wrong(text: str, mistake: str) -> None:
    (found,) = _python(text.replace("§", f"gatekeeper: allow p {WHY}"))
    assert found.mistake.startswith(mistake)
    assert (found.line, found.last_line) == (0, 0)


@pytest.mark.parametrize("text", ["x = '# §'\n", "x = '''\n# §\n'''\n", "# §\nx = (\n"])
def test_python_that_says_nothing(text: str) -> None:
    assert _python(text.replace("§", f"gatekeeper: allow p {WHY}")) == ()


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("-- §\nDROP TABLE a;\n", [(1, 2, 2)]),
        ("-- §\n-- more\n-- §\nALTER TABLE a\n  DROP b\n;\nSELECT 1;", [(1, 4, 5), (3, 4, 5)]),
        ("SELECT 1;\n  -- §\n  DROP TABLE a; -- why", [(2, 3, 3)]),
        ("/* /* -- */ -- § */\n-- §\nDROP TABLE a;", [(2, 3, 3)]),
        ("\\set x 1\nCOPY a FROM stdin;\n-- §\n\\.\n-- §\nDROP TABLE a;", [(5, 6, 6)]),
        ("\ufeff-- §\nDROP TABLE a;", [(1, 2, 2)]),
        ("-- §\nSELECT $$\n-- §\nSELECT 1;$$;", [(1, 2, 4)]),
    ],
)
def test_sql_statements(text: str, places: list[tuple[int, int, int]]) -> None:
    found = _sql(text.replace("§", f"gatekeeper: allow p {WHY}"))
    assert _places(found) == places
    assert not any(a.mistake for a in found)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("-- §\n\nDROP TABLE a;", BELOW),
        ("DROP TABLE a;\n-- §", BELOW),
        ("-- §\n/* */\nDROP TABLE a;", BELOW),
        ("DROP TABLE a; -- §\nDROP TABLE b;", BESIDE),
    ],
)
def test_sql_comments_that_stand_wrong(text: str, mistake: str) -> None:
    (found,) = _sql(text.replace("§", f"gatekeeper: allow p {WHY}"))
    assert found.mistake.startswith(mistake)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT '\n-- §\n';",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n-- §\nSELECT 1;$$;",
        "/*\n-- §\n*/\nDROP TABLE a;",
        "/* /* */\n-- §\n*/ DROP TABLE a;",
    ],
)
def test_sql_that_says_nothing(text: str) -> None:
    assert _sql(text.replace("§", f"gatekeeper: allow p {WHY}")) == ()
