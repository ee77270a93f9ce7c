"""What the base of an Alembic project is made of, and whether what was kept is just that.

The revisions decide, and what they read and import. Of env.py's own imports (the models, as a rule)
probe.py tells only where that code took part: a change of a model must not cost the whole history.
"""

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from gatekeeper.sources.alembic.child import Report
from gatekeeper.sources.alembic.revisions import LoadedPlan, inside
from gatekeeper.sources.base import Made

_MOST_FILES = 20_000
_LARGEST = 10_000_000  # bytes


def made_by(
    done: Report, plan: LoadedPlan, tables: Iterable[tuple[str | None, str]], tree: Path
) -> Made | str:
    """Give what a base is made of after the probe's report of its upgrade; or why nobody knows."""
    if done["started"]:
        return f"a revision ran {done['started']}"
    new = {tree / revision.file for revision in plan.public.new_revisions}
    paths = [path for path in done["made_of"] if Path(path) not in new]
    if len(paths) > _MOST_FILES:
        return f"it is made of more than {_MOST_FILES} files"
    files = {inside(path, tree) or path: _digest(Path(path)) for path in paths}
    if not {name for name in plan.base_files if not Path(name).is_absolute()} <= files.keys():
        return "the interpreter does not tell which files it reads"
    unread = [name for name, digest in files.items() if digest is None]
    if unread:
        return f"{unread[0]} cannot be read"
    known = tuple(sorted((name, digest) for name, digest in files.items() if digest))
    return Made(tuple(sorted(plan.base_ids)), known, plan.tools, tuple(tables))


def difference(made: Made, plan: LoadedPlan, tree: Path) -> str | None:
    """Say what a base in this tree would be made of instead; None: it begins with just that."""
    if not made.revisions or not set(made.revisions) <= set(plan.base_ids):
        return "it has revisions that the base has not"
    if made.tools != plan.tools:
        return "the interpreter or its packages are others"
    for name, digest in made.files:
        if _digest(tree / name) != digest:
            return f"{name} is another"
    return None


def joined(earlier: Made, later: Made) -> Made:
    """Give what a base is made of that went on from an earlier one."""
    return replace(later, files=tuple(sorted({*earlier.files, *later.files})))


def _digest(path: Path) -> str | None:
    try:
        if path.is_dir():
            names = sorted(entry.name for entry in path.iterdir())
            return sha256("\n".join(names).encode(errors="surrogateescape")).hexdigest()
        if path.stat().st_size > _LARGEST:
            return None
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
