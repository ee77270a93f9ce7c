"""Judging facts: what is new, what is unknown, what blocks, and names that stay the same."""

from collections.abc import Sequence
from typing import Any

import pytest

from gatekeeper.facts.build import Facts
from gatekeeper.policy.evaluate import judge, new_findings
from gatekeeper.policy.model import Finding, Policy
from gatekeeper.report.view import message

Rows = Sequence[dict[str, Any]]


def _findings(policy: Policy, table: str, head: Rows, base: Rows = ()) -> tuple[Finding, ...]:
    return new_findings(Facts(base={table: list(base)}, head={table: list(head)}), [policy])


def _subjects(policy: Policy, table: str, head: Rows, base: Rows = ()) -> list[str]:
    return [finding.subject for finding in _findings(policy, table, head, base)]


def test_require_finds_rows_for_which_it_is_not_true(policy: Any, row: Any) -> None:
    made = policy(for_="tables", where="not is_partition", require="has_primary_key")
    head = [
        row("tables", "a", has_primary_key=True),
        row("tables", "b"),
        row("tables", "c", is_partition=True),
    ]
    assert _subjects(made, "tables", head) == ["b"]


def test_forbid_finds_rows_for_which_it_is_true(policy: Any, row: Any) -> None:
    made = policy(for_="tables", forbid="rewritten and not is_partition")
    head = [
        row("tables", "a", rewritten=True),
        row("tables", "b"),
        row("tables", "c", rewritten=True, is_partition=True),
    ]
    assert _subjects(made, "tables", head) == ["a"]


def test_a_finding_holds_the_rows_values_and_the_parts_that_failed(policy: Any, row: Any) -> None:
    made = policy(
        for_="columns",
        require="not is_nullable and change = 'added' and (has_default or is_identity)",
    )
    head = [row("columns", "t.x", change="added", is_nullable=True, data_type="text")]
    (finding,) = _findings(made, "columns", head)
    assert finding.values["data_type"] == "text"
    assert not [name for name in finding.values if name.startswith("_")]
    assert finding.failed == (
        ("NOT is_nullable", {"is_nullable": 1}),
        ("(has_default OR is_identity)", {"has_default": 0, "is_identity": 0}),
    )


def test_all_parts_of_what_is_forbidden_are_shown(policy: Any, row: Any) -> None:
    made = policy(for_="tables", forbid="rewritten and lock_mode = 'AccessExclusiveLock'")
    head = [row("tables", "t", rewritten=True, lock_mode="AccessExclusiveLock")]
    (finding,) = _findings(made, "tables", head)
    assert [values for _, values in finding.failed] == [
        {"rewritten": 1},
        {"lock_mode": "AccessExclusiveLock"},
    ]


@pytest.mark.parametrize("severity", ["error", "warning", "notice"])
@pytest.mark.parametrize(
    "condition",
    [
        {"require": "row_count < 1000"},
        {"forbid": "row_count > 1000"},
        {"forbid": "rewritten and row_count > 1000"},
        {"where": "row_count > 1000", "forbid": "rewritten"},
        {"where": "row_count > 1000", "require": "not rewritten"},
        {"forbid": "not (row_count < 1000)"},
    ],
)
def test_an_unknown_value_makes_a_finding_of_its_own_severity(
    policy: Any, row: Any, condition: dict[str, str], severity: str
) -> None:
    made = policy(for_="tables", severity="warning", on_unknown=severity, **condition)
    head = [row("tables", "t", rewritten=True), row("tables", "u", rewritten=True, row_count=5)]
    (finding,) = _findings(made, "tables", head)
    assert (finding.subject, finding.severity, finding.undecided) == ("t", severity, True)
    assert finding.blocks is (severity == "error")


def test_an_unknown_value_is_a_warning_unless_said_otherwise(policy: Any, row: Any) -> None:
    (finding,) = _findings(
        policy(for_="tables", forbid="row_count > 9"), "tables", [row("tables", "t")]
    )
    assert (finding.severity, finding.undecided) == ("warning", True)


