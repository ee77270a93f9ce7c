"""Traces expressions of SQL text: what a value is made of."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from gatekeeper.access.lineage_names import Names, SearchPath
from gatekeeper.access.lineage_scope import Rows, Scope, folded
from gatekeeper.access.lineage_traced import CARRIERS, Sources, UnreadableError, merge
from gatekeeper.model.lineage import COPIED, DERIVED

# The value of one of these is, or holds, a value below it as it is.
_VERBATIM = (
    exp.Alias, exp.AnyValue, exp.Array, exp.ArrayAgg, exp.ArrayAppend, exp.ArrayConcat,
    exp.ArrayPrepend, exp.ArrayToString, exp.Cast, exp.Coalesce, exp.Collate, exp.Concat,
    exp.ConcatWs, exp.DPipe, exp.Distinct, exp.Explode, exp.FirstValue, exp.Format, exp.Greatest,
    exp.GroupConcat, exp.IgnoreNulls, exp.JSONArray, exp.JSONArrayAgg, exp.JSONBExtract,
    exp.JSONBExtractScalar, exp.JSONBObjectAgg, exp.JSONExtract, exp.JSONExtractScalar,
    exp.JSONFormat, exp.JSONKeyValue, exp.JSONObject, exp.JSONObjectAgg, exp.JSONValue, exp.Kwarg,
    exp.Lag, exp.LastValue, exp.Lead, exp.Least, exp.Max, exp.Min, exp.NthValue, exp.Ordered,
    exp.Paren, exp.PropertyEQ, exp.RespectNulls, exp.StringToArray, exp.Tuple, exp.Unnest,
    exp.Variadic,
)  # fmt: skip
_SORTING_AGGREGATES = (exp.Mode, exp.PercentileDisc)  # they give what they are sorted by
_OPERATORS = ("||", "->", "->>", "#>", "#>>")
# What looks like a column and is a key word.
_WORDS = {"user", "current_role", "system_user", "default"}

_Todo = list[tuple[Any, str]]  # what is still to be looked at, and how it is used


class Expressions(ABC):
    """Reads expressions; what they name is noted on the way.

    `mentions` is a stack: its first is everything that was named, the others what an EXISTS under
    way names.
    """

    def __init__(self, names: Names, path: SearchPath, variables: Mapping[str, Sources]) -> None:
        self.names = names
        self.path = path
        self.variables = variables
        self.mentions: list[Sources] = [{}]
        self.relations: set[int] = set()
        self.called: set[str] = set()
        self.hidden: set[str] = set()
        self.seen: set[int] = set()

    @abstractmethod
    def query(self, node: exp.Expr, scope: Scope) -> Rows:
        """Read a query inside of `scope`; give its rows."""

    def value(self, node: exp.Expr, scope: Scope) -> Sources:
        """Give what the value of an expression is made of."""
        return self._values([(node, COPIED)], scope, {})

    def function(self, node: exp.Expr, scope: Scope, schema: str | None, found: Sources) -> None:
        """Add what a call of `schema.function()` is made of."""
        todo: _Todo = []
        self._function(node, schema, scope, COPIED, found, todo)
        self._values(todo, scope, found)

    def _values(self, todo: _Todo, scope: Scope, found: Sources) -> Sources:
        while todo:
            part, how = todo.pop()
            if isinstance(part, list):
                todo += ((piece, how) for piece in part)
            elif isinstance(part, exp.Expr):
                self._step(part, scope, how, found, todo)
        return found

    def _step(self, node: exp.Expr, scope: Scope, how: str, found: Sources, todo: _Todo) -> None:
        """Look at one node: what it gives goes into `found`, what it is made of into `todo`."""
        args = node.args
        match node:
            case exp.Column():
                self._name(node, scope, how, found)
            case exp.Query():
                merge(found, self.query(node, scope).whole(), how)
            case exp.Exists() if isinstance(node.this, exp.Query):
                merge(found, self._named(node.this, scope), DERIVED)  # it is all condition
            case exp.Case():
                todo += ((branch.this, DERIVED) for branch in args["ifs"])
                todo += ((branch.args["true"], how) for branch in args["ifs"])
                todo += ((node.this, DERIVED), (args.get("default"), how))
            case exp.If():
                todo += ((node.this, DERIVED), (args["true"], how), (args.get("false"), how))
            case exp.Nullif() | exp.Bracket():
                todo += ((node.this, how), (args.get("expression"), DERIVED))
                todo.append((args.get("expressions"), DERIVED))
            case exp.Filter() | exp.Window() | exp.Order() | exp.WithinGroup():
                self._deciding(node, scope, how, todo)
            case exp.Lambda():  # what the parser makes of f(a -> 'key')
                columns = [exp.Column(this=name.copy()) for name in node.expressions]
                todo += [(column, how) for column in columns] + [(node.this, how)]
            case exp.Dot():
                self._dot(node, scope, how, found, todo)
            case exp.DataType() | exp.Identifier():
                pass
            case exp.Lock():  # FOR UPDATE OF what FROM names
                self.seen.update(map(id, node.expressions))
            case exp.Func():
                self._function(node, None, scope, how, found, todo)
            case exp.Operator():
                schema, _, operator = str(args["operator"]).rpartition(".")
                if schema not in ("", "pg_catalog"):
                    raise UnreadableError(f"it is not known what the operator {operator} does")
                how = how if operator in _OPERATORS else DERIVED
                todo += ((part, how) for part in args.values())
            case _:
                how = how if isinstance(node, _VERBATIM) else DERIVED
                todo += ((part, how) for part in args.values())

    def _named(self, node: exp.Query, scope: Scope) -> Sources:
        """Give everything that a query names."""
        self.mentions.append({})
        self.query(node, scope)
        named = self.mentions.pop()
        merge(self.mentions[-1], named)
        return named

    def _name(self, node: exp.Column, scope: Scope, how: str, found: Sources) -> None:
        self.seen.add(id(node))
        path = [folded(node.args[p]) for p in ("catalog", "db", "table") if node.args.get(p)]
        name = "*" if isinstance(node.this, exp.Star) else folded(node.this)
        if path:
            sources = scope.qualified([*path, name], self.variables)
        elif name in _WORDS and not node.this.args.get("quoted"):
            return
        else:
            sources = scope.column(name, self.variables)
        merge(found, sources, how)
        merge(self.mentions[-1], sources)

    def _deciding(self, node: exp.Expr, scope: Scope, how: str, todo: _Todo) -> None:
        """Look at what an aggregate or window is over; the rest decides about rows, not values."""
        todo.append((node.this, how))
        sorts = isinstance(node, exp.WithinGroup)
        if sorts:
            gives = how if isinstance(node.this, _SORTING_AGGREGATES) else DERIVED
            todo += ((part.this, gives) for part in node.expression.expressions)
        for name, part in node.args.items():
            if name != "this" and not (sorts and name == "expression"):
                for piece in part if isinstance(part, list) else [part]:
                    if isinstance(piece, exp.Expr):
                        self.value(piece, scope)

    def _dot(self, node: exp.Dot, scope: Scope, how: str, found: Sources, todo: _Todo) -> None:
        """Look at `schema.function()`, or at a field of a row: of a table's, only that column."""
        if isinstance(node.expression, exp.Func):
            self._function(node.expression, folded(node.this), scope, how, found, todo)
            return
        row = node.this.unnest()
        if isinstance(row, exp.Column) and not isinstance(row.this, exp.Star):
            name = folded(row.this)
            for entry in (e for around in scope.around() for e in around.entries):
                field = entry.rows.named(folded(node.expression))
                if entry.name == name and not row.args.get("table") and field is not None:
                    self.value(row, scope)
                    merge(found, field, how)
                    return
        todo.append((node.this, how))

    def _function(
        self,
        node: exp.Expr,
        schema: str | None,
        scope: Scope,
        how: str,
        found: Sources,
        todo: _Todo,
    ) -> None:
        names = function_names(node)
        self.called.update(names)
        for name in names:
            self.call(name, schema, how, found)
            self.call(name, schema, how, self.mentions[-1])
        is_carrier = isinstance(node, _VERBATIM) or (
            schema in (None, "pg_catalog")
            and (not CARRIERS.isdisjoint(names) or any(map(scope.has, names)))
        )
        for name, part in node.args.items():
            if not (isinstance(node, exp.Anonymous) and name == "this"):
                todo.append((part, how if is_carrier else DERIVED))

    def call(self, name: str, schema: str | None, how: str, found: Sources) -> None:
        """Note a call of a function of the project's: all that a name may mean."""
        for function in self.names.functions(name, schema, self.path):
            merge(found, {("pg_proc", function.oid, 0): how})


def function_names(node: exp.Expr) -> list[str]:
    """Give the names that a call may have been written with."""
    if isinstance(node, exp.Anonymous):
        return [folded(node.this) if isinstance(node.this, exp.Identifier) else node.name.lower()]
    if not isinstance(node, exp.Func):
        raise UnreadableError("it reads from something in FROM that is not understood")
    return [name.lower() for name in node.sql_names()]
