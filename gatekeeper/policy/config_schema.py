"""The JSON Schema (draft 2020-12) of gatekeeper.yml: what editors complete and check."""

from collections.abc import Iterable

from gatekeeper.config import ENV_PYS, PROJECT_KEYS, SEVERITIES
from gatekeeper.config_database import ROLE_ATTRIBUTES, SERVERS
from gatekeeper.config_waivers import MOST_WAIVER_DAYS, WAIVER_KEYS
from gatekeeper.policy.jsonschema import (
    DRAFT,
    OFF,
    PARAMS,
    POLICY,
    Schema,
    object_of,
    text,
    texts,
    word,
)
from gatekeeper.policy.model import Policy


def config_schema(policies: Iterable[Policy]) -> Schema:
    """Give the schema of gatekeeper.yml; `policies` are those that it may name."""
    properties = {
        "migrations": object_of(_MIGRATIONS, "Where migrations are and what they need to load."),
        "database": object_of(_DATABASE, "The scratch database."),
        "packs": texts(
            "A preset (recommended, strict, relaxed, all), shipped packs, files and folders."
        ),
        "policies": {
            "type": ["object", "null"],
            "properties": {p.id: {"description": f"{p.title} ({p.severity})"} for p in policies},
            "additionalProperties": _OVERRIDE,
            "description": "Changes to single policies: a severity, off, or a mapping.",
        },
        "params": PARAMS | {"description": "For every policy that has the parameter."},
        "data": _DATA,
        "stats": text("A file that `gatekeeper stats` wrote."),
        "report": object_of(
            {"template": text("A Jinja template of the Markdown report; it extends ours.")},
            "What reports look like.",
        ),
        "waivers": {"type": ["array", "null"], "items": _WAIVER},
        "waiver_days": {
            "type": "integer",
            "minimum": 1,
            "maximum": MOST_WAIVER_DAYS,
            "description": "The most days from today to the until of a waiver; one that lasts"
            " longer does not count. Default: no limit.",
        },
        "coverage": object_of(_COVERAGE, "The least schema coverage, in percent."),
    }
    properties["projects"] = {
        "type": ["object", "null"],
        "additionalProperties": object_of(
            {key: properties[key] for key in PROJECT_KEYS},
            "One project; what it does not say is as above.",
        ),
        "description": "Several projects of one repository, by name, each with a database of its"
        " own: one verdict each, one comment.",
    }
    for entry in properties["policies"]["properties"].values():
        entry.update(_OVERRIDE)
    return {"$schema": DRAFT, "title": "gatekeeper.yml"} | object_of(properties, "Configuration.")


_OVERRIDE: Schema = {
    "anyOf": [
        {"enum": [*SEVERITIES, *OFF]},
        object_of(
            {
                "severity": {"enum": [*SEVERITIES, *OFF]},
                "mode": POLICY["mode"],
                "params": PARAMS,
                "approvers": POLICY["approvers"],
            },
            "Its severity, mode, parameters and approvers.",
        ),
    ]
}
_WAIVER = object_of(
    {
        "policy": text("Id of the policy."),
        "subject": text("The object as reports name it, or a glob: public.legacy_*."),
        "because": text("The reason.", minLength=10),
        "until": text("The last day: 2027-03-01. Without, for good.", format="date"),
        "owner": text("Who answers for it."),
        "project": text("The project that is meant. Without: all."),
    },
    "What a policy finds and may be: it is listed, and does not block.",
    required=[k for k in WAIVER_KEYS if k not in ("until", "owner", "project")],
)
_PERCENT: Schema = {"type": "integer", "minimum": 0, "maximum": 100}
_COVERAGE = {
    "minimum_patch": _PERCENT | {"description": "Of what a pull request touches."},
    "minimum": _PERCENT
    | {"description": "Of the whole schema: no pull request may lower it below that."},
}
_DATA: Schema = {
    "type": ["object", "null"],
    "properties": {"suggest": word((True, False, "on", "off"), "off: names suggest no class.")},
    "additionalProperties": object_of(
        {
            "columns": texts("Globs: schema.table.column, or table.column in any schema."),
            "readers": texts("Roles that may read; public means everyone."),
            "writers": texts("Roles that may write; public means everyone."),
        },
        "A class of columns. The class public lists what is not sensitive.",
    ),
    "description": "Classes of sensitive columns (pii, secret …), and who may read and write them.",
}
_MIGRATIONS = {
    "config": text("Path of alembic.ini or pyproject.toml, when there are several."),
    "section": text("The section of alembic.ini. Default: alembic."),
    "python": text("The application's interpreter. Default: its .venv."),
    "env": {
        "type": ["object", "null"],
        "additionalProperties": {"type": ["string", "number", "boolean"]},
        "description": "Environment variables that env.py needs to load.",
    },
    "x": texts("Arguments of alembic -x: key=value."),
    "timeout": {"type": "integer", "minimum": 1, "description": "Seconds. Default: 600."},
    "prelude": text("A Python script to run before env.py and the revisions are loaded."),
    "env_py": word(ENV_PYS, "bare: without the project's env.py, which is not imported then."),
    "database": text("Of several databases that env.py migrates, the one meant: its name."),
}
_ROLE = {
    "name": text("The role."),
    "member_of": texts("Roles whose member it is; those that do not exist are created."),
    "attributes": {
        "anyOf": [
            {"enum": list(ROLE_ATTRIBUTES)},
            {"type": "array", "items": {"enum": list(ROLE_ATTRIBUTES)}},
        ],
        "description": "What else CREATE ROLE is told.",
    },
}
_ROLES = {
    "anyOf": [
        {"type": ["string", "null"]},
        {
            "type": "array",
            "items": {
                "anyOf": [
                    {"type": "string"},
                    object_of(_ROLE, "A role and what it is.", required=["name"])
                    | {"type": "object"},
                ]
            },
        },
    ],
    "description": "Roles that production creates elsewhere: names, or mappings that say more.",
}
_BASELINE = {
    "anyOf": [
        {"const": "metadata"},
        {
            "type": "object",
            "properties": {
                "dump": text("An SQL file, as pg_dump --schema-only writes it."),
                "revision": texts("The revisions that the dump already holds."),
            },
            "additionalProperties": False,
            "required": ["dump"],
        },
    ],
    "description": "Where the history does not start from nothing: metadata (env.py's"
    " target_metadata, as the base has it), or a dump and the revision that it is at.",
}
_DATABASE = {
    "server": word(
        SERVERS, "embedded: the PostgreSQL that Gatekeeper brings. local: this machine's programs."
    ),
    "baseline": _BASELINE,
    "url": text("A PostgreSQL server to make scratch databases in. Default: one of our own."),
    "allow_remote": {"type": "boolean", "description": "Allow a server on another machine."},
    "roles": _ROLES,
    "bootstrap": texts("SQL files to run before the first migration."),
}