def test_an_unknown_value_can_be_ignored(policy: Any, row: Any) -> None:
    made = policy(for_="tables", forbid="row_count > 9", on_unknown="ignore")
    head = [row("tables", "t"), row("tables", "u", row_count=10)]
    assert _subjects(made, "tables", head) == ["u"]


def test_what_is_decided_without_the_unknown_value_is_decided(policy: Any, row: Any) -> None:
    head = [row("tables", "t")]
    forbid = policy(for_="tables", forbid="rewritten and row_count > 9")
    assert _findings(forbid, "tables", head) == ()
    require = policy(for_="tables", require="has_primary_key and row_count < 9")
    (finding,) = _findings(require, "tables", head)
    assert not finding.undecided
    assert finding.failed == (("has_primary_key", {"has_primary_key": 0}),)


def test_an_ordinary_null_is_never_undecided(policy: Any, row: Any) -> None:
    head = [row("tables", "t"), row("tables", "u", change="dropped")]
    for condition in ("change <> 'dropped'", "not (change = 'dropped')", "change is null"):
        (finding,) = _findings(policy(for_="tables", forbid=condition), "tables", head)
        assert (finding.subject, finding.undecided) == ("t", False)


@pytest.mark.parametrize(
    "condition",
    [
        {"forbid": "row_count > 9 or dropped_with = 'x'"},
        {"where": "row_count > 9", "require": "comment is not null"},
        {"where": "row_count > 9", "forbid": "comment is null"},
    ],
)
def test_an_undecided_finding_names_the_value_that_is_unknown(
    policy: Any, row: Any, condition: dict[str, str]
) -> None:
    made = policy(for_="tables", **condition)
    (finding,) = _findings(made, "tables", [row("tables", "t")])
    assert message(finding) == "No. (Undecided: row_count is unknown.)"


def test_what_the_base_has_is_not_found(policy: Any, row: Any) -> None:
    made = policy(for_="tables", require="has_primary_key")
    base = [row("tables", "old", "1"), row("tables", "was_fine", "2", has_primary_key=True)]
    head = [row("tables", "old", "1"), row("tables", "was_fine", "2"), row("tables", "new", "3")]
    assert _subjects(made, "tables", head, base) == ["new", "was_fine"]


def test_a_new_name_does_not_make_an_old_finding_new(policy: Any, row: Any) -> None:
    made = policy(for_="tables", require="has_primary_key")
    head = [row("tables", "after", "1", change="renamed", renamed_from="before")]
    assert _findings(made, "tables", head, [row("tables", "before", "1")]) == ()


def test_dropping_and_adding_under_the_old_name_makes_it_new(policy: Any, row: Any) -> None:
    made = policy(for_="tables", require="has_primary_key")
    head = [row("tables", "t", "2", change="added")]
    assert _subjects(made, "tables", head, [row("tables", "t", "1")]) == ["t"]


def test_two_tables_that_swap_names_are_both_old(policy: Any, row: Any) -> None:
    made = policy(for_="tables", require="has_primary_key")
    base = [row("tables", "a", "1"), row("tables", "b", "2", has_primary_key=True)]
    head = [row("tables", "b", "1"), row("tables", "a", "2", has_primary_key=True)]
    assert _findings(made, "tables", head, base) == ()


def test_a_violation_is_new_where_the_base_was_only_undecided(policy: Any, row: Any) -> None:
    made = policy(for_="tables", forbid="row_count > 9")
    base = [row("tables", "t")]
    (finding,) = _findings(made, "tables", [row("tables", "t", row_count=10)], base)
    assert not finding.undecided
    assert _findings(made, "tables", [row("tables", "t")], base) == ()


@pytest.mark.parametrize("columns", ["subject", "subject, _ident"])
def test_what_a_query_finds_in_the_base_is_not_found(policy: Any, row: Any, columns: str) -> None:
    made = policy(
        query=f"select {columns} from tables where column_count > :most", params="{most: 5}"
    )
    base = [row("tables", "before", "1", column_count=6)]
    head = [
        row("tables", "after", "1", column_count=7, change="renamed"),
        row("tables", "small", "2", column_count=5),
        row("tables", "large", "3", column_count=9),
    ]
    assert _subjects(made, "tables", head, base) == ["large"]


