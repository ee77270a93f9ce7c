"""The comment where it is published: links to the head commit, alerts, what is resolved."""

from collections.abc import Mapping
from typing import Any

import pytest

from gatekeeper.policy.model import Policy
from gatekeeper.report.escape import Markup
from gatekeeper.report.links import Links
from gatekeeper.report.markdown import Frame, render_markdown
from tests.report.documents import HOSTILE, MARKDOWN, many

_BLOB = "https://github.com/acme/shop/blob/9f2c1e7"


def _links(text: str) -> list[tuple[str, str]]:
    """Give the address and text of every link."""
    found = []
    for token in MARKDOWN.parse(text):
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


@pytest.mark.parametrize("name", HOSTILE)
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
    made = many(outcome, finding, policies, 150)
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
