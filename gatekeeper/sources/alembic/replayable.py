"""Whether the head's code still runs the base's history: a new database is built by it."""

from collections.abc import Iterable
from dataclasses import replace

from gatekeeper.model.evidence import Failure, Revision
from gatekeeper.sources.alembic.child import ProbeFailed
from gatekeeper.sources.base import MigrationFailed

# Names that are gone, in Python. Other exceptions may be about a setting or a service.
_OF_CODE = {
    "AttributeError",
    "FileNotFoundError",
    "ImportError",
    "ModuleNotFoundError",
    "NameError",
    "TypeError",
}
# Connections, deadlocks, resources, shutdown and timeouts, locks, the system, bugs of the server.
_OF_THE_DAY = ("08", "40", "53", "55", "57", "58", "XX")


def not_replayable(error: MigrationFailed) -> Failure | None:
    """Give the failure of the base's history under the head's code, if that code is to blame.

    That the base's own tree runs it remains to be shown.
    """
    failure, cause = error.failure, error.__cause__
    report = cause.report if isinstance(cause, ProbeFailed) else {}
    if failure.revision is None or failure.file is None or report.get("refused"):
        return None
    if failure.sqlstate is not None:
        return None if failure.sqlstate.startswith(_OF_THE_DAY) else failure
    return failure if report.get("type") in _OF_CODE else None


def with_failure(revisions: Iterable[Revision], failure: Failure | None) -> tuple[Revision, ...]:
    """Give the revisions, that of the failure with what happened to it."""
    found = tuple(revisions)
    if failure is None:
        return found
    (said, *_) = failure.message.splitlines() or [""]
    return tuple(
        replace(r, upkeep=replace(r.upkeep, not_replayable=said[:300], line=failure.line))
        if r.id == failure.revision
        else r
        for r in found
    )