def test_a_query_gives_its_columns_and_parameters_as_values(policy: Any, row: Any) -> None:
    made = policy(
        query="select subject, column_count as n from tables", params="{most: x}",
        message="'{{ n }} of {{ most }}'",
    )  # fmt: skip
    (finding,) = _findings(made, "tables", [row("tables", "t", column_count=7)])
    assert finding.values == {"subject": "t", "n": 7, "most": "x"}
    assert message(finding) == "7 of x"


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        ("public.*", ["public.a"]),
        ("'*.A'", []),
        ("[crm.*, billing.*]", ["billing.b", "crm.c"]),
        ("'*.[ab]'", ["billing.b", "public.a"]),
        ("public", []),
        ("'*'", ["billing.b", "crm.c", "public.a"]),
    ],
)
def test_a_scope_is_globs_on_subjects(policy: Any, row: Any, scope: str, found: list[str]) -> None:
    made = policy(for_="tables", require="has_primary_key", scope=scope)
    head = [row("tables", name) for name in ("public.a", "billing.b", "crm.c")]
    assert _subjects(made, "tables", head) == found


@pytest.mark.parametrize(
    ("keys", "verdict"),
    [
        ({"severity": "error"}, "blocked"),
        ({"severity": "error", "mode": "dry-run"}, "passed"),
        ({"severity": "warning"}, "passed"),
        ({"severity": "notice"}, "passed"),
    ],
)
def test_only_an_error_that_is_enforced_blocks(
    policy: Any, row: Any, keys: dict[str, str], verdict: str
) -> None:
    made = policy(for_="tables", require="has_primary_key", **keys)
    judgement = judge(Facts(head={"tables": [row("tables", "t")]}), [made])
    assert judgement.verdict == verdict
    assert (len(judgement.findings), judgement.policies) == (1, (made,))
    assert judge(Facts(), [made]).verdict == "passed"


def test_what_blocks_comes_first(policy: Any, row: Any) -> None:
    rule = {"for_": "tables", "require": "has_primary_key"}
    policies = [
        policy(id="a", severity="notice", **rule),
        policy(id="b", severity="error", mode="dry-run", **rule),
        policy(id="d", severity="error", **rule),
        policy(id="c", severity="error", **rule),
    ]
    head = [row("tables", "y"), row("tables", "x")]
    found = new_findings(Facts(head={"tables": head}), policies)
    order = [f.policy.id + f.subject for f in found]
    assert order == ["cx", "cy", "dx", "dy", "bx", "by", "ax", "ay"]


def test_a_fingerprint_is_not_about_lines_commits_or_statements(policy: Any, row: Any) -> None:
    made = policy(for_="tables", forbid="change = 'dropped'")
    places = ({"line": 3, "file": "a.py"}, {"line": 90, "file": "b.py", "statement": 7})
    prints = {
        _findings(made, "tables", [row("tables", "t", change="dropped", **place)])[0].fingerprint
        for place in places
    }
    assert len(prints) == 1


def test_a_fingerprint_tells_policy_object_and_change_apart(policy: Any, row: Any) -> None:
    prints = {
        _findings(policy(id=name, for_="tables", forbid="change is not null"), "tables",
                  [row("tables", subject, change=change)])[0].fingerprint
        for name in ("a", "b") for subject in ("t", "u") for change in ("added", "dropped")
    }  # fmt: skip
    assert len(prints) == 8


@pytest.mark.parametrize("change", ["altered", "renamed"])
def test_a_later_rename_does_not_change_a_fingerprint(policy: Any, row: Any, change: str) -> None:
    made = policy(for_="tables", require="has_primary_key")
    base = [row("tables", "t", "1", has_primary_key=True)]
    (first,) = _findings(made, "tables", [row("tables", "t", "1", change="altered")], base)
    (later,) = _findings(made, "tables", [row("tables", "renamed", "1", change=change)], base)
    assert (later.subject, later.origin) == ("renamed", "t")
    assert later.fingerprint == first.fingerprint
