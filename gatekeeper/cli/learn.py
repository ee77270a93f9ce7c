"""gatekeeper explain, query and schema: looking at what there is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli.options import Project
from gatekeeper.cli.session import (
    errors_reported,
    read_config,
)
from gatekeeper.errors import GatekeeperError

if TYPE_CHECKING:
    from gatekeeper.config import Config


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
            from gatekeeper.policy.load import find_policy

            config = read_config(None)
            found = find_policy(config, name)
            if found is None:
                raise _unknown(name, config)
            print_policy(found[0], active=found[1])


def _unknown(name: str, config: "Config") -> GatekeeperError:
    from gatekeeper.facts.vocabulary import TABLES
    from gatekeeper.policy.load import load_all, load_policies
    from gatekeeper.yaml_reader import did_you_mean

    known = {*load_all(), *(p.id for p in load_policies(config))}
    return GatekeeperError(
        f"there is no policy and no fact table {name!r}{did_you_mean(name, [*known, *TABLES])}",
        "`gatekeeper policy list` shows the policies, `gatekeeper explain tables` the tables.",
    )


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
    project: Project = None,
) -> None:
    """Run SQL over the facts of a pull request, as policies see them.

    \b
    gatekeeper query "select subject, data_type from columns where change = 'added'"
    """
    with errors_reported():
        import sqlite3

        from gatekeeper.cli.show import print_grid
        from gatekeeper.cli.take import Asked, perform
        from gatekeeper.facts.store import FactStore

        files = (schema, migration) if schema is not None and migration else None
        config = read_config(None)
        one = config if files is not None and project is None else config.only(project)
        (outcome,) = perform(one, Asked(base=base, sql=files)).parts
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
    name: Annotated[
        str,
        typer.Argument(
            help="report: what `check --format json` prints. reports: the same for several"
            " projects. diff, access, dry-run, audit, coverage: what these print with --format"
            " json. policies: a pack. config: gatekeeper.yml."
        ),
    ],
) -> None:
    """Print the JSON Schema of a format."""
    with errors_reported():
        import json

        from gatekeeper.policy.config_schema import config_schema
        from gatekeeper.policy.jsonschema import pack_schema
        from gatekeeper.policy.load import load_all
        from gatekeeper.report.json import several_schema
        from gatekeeper.yaml_reader import did_you_mean

        made = {
            "report": lambda: _packaged("report.schema.json"),
            "reports": lambda: (
                json.dumps(several_schema(json.loads(_packaged("report.schema.json"))), indent=2)
                + "\n"
            ),
            "diff": lambda: _packaged("diff.schema.json"),
            "access": lambda: _packaged("access.schema.json"),
            "dry-run": lambda: _packaged("dry-run.schema.json"),
            "audit": lambda: _packaged("audit.schema.json"),
            "coverage": lambda: _packaged("coverage.schema.json"),
            "policies": lambda: json.dumps(pack_schema(), indent=2) + "\n",
            "config": lambda: json.dumps(config_schema(load_all().values()), indent=2) + "\n",
        }
        if name not in made:
            raise GatekeeperError(
                f"there is no schema {name!r}{did_you_mean(name, made)}",
                f"There are: {', '.join(made)}",
            )
        typer.echo(made[name](), nl=False)


def _packaged(name: str) -> str:
    from importlib.resources import files

    return (files("gatekeeper.report") / name).read_text("utf-8")
