"""Comments on lines: only on lines of the diff, nothing twice, and fixes that are whole."""

from collections.abc import Mapping
from typing import Any

import pytest

from gatekeeper.github.diff import Line, head_lines
from gatekeeper.github.errors import PublishError
from gatekeeper.github.review import MOST, gathered, publish_review
from gatekeeper.github.suggest import suggestion
from tests.github import objects
from tests.github.conftest import MakeClient
from tests.github.fake import FakeGitHub, Fault

_HEAD, _NEXT = "a" * 40, "b" * 40
_FILE = "migrations/2.sql"
_PATCH = """@@ -1,4 +1,6 @@
 one
-two
+two, better
+three
 four
\\ No newline at end of file
@@ -40,2 +42,3 @@ context
 forty
+forty-one
+forty-two"""


def test_the_lines_of_the_head() -> None:
    assert head_lines(_PATCH) == {
        1: Line("one", added=False),
        2: Line("two, better", added=True),
        3: Line("three", added=True),
        4: Line("four", added=False),
        42: Line("forty", added=False),
        43: Line("forty-one", added=True),
        44: Line("forty-two", added=True),
    }


@pytest.mark.parametrize("patch", ["", "+x", "@@ nonsense @@\n+x", "@@ -1 +0,0 @@\n-x"])
def test_a_patch_without_lines(patch: str) -> None:
    assert head_lines(patch) == {}


def _at(finding: Any, line: int, name: str = "orders", **more: Any) -> Any:
    return finding("table-dropped", name, file=_FILE, line=line, takes_along=None, **more)


def test_findings_are_said_on_their_lines(
    github: FakeGitHub, client: MakeClient, finding: Any
) -> None:
    github.has_file(_FILE, _PATCH, _HEAD)
    made = client()
    found = (_at(finding, 2), _at(finding, 43, "bills"), _at(finding, 20))
    action, url = publish_review(made, 7, _HEAD, found)
    assert (action, url, made.calls) == ("created", github.reviews[0]["html_url"], 3)
    assert [(c["path"], c["line"], c["side"]) for c in github.line_comments] == [
        (_FILE, 2, "RIGHT"), (_FILE, 43, "RIGHT"),
    ]  # fmt: skip
    body = github.line_comments[0]["body"]
    assert body.startswith(
        f"<!-- gatekeeper:finding {found[0].fingerprint} -->\n\n❌ **table-dropped**"
    )
    assert "The table `orders` is dropped." in body
    assert "<summary>What to write instead</summary>\n\n```sql\n" in body
    assert github.reviews[0]["body"] == "Gatekeeper: 2 findings on lines of this pull request."


def test_a_head_commit_has_one_review(github: FakeGitHub, client: MakeClient, finding: Any) -> None:
    github.has_file(_FILE, _PATCH, _HEAD)
    publish_review(client(), 7, _HEAD, [_at(finding, 2)])
    made = client()
    assert publish_review(made, 7, _HEAD, [_at(finding, 3, "new")]) == ("unchanged", "")
    assert (made.calls, len(github.reviews)) == (1, 1)


def test_what_stands_there_is_not_said_again(
    github: FakeGitHub, client: MakeClient, finding: Any
) -> None:
    github.has_file(_FILE, _PATCH, _HEAD)
    publish_review(client(), 7, _HEAD, [_at(finding, 2), _at(finding, 3, "bills")])
    del github.line_comments[1]["line"]  # it changed since, and GitHub folds the comment away
    github.files.clear()
    github.has_file(_FILE, _PATCH, _NEXT)
    publish_review(client(), 7, _NEXT, [_at(finding, 2), _at(finding, 3, "bills")])
    assert [c.get("line") for c in github.line_comments] == [2, None, 3]


def test_a_strangers_comment_does_not_silence_us(
    github: FakeGitHub, client: MakeClient, finding: Any
) -> None:
    found = _at(finding, 2)
    github.has_file(_FILE, _PATCH, _HEAD)
    said = {"path": _FILE, "line": 2, "body": f"<!-- gatekeeper:finding {found.fingerprint} -->"}
    mallory = objects.account("mallory", "User")
    github.line_comments.append(objects.line_comment(github.repository, 1, said, _HEAD, mallory))
    assert publish_review(client(), 7, _HEAD, [found])[0] == "created"


