"""Reads FROM in SQL text: tables, queries, functions, and how they are joined."""

from sqlglot import exp

from gatekeeper.access.lineage_expression import Expressions, function_names
from gatekeeper.access.lineage_scope import Entry, Rows, Scope, folded, join
from gatekeeper.access.lineage_traced import Sources, UnreadableError, merge, union
from gatekeeper.model.lineage import COPIED, DERIVED


class FromReader(Expressions):
    """Reads entries of FROM; queries among them are somebody else's."""

    def clauses(self, node: exp.Expr, scope: Scope, known: set[str]) -> None:
        """Read what does not come out: WHERE, GROUP BY, ORDER BY and so on."""
        for name, part in node.args.items():
            if name not in known:
                for piece in part if isinstance(part, list) else [part]:
                    if isinstance(piece, exp.Expr):
                        self.value(piece, scope)

    def from_(self, node: exp.Expr, scope: Scope) -> Rows:
        """Read FROM with its joins; give what `*` stands for."""
        clause = node.args.get("from_")
        if clause is None:
            return Rows([])
        return self._joined(self.entry(clause.this, scope), node.args.get("joins"), scope)

    def _joined(self, first: Rows, joins: list[exp.Join] | None, scope: Scope) -> Rows:
        items = [first]
        for node in joins or ():
            rows = self.entry(node.this, scope)
            is_comma = not any(node.args.get(a) for a in ("kind", "side", "method", "on", "using"))
            if is_comma:
                items.append(rows)
            else:
                items[-1], compared = join(items[-1], rows, node, scope)
                merge(self.mentions[-1], compared)
            condition = node.args.get("on")
            if condition is not None:
                self.value(condition, scope)
        rest = [item.rest for item in items if item.rest is not None]
        columns = [column for item in items for column in item.columns]
        is_open = any(item.is_open for item in items)
        return Rows(columns, union(rest) if rest else None, None, is_open)

    def entry(self, node: exp.Expr, scope: Scope) -> Rows:
        """Read one entry of FROM, and add what it is called to the scope."""
        inner, is_lateral = node, False
        if isinstance(node, exp.Lateral):
            inner, is_lateral = node.this, True
        schema = None
        if isinstance(inner, exp.Table) and isinstance(inner.this, exp.Identifier):
            rows = self._table(inner, scope)
            name, schema = folded(inner.this), folded(inner.args.get("db")) or None
        elif isinstance(inner, exp.Subquery) and isinstance(inner.this, exp.Table | exp.Subquery):
            return self._parenthesized(inner, scope)
        elif isinstance(inner, exp.Subquery | exp.Values):
            around = scope if is_lateral else Scope(scope.outer, scope.queries)
            rows, name = self.query(inner, around), ""
        else:
            rows, name = self._function_rows(inner, scope)
        rows, alias = aliased(rows, node)
        scope.entries.append(Entry(alias or name, rows, None if alias else schema))
        return self._joined(rows, inner.args.get("joins"), scope)

    def _parenthesized(self, node: exp.Subquery, scope: Scope) -> Rows:
        """Read `(a JOIN b)`: with an alias, the names inside are not seen outside."""
        if node.args.get("alias") is None:
            rows = self.entry(node.this, scope)
        else:
            rows = self.entry(node.this, Scope(scope, scope.queries))
            rows, alias = aliased(rows, node)
            scope.entries.append(Entry(alias, rows))
        return self._joined(rows, node.args.get("joins"), scope)

    def _table(self, node: exp.Table, scope: Scope) -> Rows:
        self.seen.add(id(node))
        name, schema = folded(node.this), folded(node.args.get("db")) or None
        if schema is None and name in scope.queries:
            return scope.queries[name]
        found = self.names.relations(name, schema, self.path)
        may_be_anywhere = schema == "pg_temp" or (schema is None and self.path is None)
        if not found and may_be_anywhere:
            raise UnreadableError(f"it reads {name}, which is no table or view that is known")
        self.clauses(node, scope, {"this", "db", "alias", "joins", "catalog", "only"})
        if not found:  # there is none wherever the body looks: it fails there, and shows nothing
            return Rows([], {}, None, is_open=True)
        self.relations.update(relation.oid for relation in found)
        columns: dict[str, Sources] = {}
        for relation in found:
            for number, column in relation.columns:
                columns.setdefault(column, {})["pg_class", relation.oid, number] = COPIED
        row: Sources = {("pg_class", relation.oid, 0): COPIED for relation in found}
        return Rows(list(columns.items()), None, row)

    def _function_rows(self, node: exp.Expr, scope: Scope) -> tuple[Rows, str]:
        """Read a function in FROM; give its rows, and what they are called without an alias."""
        call, schema = node, None
        if isinstance(node, exp.Table):
            self.seen.add(id(node))
            call, schema = node.this, folded(node.args.get("db")) or None
        name = function_names(call)[0]
        every: Sources = {}
        self.function(call, scope, schema, every)
        found = self.names.functions(name, schema, self.path)
        if len(found) != 1:
            return Rows([], every, None, is_open=True), name
        function = found[0]
        arguments = union(
            [{k: h for k, h in every.items() if k != ("pg_proc", function.oid, 0)}], DERIVED
        )
        columns: list[tuple[str, Sources]] = [
            (column, {**arguments, ("pg_proc", function.oid, number): COPIED})
            for number, column in function.outputs
        ]
        return Rows(columns, None if columns else every, every, is_open=not columns), name


def aliased(rows: Rows, node: exp.Expr) -> tuple[Rows, str]:
    """Give rows under the alias of a node, and the alias; '' when it has none."""
    alias = node.args.get("alias")
    if alias is None:
        return rows, ""
    names = [folded(c.this if isinstance(c, exp.ColumnDef) else c) for c in alias.columns]
    return rows.renamed(names), folded(alias.this)
