"""The review comment: what it says, that nothing in it can be injected, and that it fits."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from markdown_it import MarkdownIt

from gatekeeper.errors import ConfigError
from gatekeeper.model.change import Change
from gatekeeper.model.schema import Table
from gatekeeper.policy.model import Finding, Policy
from gatekeeper.report.escape import Markup
from gatekeeper.report.links import Links
from gatekeeper.report.markdown import LIMIT, Frame, OwnTemplate, render_markdown
from gatekeeper.report.outcome import Outcome
from gatekeeper.report.view import instead

_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_HOSTILE = [
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


def _shape(text: str) -> Counter[str]:
    """Count the elements of a comment. Text counts by what surrounds code, fences by language."""
    found: Counter[str] = Counter()
    for token in _MARKDOWN.parse(text):
        for part in (token, *(token.children or ())):
            raw = part.content if part.type in ("html_block", "html_inline", "text") else part.info
            found[f"{part.type} {part.tag} {raw}"] += 1
    return found


def _balanced(text: str) -> bool:
    kinds = [(t.type, t.content) for t in _MARKDOWN.parse(text)]
    opened = sum(c.count("<details") for k, c in kinds if k == "html_block")
    closed = sum(c.count("</details>") for k, c in kinds if k == "html_block")
    return opened == closed and kinds[-1] == ("html_block", "</details>\n")


def _many(outcome: Any, finding: Any, policies: Mapping[str, Policy], count: int) -> Outcome:
    """Make a review with `count` findings, each of a policy of its own, and 3,000 changes."""
    kinds = [policies[key] for key in sorted(policies)]
    findings = [
        finding(replace(kinds[i % len(kinds)], id=f"policy-{i}"), f"public.table_{i}")
        for i in range(count)
    ]
    tables = [Table(i, "public", f"table_{i}") for i in range(3_000)]
    changes = tuple(Change("table.dropped", t.subject, t.ident, before=t) for t in tables)
    return outcome(*findings, changes=changes)


def test_the_first_line_gives_verdict_and_counts(outcome: Any, finding: Any) -> None:
    findings = (
        finding("table-dropped"),
        finding("column-dropped"),
        finding("unindexed-foreign-key"),
        finding("type-changed", severity="notice"),
    )
    first = render_markdown(outcome(*findings)).splitlines()[0]
    assert first == "### ❌ Gatekeeper: blocked by 2 errors, 1 warning, 1 notice"


def test_without_findings_it_passed(outcome: Any) -> None:
    text = render_markdown(outcome())
    assert text.startswith("### ✅ Gatekeeper: passed\n")
    assert "1 new migration, 1 statement, 2 schema changes on PostgreSQL 18.1" in text
    assert "judged by 15 policies" in text
    assert "| Policy |" not in text


def test_warnings_alone_pass(outcome: Any, finding: Any) -> None:
    text = render_markdown(outcome(finding("unindexed-foreign-key")))
    assert text.startswith("### ✅ Gatekeeper: passed with 1 warning\n")
    assert "<details open>" not in text


def test_a_policy_on_trial_does_not_block(
    outcome: Any, finding: Any, policies: Mapping[str, Policy]
) -> None:
    trial = replace(policies["table-dropped"], mode="dry-run")
    text = render_markdown(outcome(finding(trial)))
    assert text.startswith("### ✅ Gatekeeper: passed with 1 error of policies on trial\n")
    assert "`table-dropped` (on trial)" in text


def test_a_row_names_policy_object_event_and_place(outcome: Any, finding: Any) -> None:
    text = render_markdown(outcome(finding("table-dropped", file="m/0002.py", takes_along=None)))
    assert (
        "| ❌ | `table-dropped` | `public.orders`<br>`m/0002.py:12` |"
        " The table `public.orders` is dropped. |\n"
    ) in text


@pytest.mark.parametrize("name", _HOSTILE)
def test_hostile_names_in_every_value_of_every_finding_add_nothing(
    outcome: Any, finding: Any, policies: Mapping[str, Policy], name: str
) -> None:
    def text(word: str) -> str:
        review = outcome(*(finding(key, word) for key in policies), name=word)
        return render_markdown(review, limit=10_000_000)  # the same rendering, however long

    assert _shape(text(name)) == _shape(text("orders"))


@pytest.mark.parametrize("name", _HOSTILE)
def test_a_hostile_failure_adds_nothing(failed: Any, name: str) -> None:
    assert _shape(render_markdown(failed(name))) == _shape(render_markdown(failed()))


@pytest.mark.parametrize("name", _HOSTILE)
def test_a_hostile_name_adds_nothing_where_many_findings_share_a_row(
    outcome: Any, finding: Any, name: str
) -> None:
    def text(word: str) -> str:
        return render_markdown(outcome(*[finding("table-dropped", word)] * 7, name=word))

    assert _shape(text(name)) == _shape(text("orders"))


@pytest.mark.parametrize("ticks", ["`", "``", "```"])
@pytest.mark.parametrize(
    "message",
    ["{{ table_name }}{{ comment }} is gone.", "Gone: `{{ table_name }} of {{ comment }}`."],
)
def test_a_house_policy_that_places_values_badly_is_harmless(
    outcome: Any, finding: Any, policies: Mapping[str, Policy], message: str, ticks: str
) -> None:
    house = replace(policies["table-dropped"], message=message)
    hostile = f"{ticks} <img src=x onerror=alert(1)>"
    text = render_markdown(outcome(finding(house, "orders", comment=hostile)))
    assert not [kind for kind in _shape(text) if "onerror" in kind]


def test_the_same_review_gives_the_same_bytes(
    outcome: Any, finding: Any, policies: Mapping[str, Policy]
) -> None:
    def text() -> str:
        return render_markdown(outcome(*(finding(key) for key in policies)))

    assert text() == text()


def test_five_findings_of_a_policy_are_five_rows(outcome: Any, finding: Any) -> None:
    text = render_markdown(outcome(*(finding("table-dropped", f"t{i}") for i in range(5))))
    assert text.count("| ❌ | `table-dropped` |") == 5


def test_more_than_five_findings_of_a_policy_are_one_row(outcome: Any, finding: Any) -> None:
    text = render_markdown(outcome(*(finding("table-dropped", f"t{i}") for i in range(9))))
    rows = [line for line in text.splitlines() if line.startswith("| ❌ | `table-dropped` |")]
    title = "A table is dropped, with every row in it"
    assert rows == [f"| ❌ | `table-dropped` | `t0`, `t1`, `t2` and 6 more<br>`t0:12` | {title} |"]
    assert "**table-dropped** · `t0` and 8 more · `GK-" in text


def test_advice_quotes_names_that_need_it(finding: Any) -> None:
    dropped = finding("table-dropped", 'public."Order"', table_name="Order")
    assert 'RENAME TO "Order_unused";' in instead(dropped)
    key = finding("unindexed-foreign-key", "public.orders.fk", column_names="customerId")
    assert '("customerId")' in instead(key)


def test_advice_for_alembic_keeps_a_name_inside_its_string(finding: Any) -> None:
    found = finding("required-column-added", "public.orders.x", table_name='a"); evil("')
    assert 'a"); evil(' not in instead(found, alembic=True)


def test_an_undecided_finding_names_what_is_unknown(outcome: Any, finding: Any) -> None:
    found = finding(
        "lossy-type-change",
        severity="warning",
        undecided=True,
        unknown=("conversion",),
    )
    assert "(Undecided: `conversion` is unknown.)" in render_markdown(outcome(found))


def test_a_failure_says_where_and_what_to_do(failed: Any) -> None:
    text = render_markdown(failed(message="relation does not exist", file="m/1.py", hint="Add it."))
    first, *_ = text.splitlines()
    assert first == "### ❌ Gatekeeper: undecided: the migrations did not run to their end"
    assert "**Where:** `m/1.py:7`, revision `boom`" in text
    assert "```\nrelation does not exist\n```" in text
    assert "**What to do:**\n\n```\nAdd it.\n```" in text


def test_a_place_without_a_line_is_the_file_alone(outcome: Any, finding: Any, failed: Any) -> None:
    assert ":None" not in render_markdown(outcome(finding("table-dropped", line=None)))
    assert ":None" not in render_markdown(failed(line=None))


def test_a_statement_of_no_file_has_no_place(outcome: Any) -> None:
    made = outcome()
    made.facts.head["statements"][0].update(file=None, line=None)
    assert "None" not in render_markdown(made)


def test_a_small_review_is_rendered_in_full(outcome: Any, finding: Any) -> None:
    text = render_markdown(outcome(finding("table-dropped")))
    for part in ("How to fix what blocks", "Locks and rewrites", "```diff", "```mermaid", "Notes"):
        assert part in text
    assert _balanced(text)


def test_the_richest_rendering_that_fits_is_taken(
    outcome: Any, finding: Any, policies: Mapping[str, Policy]
) -> None:
    made = outcome(*(finding(replace(policies["table-dropped"], id=f"p{i}")) for i in range(30)))
    full = render_markdown(made)
    size = len(full.encode())
    assert render_markdown(made, limit=size) == full
    compact = render_markdown(made, limit=size - 1)
    assert full.count("GK-") == 30
    assert compact.count("GK-") == 20
    assert "```mermaid" not in compact
    assert "Locks and rewrites" not in compact
    assert "10 more rows are in the full report." in compact
    assert "```diff" in compact
    minimal = render_markdown(made, limit=len(compact.encode()) - 1)
    assert "30 more rows are in the full report." in minimal
    assert "```diff" not in minimal
    assert "How to fix" not in minimal
    assert all(map(_balanced, (full, compact, minimal)))
    assert len({text.splitlines()[0] for text in (full, compact, minimal)}) == 1


@pytest.mark.parametrize(("count", "rows"), [(30, 30), (150, 20), (5_000, 20)])
def test_a_huge_review_fits_and_is_cut_nowhere(
    outcome: Any, finding: Any, policies: Mapping[str, Policy], count: int, rows: int
) -> None:
    text = render_markdown(_many(outcome, finding, policies, count))
    assert len(text.encode()) <= LIMIT
    assert text.count("| `policy-") == rows
    assert _balanced(text)


def test_long_names_everywhere_still_fit(
    outcome: Any, finding: Any, policies: Mapping[str, Policy]
) -> None:
    name = "\U0001f600`" * 2_000
    findings = [finding(replace(p, id=f"{k}-{i}"), name) for k, p in policies.items() for i in "ab"]
    text = render_markdown(outcome(*findings, name=name))
    assert len(text.encode()) <= LIMIT
    assert _balanced(text)


@pytest.mark.parametrize("part", ["message", "detail", "hint", "sql"])
def test_a_failure_of_any_length_fits(failed: Any, part: str) -> None:
    text = render_markdown(failed(**{part: "tuple out of range\n" * 10_000}))
    assert len(text.encode()) <= LIMIT
    assert _balanced(text)


def test_any_number_of_notes_fits(outcome: Any) -> None:
    text = render_markdown(outcome(notes=tuple(f"note {i}: {'x' * 100}" for i in range(2_000))))
    assert len(text.encode()) <= LIMIT
    assert _balanced(text)


def test_names_that_are_no_utf8_are_rendered(outcome: Any, finding: Any) -> None:
    found: Finding = finding("table-dropped", file="m\udcff.py")
    assert b"\\udcff" in render_markdown(outcome(found)).encode()


_BLOB = "https://github.com/acme/shop/blob/9f2c1e7"


def _links(text: str) -> list[tuple[str, str]]:
    """Give the address and text of every link."""
    found = []
    for token in _MARKDOWN.parse(text):
        children = token.children or []
        for i, part in enumerate(children):
            if part.type == "link_open":
                found.append((str(part.attrs["href"]), children[i + 1].content))
    return found


def test_places_are_links_to_the_head_where_its_address_is_known(
    outcome: Any, finding: Any, failed: Any
) -> None:
    frame = Frame(Links(_BLOB))
    text = render_markdown(outcome(finding("table-dropped", file="m/0002.py")), frame=frame)
    assert "<br>[`0002.py:12`](https://github.com/acme/shop/blob/9f2c1e7/m/0002.py#L12) |" in text
    assert (f"{_BLOB}/orders#L3", "orders:3") in _links(text)  # the table of locks
    assert _links(render_markdown(failed(file="m/1.py"), frame=frame)) == [
        (f"{_BLOB}/m/1.py#L7", "1.py:7")
    ]


@pytest.mark.parametrize("file", ["../../../settings", "/etc/passwd", "a//b", "a/./b", "a\\b"])
def test_a_path_that_leads_elsewhere_is_no_link(outcome: Any, finding: Any, file: str) -> None:
    made = outcome(finding("table-dropped", file=file), name="../x")
    text = render_markdown(made, frame=Frame(Links(_BLOB)))
    assert _links(text) == []
    assert f"`{file}:12`" in text


@pytest.mark.parametrize("name", _HOSTILE)
def test_a_hostile_file_is_one_link_to_itself(outcome: Any, finding: Any, name: str) -> None:
    def text(file: str) -> str:
        made = outcome(finding("table-dropped", file=f"m/{file}x"))
        return render_markdown(made, frame=Frame(Links(_BLOB)))

    if "//" not in name and "/<" not in name:
        assert len(_links(text(name))) == len(_links(text("a")))
    for address, _ in _links(text(name)):
        assert address.startswith(f"{_BLOB}/")
        assert address.isascii()


def test_the_full_report_is_linked_where_rows_are_left_out(
    outcome: Any, finding: Any, policies: Mapping[str, Policy]
) -> None:
    made = _many(outcome, finding, policies, 150)
    text = render_markdown(
        made, frame=Frame(report_url="https://github.com/acme/shop/actions/runs/1")
    )
    assert (
        "more rows are in [the full report](https://github.com/acme/shop/actions/runs/1)." in text
    )


def test_alerts_come_before_everything_but_the_verdict(outcome: Any, finding: Any) -> None:
    frame = Frame(alerts=(Markup("Careful with `x`."), "y` <b>"))
    lines = render_markdown(outcome(finding("table-dropped")), frame=frame).splitlines()
    assert lines[1:7] == [
        "",
        "> [!WARNING]",
        "> Careful with `x`.",
        "",
        "> [!WARNING]",
        "> ``y` <b>``",
    ]


def test_what_is_resolved_is_named(outcome: Any) -> None:
    some = Frame(resolved=("GK-0000000001", "GK-0000000002"))
    text = render_markdown(outcome(), frame=some)
    assert "\n\nResolved since an earlier report: `GK-0000000001`, `GK-0000000002`.\n" in text
    many = Frame(resolved=tuple(f"GK-{n:010x}" for n in range(13)))
    assert "`GK-0000000009` and 3 more.\n" in render_markdown(outcome(), frame=many)


def test_the_command_gives_the_same_report(outcome: Any) -> None:
    assert "$ gatekeeper check --base origin/main\n" in render_markdown(
        outcome(), frame=Frame(base="origin/main")
    )
    assert "$ gatekeeper check\n" in render_markdown(outcome())


def _own(outcome: Outcome, text: str, **options: Any) -> str:
    return render_markdown(outcome, template=OwnTemplate(text, "report.md.j2"), **options)


_EXTENDS = '{% extends "comment.md.j2" %}\n'
_BLOCKS = ("headline", "summary", "findings", "fixes", "advice", "impact", "diff", "diagram",
           "notes", "run")  # fmt: skip


def test_a_template_that_changes_nothing_gives_the_same_bytes(outcome: Any, finding: Any) -> None:
    made = outcome(finding("table-dropped"), finding("unindexed-foreign-key"))
    assert _own(made, _EXTENDS) == render_markdown(made)


@pytest.mark.parametrize("block", _BLOCKS)
def test_each_block_can_be_replaced(outcome: Any, finding: Any, block: str) -> None:
    made = outcome(finding("table-dropped"), finding("unindexed-foreign-key"))
    text = _own(made, f"{_EXTENDS}{{% block {block} %}}**Ours.**{{% endblock %}}")
    tokens = [t for token in _MARKDOWN.parse(text) for t in token.children or ()]
    assert [t.content for t in tokens].count("Ours.") == 1  # in a paragraph, as Markdown
    assert len(text.splitlines()) < len(render_markdown(made).splitlines())


def test_a_failure_has_a_block_too(failed: Any) -> None:
    text = _own(
        failed(), f"{_EXTENDS}{{% block failure %}}Ask {{{{ failure.message }}}}{{% endblock %}}"
    )
    assert "\n\nAsk `boom`" in text


def test_a_block_can_keep_what_it_had(outcome: Any) -> None:
    text = _own(outcome(), _EXTENDS + "{% block run %}{{ super() }}{% endblock %}")
    assert text.count("gatekeeper check") == 1


@pytest.mark.parametrize("name", _HOSTILE)
@pytest.mark.parametrize(
    "template",
    [
        "{{ head }}", "x{{ head }}y", "{{ head }}{{ head }}", "{{ rows[0].subject ~ head }}",
        "{{ head | safe }}", "{{ head | upper }}", "{{ '%s' | format(head) }}", "{{ [head] }}",
        "{% set x %}{{ head }}{% endset %}{{ x }}", "{% filter upper %}{{ head }}{% endfilter %}",
        "{{ rows[0].subject.replace('orders', head) }}", "{{ rows[0].subject + head }}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(head) }}", "{{ head | fence }}",
        "{{ 'x' | fence(head) }}", "{{ head | fence(head) }}", "{% for c in [head] %}{{ c }}{% endfor %}",
        "{{ head | default('x') }}", "{{ none | default(head) }}", "{{ (head, 1) | first }}",
    ],
)  # fmt: skip
def test_no_template_can_forget_to_escape(
    outcome: Any, finding: Any, template: str, name: str
) -> None:
    def kinds(word: str) -> set[str]:
        made = outcome(finding("table-dropped", "orders"), head=word)
        parts = _shape(_own(made, f"begin\n\n{template}\n\nend"))
        return {kind.partition(" ")[0] for kind in parts}

    text = {
        "inline",
        "text",
        "softbreak",
        "code_inline",
        "paragraph_open",
        "paragraph_close",
        "fence",
    }
    assert kinds(name) <= text


@pytest.mark.parametrize(
    "template",
    [
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ rows.append(1) }}",
        "{{ failure.message.__class__ }}",
        "{% include '../view.py' %}",
        "{% include 'comment.md.j2' ignore missing with context %}{% import 'os' as os %}",
        "{% for i in range(10 ** 8) %}x{% endfor %}",
        "{{ head.format(x=1).__class__ }}",
        "{% extends '/etc/passwd' %}",
        "{{ 1 / 0 }}",
        "{{ nobody }}",
        "{{ head | nothing }}",
        "{% if %}",
        "{% block a %}",
    ],
)
def test_a_template_that_is_wrong_or_evil_is_refused(outcome: Any, template: str) -> None:
    with pytest.raises(ConfigError, match=r"^report.md.j2(:\d+)?: the template cannot be used: "):
        _own(outcome(), template)


def test_the_line_of_a_mistake_is_told(outcome: Any) -> None:
    with pytest.raises(ConfigError, match=r"^report.md.j2:3: .*'nobody' is undefined"):
        _own(outcome(), _EXTENDS + "{% block run %}\n{{ nobody }}\n{% endblock %}")


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a' * 50000000 }}" + "x" * 60_000,
        "{% for i in range(90000) %}{{ 'a' * 100 }}{{ i }}{% endfor %}",
        "{% for i in range(90000) %}long enough to be too long in the end{% endfor %}",
    ],
)
def test_a_template_that_says_too_much_is_refused(outcome: Any, template: str) -> None:
    with pytest.raises(ConfigError, match="longer than 60,000 bytes") as caught:
        _own(outcome(), template)
    assert "minimal" in caught.value.hint


def test_a_template_can_say_less_where_there_is_no_room(outcome: Any) -> None:
    text = (
        "{% if level == 'full' %}{% for i in range(9000) %}much text {% endfor %}{% endif %}Short."
    )
    assert _own(outcome(), text) == "Short.\n"
