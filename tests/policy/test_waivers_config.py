"""`waivers:` of gatekeeper.yml, and `approvers` of policies: what is read, and what is refused."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gatekeeper.config import Config, load_config
from gatekeeper.config_waivers import FileWaiver, reason_mistake
from gatekeeper.errors import ConfigError
from gatekeeper.policy.config_schema import config_schema
from gatekeeper.policy.jsonschema import pack_schema
from gatekeeper.policy.load import find_policy, load_policies
from gatekeeper.policy.waivers import file_waivers

REASON = "the parent is in another database"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def load(text: str) -> Config:
        (tmp_path / "gatekeeper.yml").write_text(text, "utf-8")
        return load_config(None, tmp_path)

    return load


def _mistakes(run: Any, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        run(text)
    return caught.value.message.splitlines()


def test_all_of_an_entry_is_read(config: Any) -> None:
    loaded = config(
        "waivers:\n"
        "  - policy: missing-foreign-key\n"
        "    subject: public.legacy_*\n"
        f"    because: {REASON}\n"
        "    until: 2027-03-01\n"
        "    owner: data platform\n"
        "  - {policy: column-dropped, subject: 'public.\"Order\".x', because: never filled at all}\n"
    )
    first, second = loaded.waivers
    assert first == FileWaiver(
        "missing-foreign-key", "public.legacy_*", REASON, date(2027, 3, 1), "data platform",
        "gatekeeper.yml", 2,
    )  # fmt: skip
    assert (second.until, second.owner, second.line) == (None, "", 7)
    (waiver, _) = file_waivers(loaded.waivers)
    assert (waiver.kind, waiver.by, waiver.place) == ("file", "data platform", "gatekeeper.yml:2")


@pytest.mark.parametrize(
    ("entry", "mistake"),
    [
        ("{policy: a, because: R}", "the waiver has no subject"),
        ("{}", "the waiver has no policy and no subject and no because"),
        ("text", "expected a mapping (key: value), found 'text'"),
        ("{policy: a, subject: b, because: R, reason: x}", "unknown key 'reason'"),
        ("{policy: a, subject: b, because: R, ownr: x}", "unknown key 'ownr'; did you mean owner?"),
        ("{policy: a, subject: '', because: R}", "the waiver's subject is empty"),
        ("{policy: a, subject: b, because: ''}", "the reason is empty"),
        ("{policy: a, subject: b, because: TODO later}", "'TODO later' is no reason"),
        ("{policy: a, subject: b, because: R, until: soon}", "'soon' is no day; write it as 2027"),
        ("{policy: a, subject: b, because: R, until: 2027-02-30}", "'2027-02-30' is no day"),
        ("{policy: a, subject: b, because: R, until: 20270301}", "'20270301' is no day"),
        ("{policy: a, subject: b, because: [R]}", "expected a text, found a list"),
    ],
)
def test_mistakes_have_their_line(config: Any, entry: str, mistake: str) -> None:
    text = f"# first\nwaivers:\n  - {entry.replace('R', REASON) if ': R' in entry else entry}\n"
    found = _mistakes(config, text)
    assert any(line.startswith(f"gatekeeper.yml:3: {mistake}") for line in found), found


def test_how_long_a_waiver_may_last(config: Any) -> None:
    entry = f"{{policy: column-dropped, subject: a.b.c, because: {REASON}}}"
    loaded = config(f"waivers:\n  - {entry}\nwaiver_days: 180\nprojects: {{a: {{}}, b: {{}}}}\n")
    assert [w.most_days for one in (loaded, *loaded.projects) for w in one.waivers] == [180] * 3
    (waiver,) = file_waivers(loaded.waivers)
    assert (waiver.most_days, loaded.waiver_days) == (180, 180)
    assert config(f"waivers:\n  - {entry}\n").waivers[0].most_days is None


@pytest.mark.parametrize(
    ("value", "mistake"),
    [
        ("0", "expected a whole number from 1 up, found '0'"),
        ("180 days", "expected a whole number from 1 up, found '180 days'"),
        ("99999999999", "99999999999 days are no limit; leave waiver_days out"),
    ],
)
def test_mistakes_in_it(config: Any, value: str, mistake: str) -> None:
    (found,) = _mistakes(config, f"# first\nwaiver_days: {value}\n")
    assert found.startswith(f"gatekeeper.yml:2: {mistake}")


def test_the_same_twice_is_a_mistake(config: Any) -> None:
    entry = f"  - {{policy: column-dropped, subject: a.b.c, because: {REASON}}}\n"
    assert _mistakes(config, f"waivers:\n{entry}{entry}") == [
        "gatekeeper.yml:3: column-dropped is waived for a.b.c in line 2"
    ]


def test_a_policy_that_there_is_not(config: Any) -> None:
    text = (
        "waivers:\n"
        f"  - {{policy: column-droped, subject: a.b.c, because: {REASON}}}\n"
        f"  - {{policy: json-not-jsonb, subject: a.b.c, because: {REASON}}}\n"
        "policies: {json-not-jsonb: off}\n"
    )
    assert _mistakes(lambda t: load_policies(config(t)), text) == [
        "gatekeeper.yml:2: there is no policy 'column-droped'; did you mean column-dropped?"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "...", "-", "todo", "TODO: look into it", "tbd", "FIXME!", "n/a", "N/A", "because",
        "because because", "no reason", "to do it", "ok", "it's fine", "XXX later", "placeholder",
        "Reason here …", "see above", "123456789",
    ],
)  # fmt: skip
def test_what_is_no_reason(text: str) -> None:
    assert reason_mistake(text)


@pytest.mark.parametrize(
    "text",
    [REASON, "see #412 and the runbook", "not used since release 41", "todos were migrated before"],
)
def test_what_is_a_reason(text: str) -> None:
    assert reason_mistake(text) == ""


def test_approvers_of_a_policy(policy: Any) -> None:
    made = policy(for_="tables", require="has_primary_key", approvers='["@ann", acme/dba, ann]')
    assert made.approvers == ("ann", "acme/dba")
    assert policy(for_="tables", require="has_primary_key", approvers="ann").approvers == ("ann",)
    assert policy(for_="tables", require="has_primary_key").approvers == ()


@pytest.mark.parametrize(
    ("value", "mistake"),
    [
        ("[]", "approvers is an empty list, so nobody could waive; name users or org/team"),
        ("", "approvers is an empty list"),
        ("[ann, '']", "'' is no approver: a GitHub user, or a team as org/team"),
        ("[ann lee]", "'ann lee' is no approver"),
        ("[acme/dba/x]", "'acme/dba/x' is no approver"),
        ("[../x]", "'../x' is no approver"),
        ("[ann@example.org]", "'ann@example.org' is no approver"),
    ],
)
def test_who_is_no_approver(mistakes: Any, value: str, mistake: str) -> None:
    (found,) = mistakes(for_="tables", require="has_primary_key", approvers=value)
    assert found.partition(": ")[2].startswith(mistake)


def test_gatekeeper_yml_sets_approvers(config: Any) -> None:
    loaded = config(
        "packs: [recommended, house.yml]\n"
        "policies:\n  column-dropped: {approvers: [acme/dba]}\n  house: {severity: warning}\n"
    )
    (loaded.root / "house.yml").write_text(
        "policies:\n  - {id: house, title: T, severity: error, for: tables, message: M, why: W,\n"
        "     require: has_primary_key, approvers: [ann]}\n"
    )
    chosen = {p.id: p.approvers for p in load_policies(loaded)}
    assert (chosen["column-dropped"], chosen["house"]) == (("acme/dba",), ("ann",))
    assert chosen["table-dropped"] == ()
    found = find_policy(replace(loaded), "column-dropped")
    assert found is not None
    assert found[0].approvers == ("acme/dba",)


def test_an_empty_list_in_gatekeeper_yml_is_a_mistake(config: Any) -> None:
    text = "policies:\n  column-dropped: {approvers: []}\n"
    (found,) = _mistakes(config, text)
    assert found.startswith("gatekeeper.yml:2: approvers is an empty list")


def test_editors_know_the_keys() -> None:
    waiver = {"policy": "a", "subject": "b", "because": REASON}
    is_valid = Draft202012Validator(config_schema([])).is_valid
    assert is_valid({"waivers": [waiver, waiver | {"until": "2027-03-01", "owner": "ann"}]})
    assert not is_valid({"waivers": [waiver | {"ownr": "ann"}]})
    assert not is_valid({"waivers": [{"policy": "a", "subject": "b"}]})
    assert not is_valid({"waivers": [waiver | {"because": "todo"}]})
    assert is_valid({"waiver_days": 180})
    assert not is_valid({"waiver_days": "180 days"})
    assert is_valid({"policies": {"a": {"approvers": ["ann", "acme/dba"]}}})
    assert not is_valid({"policies": {"a": {"approver": ["ann"]}}})
    assert "approvers" in pack_schema()["properties"]["policies"]["items"]["properties"]
