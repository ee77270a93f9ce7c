"""Judges what running migrations showed. Pure: no database, no process, no network."""

from gatekeeper.errors import GatekeeperError
from gatekeeper.policy.catalog_query import catalog_queries
from gatekeeper.policy.evaluate import judge
from gatekeeper.policy.model import Policy
from gatekeeper.report.outcome import Outcome
from gatekeeper.snapshot import Snapshot

_SIZE_UNKNOWN = (
    "a policy asks how large a table is, and the statistics do not know: `gatekeeper stats --url"
    " REPLICA` writes them (ANALYZE what it calls unknown), the key stats: of gatekeeper.yml names"
    " the file"
)


def judge_snapshot(snapshot: Snapshot, policies: tuple[Policy, ...]) -> Outcome:
    """Judge a snapshot by policies.

    Migrations that failed are an outcome: verdict undecided. Raises GatekeeperError when a
    `catalog_query:` was not asked when the snapshot was taken.
    """
    missing = unasked(snapshot, policies)
    if missing:
        raise GatekeeperError(
            f"the snapshot has no answer to the catalog_query of {missing[0]}: it was taken with"
            " other policies",
            "Take the snapshot and judge it with the same policies (--config-from).",
        )
    judgement = judge(snapshot.facts, policies)
    if snapshot.failure is not None and judgement.verdict != "blocked":
        return _undecided(snapshot, policies)
    notes = snapshot.plan.notes
    if snapshot.failure is not None:
        notes = (*notes, "the migration stopped at the refused statement; nothing else was judged")
    if any(name.endswith("row_count") for f in judgement.findings for name in f.unknown):
        notes = (*notes, _SIZE_UNKNOWN)
    return Outcome(
        verdict=judgement.verdict,
        base=snapshot.plan.base,
        head=snapshot.plan.head,
        findings=judgement.findings,
        changes=snapshot.changes,
        revisions=snapshot.plan.revisions,
        statements=snapshot.statements,
        facts=snapshot.facts,
        after=snapshot.after,
        notes=notes,
        policy_count=len(policies),
        server_version=snapshot.after.server_version,
    )


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
    )
