"""JSON Schemas (draft 2020-12) of packs and of gatekeeper.yml: what editors complete and check.

Editors check the shape; conditions and names are checked when policies are loaded.
"""

from collections.abc import Iterable
from typing import Any

from gatekeeper.config import MODES, ROLE_ATTRIBUTES, SERVERS, SEVERITIES
from gatekeeper.config_waivers import WAIVER_KEYS
from gatekeeper.facts.columns import FactTable
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.facts.vocabulary_events import DRIFTS
from gatekeeper.policy.entry import EXAMPLE_KEYS, ID, REQUIRED
from gatekeeper.policy.model import ON_UNKNOWN, Policy

Schema = dict[str, Any]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_OFF = ("off", False)  # how an editor that reads YAML 1.1 sees the word


def _text(description: str, **more: object) -> Schema:
    return {"type": "string", "description": description, **more}


def _word(words: Iterable[object], description: str) -> Schema:
    return {"enum": list(words), "description": description}


def _texts(description: str) -> Schema:
    item = {"type": "string"}
    return {"anyOf": [item, {"type": "array", "items": item}], "description": description}


def _object(properties: Schema, description: str, **more: object) -> Schema:
    return {
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": False,
        "description": description,
        **more,
    }


_PLAIN = {"type": ["string", "number", "boolean", "null"]}
_PARAMS = {"type": "object", "additionalProperties": _PLAIN}
_DRIFTS = {"type": "object", "additionalProperties": {"enum": list(DRIFTS)}}
_EXAMPLE = {
    "name": _text("What the case is."),
    "before": _text("SQL that builds the schema before the migration."),
    "files": {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "Files of the repository, by path. The migration is then a revision in"
        " Python, which is read and not run. An empty text: the base has it, the head does not.",
    },
    "base": {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "Files that the base has, by path, among them its revisions in Python.",
    },
    "drifts": _DRIFTS
    | {
        "description": "Where the models differ from the database after the migration, by the"
        " subject of a table, column, index or constraint. Models are not run."
    },
    "base_drifts": _DRIFTS | {"description": "Where they did before."},
    "migration": _text("The SQL to judge."),
    "finds": _texts("The subjects of the findings; [] for none."),
}
_POLICY: Schema = {
    "id": _text(
        "Names the problem: lower case words joined by hyphens.", pattern=f"^{ID.pattern[:-2]}$"
    ),
    "title": _text("What it finds, in a few words."),
    "severity": _word(SEVERITIES, "error blocks; warning and notice do not."),
    "strict": _word((*SEVERITIES, *_OFF), "The severity under the preset strict."),
    "relaxed": _word((*SEVERITIES, *_OFF), "The severity under the preset relaxed."),
    "default": _word((True, False, "on", "off"), "off: only who names it or its pack gets it."),
    "for": _word(TABLES, "The fact table whose rows are judged."),
    "where": _text("Which rows it is about: an SQL condition on the columns of the table."),
    "require": _text("What must hold of each of those rows."),
    "forbid": _text("What must not hold of any of those rows."),
    "query": _text("A SELECT over fact tables; each row, with a column subject, is a finding."),
    "catalog_query": _text(
        "A SELECT on the scratch database, asked before and after; each new row is a finding."
    ),
    "message": _text("What happened: a template over the columns of the row."),
    "why": _text("Why that matters."),
    "instead": _text("What to write instead, in SQL: a template."),
    "alembic": _text("What to write instead with Alembic, where that differs: a template."),
    "examples": {
        "type": "array",
        "items": _object(
            _EXAMPLE,
            "A case that runs on a real server.",
            required=[k for k in EXAMPLE_KEYS if k in ("name", "migration", "finds")],
        ),
        "description": "At least one that finds something and one that finds nothing.",
    },
    "params": _PARAMS | {"description": "Values with defaults, written :name in conditions."},
    "scope": _texts("Globs on subjects; only what matches one is judged."),
    "mode": _word(MODES, "dry-run: listed, but blocks nothing."),
    "on_unknown": _word(ON_UNKNOWN, "The severity when a fact that it needs is unknown."),
    "approvers": _texts(
        "GitHub users, and teams as org/team. Only an approving review by one of them waives it."
    ),
}


def pack_schema() -> Schema:
    """Give the schema of a pack of policies."""
    policy = _object(
        _POLICY,
        "One policy.",
        required=list(REQUIRED),
        oneOf=[
            {"required": ["for", "require"]},
            {"required": ["for", "forbid"]},
            {"required": ["query"]},
            {"required": ["catalog_query"]},
        ],
        allOf=[_conditions(table) for table in TABLES.values()],
    )
    properties = {
        "pack": _text("The pack's name. Default: the file's."),
        "title": _text("What its policies are about."),
        "default": _POLICY["default"],
        "strict": _word((*SEVERITIES, *_OFF), "The least severity under the preset strict."),
        "relaxed": _word((*SEVERITIES, *_OFF), "The highest severity under the preset relaxed."),
        "policies": {"type": "array", "items": policy},
    }
    return {"$schema": _DRAFT, "title": "A pack of Gatekeeper policies"} | _object(
        properties, "A pack of policies.", required=["policies"]
    )


