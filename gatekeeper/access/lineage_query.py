"""The queries of a rule's tree, and what each of them names anywhere."""

from enum import IntEnum
from typing import Final

from gatekeeper.access.lineage_nodes import Node, nodes_in
from gatekeeper.access.lineage_traced import Sources
from gatekeeper.model.lineage import COPIED

FIRST_USER_OID = 16384  # below it, everything was made by initdb
CALLS: Final = {
    "FUNCEXPR": "funcid", "AGGREF": "aggfnoid", "WINDOWFUNC": "winfnoid", "OPEXPR": "opfuncid",
    "DISTINCTEXPR": "opfuncid", "NULLIFEXPR": "opfuncid", "SCALARARRAYOPEXPR": "opfuncid",
}  # fmt: skip
_REGCLASS = 2205  # the type of 'users'::regclass, by which a table is named and not read
_EXCEPT = 3  # SetOperationStmt.op


class Entry(IntEnum):
    """What an entry of the range table is: RangeTblEntry.rtekind."""

    RELATION = 0
    SUBQUERY = 1
    JOIN = 2
    FUNCTION = 3
    TABLE_FUNCTION = 4
    VALUES = 5
    CTE = 6
    GROUP = 9


class Query:
    """A query and the one around it, to which variables of an outer level belong."""

    __slots__ = ("_inner", "node", "outer")

    def __init__(self, node: Node, outer: "Query | None" = None) -> None:
        self.node = node
        self.outer = outer
        self._inner: dict[int, Query] = {}

    def inner(self, node: Node) -> "Query":
        """Give a query directly inside of this one; the same object every time."""
        return self._inner.setdefault(id(node), Query(node, self))

    def up(self, levels: int) -> "Query":
        query = self
        for _ in range(levels):
            if query.outer is None:
                raise LookupError(levels)
            query = query.outer
        return query

    def entry(self, number: int) -> Node:
        """Give an entry of the range table."""
        found = self.node.list("rtable")[number - 1]
        assert isinstance(found, Node)  # noqa: S101 - the server's own format
        return found

    def leaves(self) -> "list[Query]":
        """Give the branches of a set operation whose values come out; none if it is no such.

        Not what EXCEPT takes away.
        """
        todo = [self.node.fields.get("setOperations")]
        found: list[Query] = []
        while todo:
            node = todo.pop()
            if node is None:
                continue
            if node.kind == "RANGETBLREF":
                found.append(self.inner(self.entry(node.number("rtindex")).fields["subquery"]))
            else:
                todo += [] if node.number("op") == _EXCEPT else [node.fields["rarg"]]
                todo.append(node.fields["larg"])
        return found


class Mentions:
    """Collects what queries name: columns and functions, and aside from them whole relations.

    `types` are (type, attribute) pairs: columns named through the type of a row that need not come
    from the table of that type.
    """

    def __init__(self) -> None:
        self.relations: set[int] = set()
        self.types: set[tuple[int, int]] = set()
        self.called: set[int] = set()

    def of(self, query: Query) -> Sources:
        """Give every column of a relation that a query names, and the functions it calls."""
        found: Sources = {}
        todo: list[tuple[Node, Query]] = [(child, query) for child in query.node.children()]
        while todo:
            node, query = todo.pop()
            if node.kind == "VAR":
                todo += self._variable(node, query, found)
                continue
            if node.kind == "QUERY":
                query = query.inner(node)
            self._note(node, found)
            # A join lists all columns of both sides; those that are used are named elsewhere.
            todo += (
                (child, query)
                for name, value in node.fields.items()
                if name != "joinaliasvars"
                for child in nodes_in(value)
            )
        return found

    def _variable(self, node: Node, query: Query, found: Sources) -> list[tuple[Node, Query]]:
        """Note what a variable names; give what a column of a join stands for."""
        owner = query.up(node.number("varlevelsup"))
        entry = owner.entry(node.number("varno"))
        number = node.number("varattno")
        kind = entry.number("rtekind")
        if kind == Entry.JOIN:
            return [(column, owner) for column in chosen(entry.list("joinaliasvars"), number)]
        if kind == Entry.RELATION and number >= 0:
            found["pg_class", entry.number("relid"), number] = COPIED
        for function in entry.list("functions"):
            self.types.add((function.fields["funcexpr"].number("funcresulttype"), number))
        return []

    def _note(self, node: Node, found: Sources) -> None:
        if node.kind in CALLS:
            function = node.number(CALLS[node.kind])
            self.called.add(function)
            if function >= FIRST_USER_OID:
                found["pg_proc", function, 0] = COPIED
        elif node.kind == "FIELDSELECT":
            row = node.fields["arg"]
            of_type = row.number("vartype") or row.number("funcresulttype")
            self.types.add((of_type, node.number("fieldnum")))
        elif node.kind == "CONST" and node.number("consttype") == _REGCLASS:
            self.relations.add(int.from_bytes(node.fields.get("datum", b""), "little"))
        elif "rtekind" in node.fields and node.number("rtekind") == Entry.RELATION:
            self.relations.add(node.number("relid"))


def chosen(columns: list[Node | None], number: int) -> list[Node]:
    """Give one column, or all for number 0; the place of a dropped column is empty."""
    found = columns[number - 1 : number] if number else columns
    return [column for column in found if column is not None]
