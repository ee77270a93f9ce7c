"""The page: well formed, nothing from elsewhere, what is hostile stays text, and all is on it."""

import hashlib
import re
from base64 import b64encode
from dataclasses import dataclass, field, replace
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from gatekeeper.facts.build import Facts
from gatekeeper.model.change import Change
from gatekeeper.model.schema import Column, Constraint, ForeignKey, Schema, Table
from gatekeeper.policy.coverage import Coverage, Standing
from gatekeeper.policy.model import Waiver
from gatekeeper.report.audit import Audit, Audited
from gatekeeper.report.html import render_html
from gatekeeper.report.html_audit import render_audit_html
from gatekeeper.report.html_locks import chart
from gatekeeper.report.links import Links
from gatekeeper.report.outcome import Reviews, alone
from gatekeeper.report.view import message
from tests.report.documents import HOSTILE

_VOID = {"meta", "link", "input", "br", "hr", "img"}
_NAMES = [
    *HOSTILE,
    "\"'><svg onload=alert(1)>",
    "javascript:alert(1)",
    "</style></script><script>alert(1)</script>",
    "<!--",
    "&lt;b&gt; &amp; &#x202e;",
    "x" * 5000,
    "\u05d0\u05d1 \u202ecba\u2066\udcff",
]
_LINKS = Links("https://example.org/acme/shop/blob/0123abcd")