def test_lines_of_a_newer_commit_are_not_commented_on(
    github: FakeGitHub, client: MakeClient, finding: Any
) -> None:
    github.has_file(_FILE, _PATCH, _NEXT)
    assert publish_review(client(), 7, _HEAD, [_at(finding, 2)]) == ("outdated", "")
    assert github.reviews == []


def test_without_a_line_to_comment_on_nothing_is_sent(
    github: FakeGitHub, client: MakeClient, finding: Any
) -> None:
    made = client()
    assert publish_review(made, 7, _HEAD, [finding("table-dropped", file=None)])[0] == "unneeded"
    assert made.calls == 0
    github.has_file(_FILE, None, _HEAD)  # too large to be shown
    assert publish_review(made, 7, _HEAD, [_at(finding, 2)])[0] == "unneeded"
    assert github.reviews == []


def test_thirty_are_the_most(github: FakeGitHub, client: MakeClient, finding: Any) -> None:
    patch = "@@ -0,0 +1,50 @@\n" + "\n".join(f"+line {n}" for n in range(50))
    github.has_file(_FILE, patch, _HEAD)
    publish_review(client(), 7, _HEAD, [_at(finding, n, f"t{n}") for n in range(1, 41)])
    assert len(github.line_comments) == MOST == 30
    assert (
        "30 findings on lines of this pull request. 10 more are in the report."
        in (github.reviews[0]["body"])
    )


def test_findings_of_one_line_are_one_comment_the_worst_first(finding: Any) -> None:
    lines = {_FILE: head_lines(_PATCH)}
    warning = finding("unindexed-foreign-key", "x", file=_FILE, line=2)
    error = _at(finding, 2)
    (remark,) = gathered([warning, error], lines)
    assert remark.findings == (error, warning)


@pytest.mark.parametrize("late", [True, False])
def test_never_two_reviews(
    github: FakeGitHub, client: MakeClient, finding: Any, late: bool
) -> None:
    github.has_file(_FILE, _PATCH, _HEAD)
    github.faults = [Fault("POST", answer=(502, {}, None), late=late)]
    assert publish_review(client(), 7, _HEAD, [_at(finding, 2)])[0] == "created"
    assert len(github.reviews) == len(github.line_comments) == 1


def test_a_review_that_is_refused_is_told(
    github: FakeGitHub, client: MakeClient, finding: Any
) -> None:
    github.has_file(_FILE, _PATCH, _HEAD)
    github.read_only = True
    with pytest.raises(PublishError, match="could not comment on lines"):
        publish_review(client(), 7, _HEAD, [_at(finding, 2)])


def test_hostile_names_stay_names(github: FakeGitHub, client: MakeClient, finding: Any) -> None:
    github.has_file(_FILE, _PATCH, _HEAD)
    name = "x`\n```suggestion\nDROP\n```\n</details><img src=x> @everyone"
    publish_review(client(), 7, _HEAD, [_at(finding, 2, name)])
    body = github.line_comments[0]["body"]
    assert "\n```suggestion" not in body
    assert "\n</details><img" not in body


def _column(finding: Any, policy: str, name: str, base_type: str, **more: Any) -> Any:
    values = {
        "file": _FILE,
        "line": 1,
        "change": "added",
        "column_name": name,
        "base_type": base_type,
    }
    return finding(policy, f"public.t.{name}", **(values | {"data_type": base_type} | more))


def _added(*texts: str) -> Mapping[int, Line]:
    return {n: Line(text, added=True) for n, text in enumerate(texts, start=1)}


