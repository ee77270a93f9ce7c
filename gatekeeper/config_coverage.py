"""Reads `coverage:` of gatekeeper.yml: the least schema coverage, in percent.

coverage:
  minimum_patch: 80     # of what a pull request touches
  minimum: 60           # of the whole schema: no pull request may lower it below
"""

from dataclasses import dataclass

from gatekeeper.yaml_reader import Node

COVERAGE_KEYS = ("minimum_patch", "minimum")
_MOST = 100


@dataclass(frozen=True, slots=True)
class CoverageConfig:
    """What the schema coverage must come to, in percent; None: nothing is demanded."""

    minimum_patch: int | None = None
    minimum: int | None = None
    line: int = 0


def read_coverage(node: Node) -> CoverageConfig:
    """Read the value of `coverage:`. Mistakes become problems of `node`."""
    entries = node.mapping(COVERAGE_KEYS)
    found = {key: _percent(entry) for key, entry in entries.items()}
    return CoverageConfig(found.get("minimum_patch"), found.get("minimum"), node.line)


def _percent(node: Node) -> int:
    value = node.integer(0)
    if value > _MOST:
        node.problem(f"{value} is no share in percent: 0 to 100")
    return value
