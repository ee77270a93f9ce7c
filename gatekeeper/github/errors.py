"""What may go wrong in publishing."""

from gatekeeper.errors import GatekeeperError


class PublishError(GatekeeperError):
    """Something could not be published. It never changes the verdict.

    `status` is the one of GitHub's answer, if it gave one.
    """

    def __init__(self, message: str, hint: str = "", *, status: int = 0) -> None:
        super().__init__(message, hint)
        self.status = status


class UnsureError(PublishError):
    """The answer to a write was lost: GitHub may have carried it out, or not."""
