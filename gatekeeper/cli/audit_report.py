"""Reads a schema for `gatekeeper audit`, judges it, and writes its baseline."""

from dataclasses import dataclass, replace
from pathlib import Path

from gatekeeper.audit import Rules, audit, entries, for_catalog_alone, kept
from gatekeeper.baseline import baseline_file, read_baseline, render_baseline
from gatekeeper.cli.session import (
    progress_shown,
    run_directory,
    server_starter,
    today,
    write_whole,
)
from gatekeeper.cli.take import alembic_options
from gatekeeper.config import Config
from gatekeeper.errors import GatekeeperError
from gatekeeper.git import Repository
from gatekeeper.policy.catalog_query import catalog_queries
from gatekeeper.policy.load import load_policies
from gatekeeper.policy.model import Policy
from gatekeeper.policy.waivers import file_waivers, of_project
from gatekeeper.report.audit import Audit
from gatekeeper.report.view import counted
from gatekeeper.sources.sides import (
    Commit,
    Scripts,
    Server,
    Side,
    SideReader,
    SideSchema,
    find_side,
    working_tree,
)
from gatekeeper.sources.sql_files import bootstrap_scripts
from gatekeeper.stats import read_statistics


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says."""

    schema: tuple[Path, ...]
    url: str | None
    head: str | None
    packs: bool
    fail_on: str
    write: bool
    prune: bool
    database_url: str | None
    quiet: bool


def perform(config: Config, asked: Asked) -> Audit | str:
    """Audit what is asked for. With --write-baseline: write it, and give what to say."""
    policies = load_policies(config)
    side = _side(asked)
    left_out: tuple[Policy, ...] = ()
    if isinstance(side, Server):
        policies, left_out = for_catalog_alone(policies)
    statistics = read_statistics(config.tree, config.stats) if config.stats else None
    rules = Rules(
        policies,
        # Of plain SQL and of a database nobody knows the project.
        of_project(file_waivers(config.waivers), config.project),
        today(),
        read_baseline(config.tree, config.project),
        asked.fail_on,
        config.data,
        statistics.rows if statistics else {},
    )
    if asked.prune and rules.known is None:
        raise GatekeeperError(
            f"{config.tree.display(baseline_file(config.project))}: there is no baseline",
            "`gatekeeper audit --write-baseline` writes one.",
        )
    side_schema = _read(config, side, rules, asked)
    notes = _notes(rules, left_out)
    found = audit(side_schema, rules, file=_file(config, asked), notes=notes)
    if asked.write:
        return _write(config, asked, found)
    if asked.prune and found.debt is not None:
        write_whole(
            config.root / baseline_file(config.project),
            render_baseline(kept(found, rules.known or ())),
        )
        return replace(found, debt=replace(found.debt, pruned=True))
    return found


def _side(asked: Asked) -> Side:
    if asked.url is not None:
        side = find_side(asked.url)
        if not isinstance(side, Server):
            raise GatekeeperError(
                "--url is no URL of a PostgreSQL database",
                "It looks like postgresql://user@host:5432/database",
            )
        return side
    if asked.head is not None:
        repository = Repository(Path.cwd())
        commit = repository.commit(asked.head)
        return Commit(f"{asked.head} ({commit[:12]})", repository, commit)
    if not asked.schema:
        return working_tree()
    found = []
    for path in asked.schema:
        scripts = find_side(str(path)) if path.exists() else None
        if not isinstance(scripts, Scripts):
            raise GatekeeperError(f"{path}: there is no such file or folder")
        found.append(scripts)
    return Scripts(
        ", ".join(scripts.name for scripts in found),
        tuple(path for scripts in found for path in scripts.paths),
    )


def _read(config: Config, side: Side, rules: Rules, asked: Asked) -> SideSchema:
    with run_directory() as run, progress_shown(quiet=asked.quiet) as progress:
        reader = SideReader(
            run,
            server_starter(run, config, asked.database_url),
            lambda repository: alembic_options(config, repository.root),
            roles=config.database.roles,
            bootstrap=bootstrap_scripts(config),
            queries=catalog_queries(rules.policies),
            progress=progress,
        )
        try:
            return reader.read(side)
        finally:
            reader.close()


def _notes(rules: Rules, left_out: tuple[Policy, ...]) -> list[str]:
    notes = []
    if left_out:
        names = ", ".join(policy.id for policy in left_out)
        notes.append(f"not judged, because a database in use holds what they would read: {names}")
    judged = {policy.id for policy in (*rules.policies, *left_out)}
    idle = {entry.policy for entry in rules.known or ()} - judged
    if idle:
        names = ", ".join(sorted(idle))
        notes.append(f"the baseline has entries of policies that did not judge: {names}")
    return notes


def _file(config: Config, asked: Asked) -> str:
    """Give the file that stands for the schema where a format takes no finding without one."""
    if asked.schema:
        return str(asked.schema[0])
    known = (config.file, config.migrations.config, "alembic.ini")
    return next((name for name in known if name and Path(name).is_file()), "")


def _write(config: Config, asked: Asked, found: Audit) -> str:
    """Write the baseline anew; entries are kept of policies that only this audit leaves out."""
    known = entries(found)
    others = found.debt.unjudged if found.debt and (asked.packs or asked.url) else ()
    file = baseline_file(config.project)
    write_whole(config.root / file, render_baseline((*known, *others)))
    also = ", and what it says of other policies kept" if others else ""
    return (
        f"{config.tree.display(file)}: {counted(len(known), 'known finding')}{also}. Commit the"
        " file; `gatekeeper audit` says what is new from now on."
    )
