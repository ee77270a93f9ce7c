"""Revisions as a graph: which heads are one too many, and why a chain does not hold."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """A revision in the graph; `line` is that of its down_revision."""

    id: str
    file: str
    follows: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    line: int | None = None

    @property
    def place(self) -> str:
        """Name the folder that it is in."""
        return self.file.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class SecondHead:
    """A head that is one too many: beside which others, and the revision that branches off."""

    id: str
    beside: tuple[str, ...]
    forks_at: str


def heads(links: Iterable[Link]) -> set[str]:
    known = list(links)
    return {link.id for link in known} - {parent for link in known for parent in link.follows}


def second_heads(links: Mapping[str, Link], known: Collection[str]) -> tuple[SecondHead, ...]:
    """Find the heads that are new and that nobody meant; `known` are the base's revisions.

    Each head of the base may have one that continues it. Another one is meant when it begins a
    branch with a label of its own, or a history of its own in a folder of its own.
    """
    before = {above: _ancestors(links, above) for above in heads(links.values())}
    free = heads(link for link in links.values() if link.id in known)
    is_first = not free
    found = []
    for head in sorted(before.keys() - set(known)):
        claimed = before[head] & free
        if claimed or is_first:
            free -= claimed
            is_first = False
            continue
        others = _nearest(head, before)
        if others and not _is_meant(links, head, before):
            fork = _fork(links, before[head], set().union(*(before[o] for o in others)))
            found.append(SecondHead(head, others, fork or head))
    return tuple(found)


def broken_chain(links: Iterable[Link]) -> Iterator[tuple[str, str]]:
    """Give (file, what is wrong) where revisions do not make a chain."""
    by_id: dict[str, Link] = {}
    for link in sorted(links, key=lambda each: each.file):
        if link.id in by_id:
            yield link.file, f"{by_id[link.id].file} has the same id, {link.id}"
        by_id.setdefault(link.id, link)
    for link in by_id.values():
        for parent in link.follows:
            if parent not in by_id:
                yield link.file, f"no revision has the id {parent}, which {link.id} follows"
    for link in by_id.values():
        if any(link.id in _ancestors(by_id, parent) for parent in link.follows if parent in by_id):
            circle = sorted(
                other
                for other in _ancestors(by_id, link.id)
                if link.id in _ancestors(by_id, other) and other != link.id
            )
            way = f"by way of {', '.join(circle)}" if circle else "at once"
            yield link.file, f"{link.id} follows itself, {way}"


def _ancestors(links: Mapping[str, Link], of: str) -> set[str]:
    """Give a revision and all that come before it."""
    found: set[str] = set()
    waiting = [of]
    while waiting:
        name = waiting.pop()
        if name in links and name not in found:
            found.add(name)
            waiting += links[name].follows
    return found


def _nearest(head: str, before: Mapping[str, set[str]]) -> tuple[str, ...]:
    """Name the other heads that have most in common with a head."""
    common = {other: len(before[head] & before[other]) for other in before if other != head}
    most = max(common.values(), default=0)
    return tuple(sorted(other for other, count in common.items() if count == most))


def _is_meant(links: Mapping[str, Link], head: str, before: Mapping[str, set[str]]) -> bool:
    """Say whether a head has a branch label, or a history and a folder, that no other one has."""
    own = before[head].difference(*(before[other] for other in before if other != head))
    if any(links[name].labels for name in own):
        return True
    if own != before[head]:
        return False
    places = {links[name].place for name in own}
    return places.isdisjoint(link.place for link in links.values() if link.id not in own)


def _fork(links: Mapping[str, Link], own: set[str], others: set[str]) -> str | None:
    """Name the revision with which a line leaves the others, or begins."""
    forks = sorted(
        name
        for name in own - others
        if not links[name].follows or any(parent in others for parent in links[name].follows)
    )
    return forks[0] if forks else None
