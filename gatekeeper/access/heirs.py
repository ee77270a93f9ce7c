"""Who uses a table uses its partitions and heirs, which are not checked (manual: Inheritance)."""

from collections.abc import Iterator, Mapping

from gatekeeper.access.ways import Hop
from gatekeeper.model.security import SecuredRelation

PASSED_ON = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")


class Heirs:
    """The partitions and heirs of the tables of a Security."""

    def __init__(self, relations: Mapping[int, SecuredRelation]) -> None:
        self._children: dict[int, list[SecuredRelation]] = {}
        for relation in relations.values():
            for parent in relation.parents:
                self._children.setdefault(parent, []).append(relation)

    def has_any(self, relation: int) -> bool:
        return relation in self._children

    def columns(
        self, relation: SecuredRelation, number: int, privilege: str = "SELECT"
    ) -> Iterator[tuple[int, int, tuple[Hop, ...]]]:
        """Give what goes with a column of a table: oid and number in the heir, and the way there.

        Number 0 is the table as a whole. A row that is inserted goes into partitions only.
        """
        hop = Hop("parent", relation.oid, number)
        for heir in self._children.get(relation.oid, ()):
            its = _number_in(heir, relation, number)
            if its is None or (privilege == "INSERT" and not heir.is_partition):
                continue
            yield heir.oid, its, (hop,)
            for oid, column, trail in self.columns(heir, its, privilege):
                yield oid, column, (hop, *trail)


def _number_in(heir: SecuredRelation, parent: SecuredRelation, number: int) -> int | None:
    """Give the number of a parent's column in an heir, where it may be another: names decide."""
    if number == 0:
        return 0
    name = parent.columns.get(number)
    return next((its for its, other in heir.columns.items() if other == name), None)
