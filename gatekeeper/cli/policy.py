"""gatekeeper policy: listing policies, starting one, testing what they say."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli.options import ConfigFile, ConfigFrom
from gatekeeper.cli.session import (
    errors_reported,
    progress_shown,
    read_config,
    run_directory,
    server_starter,
    write_whole,
)
from gatekeeper.errors import GatekeeperError

if TYPE_CHECKING:
    from gatekeeper.config import Config

policy_app = typer.Typer(help="List policies, start one, test them.", no_args_is_help=True)


@policy_app.command("list")
def list_policies(
    all_: Annotated[bool, typer.Option("--all", help="Also those that are off.")] = False,
    config_file: ConfigFile = None,
    config_from: ConfigFrom = None,
) -> None:
    """List the policies that are on, by pack."""
    with errors_reported():
        from gatekeeper.cli.show import print_grid
        from gatekeeper.policy.load import load_all, load_policies

        active = {p.id: p for p in load_policies(read_config(config_file, config_from))}
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
            write_whole(output, text)


@policy_app.command("new")
def new_policy(
    policy_id: Annotated[
        str,
        typer.Argument(help="The id: lower case words joined by hyphens; it names the problem."),
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--for",
            help="A fact table (`gatekeeper explain tables`), or query or catalog_query for a"
            " SELECT over all facts or on the scratch database.",
        ),
    ] = "columns",
    file: Annotated[
        Path | None,
        typer.Option(
            help="The pack. Default: house.yml in the first folder of packs:, or policies/.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start a policy: write one that works, with examples, to be changed into what you need.

    It is added to the pack, or the pack is made. Beside it stands the JSON Schema that editors
    complete and check by.

    \b
    gatekeeper policy new tables-have-owners --for tables
    """
    with errors_reported():
        from gatekeeper.cli.new_policy import add_policy

        for line in add_policy(read_config(None), policy_id, kind, file):
            typer.echo(line)


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
