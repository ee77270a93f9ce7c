"""Applies what gatekeeper.yml says of policies: severity, mode, parameters."""

import re
from dataclasses import replace

from gatekeeper.config import Override
from gatekeeper.policy.model import CatalogQuery, Minimum, Policy, Query
from gatekeeper.yaml_reader import Plain, Problems, did_you_mean


def overridden(policy: Policy, override: Override, problems: Problems) -> Policy:
    """Apply what gatekeeper.yml says of one policy that is on."""
    for name in sorted(override.params.keys() - policy.params):
        near = did_you_mean(name, policy.params)
        message = f"{policy.id} has no parameter {name!r}{near}"
        problems.add(override.file, override.line, message)
    return replace(
        with_params(policy, override, problems),
        severity=override.severity or policy.severity,
        mode=override.mode or policy.mode,
        approvers=policy.approvers if override.approvers is None else override.approvers,
    )


def with_params(policy: Policy, override: Override, problems: Problems) -> Policy:
    """Set those parameters that the policy has."""
    params = {k: v for k, v in override.params.items() if k in policy.params}
    for name, value in params.items():
        mistake = _param_mistake(policy, name, value)
        if mistake is not None:
            problems.add(override.file, override.line, mistake)
    return replace(policy, params=policy.params | params)


def check_params(override: Override, policies: list[Policy], problems: Problems) -> None:
    """Report parameters, given for all policies, that none of them has."""
    known = {name for policy in policies for name in policy.params}
    for name in sorted(override.params.keys() - known):
        near = did_you_mean(name, known)
        problems.add(override.file, override.line, f"no policy has a parameter {name!r}{near}")


def _param_mistake(policy: Policy, name: str, value: Plain) -> str | None:
    default = policy.params[name]
    if default is not None and isinstance(value, str) != isinstance(default, str):
        kind = "a text" if isinstance(default, str) else "a number"
        return f"the parameter {name} of {policy.id} is {kind}, not {value!r}"
    judge = policy.judge
    if isinstance(judge, CatalogQuery | Minimum):
        return None  # its patterns are PostgreSQL's, not Python's
    texts = [judge.sql] if isinstance(judge, Query) else [part.sql for part in judge.parts]
    if any(re.search(rf"matches\([^)]*:{name}\b", text, re.IGNORECASE) for text in texts):
        try:
            re.compile(str(value))
        except re.error as error:
            return f"the parameter {name} of {policy.id} is no regular expression: {error}"
    return None
