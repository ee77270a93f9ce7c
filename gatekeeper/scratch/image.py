"""A stopped cluster's data directory in one file, with a digest of all that is in it.

The first line is the SHA-256 digest of the second, which is JSON: what the writer says of the
image. A tar archive follows, and the digest of all that was before. Archives are made by the
program tar: tarfile takes ten times as long for two thousand small files.
"""

import hashlib
import json
import mmap
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_LONGEST_HEADER = 64_000_000  # bytes
_HEX = 64  # the length of a digest as text
_LEFT_OUT = "./postmaster.opts"  # names folders of the run that is over


class Damaged(Exception):
    """A file is no image, or not the whole of one; or a data directory cannot become one."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an image says of itself; the archive begins at the byte `start`."""

    about: dict[str, Any]
    start: int


def pack(data: Path, about: dict[str, Any], out: IO[bytes]) -> None:
    """Write the data directory of a stopped cluster to a file. Raises OSError, Damaged."""
    if any((data / "pg_tblspc").iterdir()):
        raise Damaged("it has a tablespace, which is elsewhere")
    line = json.dumps(about).encode() + b"\n"
    out.write(_hex(line) + b"\n" + line)
    out.flush()
    arguments = ["-cf", "-", f"--exclude={_LEFT_OUT}", "-C", str(data), "."]
    _tar(arguments, stdin=subprocess.DEVNULL, stdout=out)
    out.seek(0, os.SEEK_END)
    out.write(b"0" * _HEX)
    out.flush()
    out.seek(-_HEX, os.SEEK_END)
    out.write(_digests(out)[0])


def read_header(image: IO[bytes]) -> Header:
    """Read what an image says of itself. Raises Damaged, OSError."""
    digest, line = image.readline(_HEX + 1), image.readline(_LONGEST_HEADER)
    if _hex(line) + b"\n" != digest:
        raise Damaged("its header is not the one that was written")
    about = json.loads(line)
    if not isinstance(about, dict):
        raise Damaged("its header is of another format")
    return Header(about, len(digest) + len(line))


def unpack(image: IO[bytes], header: Header, data: Path, user: dict[str, Any]) -> None:
    """Fill an empty folder. Raises Damaged, OSError; something may be in the folder then.

    `user` is what subprocess needs to know for the files to be somebody else's.
    """
    digest, written = _digests(image)
    if digest != written:
        raise Damaged("its files are not those that were written")
    os.lseek(image.fileno(), header.start, os.SEEK_SET)  # where tar begins to read
    _tar(["-xf", "-", "--no-same-owner", "-C", str(data)], stdin=image, cwd="/", **user)


def _tar(arguments: list[str], **options: Any) -> None:  # noqa: ANN401
    done = subprocess.run(["tar", *arguments], check=False, stderr=subprocess.PIPE, **options)
    if done.returncode != 0:
        raise Damaged(f"tar: {done.stderr.decode(errors='replace').strip()[-300:]}")


def _digests(image: IO[bytes]) -> tuple[bytes, bytes]:
    """Give the digest of a file but for its last bytes, and these, which should be the same.

    All is digested at once: for each part this thread would have to wait for the others.
    """
    with (
        mmap.mmap(image.fileno(), 0, access=mmap.ACCESS_READ) as content,
        memoryview(content) as whole,
        whole[:-_HEX] as before,
    ):
        return _hex(before), content[-_HEX:]


def _hex(content: bytes | memoryview) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
