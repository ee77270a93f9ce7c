"""gatekeeper waive: what is found may be, and why."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.cli.options import ConfigFile, Project
from gatekeeper.cli.session import errors_reported, read_config, today, write_whole
from gatekeeper.errors import ConfigError, GatekeeperError

if TYPE_CHECKING:
    from gatekeeper.config import Config


def waive(
    policy: Annotated[str, typer.Argument(help="The policy that finds it.", show_default=False)],
    subject: Annotated[
        str,
        typer.Argument(
            help="The object, as reports name it: public.orders.note; or a glob: public.legacy_*",
            show_default=False,
        ),
    ],
    because: Annotated[str, typer.Option(help="Why this is right here.", show_default=False)],
    until: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="The last day on which it counts: 2027-03-01. Default: for good, where"
            " waiver_days of gatekeeper.yml sets no limit.",
            show_default=False,
        ),
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help="Who answers for it.", show_default=False)
    ] = None,
    project: Project = None,
    config_file: ConfigFile = None,
) -> None:
    """Write a waiver into gatekeeper.yml: what the policy finds of the object does not block.

    Only lines are added; what is in the file stays as it is, comments and all. Without a
    gatekeeper.yml one is made here.

    \b
    gatekeeper waive missing-foreign-key public.orders.legacy_id \\
        --because "the parent lives in another database, see #412" --until 2027-03-01
    """
    with errors_reported():
        entry = {"policy": policy.strip(), "subject": subject.strip(), "because": because.strip()}
        if until is not None:
            entry["until"] = until.strip()
        if owner is not None:
            entry["owner"] = owner.strip()
        config = read_config(config_file)
        if project is not None:
            entry["project"] = config.only(project).project
        _check(config, entry)
        for line in _write(config, entry):
            typer.echo(line)


def _check(config: "Config", entry: dict[str, str]) -> None:
    """Raise GatekeeperError for a waiver that would be wrong, or would not count."""
    from gatekeeper.config_waivers import reason_mistake, too_long

    _check_policy(config, entry["policy"], entry["subject"])
    for key, value in entry.items():
        if not value and key != "because":
            raise GatekeeperError(f"the {key} is empty", "gatekeeper waive --help shows how.")
    if mistake := reason_mistake(entry["because"]):
        raise GatekeeperError(
            f"--because: {mistake}", "Who reads it in a year must see why it was right."
        )
    day = _day(entry["until"]) if "until" in entry else None
    if why := too_long(day, config.waiver_days, today()):
        raise GatekeeperError(
            f"the waiver would not count: {why}", "Give --until that day, or an earlier one."
        )
    same = (entry["policy"], entry["subject"], entry.get("project", ""))
    for waiver in config.waivers:
        if (waiver.policy, waiver.subject, waiver.project) == same:
            until = f" until {waiver.until}" if waiver.until else ""
            raise GatekeeperError(
                f"{waiver.file}:{waiver.line}: {waiver.policy} is waived for"
                f" {waiver.subject}{until} already: {waiver.because}",
                "Change that entry, if its reason still holds.",
            )


def _check_policy(config: "Config", name: str, subject: str) -> None:
    from gatekeeper.policy.load import find_policy, load_all, load_policies
    from gatekeeper.yaml_reader import did_you_mean

    found = find_policy(config, name)
    if found is None:
        known = load_all().keys() | {policy.id for policy in load_policies(config)}
        raise GatekeeperError(
            f"there is no policy {name!r}{did_you_mean(name, known)}",
            "`gatekeeper policy list` shows what there is.",
        )
    policy, is_on = found
    if not is_on:
        raise GatekeeperError(
            f"{name} is off here: it finds nothing that one could waive",
            "packs: and policies: in gatekeeper.yml say what judges.",
        )
    if policy.approvers:
        raise GatekeeperError(
            f"{name} is waived only by an approving review of {', '.join(policy.approvers)}",
            f"The review's text has the line:\ngatekeeper: allow {name} {subject} because …",
        )


def _day(text: str) -> date:
    """Read a day to come. Raises GatekeeperError."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise GatekeeperError(f"--until: {text!r} is no day", "Write it as 2027-03-01.")
    if day < today():
        raise GatekeeperError(
            f"--until: {text} is over, so the waiver would not count", "Give a day to come."
        )
    return day


def _write(config: "Config", entry: dict[str, str]) -> list[str]:
    """Write the file, and give what to say."""
    from gatekeeper.config import FILE_NAMES
    from gatekeeper.config_edit import with_waiver
    from gatekeeper.yaml_reader import read_text

    if config.file is None:
        file, text = FILE_NAMES[0], _new_file(Path.cwd())
    else:
        file, text = config.file, read_text(Path(config.file))
    try:
        edited, line = with_waiver(text, entry)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error.message}", error.hint) from error
    write_whole(Path(file), edited)
    until = f" until {entry['until']}" if "until" in entry else ""
    return [
        f"{file}:{line}: {entry['policy']} is waived for {entry['subject']}{until}.",
        "A pull request is judged by the gatekeeper.yml of its base: merge this first.",
    ]


def _new_file(folder: Path) -> str:
    """Write the JSON Schema of gatekeeper.yml beside it, and give the first line that names it."""
    import json

    from gatekeeper.policy.config_schema import config_schema
    from gatekeeper.policy.load import load_all
    from gatekeeper.policy.new import CONFIG_SCHEMA_FILE

    schema = json.dumps(config_schema(load_all().values()), indent=2) + "\n"
    write_whole(folder / CONFIG_SCHEMA_FILE, schema)
    return f"# yaml-language-server: $schema={CONFIG_SCHEMA_FILE}\n"
