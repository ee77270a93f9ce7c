"""A project's own template: it can say what it likes, and can neither escape nor inject."""

from typing import Any

import pytest

from gatekeeper.errors import ConfigError
from gatekeeper.report.markdown import OwnTemplate, render_markdown
from gatekeeper.report.outcome import Outcome
from tests.report.documents import HOSTILE, MARKDOWN, shape


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
    tokens = [t for token in MARKDOWN.parse(text) for t in token.children or ()]
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


@pytest.mark.parametrize("name", HOSTILE)
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
        parts = shape(_own(made, f"begin\n\n{template}\n\nend"))
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


def test_the_language_of_a_block_is_a_word(outcome: Any) -> None:
    text = _own(outcome(head="x\n\n# owned"), "{{ 'a' | fence(head) }}\n{{ 'b' | fence('sql') }}")
    assert text == "```\na\n```\n```sql\nb\n```\n"


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