@dataclass
class Page(HTMLParser):
    """Reads a page and refuses one whose elements are not well nested."""

    text: str
    open: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    blocks: dict[str, str] = field(default_factory=dict)
    words: str = ""

    def __post_init__(self):
        super().__init__(convert_charrefs=True)
        self.feed(self.text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            self.blocks[self.open[-1]] = self.blocks.get(self.open[-1], "") + data
        else:
            self.words += data

    @property
    def shape(self):
        """The elements, with the names of their attributes."""
        return [(tag, sorted(attrs)) for tag, attrs in self.tags]

    def all(self, attribute):
        return [attrs[attribute] for _, attrs in self.tags if attribute in attrs]


@pytest.fixture
def review(outcome, finding, policies):
    """Make a review with a finding of each `step`-th policy, and one waived; all names are `name`."""

    def make(name="public.orders", step=1, **options):
        waiver = Waiver("column-dropped", name, name, "comment", name, date(2030, 1, 1), name, 3)
        waived = replace(finding("column-dropped", name), waiver=waiver)
        return outcome(
            *(finding(key, name) for key in list(policies)[::step]), waived, name=name, **options
        )

    return make


def page(outcome, links=_LINKS):
    return Page(render_html(alone(outcome), links=links))


def test_every_finding_is_there_with_what_happens_why_and_what_instead(review):
    outcome = review()
    shown = page(outcome)
    said = " ".join(shown.words.split())
    for finding in outcome.open_findings:
        assert message(finding) in said
        assert " ".join(finding.policy.why.replace("`", "").split()) in said
    entries = [a for _, a in shown.tags if "finding" in (a.get("class") or "").split()]
    listed = [(a["data-policy"], a["data-severity"], a["data-pack"]) for a in entries]
    kinds = [(f.policy.id, f.severity, f.policy.pack) for f in outcome.open_findings]
    assert sorted(listed) == sorted(kinds)
    assert "What to write instead" in said
    assert said.count("until 2030-01-01") == 1


def test_a_place_is_a_link_where_the_address_is_known(outcome, finding):
    found = finding("table-dropped", file="m/a b.py")
    assert f"{_LINKS.blob_url}/m/a%20b.py#L12" in page(outcome(found)).all("href")
    outside = finding("table-dropped", file="../../etc/passwd")
    for links, one in ((Links(), found), (_LINKS, outside)):
        hrefs = page(outcome(one, facts=Facts()), links).all("href")
        assert [href for href in hrefs if not href.startswith(("#", "data:,"))] == []


@pytest.mark.parametrize("name", _NAMES)
def test_a_hostile_name_stays_text(review, finding, name):
    plain, hostile = (page(review(word, step=6)) for word in ("orders", name))
    # What may differ is only whether file:line can be a link.
    assert [s for s in hostile.shape if s[0] != "a"] == [s for s in plain.shape if s[0] != "a"]
    assert hostile.blocks == plain.blocks
    assert not re.search("[\u200b\u202a-\u202e\u2066-\u2069\x00\x1b]", hostile.words)
    attributes = "".join(str(value) for _, attrs in hostile.tags for value in attrs.values())
    assert not re.search("[\u200b\u202a-\u202e\u2066-\u2069\x00\x1b]", attributes)


@pytest.mark.parametrize("name", _NAMES)
def test_a_hostile_failure_stays_text(failed, name):
    plain, hostile = page(failed("boom")), page(failed(name))
    assert [s for s in hostile.shape if s[0] != "a"] == [s for s in plain.shape if s[0] != "a"]
    assert "Nothing was judged" in hostile.words


def _inert(shown):
    """Check that a page loads nothing, runs nothing but its own block, and leads nowhere odd."""
    addresses = [*shown.all("href"), *shown.all("src"), *shown.all("action")]
    allowed = ("#", "data:,", f"{_LINKS.blob_url}/")
    assert [one for one in addresses if not one.startswith(allowed)] == []
    assert [name for _, attrs in shown.tags for name in attrs if name.startswith("on")] == []
    assert shown.all("style") == []
    (csp,) = [a["content"] for t, a in shown.tags if t == "meta" and "http-equiv" in a]
    rules = dict(rule.strip().split(" ", 1) for rule in csp.split(";"))
    assert rules["default-src"] == "'none'"
    for tag in ("style", "script"):
        digest = b64encode(hashlib.sha256(shown.blocks[tag].encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
        assert [t for t, _ in shown.tags].count(tag) == 1
    assert "url(" not in shown.blocks["style"]
    assert "@import" not in shown.blocks["style"]


def _navigable(shown):
    """Check headings, ids, labels and the heads of tables."""
    ids = shown.all("id")
    assert len(ids) == len(set(ids))
    known = set(ids)
    assert {href[1:] for href in shown.all("href") if href.startswith("#")} <= known
    assert {one for ref in shown.all("aria-labelledby") for one in ref.split()} <= known
    assert set(shown.all("for")) <= known
    levels = [int(tag[1]) for tag, _ in shown.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels)), levels
    assert all("scope" in attrs for tag, attrs in shown.tags if tag == "th")
    tags = [tag for tag, _ in shown.tags]
    assert [tags.count(tag) for tag in ("main", "nav", "footer")] == [1, 1, 1]
    for tag, attrs in shown.tags:
        if tag in ("input", "select"):
            assert attrs["id"] in shown.all("for")


def test_the_page_is_inert_and_navigable(review, failed):
    for outcome in (review(), review("javascript:alert(1)"), failed()):
        _inert(page(outcome))
        _navigable(page(outcome))


def test_several_projects_are_sections_that_share_no_id(review, failed):
    parts = tuple(replace(o, project=n) for o, n in ((review(), "shop"), (failed(), "<b>")))
    shown = Page(render_html(Reviews(parts), links=_LINKS))
    _inert(shown)
    _navigable(shown)
    assert "b" not in [tag for tag, _ in shown.tags[:40]]
    assert [i for i in shown.all("id") if i.endswith("project")] == ["p1-project", "p2-project"]


def test_the_same_review_gives_the_same_bytes(review):
    assert render_html(alone(review())) == render_html(alone(review()))


def test_coverage_is_a_table(outcome, finding, policies):
    standing = Standing(policies["missing-primary-key"], "<b>", "<b>", None, now=True, touched=True)
    review = page(outcome(coverage=Coverage((standing,))))
    audit = replace(_audit(finding, _shop(2)), coverage=Coverage((standing,), has_base=False))
    for shown in (review, Page(render_audit_html(audit))):
        _inert(shown)
        _navigable(shown)
        assert "#coverage" in shown.all("href")
        assert "1 of 1 (100 %)" in shown.words


def test_a_clean_review_says_so(outcome):
    shown = page(outcome(changes=(), after=Schema()))
    assert "Passed" in shown.words
    assert "No policy finds anything." in " ".join(shown.words.split())
    assert "svg" not in [tag for tag, _ in shown.tags]


def _statement(number, transaction, locked=None, mode=None, **more):
    return {
        "number": number, "file": "m/1.py", "revision": "1", "transaction_number": transaction,
        "locked_table": locked, "lock_mode": mode, "held_table": None, "held_lock_mode": None,
        "held_since": None,
    } | more  # fmt: skip


def test_a_lock_lasts_until_its_transaction_ends_or_a_stronger_one_takes_its_place():
    found = chart(
        [
            _statement(1, 1, "a", "ShareLock"),
            _statement(2, 1),
            _statement(3, 1, "a", "AccessExclusiveLock"),
            _statement(4, 1, held_table="b", held_lock_mode="ShareLock", held_since=3),
            _statement(5, None, "a", "ShareUpdateExclusiveLock"),
            _statement(6, 2, "c", "AccessShareLock"),
        ]
    )
    lanes = {
        lane.table: [(c.span, c.mode, c.first, c.last) for c in lane.cells] for lane in found.lanes
    }
    assert lanes == {
        "a": [
            (2, "ShareLock", 1, 2),
            (2, "AccessExclusiveLock", 3, 4),
            (1, "ShareUpdateExclusiveLock", 5, 5),
            (1, "", 0, 0),
        ],
        "b": [(2, "", 0, 0), (2, "ShareLock", 3, 4), (2, "", 0, 0)],
    }
    assert found.groups == (("m/1.py", 1, 4), ("m/1.py", None, 1), ("m/1.py", 2, 1))
    assert next(words for _, words, _ in found.modes) == "ACCESS EXCLUSIVE"
    assert chart([_statement(1, 1)]) is None


def test_of_many_statements_those_without_a_lock_are_left_out():
    rows = [_statement(n, 1) for n in range(1, 200)]
    rows[149] |= {"locked_table": "a", "lock_mode": "ShareLock"}
    found = chart(rows)
    assert (found.numbers, found.hidden) == ((150,), 198)


def _shop(count):
    """Make tables in stars of 25, each referring to the middle of its star, and one to itself."""
    tables, columns, keys, constraints = [], [], [], []
    for i in range(count):
        name, middle = f"t{i:03}", i - i % 25
        tables.append(Table(i + 1, "public", name))
        columns += [
            Column(i + 1, i + 1, "public", name, word, number=n, data_type="bigint")
            for n, word in enumerate(("id", "parent_id", "note"), 1)
        ]
        constraints.append(
            Constraint(5000 + i, i + 1, "public", name, f"{name}_pkey", "primary_key", ("id",))
        )
        keys.append(
            ForeignKey(
                9000 + i, i + 1, "public", name, f"{name}_fk", ("parent_id",), middle + 1,
                "public", f"t{middle:03}", ("id",),
            )
        )  # fmt: skip
    return Schema(
        tables=tuple(tables),
        columns=tuple(columns),
        constraints=tuple(constraints),
        foreign_keys=tuple(keys),
    )


def _audit(finding, schema, name="public.t001"):
    listed = (
        Audited(finding("float-money", name), name),
        Audited(finding("missing-primary-key", name, severity="error"), "", known=True),
    )
    return Audit(name, listed, schema=schema, notes=(name,), policy_count=2, table_count=300)


@pytest.mark.parametrize("count", [2, 300])
def test_an_audit_draws_every_table_once(finding, count):
    shown = Page(render_audit_html(_audit(finding, _shop(count)), everything=True))
    _inert(shown)
    _navigable(shown)
    drawn = [a["id"] for t, a in shown.tags if t == "g" and "box" in (a.get("class") or "")]
    assert sorted(drawn) == sorted(f"t{i}" for i in range(1, count + 1))
    if count > 40:
        assert all(f"#{anchor}" in shown.all("href") for anchor in drawn)


def _rectangles(text):
    """Give the boxes of the first diagram as (x, y, width, height)."""
    found = re.findall(
        r'class="box[^>]*translate\((-?\d+) (-?\d+)\)">.*?width="(\d+)" height="(\d+)"',
        text.partition("</svg>")[0],
        re.DOTALL,
    )
    return [tuple(map(int, one)) for one in found]


def test_no_table_is_drawn_over_another(finding):
    boxes = _rectangles(render_audit_html(_audit(finding, _shop(40))))
    assert len(boxes) == 40
    for i, (x, y, w, h) in enumerate(boxes):
        for x2, y2, w2, h2 in boxes[i + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


@pytest.mark.parametrize("name", _NAMES)
def test_a_hostile_name_stays_text_in_an_audit(finding, name):
    def shape(word):
        schema = Schema(
            tables=(Table(1, "public", word),),
            columns=(Column(1, 1, "public", word, word, number=1, data_type=word),),
        )
        shown = Page(render_audit_html(_audit(finding, schema, word), everything=True))
        _inert(shown)
        return shown.shape

    assert shape(name) == shape("orders")


def test_what_changed_is_drawn_with_what_stands_beside_it(outcome):
    schema = _shop(50)
    column = schema.columns[4]  # of t001, which refers to t000
    change = Change("column.type_changed", column.subject, column.ident, column, column)
    gone = Table(77, "public", "gone")
    dropped = Change("table.dropped", gone.subject, gone.ident, before=gone)
    shown = page(outcome(after=schema, changes=(change, dropped)))
    drawn = [a["class"] for t, a in shown.tags if t == "g" and "box" in (a.get("class") or "")]
    assert drawn == ["box dropped", "box plain", "box changed"]
    assert sum("line" in (a.get("class") or "") for t, a in shown.tags if t == "path") >= 2