@pytest.mark.parametrize(
    ("policy", "name", "base_type", "texts", "expected"),
    [
        ("json-not-jsonb", "details", "json",
         ["CREATE TABLE t (", "    details json NOT NULL", ");"],
         (2, "    details jsonb NOT NULL")),
        ("json-not-jsonb", "details", "json",
         ["ALTER TABLE t ADD COLUMN details JSON;"], (1, "ALTER TABLE t ADD COLUMN details jsonb;")),
        ("varchar-limit", "name", "character varying",
         ["CREATE TABLE t (id int, name varchar(255) NOT NULL);"],
         (1, "CREATE TABLE t (id int, name text NOT NULL);")),
        ("varchar-limit", "name", "character varying",
         ['CREATE TABLE t ("name" character  varying (255));'], (1, 'CREATE TABLE t ("name" text);')),
        ("float-money", "price", "double precision",
         ["CREATE TABLE t (price float, base_price float);"],
         (1, "CREATE TABLE t (price numeric(12, 2), base_price float);")),
        ("naive-timestamp", "at", "timestamp without time zone",
         ["CREATE TABLE t (at timestamp NOT NULL);"],
         (1, "CREATE TABLE t (at timestamptz NOT NULL);")),
    ],
)  # fmt: skip
def test_another_type_is_the_whole_fix(
    finding: Any, policies: Any, policy: str, name: str, base_type: str, texts: Any, expected: Any
) -> None:
    assert policy in policies
    assert suggestion(_column(finding, policy, name, base_type), _added(*texts)) == expected


@pytest.mark.parametrize(
    "texts",
    [
        ["CREATE TABLE t (details json[]);"],
        ["CREATE TABLE t (details json ARRAY);"],
        ["CREATE TABLE t (details jsonb);"],
        ["CREATE TABLE t (details my_json);"],
        ["CREATE TABLE t (more_details json);"],
        ["CREATE TABLE t (details json); CREATE TABLE u (details json);"],
        ["CREATE TABLE t (details json -- details json", ");"],
        ["ALTER TABLE t ALTER COLUMN details TYPE json;"],
        ["CREATE TABLE t (", "id int);", "CREATE TABLE u (details json);"],
        ["CREATE TABLE t (details json); -- \u202e"],
        [],
    ],
)
def test_what_is_not_surely_the_whole_fix_is_left_to_people(finding: Any, texts: list[str]) -> None:
    assert suggestion(_column(finding, "json-not-jsonb", "details", "json"), _added(*texts)) is None


def test_a_line_that_was_there_before_is_not_rewritten(finding: Any) -> None:
    lines = {1: Line("CREATE TABLE t (details json);", added=False)}
    assert suggestion(_column(finding, "json-not-jsonb", "details", "json"), lines) is None


def test_only_a_new_column_is_rewritten(finding: Any) -> None:
    found = _column(finding, "json-not-jsonb", "details", "json", change="altered")
    assert suggestion(found, _added("CREATE TABLE t (details json);")) is None


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["op.create_table('t',", "    sa.Column('price', sa.Float(), nullable=False),", ")"],
         (2, "    sa.Column('price', sa.Numeric(12, 2), nullable=False),")),
        (['op.add_column("t", sa.Column("price", sa.Float))'],
         (1, 'op.add_column("t", sa.Column("price", sa.Numeric(12, 2)))')),
        (["op.create_table('t',", "    sa.Column('other', sa.Float()),",
          "op.create_table('u',", "    sa.Column('price', sa.Float()),"], None),
        (["op.add_column('t', Column('price', Float()))"], None),
        (["op.add_column('t', sa.Column('price', postgresql.REAL()))"], None),
    ],
)  # fmt: skip
def test_the_same_in_a_revision_of_alembic(
    finding: Any, texts: list[str], expected: tuple[int, str] | None
) -> None:
    found = _column(finding, "float-money", "price", "double precision", file="m/2.py")
    assert suggestion(found, _added(*texts)) == expected


def test_a_fix_is_offered_on_the_line_that_it_changes(
    github: FakeGitHub, client: MakeClient, finding: Any
) -> None:
    patch = "@@ -0,0 +1,3 @@\n+CREATE TABLE t (\n+    details json\n+);"
    github.has_file(_FILE, patch, _HEAD)
    publish_review(client(), 7, _HEAD, [_column(finding, "json-not-jsonb", "details", "json")])
    (said,) = github.line_comments
    assert said["line"] == 2
    assert said["body"].endswith("\n\n```suggestion\n    details jsonb\n```")
    assert "What to write instead" not in said["body"]
