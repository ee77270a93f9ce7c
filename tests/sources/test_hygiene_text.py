"""What the text of a revision file says: header, what it does, what it depends on, its edits."""

import pytest

from gatekeeper.sources.alembic.hygiene_conditions import conditions
from gatekeeper.sources.alembic.hygiene_graph import Link, broken_chain, second_heads
from gatekeeper.sources.alembic.hygiene_text import Header, RevisionText, edited, read_header

HEADERS = [
    ("revision = 'a'\ndown_revision = None", Header("a", line=2)),
    ("revision: str = 'b'\ndown_revision: str | None = 'a'", Header("b", ("a",), line=2)),
    (
        "down_revision = ('a', 'b')\nrevision = 'c'\nbranch_labels = 'x'\ndepends_on = ['d']",
        Header("c", ("a", "b"), ("d",), ("x",), 1),
    ),
    ("BEFORE = 'a'\nrevision = 'b'\ndown_revision = BEFORE", Header("b", ("a",), line=3)),
    ("revision = make()\ndown_revision = 'a'", None),
    ("revision = revision", None),
    ("x = 1", None),
    ("revision = (", None),
    ("revision = 'a'\0", None),
]


@pytest.mark.parametrize(("text", "expected"), HEADERS)
def test_header(text, expected):
    assert read_header(text) == expected


DOES = [
    ("", "nothing"),
    ("def upgrade(): pass", "nothing"),
    ("def upgrade():\n '''Nothing.'''\n ...", "nothing"),
    ("def upgrade():\n return\n op.drop_table('a')", "nothing"),
    ("def upgrade(): raise NotImplementedError", "raises"),
    ("def upgrade():\n print('no')\n raise Exception('no way back')", "raises"),
    ("def upgrade(): op.drop_table('a')", "schema"),
    ("def upgrade():\n with op.batch_alter_table('a') as b: b.drop_column('n')", "schema"),
    ("def upgrade(): op.execute('  -- so\\n create index i on a (n)')", "schema"),
    ("SQL = 'ALTER TABLE a ADD b int'\ndef upgrade(): op.execute(SQL)", "schema"),
    ("def upgrade(): add()\ndef add(): op.add_column('a', c)", "schema"),
    ("def upgrade(): op.execute((HERE / 'up.sql').read_text())", "schema"),
    ("def upgrade(): State.create(op.get_bind())", "schema"),
    ("def upgrade(): op.execute('UPDATE a SET n = 1')", "rows"),
    ("def upgrade(): op.bulk_insert(a, [])", "rows"),
    ("def upgrade(): fill()\ndef fill(): pass\ndef unused(): op.drop_table('a')", "rows"),
    ("from other import upgrade", None),
    ("upgrade = other.upgrade", None),
    (
        "def upgrade(engine): globals()['upgrade_' + engine]()\ndef upgrade_a(): pass\n"
        "def downgrade_a(): op.drop_table('a')",
        "nothing",
    ),
    (
        "def upgrade(engine): globals()['upgrade_' + engine]()\ndef upgrade_a(): op.drop_table('a')",
        "schema",
    ),
]


@pytest.mark.parametrize(("text", "expected"), DOES)
def test_does(text, expected):
    assert RevisionText(text).does("upgrade") == expected


def test_upgrade_and_downgrade_are_told_apart():
    text = RevisionText("def upgrade(): op.add_column('a', c)\ndef downgrade(): pass")
    assert (text.does("upgrade"), text.does("downgrade")) == ("schema", "nothing")


BODY = "revision = 'a'\ndown_revision = None\nN = 1\ndef upgrade():\n    op.add(N)\ndef downgrade(): op.x()\n"
EDITS = [
    (BODY, None),
    ("# why\n\n" + BODY, None),
    (BODY.replace("down_revision = None", "down_revision: str | None = None"), None),
    (BODY.replace("op.x()", "op.y()"), None),
    (BODY.replace("upgrade():\n", "upgrade() -> None:\n    'Do.'\n"), None),
    (BODY + "UNUSED = 2\ndef helper(): pass\n", None),
    (BODY.replace("down_revision = None", "down_revision = 'z'"), "parents"),
    (BODY.replace("down_revision = None", "down_revision = None\ndepends_on = 'z'"), "parents"),
    (BODY.replace("N = 1", "N = 2"), "upgrade"),
    (BODY.replace("    op.add(N)", "    return\n    op.add(N)"), "upgrade"),
    (BODY.replace("op.add(N)", "op.add(N)\n    op.more()"), "upgrade"),
    (BODY.replace("def downgrade", "def ("), "upgrade"),
]


@pytest.mark.parametrize(("after", "expected"), EDITS)
def test_edited(after, expected):
    assert edited(BODY, after) == expected


def test_an_edit_of_what_this_python_cannot_parse_is_told_from_a_comment():
    assert edited("def upgrade(:\n    x", "def upgrade(:\n    # why\n    x") is None
    assert edited("def upgrade(:\n    x", "def upgrade(:\n    y") == "upgrade"


def upgrade(*lines):
    return "def upgrade():\n" + "".join(f"    {line}\n" for line in lines)