def _conditions(table: FactTable) -> Schema:
    """Tell an editor which columns the conditions on a table may use."""
    columns = "\n".join(
        f"{c.name} ({c.type}): {c.doc}" + (f" [{', '.join(c.words)}]" if c.words else "")
        for c in table.columns
    )
    description = f"An SQL condition on one {table.row}. Columns:\n{columns}"
    keys = ("where", "require", "forbid")
    return {
        "if": {"properties": {"for": {"const": table.name}}, "required": ["for"]},
        "then": {"properties": {key: {"description": description} for key in keys}},
    }


def config_schema(policies: Iterable[Policy]) -> Schema:
    """Give the schema of gatekeeper.yml; `policies` are those that it may name."""
    properties = {
        "migrations": _object(_MIGRATIONS, "Where migrations are and what they need to load."),
        "database": _object(_DATABASE, "The scratch database."),
        "packs": _texts(
            "A preset (recommended, strict, relaxed, all), shipped packs, files and folders."
        ),
        "policies": {
            "type": ["object", "null"],
            "properties": {p.id: {"description": f"{p.title} ({p.severity})"} for p in policies},
            "additionalProperties": _OVERRIDE,
            "description": "Changes to single policies: a severity, off, or a mapping.",
        },
        "params": _PARAMS | {"description": "For every policy that has the parameter."},
        "data": _DATA,
        "stats": _text("A file that `gatekeeper stats` wrote."),
        "report": _object(
            {"template": _text("A Jinja template of the Markdown report; it extends ours.")},
            "What reports look like.",
        ),
        "waivers": {"type": ["array", "null"], "items": _WAIVER},
    }
    for entry in properties["policies"]["properties"].values():
        entry.update(_OVERRIDE)
    return {"$schema": _DRAFT, "title": "gatekeeper.yml"} | _object(properties, "Configuration.")


_OVERRIDE: Schema = {
    "anyOf": [
        {"enum": [*SEVERITIES, *_OFF]},
        _object(
            {
                "severity": {"enum": [*SEVERITIES, *_OFF]},
                "mode": _POLICY["mode"],
                "params": _PARAMS,
                "approvers": _POLICY["approvers"],
            },
            "Its severity, mode, parameters and approvers.",
        ),
    ]
}
_WAIVER = _object(
    {
        "policy": _text("Id of the policy."),
        "subject": _text("The object as reports name it, or a glob: public.legacy_*."),
        "because": _text("The reason.", minLength=10),
        "until": _text("The last day: 2027-03-01. Without, for good.", format="date"),
        "owner": _text("Who answers for it."),
    },
    "What a policy finds and may be: it is listed, and does not block.",
    required=[k for k in WAIVER_KEYS if k not in ("until", "owner")],
)
_DATA: Schema = {
    "type": ["object", "null"],
    "properties": {"suggest": _word((True, False, "on", "off"), "off: names suggest no class.")},
    "additionalProperties": _object(
        {
            "columns": _texts("Globs: schema.table.column, or table.column in any schema."),
            "readers": _texts("Roles that may read; public means everyone."),
            "writers": _texts("Roles that may write; public means everyone."),
        },
        "A class of columns. The class public lists what is not sensitive.",
    ),
    "description": "Classes of sensitive columns (pii, secret …), and who may read and write them.",
}
_MIGRATIONS = {
    "config": _text("Path of alembic.ini or pyproject.toml, when there are several."),
    "section": _text("The section of alembic.ini. Default: alembic."),
    "python": _text("The application's interpreter. Default: its .venv."),
    "env": {
        "type": ["object", "null"],
        "additionalProperties": {"type": ["string", "number", "boolean"]},
        "description": "Environment variables that env.py needs to load.",
    },
    "x": _texts("Arguments of alembic -x: key=value."),
    "timeout": {"type": "integer", "minimum": 1, "description": "Seconds. Default: 600."},
}
_ROLE = {
    "name": _text("The role."),
    "member_of": _texts("Roles whose member it is; those that do not exist are created."),
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
                    _object(_ROLE, "A role and what it is.", required=["name"])
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
                "dump": _text("An SQL file, as pg_dump --schema-only writes it."),
                "revision": _texts("The revisions that the dump already holds."),
            },
            "additionalProperties": False,
            "required": ["dump"],
        },
    ],
    "description": "Where the history does not start from nothing: metadata (env.py's"
    " target_metadata, as the base has it), or a dump and the revision that it is at.",
}
_DATABASE = {
    "server": _word(
        SERVERS, "embedded: the PostgreSQL that Gatekeeper brings. local: this machine's programs."
    ),
    "baseline": _BASELINE,
    "url": _text("A PostgreSQL server to make scratch databases in. Default: one of our own."),
    "allow_remote": {"type": "boolean", "description": "Allow a server on another machine."},
    "roles": _ROLES,
    "bootstrap": _texts("SQL files to run before the first migration."),
}
