"""Where the files that judge are read from: the working tree, or a commit.

Paths are relative to a folder, with slashes.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Literal, Protocol

from gatekeeper.errors import ConfigError
from gatekeeper.git import Objects, Repository
from gatekeeper.yaml_reader import decoded, read_text, too_large

Kind = Literal["file", "folder"]

_FOLDER = "40000"
_REFUSED = {"120000": "a symbolic link", "160000": "a submodule"}
_MOST_BYTES_OF_A_FOLDER = 20_000_000  # some 500,000 names


class Tree(Protocol):
    """The files below a folder."""

    @property
    def root(self) -> Path:
        """The folder of the working tree that this one is, or is a version of."""
        ...

    def kind(self, path: str) -> Kind | None:
        """Say what there is. None: nothing."""
        ...

    def names(self, folder: str) -> list[str]:
        """Give the names of the files directly in a folder, sorted."""
        ...

    def read(self, *paths: str, most_bytes: int) -> list[str]:
        """Read UTF-8 files. Raises ConfigError for the first that cannot be read."""
        ...

    def display(self, path: str) -> str:
        """Give the name by which messages call a file."""
        ...


@dataclass(frozen=True, slots=True)
class FolderTree:
    """A folder as it is now. Where its symbolic links lead is the user's own business."""

    root: Path

    def kind(self, path: str) -> Kind | None:
        place = self.root / path
        return "folder" if place.is_dir() else "file" if place.is_file() else None

    def names(self, folder: str) -> list[str]:
        return sorted(place.name for place in (self.root / folder).iterdir() if place.is_file())

    def read(self, *paths: str, most_bytes: int) -> list[str]:
        return [read_text(self.root / path, self.display(path), most_bytes) for path in paths]

    def display(self, path: str) -> str:
        place = self.root / path
        try:
            return str(place.absolute().relative_to(Path.cwd()))
        except ValueError:
            return str(place)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a folder of a commit says of a name in it."""

    mode: str
    object: str


class CommitTree:
    """A folder of a commit, `prefix` from the repository's root.

    Nothing leads out of the commit: symbolic links, submodules, absolute paths and those that leave
    the repository are refused with a ConfigError. `commit` is a full name.
    """

    def __init__(self, repository: Repository, commit: str, prefix: str = "") -> None:
        self._repository = repository
        self._commit = commit
        self._prefix = prefix
        self._folders: dict[str, dict[str, _Entry]] = {}  # by object: content that cannot change

    def below(self, prefix: str) -> "CommitTree":
        """Give another folder of the same commit, its path being from the repository's root."""
        other = CommitTree(self._repository, self._commit, prefix)
        other._folders = self._folders
        return other

    def folder(self, path: Path) -> str:
        """Give the path, from the repository's root, of a folder or file of the working tree.

        Links are not followed: they may be the pull request's. Raises ConfigError for what is
        outside.
        """
        place = Path(os.path.normpath(path.absolute()))
        try:
            inside = place.relative_to(self._repository.root).as_posix()
        except ValueError:
            raise ConfigError(
                f"{path} is not in the repository {self._repository.root}",
                "What is read from a commit must be in it.",
            ) from None
        return "" if inside == "." else inside

    @property
    def root(self) -> Path:
        return self._repository.root / self._prefix

    def kind(self, path: str) -> Kind | None:
        with self._repository.objects() as objects:
            entry = self._entry(objects, path)
        if entry is None:
            return None
        return "folder" if entry.mode == _FOLDER else "file"

    def names(self, folder: str) -> list[str]:
        with self._repository.objects() as objects:
            entry = self._entry(objects, folder)
            if entry is None or entry.mode != _FOLDER:
                raise self._missing(folder, "folder")
            entries = self._entries(objects, entry)
        # A link counts as a file, which cannot be read: it must not be overlooked.
        return sorted(name for name, found in entries.items() if found.mode != _FOLDER)

    def read(self, *paths: str, most_bytes: int) -> list[str]:
        with self._repository.objects() as objects:
            return [self._text(objects, path, most_bytes) for path in paths]

    def display(self, path: str) -> str:
        """Give git's own name for a file of a commit: 9f2c1e7a1b2c:policies/house.yml."""
        return f"{self._commit[:12]}:{self._from_root(path)}"

    def _text(self, objects: Objects, path: str, most_bytes: int) -> str:
        entry = self._entry(objects, path)
        if entry is None or entry.mode == _FOLDER:
            raise self._missing(path, "file")
        content = objects.read(entry.object, most_bytes)
        if content is None:
            raise too_large(self.display(path), most_bytes)
        return decoded(content, self.display(path))

    def _entry(self, objects: Objects, path: str) -> _Entry | None:
        entry = self._top(objects)
        on_the_way: list[str] = []
        for name in PurePosixPath(self._from_root(path)).parts:
            if entry.mode != _FOLDER or (found := self._entries(objects, entry).get(name)) is None:
                return None
            entry = found
            on_the_way.append(name)
            if entry.mode in _REFUSED:
                place = f"{self._commit[:12]}:{'/'.join(on_the_way)}"
                raise ConfigError(
                    f"{place} is {_REFUSED[entry.mode]}, which is not followed in a commit",
                    "Commit the file or folder itself.",
                )
        return entry

    def _top(self, objects: Objects) -> _Entry:
        if self._commit not in self._folders:
            content = objects.read(self._commit, _MOST_BYTES_OF_A_FOLDER) or b""
            tree = content.partition(b"\n")[0].removeprefix(b"tree ").decode()
            self._folders[self._commit] = {"": _Entry(_FOLDER, tree)}
        return self._folders[self._commit][""]

    def _entries(self, objects: Objects, folder: _Entry) -> dict[str, _Entry]:
        if folder.object not in self._folders:
            content = objects.read(folder.object, _MOST_BYTES_OF_A_FOLDER)
            if content is None:
                raise too_large(f"a folder of {self._commit[:12]}", _MOST_BYTES_OF_A_FOLDER)
            self._folders[folder.object] = dict(_parsed(content, len(folder.object) // 2))
        return self._folders[folder.object]

    def _from_root(self, path: str) -> str:
        """Give a path from the repository's root. Raises ConfigError when it leads out of it."""
        inside = normpath(PurePosixPath(self._prefix, path))
        if inside.startswith(("/", "../")) or inside == "..":
            raise ConfigError(
                f"{path!r} leads out of the repository",
                "What is read from a commit is in it: give a path relative to gatekeeper.yml.",
            )
        return inside

    def _missing(self, path: str, what: Kind) -> ConfigError:
        return ConfigError(f"{self.display(path)}: there is no such {what} in the commit")


def _parsed(content: bytes, id_length: int) -> Iterator[tuple[str, _Entry]]:
    """Read git's own form of a folder: mode, space, name, NUL, and the name of the object."""
    at = 0
    while at < len(content):
        end = content.index(b"\0", at)
        mode, _, name = content[at:end].partition(b" ")
        at = end + 1 + id_length
        yield os.fsdecode(name), _Entry(mode.decode(), content[end + 1 : at].hex())
