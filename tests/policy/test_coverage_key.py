"""The key `coverage:` of a policy, what is counted by it, and `coverage:` of gatekeeper.yml."""

from collections.abc import Sequence
from typing import Any

import pytest

from gatekeeper.config import load_config
from gatekeeper.errors import ConfigError
from gatekeeper.facts.build import Facts
from gatekeeper.policy.coverage import Coverage
from gatekeeper.policy.evaluate import new_findings
from gatekeeper.policy.load import load_policies
from gatekeeper.policy.model import Policy
from gatekeeper.policy.standings import Tally

Rows = Sequence[dict[str, Any]]


def _coverage(policy: Policy, table: str, head: Rows, base: Rows = ()) -> Coverage:
    tally = Tally(has_base=True)
    new_findings(Facts({table: list(base)}, {table: list(head)}), [policy], tally)
    return tally.coverage


def _states(coverage: Coverage) -> dict[str, tuple[bool | None, bool | None, bool]]:
    return {one.subject: (one.was, one.now, one.touched) for one in coverage.standings}


def test_rows_of_a_rule(policy: Any, row: Any) -> None:
    made = policy(
        for_="tables", where="not is_partition", require="has_primary_key", coverage="keys"
    )
    assert made.covers.group == "keys"
    base = [row("tables", n, has_primary_key=n == "a") for n in ("a", "b", "gone")]
    head = [
        row("tables", "a"),  # the key is dropped: the table's own row has no change
        row("tables", "b"),
        row("tables", "new", has_primary_key=True, change="added"),
        row("tables", "part", is_partition=True),
        row("tables", "gone", change="dropped"),
    ]
    assert _states(_coverage(made, "tables", head, base)) == {
        "a": (True, False, True),
        "b": (False, False, False),
        "new": (None, True, True),
        "gone": (False, None, False),
    }


def test_what_is_forbidden_is_not_covered(policy: Any, row: Any) -> None:
    made = policy(for_="tables", forbid="persistence = 'unlogged'", coverage="durability")
    head = [row("tables", "a"), row("tables", "b", persistence="unlogged")]
    assert [one.now for one in _coverage(made, "tables", head).standings] == [True, False]


def test_unknown_is_not_covered_and_what_may_not_be_meant_does_not_count(
    policy: Any, row: Any
) -> None:
    made = policy(for_="tables", require="row_count < 10", coverage="size")
    head = [row("tables", "unknown"), row("tables", "small", row_count=1)]
    assert _states(_coverage(made, "tables", head)) == {
        "small": (None, True, True),
        "unknown": (None, False, True),
    }
    made = policy(for_="tables", where="row_count > 10", require="has_primary_key", coverage="size")
    assert _states(_coverage(made, "tables", head)) == {}


def test_a_query_says_what_it_is_about(policy: Any, row: Any) -> None:
    made = policy(
        query="select * from columns where base_type = 'json'",
        coverage="{group: types, for: columns, where: base_type like 'json%'}",
    )
    head = [row("columns", f"t.{n}", base_type=n) for n in ("json", "jsonb", "text")]
    assert _states(_coverage(made, "columns", head)) == {
        "t.json": (None, False, True),
        "t.jsonb": (None, True, True),
    }


def test_a_policy_about_what_is_new_has_a_condition_of_its_own(policy: Any, row: Any) -> None:
    made = policy(
        query="select * from tables where table_is_new and comment is null",
        coverage="{group: documentation, for: tables, require: comment is not null}",
    )
    base = [row("tables", "old"), row("tables", "said", comment="x")]
    assert _states(_coverage(made, "tables", base, base)) == {
        "old": (False, False, False),
        "said": (True, True, False),
    }


def test_scope_and_parameters_hold(policy: Any, row: Any) -> None:
    made = policy(
        for_="columns",
        where="matches(column_name, :names)",
        require="not is_nullable",
        params="{names: ^a}",
        scope="'public.*'",
        coverage="keys",
    )
    head = [row("columns", n, column_name=n[-1]) for n in ("public.t.a", "public.t.b", "x.t.a")]
    assert list(_states(_coverage(made, "columns", head))) == ["public.t.a"]


def test_what_is_made_anew_in_passing_is_the_same(policy: Any, row: Any) -> None:
    made = policy(for_="indexes", require="is_valid", coverage="indexes")
    base = [row("indexes", "i", "1", is_valid=True)]
    again = [row("indexes", "i", "2", is_valid=True)]
    assert _states(_coverage(made, "indexes", again, base)) == {"i": (True, True, False)}
    dropped = [row("indexes", "i", "1", change="dropped"), again[0] | {"change": "added"}]
    coverage = _coverage(made, "indexes", dropped, base)
    assert [(one.was, one.now) for one in coverage.standings] == [(None, True), (True, None)]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"for_": "tables", "require": "has_primary_key", "coverage": "My Keys"}, "is no group"),
        ({"query": "select * from tables", "coverage": "keys"}, "a query does not say"),
        (
            {"query": "select * from tables", "coverage": "{group: keys, for: tabels}"},
            "there is no fact table 'tabels'; did you mean tables?",
        ),
        ({"query": "select * from tables", "coverage": "{group: keys}"}, "has no for"),
        (
            {"for_": "tables", "where": "change = 'added'", "require": "1 = 1", "coverage": "keys"},
            "this is about changes",
        ),
        ({"for_": "statements", "forbid": "blocks_reads", "coverage": "locks"}, "no part of one"),
    ],
)
def test_mistakes(mistakes: Any, keys: dict[str, str], said: str) -> None:
    (line,) = mistakes(**keys)
    assert said in line


def test_the_minimum_of_the_configuration(tmp_path: Any) -> None:
    file = tmp_path / "gatekeeper.yml"
    file.write_text(
        "packs: relaxed\ncoverage: {minimum_patch: 80, minimum: 60}\n"
        "policies: {coverage-below-minimum: warning}\n"
        "waivers: [{policy: coverage-below-minimum, subject: patch, because: an import of old data}]\n"
    )
    found = {p.id: p for p in load_policies(load_config(None, tmp_path))}
    gate = found["coverage-below-minimum"]
    assert (gate.severity, gate.judge.patch, gate.judge.schema, gate.line) == ("warning", 80, 60, 2)
    file.write_text("packs: relaxed\n")
    assert "coverage-below-minimum" not in {
        p.id for p in load_policies(load_config(None, tmp_path))
    }
    for value in ("101", "-1", "most", "0.5"):
        file.write_text(f"coverage: {{minimum: {value}}}\n")
        with pytest.raises(ConfigError, match=r"gatekeeper.yml:1: "):
            load_config(None, tmp_path)
