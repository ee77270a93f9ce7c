"""gatekeeper explain, query and policy: looking at what there is, and trying it."""

import textwrap
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gatekeeper.cli.session import (
    errors_reported,
    progress_shown,
    read_config,
    run_directory,
    server_starter,
)
from gatekeeper.config import Config
from gatekeeper.errors import GatekeeperError
from gatekeeper.yaml_reader import did_you_mean

policy_app = typer.Typer(help="List policies and test them.", no_args_is_help=True)


def explain(
    name: Annotated[
        str, typer.Argument(help="A policy, a fact table, or `tables` for all of those.")
    ],
) -> None:
    """Say what a policy finds, why, and what to write instead; or what a fact table holds."""
    with errors_reported():
        from gatekeeper.facts.vocabulary import TABLES

        console = Console(highlight=False)
        if name == "tables":
            for table in TABLES.values():
                console.print(Text.assemble((f"{table.name:14}", "bold"), f"one row a {table.row}"))
            return
        if name in TABLES:
            _explain_table(name, console)
            return
        _explain_policy(name, console)


def _explain_table(name: str, console: Console) -> None:
    from gatekeeper.facts.vocabulary import TABLES

    table = TABLES[name]
    console.print(Text.assemble((name, "bold"), f": one row a {table.row}\n"))
    grid = Table(show_edge=False, box=None, pad_edge=False)
    for heading in ("column", "type", "meaning"):
        grid.add_column(heading)
    for column in table.columns:
        words = f" ({', '.join(column.words)})" if column.words else ""
        unknown = "; null: unknown" if column.null_is_unknown else ""
        grid.add_row(column.name, column.type, f"{column.doc}{words}{unknown}")
    console.print(grid)


def _explain_policy(name: str, console: Console) -> None:
    from gatekeeper.facts.vocabulary import TABLES
    from gatekeeper.policy.load import load_files, load_policies, pack_files, shipped_folder
    from gatekeeper.policy.model import Rule

    configured = {p.id: p for p in load_policies(read_config(None))}
    known = {p.id: p for p in load_files(pack_files(shipped_folder()))} | configured
    policy = known.get(name)
    if policy is None:
        raise GatekeeperError(
            f"there is no policy and no fact table {name!r}{did_you_mean(name, [*known, *TABLES])}",
            "`gatekeeper policy list` shows the policies, `gatekeeper explain tables` the tables.",
        )
    console.print(Text.assemble((policy.id, "bold"), f"  {policy.title}"))
    state = policy.severity if policy.id in configured else "off"
    console.print(Text(f"{state}, pack {policy.pack}, {policy.file}:{policy.line}\n", style="dim"))
    console.print(textwrap.fill(policy.why, 88) + "\n", markup=False)
    if isinstance(policy.judge, Rule):
        rule = policy.judge
        console.print(f"for      {rule.table}", markup=False)
        if rule.where:
            console.print(f"where    {rule.where.source}", markup=False)
        verb = "forbid" if rule.forbids else "require"
        console.print(f"{verb:8} {' and '.join(p.source for p in rule.parts)}\n", markup=False)
    for title, text in (("Instead", policy.instead), ("With Alembic", policy.instead_alembic)):
        if text:
            console.print(Text(title, style="bold"))
            console.print(textwrap.indent(text, "  ") + "\n", markup=False)
    for example in policy.examples:
        found = ", ".join(example.finds) or "nothing"
        console.print(Text.assemble(("Example: ", "bold"), f"{example.name} → finds {found}"))
        console.print(textwrap.indent(example.migration.strip(), "  ") + "\n", markup=False)


