"""Options that several commands have, with the one help text of each."""

from pathlib import Path
from typing import Annotated

import typer

AlembicConfig = Annotated[
    str | None,
    typer.Option(
        help="Path of alembic.ini or pyproject.toml, when there are several.", show_default=False
    ),
]
Python = Annotated[
    str | None,
    typer.Option(
        help="The application's interpreter. Default: its .venv, then the activated one.",
        show_default=False,
    ),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        help="A PostgreSQL server to make scratch databases in. Default: one of our own.",
        show_default=False,
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        help="Path of gatekeeper.yml. Default: found from here upwards.", show_default=False
    ),
]
ConfigFrom = Annotated[
    str | None,
    typer.Option(
        metavar="COMMIT",
        help="Read gatekeeper.yml, and every file that it names, from this commit instead of the"
        " working tree. Under GitHub Actions check, snapshot and publish take the base's.",
        show_default=False,
    ),
]
Packs = Annotated[
    list[str] | None,
    typer.Option(
        help="Packs to judge by, instead of the configured ones; may be repeated.",
        show_default=False,
    ),
]
Project = Annotated[
    str | None,
    typer.Option(
        help="The project that is meant, where gatekeeper.yml names several under projects:.",
        show_default=False,
    ),
]
SchemaFiles = Annotated[
    list[Path] | None,
    typer.Option(
        help="Plain SQL: a script, or a folder of them, that builds the schema; may be repeated.",
        show_default=False,
    ),
]
CatalogUrl = Annotated[
    str | None,
    typer.Option(
        help="A PostgreSQL database, of which only the catalog is read.", show_default=False
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
