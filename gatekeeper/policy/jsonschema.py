"""The JSON Schema (draft 2020-12) of packs, and what that of gatekeeper.yml is made of as well.

Editors check the shape; conditions and names are checked when policies are loaded.
"""

from collections.abc import Iterable
from typing import Any

from gatekeeper.config import MODES, SEVERITIES
from gatekeeper.facts.columns import FactTable
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.facts.vocabulary_events import DRIFTS
from gatekeeper.policy.about import EVENTS
from gatekeeper.policy.covers import GROUP
from gatekeeper.policy.entry import EXAMPLE_KEYS, ID, REQUIRED
from gatekeeper.policy.model import ON_UNKNOWN

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
OFF = ("off", False)  # how an editor that reads YAML 1.1 sees the word


def text(description: str, **more: object) -> Schema:
    return {"type": "string", "description": description, **more}


def word(words: Iterable[object], description: str) -> Schema:
    return {"enum": list(words), "description": description}


def texts(description: str) -> Schema:
    item = {"type": "string"}
    return {"anyOf": [item, {"type": "array", "items": item}], "description": description}


def object_of(properties: Schema, description: str, **more: object) -> Schema:
    return {
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": False,
        "description": description,
        **more,
    }


_PLAIN = {"type": ["string", "number", "boolean", "null"]}
PARAMS = {"type": "object", "additionalProperties": _PLAIN}
_DRIFTS = {"type": "object", "additionalProperties": {"enum": list(DRIFTS)}}
_EXAMPLE = {
    "name": text("What the case is."),
    "before": text("SQL that builds the schema before the migration."),
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
    "migration": text("The SQL to judge."),
    "downgrade": text("SQL that undoes the migration, which then runs a second time."),
    "not_replayable": {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "What happens to revisions of the base under the head's code, by id.",
    },
    "finds": texts("The subjects of the findings; [] for none."),
}
POLICY: Schema = {
    "id": text(
        "Names the problem: lower case words joined by hyphens.", pattern=f"^{ID.pattern[:-2]}$"
    ),
    "title": text("What it finds, in a few words."),
    "severity": word(SEVERITIES, "error blocks; warning and notice do not."),
    "strict": word((*SEVERITIES, *OFF), "The severity under the preset strict."),
    "relaxed": word((*SEVERITIES, *OFF), "The severity under the preset relaxed."),
    "default": word((True, False, "on", "off"), "off: only who names it or its pack gets it."),
    "for": word(TABLES, "The fact table whose rows are judged."),
    "where": text("Which rows it is about: an SQL condition on the columns of the table."),
    "require": text("What must hold of each of those rows."),
    "forbid": text("What must not hold of any of those rows."),
    "query": text("A SELECT over fact tables; each row, with a column subject, is a finding."),
    "catalog_query": text(
        "A SELECT on the scratch database, asked before and after; each new row is a finding."
    ),
    "message": text("What happened: a template over the columns of the row."),
    "why": text("Why that matters."),
    "instead": text("What to write instead, in SQL: a template."),
    "alembic": text("What to write instead with Alembic, where that differs: a template."),
    "examples": {
        "type": "array",
        "items": object_of(
            _EXAMPLE,
            "A case that runs on a real server.",
            required=[k for k in EXAMPLE_KEYS if k in ("name", "migration", "finds")],
        ),
        "description": "At least one that finds something and one that finds nothing.",
    },
    "params": PARAMS | {"description": "Values with defaults, written :name in conditions."},
    "scope": texts("Globs on subjects; only what matches one is judged."),
    "mode": word(MODES, "dry-run: listed, but blocks nothing."),
    "on_unknown": word(ON_UNKNOWN, "The severity when a fact that it needs is unknown."),
    "coverage": {
        "anyOf": [
            {"type": "string", "pattern": f"^{GROUP.pattern[:-2]}$"},
            object_of(
                {
                    "group": text("The group.", pattern=f"^{GROUP.pattern[:-2]}$"),
                    "for": word(sorted(set(TABLES) - EVENTS), "The fact table that is counted."),
                    "where": text("Which of its rows are."),
                    "require": text("Which of those are covered. Default: what it does not find."),
                },
                "What is counted.",
                required=["group", "for"],
            ),
        ],
        "description": "The group of the schema coverage that counts what satisfies this policy.",
    },
    "approvers": texts(
        "GitHub users, and teams as org/team. Only an approving review by one of them waives it."
    ),
}


def pack_schema() -> Schema:
    """Give the schema of a pack of policies."""
    policy = object_of(
        POLICY,
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
        "pack": text("The pack's name. Default: the file's."),
        "title": text("What its policies are about."),
        "default": POLICY["default"],
        "strict": word((*SEVERITIES, *OFF), "The least severity under the preset strict."),
        "relaxed": word((*SEVERITIES, *OFF), "The highest severity under the preset relaxed."),
        "policies": {"type": "array", "items": policy},
    }
    return {"$schema": DRAFT, "title": "A pack of Gatekeeper policies"} | object_of(
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
