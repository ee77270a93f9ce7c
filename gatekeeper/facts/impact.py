"""What statements did to tables that were there before, from the witness's records."""

from gatekeeper.model.evidence import LOCK_RANK, Event, Evidence, blocks_reads, blocks_writes
from gatekeeper.model.schema import Schema

Lock = dict[str, object]


class Impact:
    """Locks, rewrites and touches by statement and table."""

    def __init__(self, evidence: Evidence, before: Schema) -> None:
        self.before = {table.oid: table.subject for table in before.tables}
        self._locks: dict[int, dict[int, str]] = {}  # statement → table oid → strongest mode
        self._own: dict[int, set[int]] = {}  # statement → tables that it locked or touched itself
        self._held: dict[int, set[tuple[int, str]]] = {}  # transaction → locks held so far
        self._rewrites: dict[int, int] = {}  # table oid → the last statement that rewrote it
        self._touches: dict[int, int] = {}  # table oid → the first statement that touched it
        self.tags: dict[int, str] = {}  # statement → command tag of its last event
        self.timeouts: dict[int, tuple[int, int]] = {}
        for event in evidence.events:
            if event.statement is not None:
                self._record(event, event.statement)

    def _record(self, event: Event, statement: int) -> None:
        self.tags[statement] = event.tag
        if event.kind == "rewrite":
            for item in event.touched:
                self._rewrites[item.oid] = statement
            return
        if event.kind == "command":
            self.timeouts[statement] = (event.lock_timeout_ms, event.statement_timeout_ms)
            for oid in event.states:
                self._touches.setdefault(oid, statement)
        if event.kind != "command":
            return
        locks = self._locks.setdefault(statement, {})
        held = self._held.setdefault(event.transaction, set())
        fresh = {oid for oid, mode in event.locks if (oid, mode) not in held}
        self._own.setdefault(statement, set()).update(fresh, event.states)
        held.update(event.locks)
        for oid, mode in event.locks:
            if oid not in locks or LOCK_RANK[mode] > LOCK_RANK[locks[oid]]:
                locks[oid] = mode

    def rewriting(self, table: int) -> int | None:
        """Give the statement that wrote an existing table anew."""
        return self._rewrites.get(table) if table in self.before else None

    def touching(self, table: int) -> int | None:
        """Give a statement that explains why this table is being talked about."""
        return self._rewrites.get(table) or self._touches.get(table)

    def lock(self, statement: int | None, table: int) -> Lock:
        """Give the lock on an existing table when a statement had run, and what it blocks."""
        mode = None
        if statement is not None and table in self.before:
            mode = self._locks.get(statement, {}).get(table)
        return {
            "lock_mode": mode,
            "blocks_reads": blocks_reads(mode),
            "blocks_writes": blocks_writes(mode),
        }

    def strongest(self, statement: int) -> tuple[str | None, str | None]:
        """Give the existing table that a statement locked strongest, and the lock.

        Locks that earlier statements of the transaction still hold are not this statement's.
        """
        own = self._own.get(statement, set())
        held = [
            (LOCK_RANK[mode], self.before[oid], mode)
            for oid, mode in self._locks.get(statement, {}).items()
            if oid in self.before and oid in own
        ]
        if not held:
            return None, None
        top = max(rank for rank, _, _ in held)
        return next((name, mode) for rank, name, mode in sorted(held) if rank == top)

    def rewritten_by(self, statement: int) -> str | None:
        """Name the existing table that a statement wrote anew."""
        names = [
            self.before[oid]
            for oid, number in self._rewrites.items()
            if number == statement and oid in self.before
        ]
        return min(names, default=None)
