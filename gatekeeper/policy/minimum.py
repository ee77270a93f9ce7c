"""The policy coverage-below-minimum: what `coverage:` of gatekeeper.yml demands. Pure."""

from collections.abc import Iterable, Iterator

from gatekeeper.config_coverage import CoverageConfig
from gatekeeper.policy.coverage import Count, Coverage, Standing, floored
from gatekeeper.policy.model import Finding, Minimum, Policy

MINIMUM_ID = "coverage-below-minimum"
PATCH, SCHEMA = "patch", "schema"  # the subjects of its findings
_MOST_NAMED = 3
_MESSAGE = (
    "{% if scope == 'patch' %}Of what this change touches{% else %}Of the whole schema"
    "{% endif %} {{ covered }} of {{ total }} are covered{% if waived %} and {{ waived }} waived"
    "{% endif %}: {{ percent }} %, and gatekeeper.yml demands {{ minimum }} %. Not covered:"
    " {{ missing }}{% if more %} and {{ more }} more{% endif %}."
)


def is_demanded(config: CoverageConfig) -> bool:
    """Say whether gatekeeper.yml demands anything."""
    return (config.minimum_patch, config.minimum) != (None, None)


def minimum_policy(config: CoverageConfig, file: str) -> Policy:
    """Give the policy that judges by what gatekeeper.yml demands."""
    return Policy(
        id=MINIMUM_ID,
        pack="coverage",
        title="Schema coverage below the minimum",
        severity="error",
        judge=Minimum(config.minimum_patch, config.minimum),
        message=_MESSAGE,
        why="The project has agreed on how much of its schema keys, references and the other groups"
        " of the schema coverage protect. What is added without them is debt from its first day.",
        file=file,
        line=config.line,
    )


def below_minimum(policies: Iterable[Policy], coverage: Coverage) -> list[Finding]:
    """Find where coverage is below a minimum.

    That of the whole schema counts only when this pull request lowered it, and not by dropping what
    was well covered: who mends half of an old debt, or drops a table, is not held up.
    """
    return [
        finding
        for policy in policies
        if isinstance(policy.judge, Minimum)
        for finding in _below(policy, policy.judge, coverage)
    ]


def without_met(findings: Iterable[Finding], coverage: Coverage) -> list[Finding]:
    """Take out those findings of the minimum that later waivers have settled."""
    found = list(findings)
    still = {f.subject for f in below_minimum((f.policy for f in found), coverage)}
    return [f for f in found if not isinstance(f.policy.judge, Minimum) or f.subject in still]


def _below(policy: Policy, minimum: Minimum, coverage: Coverage) -> Iterator[Finding]:
    total = coverage.total
    if _is_below(total.patch, minimum.patch):
        missing = [one for one in coverage.missing if one.touched]
        yield _finding(policy, PATCH, total.patch, minimum.patch, missing)
    if _is_below(total.head, minimum.schema) and _fell(total.kept, total.head):
        worse = [one for one in coverage.missing if one.was is not False]
        yield _finding(policy, SCHEMA, total.head, minimum.schema, worse)


def _is_below(count: Count, minimum: int | None) -> bool:
    return minimum is not None and count.accepted is not None and count.accepted < minimum


def _fell(before: Count, after: Count) -> bool:
    """Say whether a share became smaller; a schema that had nothing to cover had all covered."""
    return (100.0 if before.accepted is None else before.accepted) > (after.accepted or 0.0)


def _finding(
    policy: Policy, scope: str, count: Count, minimum: int | None, missing: list[Standing]
) -> Finding:
    names = list(dict.fromkeys(one.subject for one in missing if not one.waived))
    values = {
        "scope": scope,
        "covered": count.covered,
        "total": count.total,
        "waived": count.waived,
        "percent": floored(count.accepted or 0.0),
        "minimum": minimum,
        "missing": ", ".join(names[:_MOST_NAMED]),
        "more": max(0, len(names) - _MOST_NAMED),
    }
    return Finding(policy, scope, policy.severity, values)