DDL, DML = "op.drop_table('a')", "op.execute('UPDATE a SET n = 1')"
BIND = "bind = op.get_bind()"
ROWS = "found = bind.execute(sa.text('SELECT n FROM a')).fetchall()"
CONDITIONS = [
    (upgrade("if os.getenv('X'): pass"), ["environment"]),
    ("from os import environ\n" + upgrade("x = environ.get('X')"), ["environment"]),
    ("SCHEMA = os.environ['S']\n" + upgrade("op.drop_table('a', schema=SCHEMA)"), ["environment"]),
    ("UNUSED = os.environ['S']\n" + upgrade(DDL), []),
    (upgrade(DDL) + "def downgrade():\n    os.environ['S']", []),
    (upgrade("op.get_context().get_x_argument()"), ["arguments"]),
    (upgrade("context.get_x_argument(as_dictionary=True)['t']"), ["arguments"]),
    (upgrade("now = datetime.utcnow()", f"if now.year > 2030: {DDL}"), ["time"]),
    (upgrade("op.bulk_insert(a, [{'at': datetime.utcnow()}])"), []),
    (upgrade(f"if time.time() > 9: {DML}"), ["time"]),
    (upgrade("row = {'at': datetime.now()}", f"if row: {DML}"), []),
    (upgrade(f"if op.get_bind().dialect.name == 'postgresql': {DDL}"), ["dialect"]),
    (upgrade(BIND, "pg = bind.dialect.name == 'postgresql'", "x = 1 if pg else 2"), ["dialect"]),
    (upgrade(BIND, "i = inspect(bind)", f"if 'a' in i.get_table_names(): {DDL}"), ["schema"]),
    (upgrade(f"if not table_exists('a'): {DDL}"), ["schema"]),
    (upgrade(f"if _has_column('a', 'n'): {DML}"), ["schema"]),
    (upgrade("if not has_table('a'): raise Exception('first run …')", DDL), []),
    (upgrade(BIND, "for fk in inspect(bind).get_foreign_keys('a'):", f"    {DDL}"), ["schema"]),
    (upgrade(BIND, "q = 'SELECT 1 FROM information_schema.columns'", "found = bind.execute(q).scalar()", f"if found: {DDL}"), ["schema"]),
    (upgrade(BIND, ROWS, f"if found: {DDL}"), ["rows"]),
    (upgrade(BIND, ROWS, "if not found: return", DDL), ["rows"]),
    (upgrade(BIND, ROWS, f"if found: {DML}"), []),
    (upgrade(BIND, ROWS, "for row in found:", f"    if row.n: {DML}"), []),
    (upgrade(BIND, ROWS, "for row in found:", f"    {DDL}"), ["rows"]),
    (upgrade("if needed(op.get_bind()):", f"    {DDL}") + "def needed(b):\n    return b.execute('SELECT 1').scalar()", ["rows"]),
    (upgrade("if f():", f"    {DDL}") + "def f(): return g()\ndef g(): return f() or inspect(x)", ["schema"]),
    (upgrade("if context.is_offline_mode(): return", DDL), []),
    (upgrade("for name in ('a', 'b'):", "    if name == 'a':", f"        {DDL}"), []),
    (upgrade("op.execute('SELECT n FROM a')", DDL), []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CONDITIONS)
def test_conditions(text, expected):
    assert [c.depends_on for c in conditions(RevisionText(text))] == expected


def test_a_condition_has_its_text_and_line():
    (found,) = conditions(RevisionText(upgrade(DDL, f"if has_table( 'a' ): {DDL}")))
    assert (found.text, found.line) == ("has_table('a')", 3)


def graph(**follows):
    return {k: Link(k, f"v/{k}.py", tuple(v.split())) for k, v in follows.items()}


GRAPHS = [
    (graph(a="", b="a"), "a", {}),
    (graph(a="", b="a", c="a"), "a b", {"c": ("b",)}),
    (graph(a="", b="a", c="a"), "a", {"c": ("b",)}),
    (graph(a="", b="a", c="a", d="c", e="d"), "a b", {"e": ("b",)}),
    (graph(a="", b="a", c="a", d="b c"), "a b c", {}),
    (graph(a="", b="a", c="a", d="a"), "a b c", {"d": ("b", "c")}),
    (graph(a="", b="a", x="", y="x"), "a b", {"y": ("b",)}),
    (graph(a="", b=""), "", {"b": ("a",)}),
    (graph(a="gone", b="a"), "gone", {}),
    ({}, "", {}),
]


@pytest.mark.parametrize(("links", "known", "expected"), GRAPHS)
def test_second_heads(links, known, expected):
    assert {s.id: s.beside for s in second_heads(links, known.split())} == expected


def test_a_second_head_branches_off_where_its_line_leaves_the_others():
    links = graph(a="", b="a", c="b", d="a", e="d")
    assert [(s.id, s.forks_at) for s in second_heads(links, {"a", "b", "c"})] == [("e", "d")]


def test_a_chain_that_holds_has_nothing_wrong_with_it():
    assert list(broken_chain(graph(a="", b="a", c="a", d="b c").values())) == []


def test_a_circle_is_told_at_each_of_its_files_and_nowhere_else():
    wrong = dict(broken_chain(graph(a="", b="a c", c="b", d="c", e="e").values()))
    assert wrong == {
        "v/b.py": "b follows itself, by way of c",
        "v/c.py": "c follows itself, by way of b",
        "v/e.py": "e follows itself, at once",
    }