def query(
    sql: Annotated[str, typer.Argument(help="A SELECT over the fact tables.")],
    base: Annotated[
        str | None, typer.Option(help="Compare with this commit.", show_default=False)
    ] = None,
    schema: Annotated[
        Path | None,
        typer.Option(help="Plain SQL: the script before the migrations.", show_default=False),
    ] = None,
    migration: Annotated[
        list[Path] | None,
        typer.Option(help="Plain SQL: a migration; may be repeated.", show_default=False),
    ] = None,
) -> None:
    """Run SQL over the facts of a pull request, as policies see them.

    \b
    gatekeeper query "select subject, data_type from columns where change = 'added'"
    """
    with errors_reported():
        import sqlite3

        from gatekeeper.cli.check import perform
        from gatekeeper.facts.store import FactStore

        files = (schema, migration) if schema is not None and migration else None
        outcome = perform(read_config(None), base=base, sql=files)
        if outcome.failure is not None:
            raise GatekeeperError(outcome.failure.message, outcome.failure.hint or "")
        store = FactStore(outcome.facts.head)
        try:
            store.read_only()
            rows = store.select(sql, tables=())
        except sqlite3.Error as error:
            raise GatekeeperError(
                f"SQLite refuses the query: {error}",
                "`gatekeeper explain tables` lists the tables.",
            ) from error
        finally:
            store.close()
        grid = Table(show_edge=False, box=None, pad_edge=False)
        for name in rows[0] if rows else ():
            if not name.startswith("_"):
                grid.add_column(name)
        for row in rows:
            cells = (
                Text("" if v is None else str(v)) for k, v in row.items() if not k.startswith("_")
            )
            grid.add_row(*cells)
        Console(highlight=False).print(grid)


@policy_app.command("list")
def list_policies(
    all_: Annotated[bool, typer.Option("--all", help="Also those that are off.")] = False,
) -> None:
    """List the policies that are on, by pack."""
    with errors_reported():
        from gatekeeper.policy.load import load_files, load_policies, pack_files, shipped_folder

        active = {p.id: p for p in load_policies(read_config(None))}
        shown = dict(active)
        if all_:
            shown = {p.id: p for p in load_files(pack_files(shipped_folder()))} | active
        grid = Table(show_edge=False, box=None, pad_edge=False)
        for heading in ("pack", "policy", "severity", "finds"):
            grid.add_column(heading)
        for policy in sorted(shown.values(), key=lambda p: (p.pack, p.id)):
            severity = policy.severity if policy.id in active else "off"
            grid.add_row(policy.pack, policy.id, severity, policy.title)
        Console(highlight=False).print(grid)


@policy_app.command("test")
def test_policies(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Pack files or folders. Default: all shipped and configured ones.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[str | None, typer.Option(help="Only this policy.", show_default=False)] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            help="A PostgreSQL server to test on. Default: one of our own.", show_default=False
        ),
    ] = None,
) -> None:
    """Run the examples of policies on a real server and compare what they find with what they say.

    Each policy needs an example that finds something and one that finds nothing.
    """
    with errors_reported():
        from gatekeeper.examples import run_examples
        from gatekeeper.policy.load import check_examples, load_files

        config = read_config(None)
        policies = load_files(_test_files(paths, config))
        if only is not None:
            policies = tuple(p for p in policies if p.id == only)
            if not policies:
                raise GatekeeperError(
                    f"there is no policy {only!r}", "`gatekeeper policy list` shows them."
                )
        check_examples(policies)
        failed = count = 0
        console = Console(highlight=False)
        with run_directory() as run, progress_shown(quiet=False) as progress:
            server = server_starter(run, config, database_url)()
            try:
                for result in run_examples(policies, server):
                    count += 1
                    progress(f"{result.policy.id}: {result.example.name}")
                    if result.passed:
                        continue
                    failed += 1
                    console.print(
                        Text.assemble(
                            ("failed ", "bold red"),
                            f"{result.policy.file}:{result.example.line} {result.policy.id}:"
                            f" {result.example.name}\n",
                            f"  {result.error}"
                            if result.error
                            else _difference(result.found, result.example.finds),
                        )
                    )
            finally:
                server.close()
        console.print(f"{len(policies)} policies, {count} examples, {failed} failed", markup=False)
    if failed:
        raise typer.Exit(1)


def _difference(found: tuple[str, ...], expected: tuple[str, ...]) -> str:
    return f"  found {', '.join(found) or 'nothing'}\n  expected {', '.join(expected) or 'nothing'}"


def _test_files(paths: list[Path] | None, config: Config) -> list[Path]:
    from gatekeeper.policy.load import pack_files, shipped_folder

    if not paths:
        folders = [config.root / name for name in config.packs if (config.root / name).exists()]
        paths = [shipped_folder(), *folders]
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise GatekeeperError(f"{path}: there is no such file or folder")
        files += pack_files(path) if path.is_dir() else [path]
    return files
