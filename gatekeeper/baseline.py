"""The file of known findings: what was there when a project began to audit. Names, no times.

Every entry has a line of its own that ends in a comma, the last ones too: the list ends in a null.
So no two branches ever change the same line, and what both say of one finding may stand twice.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gatekeeper.tree import Tree
from gatekeeper.yaml_reader import Problems

FILE = ".gatekeeper/baseline.json"  # in the folder of gatekeeper.yml
VERSION = 1
_MOST_BYTES = 20_000_000  # some 150,000 entries
_KEYS = {"policy", "subject", "fingerprint"}
_HINT = (
    "`gatekeeper audit --write-baseline` writes the file; after a merge that went wrong, keep the"
    " lines of both sides."
)


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A finding that is known. The fingerprint tells it from others, the rest is for people."""

    policy: str
    subject: str
    fingerprint: str


def baseline_file(project: str) -> str:
    """Give the path of a project's file; the name is empty where there is only one."""
    return f".gatekeeper/baseline-{project}.json" if project else FILE


def render_baseline(entries: Iterable[Entry]) -> str:
    """Give the file's text: sorted, and the same entries give the same bytes."""
    lines = [_line(entry) for entry in sorted(set(entries))]
    return "\n".join((f'{{"version": {VERSION}, "findings": [', *lines, "null]}")) + "\n"


def _line(entry: Entry) -> str:
    # In ASCII: a name may hold what no editor shows, and what ends a line for some of them.
    values = {
        "policy": entry.policy,
        "subject": entry.subject,
        "fingerprint": entry.fingerprint,
    }
    return json.dumps(values) + ","


def read_baseline(tree: Tree, project: str = "") -> tuple[Entry, ...] | None:
    """Read the file of a project in the folder `tree`; None where there is none.

    Raises ConfigError with every mistake in it.
    """
    file = baseline_file(project)
    if tree.kind(file) is None:
        return None
    (text,) = tree.read(file, most_bytes=_MOST_BYTES)
    return parse_baseline(text, tree.display(file))


def parse_baseline(text: str, file: str) -> tuple[Entry, ...]:
    """Read the file's text. Raises ConfigError with every mistake in it, each with its line."""
    problems = Problems()
    found: dict[str, Entry] = {}
    content: Any = None
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        problems.add(file, error.lineno, f"not valid JSON: {error.msg}")
    except (ValueError, RecursionError) as error:
        problems.add(file, 1, f"not valid JSON: {str(error).splitlines()[0]}")
    problems.raise_if_any(_HINT)
    for number, value in enumerate(_findings(content, file, problems), start=2):
        if value is None:
            continue
        entry = _entry(value)
        if entry is None:
            what = ", ".join(sorted(_KEYS))
            problems.add(file, number, f"entry {number - 1} is no finding: it takes {what}")
        else:
            found[entry.fingerprint] = entry
    problems.raise_if_any(_HINT)
    return tuple(sorted(found.values()))


def _findings(content: Any, file: str, problems: Problems) -> list[Any]:  # noqa: ANN401 - JSON
    if not isinstance(content, dict) or not isinstance(content.get("findings"), list):
        problems.add(file, 1, "expected an object with the keys version and findings")
        return []
    version = content.get("version")
    if version != VERSION or isinstance(version, bool):
        said = "no version" if version is None else f"version {version!r}"
        problems.add(file, 1, f"it has {said}; this Gatekeeper reads version {VERSION}")
        return []
    found: list[Any] = content["findings"]
    return found


def _entry(value: Any) -> Entry | None:  # noqa: ANN401 - JSON
    if not isinstance(value, dict) or value.keys() != _KEYS:
        return None
    texts = (value["policy"], value["subject"], value["fingerprint"])
    return Entry(*texts) if all(isinstance(text, str) and text for text in texts) else None
