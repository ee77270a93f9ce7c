"""Judges what running migrations showed. Pure: no database, no process, no network."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from gatekeeper.errors import GatekeeperError
from gatekeeper.facts.vocabulary_events import FILE_TABLES
from gatekeeper.model.evidence import Failure
from gatekeeper.policy.catalog_query import catalog_queries
from gatekeeper.policy.coverage import Coverage, with_waivers
from gatekeeper.policy.evaluate import judge
from gatekeeper.policy.minimum import without_met
from gatekeeper.policy.model import Policy, Waiver
from gatekeeper.policy.waivers import (
    apply_waivers,
    comment_waivers,
    matches,
    of_project,
    verdict_of,
)
from gatekeeper.report.outcome import Outcome, Reviews
from gatekeeper.snapshot import Snapshot

_SIZE_UNKNOWN = (
    "a policy asks how large a table is, and the statistics do not know: `gatekeeper stats --url"
    " REPLICA` writes them (ANALYZE what it calls unknown), the key stats: of gatekeeper.yml names"
    " the file"
)


def judge_snapshot(
    snapshot: Snapshot,
    policies: tuple[Policy, ...],
    waivers: Iterable[Waiver] = (),
    today: date = date.max,
) -> Outcome:
    """Judge a snapshot by policies; `waivers` are those of gatekeeper.yml.

    What comments in the migrations waive is in the snapshot. Who gives waivers says what day it is:
    without, none that ends counts. Migrations that failed are an outcome: verdict undecided. Raises
    GatekeeperError when a `catalog_query:` was not asked when the snapshot was taken.
    """
    missing = unasked(snapshot, policies)
    if missing:
        raise GatekeeperError(
            f"the snapshot has no answer to the catalog_query of {missing[0]}: it was taken with"
            " other policies",
            "Take the snapshot and judge it with the same policies (--config-from).",
        )
    project = snapshot.project
    given = (*waivers, *comment_waivers(snapshot.plan.revisions))
    judged = policies if snapshot.failure is None or snapshot.statements else of_files(policies)
    judgement = judge(snapshot.facts, judged, given, today)
    if snapshot.failure is not None and judgement.verdict != "blocked":
        return _undecided(snapshot, policies)
    findings = judgement.findings
    if project:
        findings = tuple(replace(finding, project=project) for finding in findings)
    notes = (*snapshot.plan.notes, *judgement.notes)
    if snapshot.failure is not None:
        notes = (*notes, _why_not_more(snapshot, snapshot.failure))
    if any(name.endswith("row_count") for f in judgement.findings for name in f.unknown):
        notes = (*notes, _SIZE_UNKNOWN)
    return Outcome(
        verdict=judgement.verdict,
        base=snapshot.plan.base,
        head=snapshot.plan.head,
        findings=findings,
        changes=snapshot.changes,
        revisions=snapshot.plan.revisions,
        statements=snapshot.statements,
        facts=snapshot.facts,
        after=snapshot.after,
        notes=notes,
        policy_count=len(policies),
        server_version=snapshot.after.server_version,
        not_run=snapshot.failure,
        coverage=judgement.coverage if snapshot.failure is None else Coverage(),
        project=project,
    )


def judge_snapshots(
    snapshots: Iterable[Snapshot],
    policies: tuple[Policy, ...],
    waivers: Iterable[Waiver] = (),
    today: date = date.max,
) -> Reviews:
    """Judge the snapshots of all projects; see judge_snapshot()."""
    given = tuple(waivers)
    return Reviews(
        tuple(
            judge_snapshot(one, policies, of_project(given, one.project), today)
            for one in snapshots
        )
    )


def approved(reviews: Reviews, approvals: Iterable[Waiver]) -> Reviews:
    """Give the outcomes with what reviews on GitHub waive; see github/approvals.py.

    An approval goes where something is that it is for; that of nothing is mentioned once.
    """
    given = tuple(approvals)
    places = {
        w: [p for p in reviews.parts if any(matches(w, f) for f in p.findings)] for w in given
    }
    first = reviews.parts[0]
    return Reviews(
        tuple(
            with_approvals(part, [w for w in given if part in (places[w] or [first])])
            for part in reviews.parts
        )
    )


def with_approvals(outcome: Outcome, approvals: Iterable[Waiver]) -> Outcome:
    """Give the outcome with what reviews on GitHub waive; see github/approvals.py."""
    known = {finding.policy.id for finding in outcome.findings}
    waived = apply_waivers(outcome.findings, approvals, date.max, known)
    coverage = with_waivers(outcome.coverage, waived.findings)
    waived = replace(waived, findings=tuple(without_met(waived.findings, coverage)))
    verdict = outcome.verdict if outcome.failure is not None else verdict_of(waived.findings)
    failure = outcome.failure
    if verdict == "passed" and outcome.not_run is not None:  # what blocked is all that was judged
        verdict, failure = "undecided", outcome.not_run
    return replace(
        outcome,
        verdict=verdict,
        failure=failure,
        findings=waived.findings,
        coverage=coverage,
        notes=(*outcome.notes, *waived.notes),
    )


def of_files(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """Give the policies that judge the files of migrations alone, and not what running them did."""
    return tuple(policy for policy in policies if policy.reads and policy.reads <= FILE_TABLES)


def _why_not_more(snapshot: Snapshot, failure: Failure) -> str:
    if snapshot.statements:
        return "the migration stopped at the refused statement; nothing else was judged"
    said = f"{failure.message} ({failure.hint})" if failure.hint else failure.message
    return f"only the files were judged, because the migrations did not run: {said}"


def unasked(snapshot: Snapshot, policies: tuple[Policy, ...]) -> list[str]:
    """Name the policies whose `catalog_query:` nobody asked, though the migrations ran."""
    if snapshot.failure is not None or not snapshot.plan.new_revisions:
        return []
    asked = snapshot.facts.asked_head
    return [name for sql, (name, _) in catalog_queries(policies).items() if sql not in asked]


def _undecided(snapshot: Snapshot, policies: tuple[Policy, ...]) -> Outcome:
    plan = snapshot.plan
    return Outcome(
        verdict="undecided",
        base=plan.base,
        head=plan.head,
        revisions=plan.revisions,
        failure=snapshot.failure,
        notes=plan.notes,
        policy_count=len(policies),
        project=snapshot.project,
    )
