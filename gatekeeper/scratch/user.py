"""The user that the server runs as, and files that it can read."""

import os
import pwd
import shutil
from pathlib import Path

from gatekeeper.errors import ScratchError


def reachable(path: Path, copies: Path) -> Path:
    """Give `path`, or a copy of it below `copies` where not everybody can read it.

    A copy of hard links costs nothing; symbolic links will not do, PostgreSQL resolves them to
    find its other files.
    """
    if all(p.stat().st_mode & 0o001 for p in (path, *path.parents)):
        return path
    target = copies / path.parent.name / path.name
    # Where a wheel keeps the libraries of its programs, which find them by this very path.
    libraries = path.parent.with_name(f"{path.parent.name}.libs")
    for source in (path, libraries):
        copy = copies / source.relative_to(path.parent.parent)
        if source.is_dir() and not copy.exists():
            shutil.copytree(source, copy, symlinks=True, copy_function=_link_or_copy)
    for folder, _, _ in os.walk(copies):
        Path(folder).chmod(0o755)
    return target


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def server_user() -> pwd.struct_passwd | None:
    """Name the user the server runs as: ourselves, or nobody when we are root.

    PostgreSQL refuses to run as root (manual, section 18.1).
    """
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "postgres", "daemon"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ScratchError(
        "PostgreSQL does not run as root, and there is no user nobody, postgres or daemon",
        "Run gatekeeper as an ordinary user.",
    )
