"""What the head is compared with: a commit, and its branch, which may have gone on since."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gatekeeper.errors import ConfigError, GitError, SourceError
from gatekeeper.git import Repository
from gatekeeper.model.evidence import Failure
from gatekeeper.model.plan import Plan
from gatekeeper.sources.alembic.hygiene import Base, BrokenChain, links_of, of_broken
from gatekeeper.sources.alembic.hygiene_graph import Link
from gatekeeper.tree import CommitTree

_MOST_BYTES = 1_000_000  # of a revision file that nobody runs


@dataclass(frozen=True, slots=True)
class Compared:
    """The commit that is the base, `label` for people, and the newest commit of its branch."""

    commit: str
    label: str
    branch: str
    tip: str


def find_base(
    repository: Repository, base: str | None, head: str, branch: str | None = None
) -> Compared:
    """Say what to compare with: what the user said, or where the head left the default branch.

    `branch` is that of a `base` which is not its newest commit.
    """
    if not repository.has_commits():
        raise SourceError(
            "the repository has no commit yet, so there is nothing to compare with",
            "Commit the schema you have first; Gatekeeper judges what comes after.",
        )
    if base is not None:
        commit = repository.commit(base)
        named = not commit.startswith(base)
        label = f"{base} ({commit[:12]})" if named else commit[:12]
        return Compared(commit, label, branch or base, repository.commit(branch or base))
    branch = repository.default_branch()
    tip = repository.commit(branch)
    commit = repository.merge_base(tip, head or repository.commit("HEAD"))
    return Compared(commit, f"{branch} ({commit[:12]})", branch, tip)


def side_of_base(
    repository: Repository,
    compared: Compared,
    head: str,
    places: list[str],
    files: Mapping[str, str],
    tree: Path | None,
    added: Iterable[str],
) -> Base:
    """Give the base's side. `files` are its revisions by id, in `tree`, where that was needed.

    What the branch has got since the head left it is read by git, without a checkout.
    """
    fork = _fork(repository, compared, head)

    def text(path: str) -> str | None:
        try:
            return None if tree is None else (tree / path).read_text("utf-8", errors="replace")
        except OSError:
            return None

    forked = CommitTree(repository, fork)
    changed = repository.changed(fork, compared.tip, places) if fork != compared.tip else None
    newer = CommitTree(repository, compared.tip)
    paths = sorted(changed.added | changed.modified) if changed else []
    texts = [(p, _text(newer, p) or "") for p in paths if p.endswith(".py")]
    return Base(
        files=files,
        text=text,
        fork_text=(lambda path: _text(forked, path)) if fork != compared.commit else _nothing,
        ahead=links_of(texts),
        branch=compared.branch,
        added=frozenset(added),
    )


def told(
    plan: Plan, error: BrokenChain, repository: Repository, compared: Compared, head: str
) -> Plan:
    """Give the plan with a broken chain; raises the error if this change did not break it."""
    folders = sorted({link.file.rpartition("/")[0] or "." for link in error.links})
    changed = repository.changed(compared.commit, head, folders)
    was = CommitTree(repository, compared.commit)
    deleted = links_of((file, _text(was, file) or "") for file in changed.deleted)
    for link in error.links:
        deleted.pop(link.id, None)

    def ours(link: Link) -> bool:
        near = {each.file for each in error.links if each.id == link.id}
        return bool(near & changed.all) or any(parent in deleted for parent in link.follows)

    wrong = {x.file: error.wrong[x.file] for x in error.links if x.file in error.wrong and ours(x)}
    if not wrong:
        raise error
    first = min(wrong)
    place = next(link for link in error.links if link.file == first)
    return replace(
        plan,
        revisions=of_broken(error.links, wrong, error.texts, changed.added, deleted.values()),
        failure=Failure(error.message, file=first, line=place.line, hint=error.hint),
    )


def _fork(repository: Repository, compared: Compared, head: str) -> str:
    """Give the commit where the head left the branch of the base."""
    try:
        return repository.merge_base(compared.tip, head or repository.commit("HEAD"))
    except GitError:  # a shallow clone, or two histories
        return compared.commit


def _text(tree: CommitTree, path: str) -> str | None:
    try:
        if tree.kind(path) != "file":
            return None
        (text,) = tree.read(path, most_bytes=_MOST_BYTES)
    except (ConfigError, GitError):  # a link; a clone that lacks what is not checked out
        return None
    return text


def _nothing(_: str) -> str | None:
    return None
