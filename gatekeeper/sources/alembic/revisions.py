"""What an Alembic project's revisions are, and what is wrong with them."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from gatekeeper.model.evidence import Failure, Revision, Statement, Upkeep
from gatekeeper.model.plan import Plan
from gatekeeper.sources.alembic.baseline import Start
from gatekeeper.sources.alembic.child import Child, Report
from gatekeeper.sources.alembic.hygiene import read_upkeep
from gatekeeper.sources.alembic.imports import own_imports
from gatekeeper.sources.alembic.locate import Location
from gatekeeper.sources.allowances import python_allowances


@dataclass(frozen=True, slots=True)
class AlembicOptions:
    """What the user may say about an Alembic project; see gatekeeper.yml, `migrations`.

    `config` and `prelude` are paths from the repository's root; `bare`: without the project's
    env.py.
    """

    config: str | None = None
    section: str | None = None
    python: str | None = None
    env: dict[str, str] | None = None
    x: tuple[str, ...] = ()
    timeout: int = 600
    baseline: Start | None = None
    database: str | None = None
    prelude: str | None = None
    bare: bool = False


class LoadedPlan:
    """What prepare() found; the children are there once the revisions are loaded."""

    head_child: Child
    base_child: Child | None = None
    heads: tuple[str, ...] = ()
    base_heads: tuple[str, ...] = ()
    base_ids: Collection[str] = ()
    base_files: Collection[str] = ()
    tools: str = ""
    vanished: tuple[str, ...] = ()
    loaded = False

    def __init__(self, where: Location, public: Plan) -> None:
        self.where = where
        self.public = public


def revision_of(report: Report, tree: Path) -> Revision:
    return Revision(
        id=report["id"],
        file=inside(report["file"], tree) or report["file"],
        parents=tuple(report["parents"]),
        title=report["title"],
        upkeep=Upkeep(follows=tuple(report["follows"]), labels=tuple(report["labels"])),
    )


def statement_of(report: Report, tree: Path) -> Statement:
    """Give a statement as the probe told of it."""
    return Statement(
        number=report["number"],
        sql=report["sql"],
        file=inside(report["file"], tree) or report["file"],
        line=report["line"],
        revision=report["revision"],
        autocommit=report["autocommit"],
    )


def seen_from(revision: Revision, base_ids: set[str], tree: Path) -> Revision:
    """Give a revision of the head with what the base makes of it: is it new, what does it bring."""
    if revision.id in base_ids or Path(revision.file).is_absolute():
        return replace(revision, is_new=revision.id not in base_ids)

    def read(path: str) -> str | None:
        file = tree / path
        return text_of(file) if file.is_file() else None

    text = read(revision.file) or ""
    return replace(
        revision,
        is_new=True,
        upkeep=read_upkeep(revision.upkeep, text),
        imports=own_imports(revision.file, read),
        allowances=python_allowances(text, revision.file),
    )


def heads_of(revisions: list[Revision]) -> tuple[str, ...]:
    parents = {parent for revision in revisions for parent in revision.parents}
    return tuple(sorted(r.id for r in revisions if r.id not in parents))


def matters(path: str, config: str) -> bool:
    """Say whether a changed file could change what the base's history does."""
    return path == config or path.endswith((".py", ".sql"))


def inside(path: str, tree: Path) -> str | None:
    try:
        return str(Path(path).resolve().relative_to(tree.resolve()))
    except ValueError:
        return None


def text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def assumed_notes(names: list[str]) -> list[str]:
    return [f"the setting {name} was missing; a placeholder stood in" for name in names]


def vanished_failure(ids: tuple[str, ...], *, deleted: bool) -> Failure:
    """Say that the base has revisions that the head lacks; if not deleted, they are newer."""
    listed = ", ".join(ids[:5]) + (" …" if len(ids) > 5 else "")  # noqa: PLR2004 - enough to see
    if not deleted:
        return Failure(
            message=f"the base has gone on, and this branch lacks its revisions: {listed}",
            hint="Rebase onto the base or merge it first. Without --base, Gatekeeper compares with"
            " the commit where the branch began.",
        )
    return Failure(
        message=f"the base has revisions that the head no longer has: {listed}",
        hint="A database that ran them cannot go on. Keep merged revisions as they are and add a"
        " new one.",
    )


def not_reached_failure(expected: set[str], found: set[str]) -> Failure:
    def listed(ids: set[str]) -> str:
        return ", ".join(sorted(ids)) or "nothing"

    return Failure(
        message=f"the migrations ran, but the version table holds {listed(found)} instead of"
        f" {listed(expected)}",
        hint="A revision that commits on op.get_bind() ends alembic's own transaction, and the"
        " version is rolled back. Use `with op.get_context().autocommit_block():` instead; or"
        " env.py did not migrate the database it was given.",
    )
