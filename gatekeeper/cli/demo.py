"""gatekeeper demo: the whole thing on a small shop."""

import os
import shutil
import sys
from pathlib import Path

import typer

from gatekeeper.cli.output import Format, show
from gatekeeper.cli.session import errors_reported
from gatekeeper.cli.take import Asked, perform
from gatekeeper.errors import GatekeeperError


def demo() -> None:
    """Build a small shop with a bad pull request in a temporary git repository, and review it."""
    with errors_reported():
        import tempfile

        from gatekeeper.config import Config, Migrations
        from gatekeeper.demo import build_shop
        from gatekeeper.report.joint import render_reviews
        from gatekeeper.tree import FolderTree

        if shutil.which("git") is None:
            raise GatekeeperError("git is not installed, or not on the PATH", "Install git.")
        folder = Path(tempfile.mkdtemp(prefix="shop-"))
        try:
            repository = folder / "shop"
            repository.mkdir()
            build_shop(repository)
            here = Path.cwd()
            os.chdir(repository)
            # Our own interpreter: it has alembic and a driver, whatever the caller has activated.
            config = Config(FolderTree(repository), migrations=Migrations(python=sys.executable))
            reviews = perform(config, Asked())
            comment = folder / "comment.md"
            comment.write_text(render_reviews(reviews), "utf-8")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        show(reviews, Format.terminal, None)
        command = (here / sys.argv[0]).resolve()
        lines = (
            "",
            f"The comment for the pull request was written to {comment}",
            f"The shop is in {repository} (branch billing); try:",
            f"  cd {repository}",
            f"  {command} check --python {sys.executable}",
        )
        for line in lines:
            typer.echo(line)
    raise typer.Exit(0)
