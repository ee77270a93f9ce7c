"""gatekeeper explain, query and policy: looking at what there is, and trying it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli.session import (
    errors_reported,
    progress_shown,
    read_config,
    run_directory,
    server_starter,
)
from gatekeeper.errors import GatekeeperError

if TYPE_CHECKING:
    from gatekeeper.config import Config

policy_app = typer.Typer(help="List policies and test them.", no_args_is_help=True)


def explain(
    name: Annotated[
        str, typer.Argument(help="A policy, a fact table, or `tables` for all of those.")
    ],
) -> None:
    """Say what a policy finds, why, and what to write instead; or what a fact table holds."""
    with errors_reported():
        from gatekeeper.cli.show import print_policy, print_table, print_tables
        from gatekeeper.facts.vocabulary import TABLES

        if name == "tables":
            print_tables()
        elif name in TABLES:
            print_table(name)
        else:
            from gatekeeper.policy.load import load_all, load_policies
            from gatekeeper.yaml_reader import did_you_mean

            active = {p.id: p for p in load_policies(read_config(None))}
            known = active if name in active else load_all() | active
            if name not in known:
                near = did_you_mean(name, [*known, *TABLES])
                raise GatekeeperError(
                    f"there is no policy and no fact table {name!r}{near}",
                    "`gatekeeper policy list` shows the policies, `gatekeeper explain tables` the"
                    " tables.",
                )
            print_policy(known[name], active=name in active)


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
        from gatekeeper.cli.show import print_grid
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
        names = [name for name in (rows[0] if rows else ()) if not name.startswith("_")]
        print_grid(names, ([row[name] for name in names] for row in rows))


def schema(
    name: Annotated[str, typer.Argument(help="report: what `check --format json` prints.")],
) -> None:
    """Print the JSON Schema of a format."""
    with errors_reported():
        from importlib.resources import files

        if name != "report":
            raise GatekeeperError(f"there is no schema {name!r}", "There is: report")
        typer.echo((files("gatekeeper.report") / "report.schema.json").read_text("utf-8"), nl=False)


@policy_app.command("list")
def list_policies(
    all_: Annotated[bool, typer.Option("--all", help="Also those that are off.")] = False,
) -> None:
    """List the policies that are on, by pack."""
    with errors_reported():
        from gatekeeper.cli.show import print_grid
        from gatekeeper.policy.load import load_all, load_policies

        active = {p.id: p for p in load_policies(read_config(None))}
        shown = (load_all() if all_ else {}) | active
        rows = [
            (p.pack, p.id, p.severity if p.id in active else "off", p.title)
            for p in sorted(shown.values(), key=lambda p: (p.pack, p.id))
        ]
        print_grid(("pack", "policy", "severity", "finds"), rows)


@policy_app.command()
def catalogue(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file.", show_default=False)
    ] = None,
) -> None:
    """Print the shipped policies as one Markdown document."""
    with errors_reported():
        from gatekeeper.policy.load import load_all
        from gatekeeper.report.catalogue import render_catalogue

        text = render_catalogue(load_all().values())
        if output is None:
            typer.echo(text, nl=False)
        else:
            output.write_text(text, "utf-8")


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
        from gatekeeper.cli.show import print_failed_example
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
        with run_directory() as run, progress_shown(quiet=False) as progress:
            server = server_starter(run, config, database_url)()
            try:
                for result in run_examples(policies, server):
                    count += 1
                    progress(f"{result.policy.id}: {result.example.name}")
                    if not result.passed:
                        failed += 1
                        print_failed_example(result)
            finally:
                server.close()
        typer.echo(f"{len(policies)} policies, {count} examples, {failed} failed")
    if failed:
        raise typer.Exit(1)


def _test_files(paths: list[Path] | None, config: "Config") -> list[Path]:
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
