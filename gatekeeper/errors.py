"""Errors that a user can do something about; every one says what is wrong and the way out."""


class GatekeeperError(Exception):
    """Something outside Gatekeeper is not as it must be; the command ends with exit status 2.

    `message` says what is wrong in one sentence or more, `hint` what to do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(GatekeeperError):
    """A configuration or policy file does not say what it must; all its mistakes at once."""


class GitError(GatekeeperError):
    """A git command failed, or a revision does not exist."""


class ScratchError(GatekeeperError):
    """A database server could not be used: ours did not start, one went away, a URL is none."""


class SourceError(GatekeeperError):
    """The migrations could not be found or loaded."""


class Interrupted(BaseException):
    """SIGTERM arrived: unwind and clean up as Ctrl-C does."""
