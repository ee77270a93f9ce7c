"""Images of clusters that are kept between runs: found, checked, thrown away when they are many.

Whoever may write into the folder may decide what a review compares with; it is private to its user.
"""

import contextlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from gatekeeper.scratch.image import Damaged, Header, pack, read_header, unpack

MOST_BYTES = 500_000_000
_SUFFIX = ".cluster"
_ABANDONED = 3600  # seconds after which what nobody finished writing is thrown away


@dataclass(frozen=True, slots=True)
class Kept:
    """An image in the store, and what was said of it when it was kept."""

    path: Path
    about: dict[str, Any]


class Store:
    """Images in a folder, each a file named by the digests of its key and name."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self.folder = folder
        self._most_bytes = most_bytes

    def kept(self, key: str) -> Iterator[Kept]:
        """Give the images of a key, those used last first; what is damaged is thrown away."""
        found = sorted(self.folder.glob(f"{_digest(key)}-*{_SUFFIX}"), key=_used, reverse=True)
        for path in found if self._is_private() else ():
            with self._opened(path) as image:
                header = image and self._header(path, image)
                if header and header.about.get("key") == key:
                    yield Kept(path, header.about)

    def fill(self, kept: Kept, data: Path, user: dict[str, Any]) -> bool:
        """Fill a folder with an image, as a user; False: it is damaged, and thrown away."""
        with self._opened(kept.path) as image:
            if image is None:
                return False
            try:
                header = read_header(image)
                if header.about != kept.about:  # another run wrote it anew meanwhile
                    return False
                unpack(image, header, data, user)
            except (Damaged, OSError):
                self.forget(kept)
                return False
        with contextlib.suppress(OSError):
            os.utime(kept.path)
        return True

    def keep(self, key: str, name: str, about: dict[str, Any], data: Path) -> Kept:
        """Keep the data directory of a stopped cluster.

        Of two with the same key and name one is left. Raises Damaged, OSError; nothing is kept
        then.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._is_private():
            raise Damaged(f"others may write into {self.folder}")
        about = json.loads(json.dumps({**about, "key": key}))  # as it will be read
        descriptor, path = tempfile.mkstemp(dir=self.folder, prefix=".draft-")
        draft, target = Path(path), self.folder / f"{_digest(key)}-{_digest(name)}{_SUFFIX}"
        try:
            with os.fdopen(descriptor, "w+b") as out:
                pack(data, about, out)
            draft.replace(target)
        except BaseException:
            draft.unlink()
            raise
        self._thin_out(target)
        return Kept(target, about)

    def forget(self, kept: Kept) -> None:
        """Throw an image away, but not the one that another run wrote in its place."""
        with self._opened(kept.path) as image:
            header = image and self._header(kept.path, image)
        if header and header.about == kept.about:
            kept.path.unlink(missing_ok=True)

    def sizes(self) -> list[int]:
        """Give the sizes of all images, in bytes."""
        return [path.stat().st_size for path in self.folder.glob(f"*{_SUFFIX}")]

    def _header(self, path: Path, image: IO[bytes]) -> Header | None:
        try:
            return read_header(image)
        except (Damaged, OSError, ValueError):
            path.unlink(missing_ok=True)
            return None

    @contextlib.contextmanager
    def _opened(self, path: Path) -> Iterator[IO[bytes] | None]:
        """Open an image; None where it is gone, or not a file of ours."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            yield None
            return
        with os.fdopen(descriptor, "rb") as image:
            about = os.fstat(descriptor)
            yield image if stat.S_ISREG(about.st_mode) and _is_ours(about) else None

    def _is_private(self) -> bool:
        try:
            return _is_ours(self.folder.stat())
        except OSError:
            return False

    def _thin_out(self, newest: Path) -> None:
        """Throw away what was used longest ago, until the rest is small enough."""
        left = self._most_bytes
        for path in sorted(self.folder.glob(f"*{_SUFFIX}"), key=_used, reverse=True):
            with contextlib.suppress(OSError):  # another run is at it, too
                left -= path.stat().st_size
                if left < 0 and path != newest:
                    path.unlink()
        for path in self.folder.glob(".draft-*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _is_ours(about: os.stat_result) -> bool:
    """Say whether a file or folder is ours, and nobody else may write it."""
    return about.st_uid == os.geteuid() and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
