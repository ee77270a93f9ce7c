"""What the tests of the comment share: hostile names, and the structure of a document."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from markdown_it import MarkdownIt

from gatekeeper.model.change import Change
from gatekeeper.model.schema import Table
from gatekeeper.policy.model import Policy
from gatekeeper.report.outcome import Outcome

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = [
    "x`<img src=x onerror=alert(1)>`",
    "```\n</details>\n# owned\n",
    "|a|b|\n|---|---|\n",
    "</summary></details><script>alert(1)</script>",
    "[x](javascript:alert(1)) ![](http://x) **b** @everyone #1",
    "-->\n\n## owned\n\n<details>",
    "\u202e\u200b``` ` ````",
    "a\r\n- b\r\r> c\x00\x1b[31m",
    "{{ 7 * 7 }}{% raw %}",
]


def shape(text: str) -> Counter[str]:
    """Count the elements of a comment. Text counts by what surrounds code, fences by language."""
    found: Counter[str] = Counter()
    for token in MARKDOWN.parse(text):
        for part in (token, *(token.children or ())):
            raw = part.content if part.type in ("html_block", "html_inline", "text") else part.info
            found[f"{part.type} {part.tag} {raw}"] += 1
    return found


def many(outcome: Any, finding: Any, policies: Mapping[str, Policy], count: int) -> Outcome:
    """Make a review with `count` findings, each of a policy of its own, and 3,000 changes."""
    kinds = [policies[key] for key in sorted(policies)]
    findings = [
        finding(replace(kinds[i % len(kinds)], id=f"policy-{i}"), f"public.table_{i}")
        for i in range(count)
    ]
    tables = [Table(i, "public", f"table_{i}") for i in range(3_000)]
    changes = tuple(Change("table.dropped", t.subject, t.ident, before=t) for t in tables)
    return outcome(*findings, changes=changes)
