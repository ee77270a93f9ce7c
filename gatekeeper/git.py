"""What we ask of git: revisions, changed files, and the files of a commit in a folder."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.errors import GitError

WORKING_TREE = ""


@dataclass(frozen=True, slots=True)
class ChangedFiles:
    """Paths relative to the repository's root."""

    added: frozenset[str]
    modified: frozenset[str]
    deleted: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        return self.added | self.modified | self.deleted


class Repository:
    """The git repository around a folder."""

    def __init__(self, start: Path) -> None:
        self.start = start
        try:
            self.root = Path(_run(start, "rev-parse", "--show-toplevel").strip())
        except GitError as error:
            raise GitError(
                f"{start} is not in a git repository that git would read: {error.message}",
                "Gatekeeper compares two commits of a repository. For SQL files without one:"
                " gatekeeper check --schema before.sql migration.sql",
            ) from error

    def commit(self, ref: str) -> str:
        """Give the full name of a commit. Raises GitError when there is no such revision."""
        try:
            return self._git(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
            ).strip()
        except GitError as error:
            hint = "git branch -a and git log show what there is."
            if self.is_shallow():
                hint = (
                    "This clone is shallow and lacks older commits: git fetch --unshallow, or"
                    " fetch-depth: 0 for actions/checkout."
                )
            elif "/" in ref:
                hint = f"Is it fetched? git fetch {ref.partition('/')[0]} {ref.partition('/')[2]}"
            raise GitError(f"git knows no revision {ref!r}", hint) from error

    def is_shallow(self) -> bool:
        return self._git("rev-parse", "--is-shallow-repository").strip() == "true"

    def has_commits(self) -> bool:
        try:
            self._git("rev-parse", "--verify", "--quiet", "HEAD")
        except GitError:
            return False
        return True

    def default_branch(self) -> str:
        """Name the branch that pull requests go to. Raises GitError when none can be told."""
        candidates = ["origin/main", "origin/master", "main", "master", "develop", "trunk"]
        try:
            head = self._git("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD").strip()
            candidates.insert(0, head.removeprefix("refs/remotes/"))
        except GitError:
            pass
        for name in candidates:
            try:
                self._git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
            except GitError:
                continue
            return name
        raise GitError(
            "the default branch is unknown: there is no origin/HEAD, main or master",
            "Say what to compare with: --base REF",
        )

    def merge_base(self, one: str, other: str) -> str:
        """Give the newest common ancestor. Raises GitError when there is none here."""
        try:
            return self._git("merge-base", one, other).strip()
        except GitError as error:
            hint = "Say what to compare with: --base REF"
            if self.is_shallow():
                hint = (
                    "This clone is shallow and lacks it: git fetch --unshallow, or"
                    " fetch-depth: 0 for actions/checkout."
                )
            raise GitError(f"{one[:12]} and {other[:12]} have no common commit", hint) from error

    def changed(self, base: str, head: str, paths: Sequence[str]) -> ChangedFiles:
        """Give the files below `paths` that differ between `base` and `head`.

        With head WORKING_TREE uncommitted and untracked files count, ignored ones do not. A rename
        is one file deleted and one added.
        """
        revisions = [base] if head == WORKING_TREE else [base, head]
        out = self._git(
            "diff", "--name-status", "--no-renames", "-z", *revisions, "--", *(paths or ["."])
        )
        words = out.split("\0")[:-1]
        status = dict(zip(words[1::2], words[::2], strict=True))
        if head == WORKING_TREE:
            untracked = self._git(
                "ls-files", "--others", "--exclude-standard", "-z", "--", *(paths or ["."])
            )
            status |= dict.fromkeys(untracked.split("\x00")[:-1], "A")
        by = {letter: frozenset(p for p, s in status.items() if s[0] == letter) for letter in "AD"}
        return ChangedFiles(by["A"], frozenset(status) - by["A"] - by["D"], by["D"])

    def files(self, head: str, name: str) -> list[str]:
        """Find files called `name` anywhere in the tree."""
        if head == WORKING_TREE:
            args = ["ls-files", "--cached", "--others", "--exclude-standard", "-z", "--"]
            out = self._git(*args, name, f"**/{name}", f":(glob)**/{name}")
            found = [p for p in out.split("\0") if p and (self.root / p).is_file()]
        else:
            out = self._git("ls-tree", "-r", "-z", "--name-only", "--full-tree", head)
            found = [p for p in out.split("\0") if p]
        return sorted({p for p in found if p.rpartition("/")[2] == name})

    def check_out(self, commit: str, folder: Path) -> None:
        """Write the files of a commit into an empty folder, leaving the repository as it is.

        An index of its own is used instead of `git worktree`, which would leave a registration
        behind when we are killed.
        """
        environment = {"GIT_INDEX_FILE": str(folder.with_name(folder.name + ".index"))}
        self._git("read-tree", commit, environment=environment)
        self._git("checkout-index", "--all", f"--prefix={folder}{os.sep}", environment=environment)

    def _git(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        return _run(self.root, *arguments, environment=environment)


def _run(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    variables = {
        k: v
        for k, v in os.environ.items()
        if k not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
    }
    variables |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"} | (environment or {})
    try:
        done = subprocess.run(
            ["git", "-c", "core.quotePath=off", *arguments],
            cwd=folder,
            env=variables,
            check=False,
            capture_output=True,
        )
    except FileNotFoundError as error:
        raise GitError("git is not installed, or not on the PATH", "Install git.") from error
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace").strip().splitlines()
        raise GitError(f"git {arguments[0]} failed: {message[0] if message else 'no message'}")
    return done.stdout.decode(errors="surrogateescape")
