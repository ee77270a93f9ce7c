"""What a source of migrations found to compare."""

from dataclasses import dataclass

from gatekeeper.model.evidence import Failure, Revision


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be compared. `base` and `head` are for people: a commit, a file, working tree.

    With a `failure` nothing of it can run.
    """

    base: str
    head: str
    revisions: tuple[Revision, ...] = ()
    notes: tuple[str, ...] = ()
    failure: Failure | None = None

    @property
    def new_revisions(self) -> tuple[Revision, ...]:
        return tuple(revision for revision in self.revisions if revision.is_new)
