"""What we ask of git: revisions, changed files, and the files of a commit in a folder."""

import hashlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.errors import GitError

WORKING_TREE = ""
_LARGEST_COMMIT = 1_000_000  # bytes

# Names as they are, and no program that the repository's own configuration names: code of a pull
# request that ran in the checkout could have written that.
_SETTINGS = (
    "-c", "core.quotePath=off", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}",
)  # fmt: skip


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

    def parents(self, commit: str) -> tuple[str, ...]:
        """Give the full names of a commit's parents, which a shallow clone need not have.

        `commit` is a full name. Raises GitError when the commit is not here.
        """
        with self.objects() as objects:
            content = objects.read(commit, _LARGEST_COMMIT) or b""
        header = content.partition(b"\n\n")[0].decode(errors="replace").splitlines()
        return tuple(line.removeprefix("parent ") for line in header if line.startswith("parent "))

    def changed(self, base: str, head: str, paths: Sequence[str]) -> ChangedFiles:
        """Give the files below `paths` that differ between `base` and `head`.

        With head WORKING_TREE uncommitted and untracked files count, ignored ones do not. A rename
        is one file deleted and one added.
        """
        revisions = [base] if head == WORKING_TREE else [base, head]
        out = self._git(
            "diff",
            "--name-status",
            "--no-renames",
            "--no-ext-diff",
            "-z",
            *revisions,
            "--",
            *(paths or ["."]),
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
        try:
            self._git("read-tree", commit, environment=environment)
            self._git(
                "checkout-index", "--all", f"--prefix={folder}{os.sep}", environment=environment
            )
        except GitError as error:
            raise self._incomplete(commit, error) from error

    def _incomplete(self, commit: str, error: GitError) -> GitError:
        """Say why the files of a commit cannot be written: mostly a clone without all of them."""
        hint = "An object is missing or damaged; git fsck names them. Clone again, with all of it."
        if self._is_partial():
            hint = (
                "This clone lacks files of it, and its remote does not give them now. Where there"
                " is a network: git fetch --refetch --no-filter; or clone without --filter (for"
                " actions/checkout: no filter:, and fetch-depth: 0)."
            )
        elif self.is_shallow():
            hint = (
                "This clone is shallow and may lack it: git fetch --unshallow, or"
                " fetch-depth: 0 for actions/checkout."
            )
        return GitError(f"the files of commit {commit[:12]} cannot be read: {error.message}", hint)

    def _is_partial(self) -> bool:
        try:
            return bool(self._git("config", "--get-regexp", r"^remote\..*\.promisor$"))
        except GitError:
            return False

    @contextmanager
    def objects(self) -> "Iterator[Objects]":
        """Give a reader of objects; its process starts when it is first asked for one."""
        objects = Objects(self.root)
        try:
            yield objects
        finally:
            objects.close()

    def _git(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        return _run(self.root, *arguments, environment=environment)


class Objects:
    """Reads commits, trees and blobs by their names.

    A name is the hash of the content. Git does not check that on reading, we do: whoever has run
    code in this clone may have written what they like into it, and yet not change what a name
    stands for. For the same reason replacements (`git replace`) do not count.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """End the process, if one was needed."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def read(self, name: str, most_bytes: int) -> bytes | None:
        """Read an object. None: it is larger, and nothing else can be read here afterwards."""
        if self._process is None:
            self._process = _start(self._folder)
        source, sink = self._process.stdout, self._process.stdin
        assert source is not None  # noqa: S101 - both are pipes
        assert sink is not None  # noqa: S101
        try:
            os.write(sink.fileno(), f"{name}\n".encode())
            kind, size = source.readline().split()[1:]
        except (OSError, ValueError) as error:  # git ended, or says that it is missing
            raise GitError(
                f"git cannot read the object {name}",
                "This clone lacks it: clone again, without --filter and with all commits.",
            ) from error
        if int(size) > most_bytes:
            return None
        content = source.read(int(size))
        source.read(1)  # the end of the line
        if _hashed(kind + b" " + size + b"\0" + content, len(name)) != name:
            raise GitError(
                f"the object {name} is not what its name says",
                "This clone is damaged, or somebody changed it by hand: clone again.",
            )
        return content


def _hashed(content: bytes, digits: int) -> str:
    """Give the name of an object, in a repository whose names have so many digits."""
    algorithm = "sha1" if digits == 40 else "sha256"  # noqa: PLR2004 - hexadecimal digits
    return hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()


def _start(folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        ["git", "--no-replace-objects", "cat-file", "--batch"],
        cwd=folder,
        env=_variables(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _variables() -> dict[str, str]:
    """Give the environment that git runs in."""
    elsewhere = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
    kept = {name: value for name, value in os.environ.items() if name not in elsewhere}
    return kept | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def _first_said(lines: Sequence[str]) -> str:
    """Give the line that says why: git's own where a remote's words come before it."""
    fatal = [line for line in lines if line.startswith(("fatal: could not fetch", "error: unable"))]
    return next(iter([*fatal, *lines]), "no message")


def _run(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            ["git", *_SETTINGS, *arguments],
            cwd=folder,
            env=_variables() | (environment or {}),
            check=False,
            capture_output=True,
        )
    except FileNotFoundError as error:
        raise GitError("git is not installed, or not on the PATH", "Install git.") from error
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace").strip().splitlines()
        raise GitError(f"git {arguments[0]} failed: {_first_said(message)}")
    return done.stdout.decode(errors="surrogateescape")
