"""Traces the columns of a rule as the server stores it: names resolved, stars expanded.

The shape of nodes is that of PostgreSQL 14 to 18. A kind of node that is not named here counts as a
computation over everything below it, so a newer server makes the answer coarser, never emptier.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from gatekeeper.access.lineage_nodes import Node, nodes_in, read_tree
from gatekeeper.access.lineage_query import (
    CALLS,
    FIRST_USER_OID,
    Entry,
    Mentions,
    Query,
    chosen,
)
from gatekeeper.access.lineage_traced import Sources, Traced, UnreadableError, merge, union
from gatekeeper.model.lineage import COPIED, DERIVED

_SELECT = 1  # Query.commandType
_EXISTS, _EXPRESSION, _ARRAY = 0, 4, 6  # SubLink.subLinkType
_JSON_EXISTS = 0  # JsonExpr.op
_CASTS = (1, 2)  # FuncExpr.funcformat: explicit and implicit
# PostgreSQL 14 calls some kinds by other names.
_KINDS = {
    "ROW": "ROWEXPR", "ARRAY": "ARRAYEXPR", "CASE": "CASEEXPR", "COALESCE": "COALESCEEXPR",
    "MINMAX": "MINMAXEXPR",
}  # fmt: skip
# The value of one of these is, or holds, a value below it as it is.
_VERBATIM = {
    "ARRAYCOERCEEXPR", "ARRAYEXPR", "COALESCEEXPR", "COERCETODOMAIN", "COERCEVIAIO", "COLLATEEXPR",
    "CONVERTROWTYPEEXPR", "JSONBEHAVIOR", "JSONCONSTRUCTOREXPR", "JSONVALUEEXPR", "MINMAXEXPR",
    "NAMEDARGEXPR", "RELABELTYPE", "RETURNINGEXPR", "ROWEXPR", "TABLEFUNC", "TARGETENTRY",
    "XMLEXPR",
}  # fmt: skip

_Todo = list[tuple[Any, str]]


@lru_cache(maxsize=4096)
def trace_tree(text: str, carriers: frozenset[int], hiding: frozenset[tuple[int, str]]) -> Traced:
    """Trace a rule or function body given as pg_node_tree; of several statements, the last.

    `carriers` and `hiding` are the server's functions of CARRIERS and HIDING, by oid. The answer is
    shared with other callers. Raises UnreadableError when the tree has another shape.
    """
    with _refusing():
        statements = [Query(n) for n in nodes_in(read_tree(text)) if n.kind == "QUERY"]
        mentions = Mentions()
        mentioned = union(mentions.of(query) for query in statements)
        outputs = _Tracer(carriers).outputs(statements[-1]) if statements else []
    return Traced(
        tuple(outputs),
        frozenset(mentioned),
        frozenset(mentions.relations),
        frozenset(mentions.types),
        frozenset(name for oid, name in hiding if oid in mentions.called),
    )


def trace_expression(text: str, relation: int, carriers: frozenset[int]) -> Sources:
    """Trace an expression over the columns of one relation, given as pg_node_tree.

    Raises UnreadableError when the tree has another shape.
    """
    with _refusing():
        entry, around = Node(), Node()
        entry.fields = {"rtekind": Entry.RELATION, "relid": relation}
        around.fields = {"rtable": [entry]}
        found = [_Tracer(carriers).value(node, Query(around)) for node in nodes_in(read_tree(text))]
        return union(found)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except RecursionError as error:
        raise UnreadableError("its query is nested too deeply") from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableError("the server stores its query in a form that is not known") from error


class _Tracer:
    def __init__(self, carriers: frozenset[int]) -> None:
        self._carriers = carriers
        self._known: dict[Query, list[Sources]] = {}
        self._assumed: dict[Query, list[Sources]] = {}  # of recursive queries under way

    def outputs(self, query: Query) -> list[Sources]:
        """Give where each output column of a query comes from."""
        if query not in self._known:
            self._known[query] = self._read(query)
        return self._known[query]

    def _read(self, query: Query) -> list[Sources]:
        branches = [self.outputs(leaf) for leaf in query.leaves()]
        if branches:
            return [union(column) for column in zip(*branches, strict=True)]
        command = query.node.number("commandType")
        targets = query.node.list("targetList" if command == _SELECT else "returningList")
        return [self.value(t.fields["expr"], query) for t in targets if not _is_junk(t)]

    def value(self, node: Node, query: Query, how: str = COPIED) -> Sources:
        """Give what the value of an expression is made of."""
        found: Sources = {}
        todo: _Todo = [(node, how)]
        while todo:
            part, how = todo.pop()
            if part is not None:
                self._step(part, query, how, found, todo)
        return found

    def _step(self, node: Node, query: Query, how: str, found: Sources, todo: _Todo) -> None:
        """Look at one node: what it gives goes into `found`, what it is made of into `todo`."""
        fields = node.fields
        match _KINDS.get(node.kind, node.kind):
            case "VAR":
                owner = query.up(node.number("varlevelsup"))
                column = self._column(owner, node.number("varno"), node.number("varattno"))
                merge(found, column, how)
            case "SUBLINK":
                self._sublink(node, query, how, found)
                todo.append((fields["testexpr"], DERIVED))
            case "CASEEXPR":
                todo += ((when.fields["expr"], DERIVED) for when in node.list("args"))
                todo += ((when.fields["result"], how) for when in node.list("args"))
                todo += ((fields["arg"], DERIVED), (fields["defresult"], how))
            case "NULLIFEXPR":
                value, other = fields["args"]
                todo += ((value, how), (other, DERIVED))
            case "FIELDSELECT":
                field = self._field(fields["arg"], node.number("fieldnum"), query)
                if field is None:
                    todo.append((fields["arg"], how))
                else:
                    merge(found, field, how)
            case "SUBSCRIPTINGREF" | "JSONEXPR":
                container = fields.get("refexpr") or fields.get("formatted_expr")
                if node.kind == "JSONEXPR" and node.number("op") == _JSON_EXISTS:
                    how = DERIVED
                todo += ((n, how if n is container else DERIVED) for n in node.children())
            case "FUNCEXPR" | "AGGREF" | "WINDOWFUNC" | "OPEXPR" | "SCALARARRAYOPEXPR":
                self._call(node, how, found, todo)
            case "GROUPINGFUNC":
                pass  # says how rows are grouped, nothing of their values
            case kind:
                how = how if kind in _VERBATIM else DERIVED
                todo += ((child, how) for child in node.children())

    def _call(self, node: Node, how: str, found: Sources, todo: _Todo) -> None:
        """Look at arguments only: FILTER and ORDER BY decide about rows, not values."""
        function = node.number(CALLS[node.kind])
        if function >= FIRST_USER_OID:
            merge(found, {("pg_proc", function, 0): how})
        is_carrier = function in self._carriers or node.number("funcformat") in _CASTS
        for argument in node.list("args"):
            if not _is_junk(argument):  # what an aggregate is ordered by is among its arguments
                todo.append((argument, how if is_carrier else DERIVED))
        todo += ((argument, DERIVED) for argument in node.list("aggdirectargs"))

    def _sublink(self, node: Node, query: Query, how: str, found: Sources) -> None:
        inner = query.inner(node.fields["subselect"])
        kind = node.number("subLinkType")
        if kind == _EXISTS:
            merge(found, Mentions().of(inner), DERIVED)  # its value is nothing but the condition
        else:
            how = how if kind in (_EXPRESSION, _ARRAY) else DERIVED
            merge(found, union(self.outputs(inner)), how)

    def _column(self, query: Query, table: int, number: int) -> Sources:
        """Give where a column of an entry in FROM comes from; column 0 is the whole row."""
        entry = query.entry(table)
        if number < 0:
            return {}  # a system column
        match entry.number("rtekind"):
            case Entry.RELATION:
                return {("pg_class", entry.number("relid"), number): COPIED}
            case Entry.SUBQUERY:
                return _pick(self.outputs(query.inner(entry.fields["subquery"])), number)
            case Entry.CTE:
                return _pick(self._cte(entry, query), number)
            case Entry.FUNCTION:
                return self._function_column(entry, query, number)
            case Entry.TABLE_FUNCTION:
                return self.value(entry.fields["tablefunc"], query)
            case Entry.VALUES:
                rows = entry.list("values_lists")
                return union(self._values(row, query, number) for row in rows)
            case Entry.JOIN | Entry.GROUP as kind:
                columns = entry.list("joinaliasvars" if kind == Entry.JOIN else "groupexprs")
                return self._values(columns, query, number)
            case _:
                return {}

    def _values(self, columns: list[Node | None], query: Query, number: int) -> Sources:
        return union(self.value(column, query) for column in chosen(columns, number))

    def _function_column(self, entry: Node, query: Query, number: int) -> Sources:
        """Give where a column of a function in FROM comes from; ROWS FROM has several."""
        found: Sources = {}
        before = 0
        for function in entry.list("functions"):
            count = function.number("funccolcount")
            call = function.fields["funcexpr"]
            if number == 0 or before < number <= before + count:
                given = self._result(call, number - before if number else 0, query)
                merge(found, self.value(call, query) if given is None else given)
            before += count
        return found

    def _result(self, call: Node, number: int, query: Query) -> Sources | None:
        """Give a column of what a function of the project's returns; None for other calls."""
        oid = call.number("funcid")
        if call.kind != "FUNCEXPR" or oid < FIRST_USER_OID:
            return None
        arguments = union(self.value(argument, query) for argument in call.list("args"))
        return union([arguments], DERIVED) | {("pg_proc", oid, number): COPIED}

    def _cte(self, entry: Node, query: Query) -> list[Sources]:
        owner = query.up(entry.number("ctelevelsup"))
        name = entry.fields["ctename"]
        cte = next(c for c in owner.node.list("cteList") if c.fields["ctename"] == name)
        inner = owner.inner(cte.fields["ctequery"])
        if inner in self._assumed:
            return self._assumed[inner]
        if cte.fields["cterecursive"] != "true" or inner in self._known:
            return self.outputs(inner)
        # Its columns are made of themselves, too: assume that they are made of nothing, and look
        # again until the answer is what was assumed. What follows from another is forgotten.
        self._assumed[inner] = [{} for _ in cte.list("ctecolnames")]
        while (found := self._again(inner)) != self._assumed[inner]:
            self._assumed[inner] = found
        del self._assumed[inner]
        return found

    def _again(self, query: Query) -> list[Sources]:
        self._known.clear()
        return self.outputs(query)

    def _field(self, row: Node, number: int, query: Query) -> Sources | None:
        """Give a field of a row, where it is certain which one that is; None otherwise."""
        if row.kind in ("ROWEXPR", "ROW"):
            return self._values(row.list("args"), query, number)
        if row.kind != "VAR":
            return self._result(row, number, query)
        owner = query.up(row.number("varlevelsup"))
        table, column = row.number("varno"), row.number("varattno")
        if column == 0:
            return self._column(owner, table, number)
        entry = owner.entry(table)
        kind = entry.number("rtekind")
        if kind in (Entry.JOIN, Entry.GROUP):
            columns = entry.list("joinaliasvars" if kind == Entry.JOIN else "groupexprs")
            return self._field(columns[column - 1], number, owner)
        if kind == Entry.SUBQUERY:
            inner = owner.inner(entry.fields["subquery"])
            if not inner.leaves():
                target = inner.node.list("targetList")[column - 1]
                return self._field(target.fields["expr"], number, inner)
        return None


def _is_junk(node: Node) -> bool:
    return node.fields.get("resjunk") == "true"


def _pick(columns: list[Sources], number: int) -> Sources:
    """Give one column; all for the whole row, and for what SEARCH and CYCLE add to a query."""
    return columns[number - 1] if 0 < number <= len(columns) else union(columns)
