"""The file of known findings: a line each, read strictly, and merged by git without a conflict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.baseline import FILE, Entry, parse_baseline, read_baseline, render_baseline
from gatekeeper.errors import ConfigError
from gatekeeper.tree import CommitTree, FolderTree

A, B, C = (Entry(f"p{i}", f"public.{i}", f"GK-{i:010}") for i in range(3))


def test_the_same_entries_give_the_same_bytes_with_a_line_each():
    text = render_baseline([C, A, B, A])
    assert text == render_baseline([A, B, C])
    assert text.splitlines() == [
        '{"version": 1, "findings": [',
        *(
            f'{{"policy": "p{i}", "subject": "public.{i}", "fingerprint": "GK-{i:010}"}},'
            for i in range(3)
        ),
        "null]}",
    ]
    assert parse_baseline(render_baseline([]), FILE) == ()


@given(st.lists(st.builds(Entry, *[st.text(min_size=1)] * 3), unique_by=lambda e: e.fingerprint))
def test_what_is_written_is_read_again(entries):
    text = render_baseline(entries)
    assert parse_baseline(text, FILE) == tuple(sorted(entries))
    assert len(text.splitlines()) == len(entries) + 2


def test_a_line_may_stand_twice_and_anywhere():
    first, a, b, c, last = render_baseline([A, B, C]).splitlines()
    assert parse_baseline(f"{first}\n{c}\n{a}\n{b}\n{a}\n{last}", FILE) == (A, B, C)


def test_branches_that_each_add_an_entry_merge(project):
    def known(*entries):
        project.write(FILE, render_baseline(entries))
        project.commit()

    far = [Entry(f"q{i}", "s", f"GK-{i}") for i in range(9)]
    known(*far)
    project.branch()
    known(*far, Entry("z", "last", "GK-z"))
    project.git("checkout", "--quiet", "main")
    known(Entry("a", "first", "GK-a"), *far)
    project.git("merge", "--quiet", "feature")
    merged = read_baseline(FolderTree(project.root))
    assert merged == (Entry("a", "first", "GK-a"), *far, Entry("z", "last", "GK-z"))


def test_it_is_read_from_the_working_tree_or_a_commit(project):
    from gatekeeper.git import Repository

    assert read_baseline(FolderTree(project.root)) is None
    project.write(FILE, render_baseline([A]))
    commit = project.commit()
    project.write(FILE, render_baseline([A, B]))
    repository = Repository(project.root)
    assert read_baseline(FolderTree(project.root)) == (A, B)
    assert read_baseline(CommitTree(repository, commit)) == (A,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "b:1: not valid JSON"),
        ("[" * 100_000, "b:1: not valid JSON"),
        ("[]", "b:1: expected an object with the keys version and findings"),
        ('{"findings": []}', "b:1: it has no version; this Gatekeeper reads version 1"),
        ('{"version": 2, "findings": []}', "b:1: it has version 2"),
        ('{"version": true, "findings": []}', "b:1: it has version True"),
        ('{"version": 1, "findings": [\n{"policy": "p"},\nnull]}', "b:2: entry 1 is no finding"),
        ('{"version": 1, "findings": [\n3\n]}', "b:2: entry 1 is no finding"),
    ],
)
def test_a_file_that_is_none(text, said):
    with pytest.raises(ConfigError) as caught:
        parse_baseline(text, "b")
    assert caught.value.message.startswith(said)
    assert "--write-baseline" in caught.value.hint
