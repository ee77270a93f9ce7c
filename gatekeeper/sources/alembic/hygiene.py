"""How the revisions of the head stand to those of the base, and what a chain that breaks is told.

What alembic says of the head's revisions is taken as it is; of what alembic does not load (the tip
of the base branch, a chain that it refuses) the text of the files says enough.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gatekeeper.errors import SourceError
from gatekeeper.model.evidence import Revision, Upkeep
from gatekeeper.sources.alembic.child import ProbeFailed
from gatekeeper.sources.alembic.hygiene_conditions import conditions
from gatekeeper.sources.alembic.hygiene_graph import Link, broken_chain, heads, second_heads
from gatekeeper.sources.alembic.hygiene_text import (
    BAD_SOURCE,
    RevisionText,
    edited,
    read_header,
)

Read = Callable[[str], str | None]  # the text of a file of the repository, if there is one

_REFUSALS = ("KeyError", "CommandError", "RevisionError", "CycleDetected", "LoopDetected")
_VENDORED = {"node_modules", "site-packages", "venv"}


@dataclass(frozen=True, slots=True)
class Base:
    """The side that the head is compared with.

    `files` are its revisions by id, `text` their texts, and `fork_text` those of the commit where
    the head left it. `ahead` are the revisions that came since, `branch` is where they are; `added`
    are the files that only the head has.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    text: Read = lambda _: None
    fork_text: Read = lambda _: None
    ahead: Mapping[str, Link] = field(default_factory=dict)
    branch: str = ""
    added: frozenset[str] = frozenset()


class BrokenChain(SourceError):
    """Alembic refuses the revisions, and their files say why.

    `wrong` is what of which file, `texts` are the files below the folder of the revisions.
    """

    def __init__(
        self, links: tuple[Link, ...], wrong: Mapping[str, str], texts: Mapping[str, str]
    ) -> None:
        first = min(wrong)
        super().__init__(
            f"the migrations are no chain: {first}: {wrong[first]}",
            "Each revision has an id of its own, and its down_revision names one that is there."
            " Put the down_revision right, or bring the file back that was deleted.",
        )
        self.links = links
        self.wrong = wrong
        self.texts = texts


def upkept(revisions: Iterable[Revision], base: Base, tree: Path) -> tuple[Revision, ...]:
    """Give the head's revisions with what is to be said of them, and those that it deleted."""
    found = {revision.id: revision for revision in revisions}
    files = {r.file for r in found.values() if not Path(r.file).is_absolute()}
    beside = {
        str(path.relative_to(tree))
        for folder in {Path(file).parent for file in files}
        for path in (tree / folder).glob("*.py")
    }

    def read(file: str) -> str | None:
        path = tree / file
        return path.read_text("utf-8", errors="replace") if path.is_file() else None

    return related(found, base, read, beside - files)


def related(
    found: Mapping[str, Revision], base: Base, read: Read, unclaimed: Iterable[str]
) -> tuple[Revision, ...]:
    """Do so by the texts of files; `unclaimed` are those beside them that alembic did not take."""
    links = _links(found.values()) | {k: v for k, v in base.ahead.items() if k not in found}
    known = {name for name in links if name in base.ahead or not found[name].is_new}
    now_heads = heads(_links(found.values()).values())
    second = {each.id: each for each in second_heads(links, known)}
    twice = _twice(unclaimed, read)
    result = []
    for revision in found.values():
        up = replace(revision.upkeep, is_head=revision.id in now_heads)
        if revision.id in second:
            each = second[revision.id]
            behind = base.branch if any(o not in found for o in each.beside) else None
            up = replace(up, beside=each.beside, forks_at=each.forks_at, behind=behind)
        if revision.id in base.files and not revision.is_new:
            up = replace(up, edited=_edited(revision.file, base.files[revision.id], base, read))
        other = twice.get(revision.id)
        if other is not None and (revision.is_new or other in base.added):
            up = replace(up, broken=f"{other} has the same id, {revision.id}")
        if (up.edited or up.broken) and up.line is None:
            header = read_header(read(revision.file) or "")
            up = replace(up, line=header.line if header else None)
        result.append(replace(revision, upkeep=up))
    gone = [
        Revision(id=name, file=file, upkeep=Upkeep(deleted=True))
        for name, file in base.files.items()
        if name not in found and name not in base.ahead
    ]
    return (*result, *sorted(gone, key=lambda r: r.id))


def links_of(texts: Iterable[tuple[str, str]]) -> dict[str, Link]:
    """Give the revisions among (file, text) pairs, by id."""
    return {link.id: link for link in _read_links(texts)}


