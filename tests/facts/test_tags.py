"""Tags in comments: which words count, and asking for one."""

import pytest

from gatekeeper.facts.tags import tagged, tags_of


@pytest.mark.parametrize(
    ("comment", "tags"),
    [
        ("@no-fk because the parent is elsewhere", " no-fk "),
        ("Old ids. @no-fk, @PII (see @legacy_2).", " no-fk pii legacy_2 "),
        ("@pii @pii @PII", " pii "),
        ("first\n@no-pk\nlast", " no-pk "),
        ("(@pii)", " pii "),
        ("@pii.", " pii "),
        ("@no-fk: elsewhere", " no-fk "),
        ("@no-fk - elsewhere", " no-fk "),
    ],
)
def test_words_after_an_at_sign_are_tags(comment: str, tags: str) -> None:
    assert tags_of(comment) == tags


@pytest.mark.parametrize(
    "comment",
    [None, "", "no tag", "write to ops@example.com", "a.@b", "@", "@ pii", "@1st", "@@pii", "@-x"],
)
def test_other_at_signs_are_not(comment: str | None) -> None:
    assert tags_of(comment) is None


def test_asking_for_a_tag_is_about_the_whole_word() -> None:
    tags = tags_of("@no-fk @pii-soft")
    assert tagged(tags, "no-fk")
    assert not tagged(tags, "no")
    assert not tagged(tags, "fk")
    assert not tagged(tags, "pii")


def test_case_and_at_sign_do_not_matter_when_asking() -> None:
    assert tagged(tags_of("@No-FK"), "@NO-fk")


def test_nothing_is_tagged_without_a_comment() -> None:
    assert not tagged(tags_of(None), "no-fk")
    assert not tagged(tags_of("plain"), "plain")


def test_no_tag_is_among_none() -> None:
    """A query may ask for a column that is null: SQLite does as it likes with what is ANDed."""
    assert not tagged(tags_of("@no-fk"), None)
    assert not tagged(None, None)
