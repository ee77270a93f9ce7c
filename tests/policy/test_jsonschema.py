"""The JSON Schemas that editors use say what the loaders say."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from gatekeeper import config
from gatekeeper.policy.config_schema import config_schema
from gatekeeper.policy.entry import EXAMPLE_KEYS, KEYS
from gatekeeper.policy.jsonschema import pack_schema
from gatekeeper.policy.load import PACK_KEYS, load_all, pack_files, shipped_folder
from gatekeeper.yaml_reader import Node

_PACK = Draft202012Validator(pack_schema())
_CONFIG = Draft202012Validator(config_schema(load_all().values()))
_RULE = {"id": "a", "title": "t", "severity": "error", "message": "m", "why": "w"}


def test_they_are_schemas() -> None:
    Draft202012Validator.check_schema(pack_schema())
    Draft202012Validator.check_schema(config_schema(load_all().values()))


@pytest.mark.parametrize("path", pack_files(shipped_folder()), ids=lambda path: path.name)
def test_every_shipped_pack_is_valid(path: Path) -> None:
    _PACK.validate(yaml.safe_load(path.read_text("utf-8")))


def test_a_policy_has_the_keys_that_the_loader_knows() -> None:
    policy = pack_schema()["properties"]["policies"]["items"]
    assert set(policy["properties"]) == set(KEYS)
    assert set(policy["properties"]["examples"]["items"]["properties"]) == set(EXAMPLE_KEYS)
    assert set(pack_schema()["properties"]) == set(PACK_KEYS)


def test_the_configuration_has_the_keys_that_the_loader_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[set[str]] = []
    mapping = Node.mapping

    def spy(self: Node, names: Any = None, **options: Any) -> Any:
        known.append(set(names or ()))
        return mapping(self, names, **options)

    monkeypatch.setattr(Node, "mapping", spy)
    path = tmp_path / "gatekeeper.yml"
    path.write_text("migrations: {}\ndatabase: {}\npolicies: {x: {}}\ndata: {x: {}}\n", "utf-8")
    config.load_config(path, tmp_path)
    properties = config_schema([])["properties"]
    override = properties["policies"]["additionalProperties"]["anyOf"][1]
    assert [names for names in known if names] == [
        set(properties),
        set(properties["migrations"]["properties"]),
        set(properties["database"]["properties"]),
        set(override["properties"]),
        set(properties["data"]["additionalProperties"]["properties"]),
    ]


@pytest.mark.parametrize(
    "policy",
    [
        {**_RULE, "for": "columns"},
        {**_RULE, "for": "colums", "forbid": "x"},
        {**_RULE, "for": "columns", "forbid": "x", "require": "y"},
        {**_RULE, "query": "select", "catalog_query": "select"},
        {**_RULE, "query": "select", "severity": "off"},
        {**_RULE, "query": "select", "id": "Not An Id"},
        {**_RULE, "query": "select", "surprise": 1},
        {k: v for k, v in {**_RULE, "query": "select"}.items() if k != "why"},
    ],
)
def test_a_wrong_policy_is_marked(policy: dict[str, Any]) -> None:
    assert not _PACK.is_valid({"policies": [policy]})


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("{}", True),
        ("packs: strict", True),
        ("policies: {column-dropped: off, house: {severity: warning, params: {a: 1}}}", True),
        ("policies: {column-dropped: fatal}", False),
        ("migration: {}", False),
        ("migrations: {timeout: 0}", False),
        ("database: {roles: [a, {}]}", False),
        ("database: {roles: [a, {name: b, member_of: a, attributes: [login]}]}", True),
        ("database: {roles: [{name: b, attributes: [king]}]}", False),
        ("data: {pii: {columns: ['*.*.email'], readers: billing}, suggest: off}", True),
        ("data: {pii: {columns: ['*.*.email'], reader: billing}}", False),
        ("data: {pii: ['*.*.email']}", False),
    ],
)
def test_a_configuration(text: str, *, valid: bool) -> None:
    assert _CONFIG.is_valid(yaml.safe_load(text)) == valid