def explain_refusal(error: ProbeFailed, tree: Path, folder: str) -> BrokenChain | None:
    """Say why alembic refuses the revisions below a folder, where their texts tell."""
    if error.report.get("type") not in _REFUSALS:
        return None
    texts = dict(_python_files(tree.resolve(), folder))
    links = tuple(_read_links(texts.items()))
    wrong = dict(reversed([(f, why) for f, why in broken_chain(links) if _is_meant(error, why)]))
    return BrokenChain(links, wrong, texts) if wrong else None


def _is_meant(error: ProbeFailed, why: str) -> bool:
    """Say whether a fault is what alembic complains of: the folder may hold several chains."""
    is_missing = "no revision has the id" in why
    if error.report["type"] != "KeyError":
        return not is_missing
    name = str(error.report.get("message", "")).strip("'\"")
    return is_missing and f" {name}, " in why


def _python_files(root: Path, folder: str) -> Iterator[tuple[str, str]]:
    for place, folders, names in os.walk(root / folder):
        folders[:] = sorted(n for n in folders if n not in _VENDORED and not n.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if name.endswith(".py") and path.is_file():
                yield str(path.relative_to(root)), path.read_text("utf-8", errors="replace")


def _read_links(texts: Iterable[tuple[str, str]]) -> Iterable[Link]:
    for file, text in texts:
        if "revision" in text and (header := read_header(text)) is not None:
            yield Link(header.id, file, header.follows, header.labels, header.line)


def _links(revisions: Iterable[Revision]) -> dict[str, Link]:
    return {r.id: Link(r.id, r.file, r.upkeep.follows, r.upkeep.labels) for r in revisions}


def _twice(unclaimed: Iterable[str], read: Read) -> dict[str, str]:
    """Give, by id, the files that say to be a revision which alembic took from another file."""
    texts = ((file, read(file) or "") for file in sorted(unclaimed))
    return {link.id: link.file for link in _read_links(texts)}


def _edited(file: str, base_file: str, base: Base, read: Read) -> str | None:
    now, was = read(file), base.text(base_file)
    if now is None or was is None:
        return None
    at_fork = base.fork_text(base_file)
    if at_fork is not None and edited(at_fork, now) is None:
        return None  # it was the base that changed it since
    return edited(was, now)


def read_upkeep(upkeep: Upkeep, text: str) -> Upkeep:
    """Add what the text of a new revision says of it."""
    try:
        revision = RevisionText(text)
    except BAD_SOURCE:
        return upkeep
    header = revision.header()
    return replace(
        upkeep,
        line=header.line if header else None,
        upgrade=revision.does("upgrade"),
        downgrade=revision.does("downgrade"),
        conditions=conditions(revision),
    )


def of_broken(
    links: Iterable[Link],
    wrong: Mapping[str, str],
    texts: Mapping[str, str],
    added: Collection[str],
    deleted: Iterable[Link],
) -> tuple[Revision, ...]:
    """Give the revisions of a chain that alembic refuses; `wrong` says why, by file."""
    found: dict[str, Revision] = {}
    for link in sorted(links, key=lambda each: (each.file not in wrong, each.file)):
        up = Upkeep(link.follows, link.labels, link.line, broken=wrong.get(link.file))
        is_new = link.file in added
        if is_new:
            up = read_upkeep(up, texts[link.file])
        revision = Revision(link.id, link.file, link.follows, is_new, upkeep=up)
        found.setdefault(link.id, revision)
    gone = [Revision(link.id, link.file, upkeep=Upkeep(deleted=True)) for link in deleted]
    return tuple(sorted([*found.values(), *gone], key=lambda revision: revision.id))


def of_texts(base: Mapping[str, str], head: Mapping[str, str]) -> tuple[Revision, ...]:
    """Give the revisions of the head, by the texts of both sides' files; nothing loads them."""
    was, links = links_of(base.items()), tuple(_read_links(head.items()))
    wrong = dict(broken_chain(links))
    if wrong:
        now = {link.id for link in links}
        gone = [link for link in was.values() if link.id not in now]
        return of_broken(links, wrong, head, head.keys() - base.keys(), gone)
    found = {}
    for link in links:
        up = Upkeep(link.follows, link.labels)
        is_new = link.id not in was
        if is_new:
            up = read_upkeep(up, head[link.file])
        found[link.id] = Revision(link.id, link.file, link.follows, is_new, upkeep=up)
    files = {link.id: link.file for link in was.values()}
    return related(found, Base(files, base.get), head.get, ())
