"""The command line."""

import gc
import sys
import traceback
from typing import Annotated

import typer

from gatekeeper import __version__
from gatekeeper.cli.access import access
from gatekeeper.cli.actions import log_guarded
from gatekeeper.cli.audit import audit
from gatekeeper.cli.check import check
from gatekeeper.cli.coverage import coverage
from gatekeeper.cli.demo import demo
from gatekeeper.cli.diff import diff
from gatekeeper.cli.doctor import doctor
from gatekeeper.cli.dry_run import dry_run
from gatekeeper.cli.init import init
from gatekeeper.cli.judge import judge
from gatekeeper.cli.learn import explain, query, schema
from gatekeeper.cli.policy import policy_app
from gatekeeper.cli.publish import publish
from gatekeeper.cli.snapshot import snapshot
from gatekeeper.cli.stats import stats
from gatekeeper.cli.values import convert_plainly
from gatekeeper.cli.waive import waive

app = typer.Typer(
    name="gatekeeper",
    help="Reviews database migrations: runs them on a throw-away PostgreSQL and judges what"
    " really happened by policies written in YAML.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help starts in half the time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(access)
app.command()(audit)
app.command()(check)
app.command()(coverage)
app.command()(demo)
app.command()(diff)
app.command()(doctor)
app.command()(dry_run)
app.command()(explain)
app.command()(init)
app.command()(judge)
app.command()(publish)
app.command()(query)
app.command()(schema)
app.command()(snapshot)
app.command()(stats)
app.command()(waive)
app.add_typer(policy_app, name="policy")
convert_plainly()


def _version(show: bool) -> None:
    if show:
        typer.echo(f"gatekeeper {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


def collect_seldom() -> None:
    """Let the garbage collector rest: by default a tenth of the time is looking for garbage."""
    gc.set_threshold(100_000, 50, 100)


def run() -> None:
    """Start the command line; a mistake of ours is exit status 2, never taken for a verdict."""
    collect_seldom()
    try:
        app()
    except Exception:  # noqa: BLE001 - the one place; the traceback is what a bug report needs
        with log_guarded():
            traceback.print_exc()
            typer.echo(
                "internal error: this is a mistake in Gatekeeper, not in your migrations. Nothing"
                " was judged. Please report it with the lines above.",
                err=True,
            )
        sys.exit(2)
