"""What statements did to tables that were there before, from the witness's records.

Two sources agree on locks. Event triggers know what a DDL command held when it ended, also one that
commits by itself; another connection sees what any statement left held in its transaction.
"""

from dataclasses import dataclass, field

from gatekeeper.facts.sizes import Sizes
from gatekeeper.model.evidence import LOCK_RANK, Event, Evidence, blocks_reads, blocks_writes
from gatekeeper.model.schema import Schema

Row = dict[str, object]


@dataclass(slots=True)
class _Effect:
    """What is known of one statement."""

    tag: str | None = None
    transaction: str | None = None
    locks: dict[int, str] = field(default_factory=dict)  # table oid → strongest mode
    own: set[int] = field(default_factory=set)  # tables that it locked further, or touched
    earlier: dict[int, tuple[str, int]] = field(default_factory=dict)  # held before: mode, since
    scans: set[int] = field(default_factory=set)
    timeouts: tuple[int, int] | None = None


class Impact:
    """Locks, rewrites, scans and touches, by statement and table."""

    def __init__(self, evidence: Evidence, before: Schema, sizes: Sizes) -> None:
        self._sizes = sizes
        self.before = {table.oid: table.subject for table in before.tables}
        self.before |= {view.oid: view.subject for view in before.views if view.is_materialized}
        self._effects = {s.number: _Effect() for s in evidence.statements}
        self._rewrites: dict[int, int] = {}  # table oid → the last statement that rewrote it
        self._touches: dict[int, int] = {}  # table oid → the first statement that touched it
        self._not_valid: dict[int, int] = {}  # constraint oid → statement that added it NOT VALID
        self._validated: dict[int, int] = {}
        for event in evidence.events:
            if event.statement in self._effects and event.kind != "write":
                self._record(event, event.statement)
        self._follow_transactions(evidence)

    def _record(self, event: Event, statement: int) -> None:
        effect = self._effects[statement]
        effect.tag = event.tag
        if event.kind == "rewrite":
            self._rewrites.update(dict.fromkeys((item.oid for item in event.touched), statement))
        elif event.kind == "command":
            effect.timeouts = (event.lock_timeout_ms, event.statement_timeout_ms)
            effect.scans.update(event.scans)
            effect.own.update(event.states)
            _strengthen(effect.locks, event.locks)
            for oid, state in event.states.items():
                self._touches.setdefault(oid, statement)
                for number, value in (state.get("constraint") or {}).items():
                    if value[2] is False:
                        self._not_valid.setdefault(int(number), statement)
                    elif int(number) in self._not_valid:
                        self._validated.setdefault(int(number), statement)

    def _follow_transactions(self, evidence: Evidence) -> None:
        """Tell the locks that a statement took from those that its transaction held already."""
        current: str | None = None
        held: dict[int, tuple[str, int]] = {}
        for number, effect in self._effects.items():
            seen = evidence.held.get(number)
            effect.transaction = seen.transaction if seen else None
            if effect.transaction is None or effect.transaction != current:
                held = {}
            current = effect.transaction
            effect.earlier = dict(held)
            if seen:
                _strengthen(effect.locks, seen.locks)
            for oid, mode in effect.locks.items():
                was = held.get(oid)
                if was is None or LOCK_RANK[mode] > LOCK_RANK[was[0]]:
                    effect.own.add(oid)
                    held[oid] = (mode, number)

    def rewriting(self, table: int) -> int | None:
        """Give the statement that wrote an existing table anew."""
        return self._rewrites.get(table) if table in self.before else None

    def touching(self, table: int) -> int | None:
        """Give a statement that explains why this table is being talked about."""
        return self._rewrites.get(table) or self._touches.get(table)

    def excluding(self, table: int) -> int | None:
        """Give the first statement that kept everybody out of a table."""
        return next(
            (n for n, e in self._effects.items() if e.locks.get(table) == "AccessExclusiveLock"),
            None,
        )

    def on_table(self, statement: int | None, table: int) -> Row:
        """Give the lock on an existing table when a statement had run, and whether it was read."""
        effect = self._effects.get(statement or 0)
        known = effect is not None and table in self.before
        mode = effect.locks.get(table) if effect is not None and known else None
        return {
            "lock_mode": mode,
            "blocks_reads": blocks_reads(mode),
            "blocks_writes": blocks_writes(mode),
            "scanned": known and effect is not None and table in effect.scans,
        }

    def validated_at_once(self, constraint: int) -> bool:
        """Say whether a constraint was added NOT VALID and validated in the same transaction."""
        added, validated = self._not_valid.get(constraint), self._validated.get(constraint)
        if added is None or validated is None:
            return False
        transaction = self._effects[added].transaction
        return transaction is not None and transaction == self._effects[validated].transaction

    def tag(self, statement: int) -> str | None:
        """Give the command tag that the server reported."""
        return self._effects[statement].tag

    def of_statement(self, statement: int) -> Row:
        """Give the columns of the fact table statements that come from the server."""
        effect = self._effects[statement]
        own = {oid: mode for oid, mode in effect.locks.items() if oid in effect.own}
        rewritten = {oid for oid, number in self._rewrites.items() if number == statement}
        table, mode = self._strongest(own)
        held_table, held_mode = self._strongest({o: m for o, (m, _) in effect.earlier.items()})
        held_by = {self.before.get(o): since for o, (_, since) in effect.earlier.items()}
        lock_timeout, statement_timeout = effect.timeouts or (None, None)
        return {
            "locked_table": table,
            "lock_mode": mode,
            "blocks_reads": blocks_reads(mode),
            "blocks_writes": blocks_writes(mode),
            "held_table": held_table,
            "held_lock_mode": held_mode,
            "held_since": held_by.get(held_table) if held_table else None,
            "locked_row_count": self._rows({oid for oid, held in own.items() if held == mode}),
            "scanned_table": self._first(effect.scans),
            "scanned_row_count": self._rows(effect.scans),
            "rewritten_table": self._first(rewritten),
            "rewritten_row_count": self._rows(rewritten),
            "lock_timeout_ms": lock_timeout,
            "statement_timeout_ms": statement_timeout,
        }

    def transactions(self) -> dict[int, int]:
        """Number the transactions from 1; statements that committed by themselves have none."""
        numbers: dict[str, int] = {}
        return {
            statement: numbers.setdefault(effect.transaction, len(numbers) + 1)
            for statement, effect in self._effects.items()
            if effect.transaction is not None
        }

    def _strongest(self, locks: dict[int, str]) -> tuple[str | None, str | None]:
        existing = [(self.before[oid], mode) for oid, mode in locks.items() if oid in self.before]
        if not existing:
            return None, None
        return min(existing, key=lambda item: (-LOCK_RANK[item[1]], item[0]))

    def _rows(self, tables: set[int]) -> int | None:
        return self._sizes.largest(oid for oid in tables if oid in self.before)

    def _first(self, tables: set[int]) -> str | None:
        return min((self.before[oid] for oid in tables if oid in self.before), default=None)


def _strengthen(locks: dict[int, str], more: tuple[tuple[int, str], ...]) -> None:
    for oid, mode in more:
        if oid not in locks or LOCK_RANK[mode] > LOCK_RANK[locks[oid]]:
            locks[oid] = mode
