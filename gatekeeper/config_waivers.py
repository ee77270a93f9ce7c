"""Reads `waivers:` of gatekeeper.yml, and who may approve what a policy finds.

waivers:
  - policy: missing-foreign-key
    subject: public.orders.legacy_id        # or a glob: public.legacy_*
    because: the parent lives in another database, see #412
    until: 2027-03-01                       # the last day; without, for good
    owner: data-platform
    project: orders                         # of several; without, in all of them
waiver_days: 180                            # the most days from today to `until`
"""

import re
from dataclasses import dataclass
from datetime import date

from gatekeeper.yaml_reader import Node

WAIVER_KEYS = ("policy", "subject", "because", "until", "owner", "project")
_NEEDED = ("policy", "subject", "because")
MOST_WAIVER_DAYS = 36_500
_LEAST = 10  # characters of a reason
_PUT_OFF = ("todo", "tbd", "fixme", "xxx")
_EMPTY_WORDS = {
    *_PUT_OFF, "a", "n", "na", "none", "no", "reason", "because", "later", "placeholder", "test",
    "temp", "temporary", "wip", "insert", "here", "explain", "why", "the", "of", "see", "above",
}  # fmt: skip
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_APPROVER = re.compile(
    r"@?(?:[a-z0-9](?:[\w-]{0,99})(?:\[bot\])?|[a-z0-9][\w-]{0,99}/[a-z0-9_][\w.-]{0,99})\Z",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FileWaiver:
    """One entry: what `policy` finds of objects that match the glob `subject` may be."""

    policy: str
    subject: str
    because: str
    until: date | None = None
    owner: str = ""
    file: str = ""
    line: int = 0
    project: str = ""  # empty: all of them
    most_days: int | None = None  # from the day of judgement to `until`; None: no limit


def read_waivers(node: Node, most_days: int | None = None) -> tuple[FileWaiver, ...]:
    """Read the value of `waivers:`. Mistakes become problems of `node`.

    That one lasts longer than `most_days` is no mistake of the file: it depends on the day.
    """
    found: dict[tuple[str, str, str], FileWaiver] = {}
    for item in node.items():
        waiver = _waiver(item, most_days)
        if waiver is None:
            continue
        first = found.setdefault((waiver.policy, waiver.subject, waiver.project), waiver)
        if first is not waiver:
            item.problem(f"{waiver.policy} is waived for {waiver.subject} in line {first.line}")
    return tuple(found.values())


def _waiver(node: Node, most_days: int | None) -> FileWaiver | None:
    entries = node.mapping(WAIVER_KEYS)
    lacking = [key for key in _NEEDED if key not in entries]
    if lacking:
        node.problem(f"the waiver has no {' and no '.join(lacking)}")
        return None
    texts = {key: entry.text().strip() for key, entry in entries.items()}
    for key, text in texts.items():
        if not text and key != "because":
            entries[key].problem(f"the waiver's {key} is empty")
    mistake = reason_mistake(texts["because"])
    if mistake:
        entries["because"].problem(mistake)
    return FileWaiver(
        policy=texts["policy"],
        subject=texts["subject"],
        because=texts["because"],
        until=_day(entries["until"]) if "until" in entries else None,
        owner=texts.get("owner", ""),
        project=texts.get("project", ""),
        file=node.file,
        line=node.line,
        most_days=most_days,
    )


def read_waiver_days(node: Node) -> int:
    """Read `waiver_days:`. Mistakes become problems of `node`."""
    days = node.integer(1, least=1)
    if days > MOST_WAIVER_DAYS:
        node.problem(f"{days} days are no limit; leave waiver_days out where there is none")
    return days


def too_long(until: date | None, most_days: int | None, today: date) -> str:
    """Say why a waiver lasts longer than `waiver_days:` allows; empty: it does not."""
    if most_days is None or (until is not None and (until - today).days <= most_days):
        return ""
    what = "it has no until" if until is None else f"its until is {until}"
    last = date.fromordinal(min(today.toordinal() + most_days, date.max.toordinal()))
    return f"{what}, and waiver_days of gatekeeper.yml lets it last until {last} at most"


def _day(node: Node) -> date | None:
    text = node.text().strip()
    try:
        return date.fromisoformat(text if _DAY.match(text) else "")
    except ValueError:
        node.problem(f"{text!r} is no day; write it as 2027-03-01")
        return None


def reason_mistake(text: str) -> str:
    """Say why a text is no reason; empty: it is one."""
    words = re.findall(r"[^\W_]+", text.lower())
    if not words:
        return "the reason is empty"
    if words[0] in _PUT_OFF or _EMPTY_WORDS.issuperset(words):
        return f"{_quoted(text)} is no reason: say why this is right here"
    if len(text.strip()) < _LEAST:
        return f"{_quoted(text)} is no reason: it takes {_LEAST} characters to say why"
    return ""


def _quoted(text: str) -> str:
    return repr(text.strip()[:60])


def read_approvers(node: Node) -> tuple[str, ...]:
    """Read users and teams (`org/team`); a leading @ is dropped. None at all is a problem."""
    names = []
    for item in node.items():
        name = item.text("x")
        if _APPROVER.match(name):
            names.append(name.removeprefix("@"))
        else:
            item.problem(f"{name!r} is no approver: a GitHub user, or a team as org/team")
    if not any(True for _ in node.items()):
        node.problem("approvers is an empty list, so nobody could waive; name users or org/team")
    return tuple(dict.fromkeys(names))
