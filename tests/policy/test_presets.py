"""Which policies are on under which preset, and how severe."""

from pathlib import Path

import pytest

from gatekeeper.config import Config, load_config
from gatekeeper.errors import ConfigError
from gatekeeper.policy.load import find_policy, load_files, load_policies
from gatekeeper.tree import FolderTree

_PACK = """
{top}
policies:
  - id: house
    title: T
    severity: {severity}
    for: tables
    forbid: cascaded
    message: M
    why: W
    {more}
"""


def _severity(
    folder: Path, *packs: str, severity: str = "warning", more: str = "", top: str = ""
) -> str:
    """Give the severity of the one house policy under these packs."""
    (folder / "house.yml").write_text(_PACK.format(severity=severity, more=more, top=top), "utf-8")
    chosen = {
        p.id: p for p in load_policies(Config(FolderTree(folder), packs=(*packs, "house.yml")))
    }
    return chosen["house"].severity if "house" in chosen else "off"


@pytest.mark.parametrize(
    ("preset", "more", "expected"),
    [
        ("recommended", "strict: error", "warning"),
        ("strict", "strict: error", "error"),
        ("strict", "", "warning"),
        ("relaxed", "relaxed: notice", "notice"),
        ("relaxed", "strict: error", "warning"),
        ("all", "strict: error", "warning"),
    ],
)
def test_a_policy_says_its_severity_under_a_preset(
    tmp_path: Path, preset: str, more: str, expected: str
) -> None:
    assert _severity(tmp_path, preset, more=more) == expected


@pytest.mark.parametrize(
    ("preset", "severity", "expected"),
    [
        ("strict", "notice", "warning"),
        ("strict", "error", "error"),
        ("relaxed", "error", "warning"),
        ("relaxed", "notice", "notice"),
    ],
)
def test_a_pack_sets_a_bound(tmp_path: Path, preset: str, severity: str, expected: str) -> None:
    top = "strict: warning\nrelaxed: warning"
    assert _severity(tmp_path, preset, severity=severity, top=top) == expected


def test_what_relaxed_turns_off_is_on_for_who_names_the_pack(tmp_path: Path) -> None:
    assert _severity(tmp_path, "relaxed", more="relaxed: off") == "warning"


def test_relaxed_turns_shipped_policies_off_and_strict_turns_some_on(tmp_path: Path) -> None:
    def ids(preset: str) -> set[str]:
        return {p.id for p in load_policies(Config(FolderTree(tmp_path), packs=(preset,)))}

    assert ids("relaxed") < ids("recommended") < ids("strict") < ids("all")
    assert "column-dropped" in ids("relaxed")
    assert "missing-lock-timeout" in ids("strict") - ids("recommended")


def test_strict_never_judges_more_mildly_and_relaxed_never_more_harshly(tmp_path: Path) -> None:
    rank = ("off", "notice", "warning", "error")

    def severities(preset: str) -> dict[str, int]:
        found = load_policies(Config(FolderTree(tmp_path), packs=(preset,)))
        return {p.id: rank.index(p.severity) for p in found}

    recommended, strict, relaxed = map(severities, ("recommended", "strict", "relaxed"))
    assert all(strict[name] >= severity for name, severity in recommended.items())
    assert all(severity <= recommended[name] for name, severity in relaxed.items())


def test_two_presets_contradict(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="relaxed and strict are both presets"):
        load_policies(Config(FolderTree(tmp_path), packs=("relaxed", "strict")))


@pytest.mark.parametrize(
    "more", ["strict: notice", "relaxed: error", "strict: warning\n    relaxed: error"]
)
def test_presets_cannot_turn_round(tmp_path: Path, more: str) -> None:
    with pytest.raises(ConfigError, match="strict is at least the severity, relaxed at most"):
        _severity(tmp_path, "recommended", more=more)


def test_one_policy_is_found_as_it_is_configured(tmp_path: Path) -> None:
    (tmp_path / "gatekeeper.yml").write_text(
        "packs: [strict]\npolicies: {column-dropped: notice, table-dropped: off}", "utf-8"
    )
    config = load_config(None, tmp_path)
    everything = {p.id: p for p in load_policies(config)}
    for name in ("column-dropped", "missing-lock-timeout", "table-renamed"):
        assert find_policy(config, name) == (everything[name], True)
    for name in ("table-dropped", "identifier-too-long"):
        found = find_policy(config, name)
        assert found is not None
        assert found[0].id == name
        assert not found[1]
    assert find_policy(config, "column-droped") is None


def test_the_whole_pack_need_not_be_right_to_explain_one_policy(tmp_path: Path) -> None:
    path = tmp_path / "house.yml"
    text = _PACK.format(severity="error", more="", top="")
    path.write_text(text + text.partition("policies:")[2].replace("house", "x").replace("T", "\n"))
    with pytest.raises(ConfigError):
        load_files([path])
    found = find_policy(Config(FolderTree(tmp_path), packs=("house.yml",)), "house")
    assert found is not None
    assert found[1]


def test_a_parameter_is_set_for_every_policy_that_has_it(tmp_path: Path) -> None:
    text = "params: {min_rows: 9}\npolicies: {table-rewritten: {params: {min_rows: 5}}}"
    (tmp_path / "gatekeeper.yml").write_text(text, "utf-8")
    config = load_config(None, tmp_path)
    found = {p.id: p.params.get("min_rows") for p in load_policies(config)}
    assert found["blocking-index-build"] == 9
    assert found["table-rewritten"] == 5
    assert found["column-dropped"] is None
    explained = find_policy(config, "blocking-index-build")
    assert explained is not None
    assert explained[0].params["min_rows"] == 9


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            "{min_row: 9}",
            "gatekeeper.yml:1: no policy has a parameter 'min_row'; did you mean min_",
        ),
        ("{min_rows: many}", "the parameter min_rows of blocking-check is a number, not 'many'"),
    ],
)
def test_a_wrong_parameter_is_refused(tmp_path: Path, params: str, message: str) -> None:
    (tmp_path / "gatekeeper.yml").write_text(f"params: {params}", "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_policies(load_config(None, tmp_path))
    assert message in caught.value.message


def test_the_pack_of_a_platform_is_on_for_who_names_it(tmp_path: Path) -> None:
    def ids(*packs: str) -> set[str]:
        return {p.id for p in load_policies(Config(FolderTree(tmp_path), packs=packs))}

    added = ids("recommended", "supabase") - ids("recommended")
    assert "exposed-table-without-row-security" in added
    assert ids("strict").isdisjoint(added)
