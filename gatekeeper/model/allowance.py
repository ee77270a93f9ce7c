"""What a comment above an operation, or a line of a review, says to allow.

gatekeeper: allow POLICY because REASON
gatekeeper: allow POLICY SUBJECT because REASON
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

_ALLOW = re.compile(r"\s*gatekeeper:\s*allow\b(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_POLICY = re.compile(r"\s*(?P<policy>[^\s\"]+)(?P<rest>.*)", re.DOTALL)
# What stands before `because` may be a quoted name with that very word in it.
_SUBJECT = re.compile(r'(?P<subject>(?:"(?:[^"]|"")*"|[^"])*?)\sbecause\b(?P<reason>.*)', re.DOTALL)
_HOW = "write `gatekeeper: allow POLICY because REASON`"
_BESIDE = "it stands beside an operation; write it on a line of its own above"
_NOTHING_BELOW = "no operation follows on the next line"


@dataclass(frozen=True, slots=True)
class Said:
    """A line that allows something. `subject` is empty where it names no object.

    `rest` is all that follows the policy; `mistake` says why the line cannot be understood.
    """

    policy: str
    subject: str = ""
    because: str = ""
    rest: str = ""
    mistake: str = ""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A comment in a migration that allows what a policy finds in the operation below it.

    `written` is the comment's own line, `line` to `last_line` are those of the operation.
    """

    policy: str
    subject: str
    because: str
    file: str
    written: int
    line: int = 0
    last_line: int = 0
    mistake: str = ""


def read_allow(text: str) -> Said | None:
    """Read one line; None when it is none that allows something."""
    found = _ALLOW.fullmatch(text)
    if found is None:
        return None
    named = _POLICY.fullmatch(found["rest"])
    if named is None or named["policy"] == "because":
        return Said("", mistake=f"it names no policy; {_HOW}")
    policy, rest = named["policy"], named["rest"]
    parts = _SUBJECT.fullmatch(rest)
    if parts is None:
        return Said(policy, rest=rest, mistake=f"it gives no reason; {_HOW}")
    return Said(policy, parts["subject"].strip(), parts["reason"].strip(" \t:,"), rest)


def allowances(
    file: str,
    alone: Mapping[int, str],
    beside: Mapping[int, str],
    operations: Mapping[int, int],
) -> tuple[Allowance, ...]:
    """Give what the comments of a file allow.

    `alone` are the comments by line that have the line to themselves, `beside` the others,
    `operations` the first and the last line of each.
    """
    found = []
    for line, text in sorted({**alone, **beside}.items()):
        said = read_allow(text)
        if said is None:
            continue
        made = Allowance(said.policy, said.subject, said.because, file, line, mistake=said.mistake)
        below = line + 1
        while below in alone:
            below += 1
        if line in beside:
            made = replace(made, mistake=_BESIDE)
        elif below not in operations:
            made = replace(made, mistake=made.mistake or _NOTHING_BELOW)
        else:
            made = replace(made, line=below, last_line=operations[below])
        found.append(made)
    return tuple(found)
