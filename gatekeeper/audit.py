"""The pipeline of an audit: a whole schema, judged as it stands. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import sqlglot
from sqlglot import exp

from gatekeeper.access.attach import with_security
from gatekeeper.baseline import FILE, Entry
from gatekeeper.catalog.read import without_tables
from gatekeeper.config_data import DataConfig
from gatekeeper.config_waivers import too_long
from gatekeeper.facts.build import FactRows, Facts, build_facts
from gatekeeper.facts.reach import Reach
from gatekeeper.facts.vocabulary import TABLES
from gatekeeper.model.evidence import Evidence
from gatekeeper.model.schema import Schema
from gatekeeper.policy.about import EVENTS, reads_changes
from gatekeeper.policy.coverage import with_waivers
from gatekeeper.policy.evaluate import new_findings
from gatekeeper.policy.model import CatalogQuery, Finding, Minimum, Policy, Query, Rule, Waiver
from gatekeeper.policy.standings import Tally
from gatekeeper.policy.waivers import apply_waivers, matches
from gatekeeper.report.audit import Audit, Audited, Debt, IdleWaiver
from gatekeeper.sources.sides import SideSchema

_ALEMBIC = "alembic_version"  # a live database does not say which table its tool keeps its notes in
_SYSTEM = ("", "pg_catalog", "information_schema")


@dataclass(frozen=True, slots=True)
class Rules:
    """What an audit judges by. `known` is the baseline; None: there is none."""

    policies: tuple[Policy, ...]
    waivers: tuple[Waiver, ...] = ()
    today: date = date.max
    known: tuple[Entry, ...] | None = None
    fail_on: str = "error"
    data: DataConfig = field(default_factory=DataConfig)
    row_counts: Mapping[str, int | None] = field(default_factory=dict)


def audit(side: SideSchema, rules: Rules, *, file: str = "", notes: Iterable[str] = ()) -> Audit:
    """Judge the whole schema of a side, which was read with its access.

    `file` is what formats point at that take no finding without a file.
    """
    schema = schema_of(side)
    facts = facts_of(schema, rules.data, rules.row_counts, side.asked)
    tally = Tally(has_base=False)
    found = new_findings(facts, rules.policies, tally)
    judged = {policy.id: policy for policy in rules.policies}
    found = apply_waivers(found, rules.waivers, rules.today, judged).findings
    known = {entry.fingerprint for entry in rules.known or ()}
    tables = _tables(facts.head)
    return Audit(
        head=side.name,
        findings=tuple(
            Audited(finding, _table(finding, tables), finding.fingerprint in known)
            for finding in found
        ),
        idle=tuple(_idle(found, judged, rules)),
        debt=None if rules.known is None else _debt(rules.known, found, judged),
        fail_on=rules.fail_on,
        notes=(*side.notes, *notes),
        policy_count=len(judged),
        table_count=len(schema.tables),
        server_version=schema.server_version,
        file=file,
        schema=schema,
        coverage=with_waivers(tally.coverage, found, rules.waivers, rules.today),
    )


def schema_of(side: SideSchema) -> Schema:
    """Give the schema with its roles and grants, and without the tables of migration tools."""
    schema = side.schema
    ours = [(t.schema_name, t.name) for t in schema.tables if t.name == _ALEMBIC]
    schema = without_tables(schema, (*side.version_tables, *ours))
    return with_security(schema, side.access.security)


def facts_of(
    schema: Schema,
    data: DataConfig,
    row_counts: Mapping[str, int | None],
    asked: FactRows,
) -> Facts:
    """Give facts of a schema in which nothing is changed, new or dropped, and nothing ran.

    There is no base: all that policies find in these facts counts.
    """
    built = build_facts(
        schema, schema, (), Evidence(), row_counts=row_counts, reach=Reach(data=data)
    )
    return Facts(head=built.head, asked_head=asked)


def entries(found: Audit) -> list[Entry]:
    """Give the entries of a baseline that knows every finding which nobody waived."""
    return [_entry(one.finding) for one in found.findings if one.finding.waiver is None]


def kept(found: Audit, known: Iterable[Entry]) -> list[Entry]:
    """Give the entries of a baseline without those of what is fixed."""
    fixed = set(found.debt.fixed) if found.debt else set()
    return [entry for entry in known if entry not in fixed]


def _entry(finding: Finding) -> Entry:
    return Entry(finding.policy.id, finding.subject, finding.fingerprint)


def _debt(known: Iterable[Entry], found: Iterable[Finding], judged: Mapping[str, Policy]) -> Debt:
    there = {finding.fingerprint: finding for finding in found}
    gone = [entry for entry in known if entry.fingerprint not in there]
    left = [f for e in known if (f := there.get(e.fingerprint)) is not None and f.waiver is None]
    return Debt(
        FILE,
        remaining=len(left),
        fixed=tuple(entry for entry in gone if entry.policy in judged),
        unjudged=tuple(entry for entry in gone if entry.policy not in judged),
    )


def _tables(head: FactRows) -> dict[str, str]:
    """Give the table of everything that is one or belongs to one, by subject."""
    found: dict[str, str] = {}
    for name, rows in head.items():
        if any(column.name == "table_subject" for column in TABLES[name].columns):
            for row in rows:
                found.setdefault(row["subject"], row["table_subject"])
    return found


def _table(finding: Finding, tables: Mapping[str, str]) -> str:
    values = finding.values
    named = (values.get("table_subject"), values.get("object_subject"), finding.subject)
    return next((tables[str(name)] for name in named if name in tables), "")


def _idle(
    found: Iterable[Finding], judged: Mapping[str, Policy], rules: Rules
) -> Iterable[IdleWaiver]:
    for waiver in rules.waivers:
        policy = judged.get(waiver.policy)
        if policy is None:
            continue  # it is off, so nobody can tell
        matching = [finding for finding in found if matches(waiver, finding)]
        kind, why = _why_idle(waiver, policy, matching, rules.today)
        if kind:
            what = f"{waiver.place}: the waiver of {waiver.policy} for {waiver.subject}"
            yield IdleWaiver(kind, waiver, f"{what} {why}")


def _why_idle(
    waiver: Waiver, policy: Policy, matching: list[Finding], today: date
) -> tuple[str, str]:
    if waiver.until is not None and waiver.until < today:
        back = "what it was for is back" if matching else "nothing is found that it was for"
        return "expired", f"does not count: it ended on {waiver.until}, and {back}"
    if matching and policy.approvers:
        names = ", ".join(policy.approvers)
        return "refused", f"does not count: only an approving review by {names} waives this"
    if matching and (why := too_long(waiver.until, waiver.most_days, today)):
        return "refused", f"does not count: {why}"
    # What a change may be allowed to do is nowhere in a schema.
    if matching or is_about_changes(policy):
        return "", ""
    return "unused", "is not needed: nothing is found that it is for"


def is_about_changes(policy: Policy) -> bool:
    """Say whether a policy may be about what migrations do; if not, it is about schemas alone."""
    if policy.reads & EVENTS:
        return True
    match policy.judge:
        case Rule(where=where, parts=parts):
            texts = [part.source for part in (*parts, *([where] if where else []))]
        case Query(sql=sql):
            texts = [sql]
        case CatalogQuery():
            texts = []
        case Minimum():  # of what a change touches, or against what was there before it
            return True
    return reads_changes(texts)


def for_catalog_alone(policies: Iterable[Policy]) -> tuple[tuple[Policy, ...], tuple[Policy, ...]]:
    """Part policies into those that read nothing but the catalog of a database, and the others.

    A `catalog_query:` may name any table. On a scratch database that is empty; on one that is in
    use it holds data, which is none of our business.
    """
    kept: list[Policy] = []
    others: list[Policy] = []
    for policy in policies:
        query = policy.judge
        reads_data = isinstance(query, CatalogQuery) and not _names_catalog_alone(query.sql)
        (others if reads_data else kept).append(policy)
    return tuple(kept), tuple(others)


def _names_catalog_alone(sql: str) -> bool:
    tree = sqlglot.parse_one(sql, dialect="postgres")
    if any(table.db not in _SYSTEM for table in tree.find_all(exp.Table)):
        return False
    calls = (dot for dot in tree.find_all(exp.Dot) if isinstance(dot.expression, exp.Func))
    return all(call.this.name in _SYSTEM for call in calls)
