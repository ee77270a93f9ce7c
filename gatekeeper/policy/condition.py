"""Compiles a condition: SQL that may read one fact table's row, and nothing else.

Everything that can be wrong is found when policies are loaded: unknown columns, functions and
parameters, words outside a closed vocabulary, values of different types, subqueries.

Null is an ordinary value here, except in columns whose null means unknown: `change = 'dropped'` is
false and `change <> 'dropped'` true for a row without a change. Only a predicate that reads an
unknown value is null, and makes the policy undecided for that row.
"""

import re
from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from gatekeeper.facts.columns import FactColumn, FactTable
from gatekeeper.policy.model import Conjunct
from gatekeeper.yaml_reader import Node, Plain, did_you_mean

_CONNECTIVES = (exp.And, exp.Or, exp.Not, exp.Paren)
_PREDICATES = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between, exp.Like,
    exp.Glob, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Anonymous,
)  # fmt: skip
_VALUES = (
    exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean, exp.Placeholder, exp.Case,
    exp.If, exp.Coalesce, exp.Lower, exp.Upper, exp.Length, exp.Trim, exp.Substring, exp.Abs,
    exp.StrPosition, exp.DPipe, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Replace,
    exp.Nullif,
)  # fmt: skip
_FUNCTIONS = ("tagged", "matches", "like_any")  # each takes two texts
_FAMILY = {"text": "text", "integer": "number", "boolean": "number"}


class _Mistake(Exception):
    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


def compile_condition(
    node: Node, table: FactTable, params: dict[str, Plain]
) -> tuple[Conjunct, ...]:
    """Compile a condition into its conjuncts; mistakes are recorded at the node."""
    text = node.text()
    try:
        tree = _parse(text)
        compiler = _Compiler(table, params)
        mistakes = list(compiler.mistakes(tree))
        for mistake in mistakes:
            node.problem(str(mistake), node.text_line(mistake.line - 1))
        if mistakes:
            return ()
        return tuple(compiler.conjunct(part) for part in _conjuncts(tree))
    except _Mistake as mistake:
        node.problem(str(mistake), node.text_line(mistake.line - 1))
        return ()
    except RecursionError:
        node.problem("the condition is nested too deeply")
        return ()


def _parse(text: str) -> exp.Expr:
    """Parse a condition where conditions stand: behind a WHERE, of which nothing else may come."""
    if not text.strip():
        raise _Mistake("the condition is empty")
    if "\0" in text:
        raise _Mistake("the condition holds a NUL character")
    try:
        trees = sqlglot.parse(f"SELECT 1 WHERE {text}", dialect="sqlite")
    except SqlglotError as error:
        details = getattr(error, "errors", None) or [{}]
        line = details[0].get("line") or 1
        where = details[0].get("highlight")
        near = f" near {where!r}" if where else ""
        message = f"this is not a condition that SQL understands{near}: {text.strip()}"
        raise _Mistake(message, line) from None
    except RecursionError:
        raise _Mistake("the condition is nested too deeply") from None
    tree = trees[0] if len(trees) == 1 else None
    parts = {name for name, value in tree.args.items() if value} if tree is not None else set()
    if tree is None or parts != {"expressions", "where"}:
        raise _Mistake(f"one condition is expected, and nothing else: {text.strip()}")
    condition: exp.Expr = tree.args["where"].this
    return condition


def _conjuncts(tree: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(tree, exp.And):
        yield from _conjuncts(tree.this)
        yield from _conjuncts(tree.expression)
    elif isinstance(tree, exp.Paren) and isinstance(tree.this, exp.And):
        yield from _conjuncts(tree.this)
    else:
        yield tree


class _Compiler:
    def __init__(self, table: FactTable, params: dict[str, Plain]) -> None:
        self._table = table
        self._columns = {c.name: c for c in table.columns}
        self._params = params

    def mistakes(self, tree: exp.Expr) -> Iterator[_Mistake]:
        """Give everything that is wrong with a parsed condition."""
        yield from self._texts_as_truth(tree)
        for node in tree.walk():
            found = self._mistake(node)
            if found is not None:
                yield found

    def _texts_as_truth(self, tree: exp.Expr) -> Iterator[_Mistake]:
        """Find texts where only true or false make sense: SQLite takes them for false."""
        if isinstance(tree, exp.And | exp.Or):
            yield from self._texts_as_truth(tree.this)
            yield from self._texts_as_truth(tree.expression)
        elif isinstance(tree, exp.Not | exp.Paren):
            yield from self._texts_as_truth(tree.this)
        elif self._family(tree) == "text":
            shown = tree.sql(dialect="sqlite")
            yield _Mistake(f"{shown} is a text, not a condition; {shown} is not null?", _line(tree))

    def _mistake(self, node: exp.Expr) -> _Mistake | None:
        line = _line(node)
        if isinstance(node, exp.Subquery | exp.Select | exp.Exists):
            return _Mistake("a condition cannot hold a subquery; use query: for that", line)
        if isinstance(node, exp.Anonymous):
            return self._bad_function(node, line)
        if not isinstance(node, (*_CONNECTIVES, *_PREDICATES, *_VALUES)):
            return _Mistake(f"{type(node).__name__.lower()} is not allowed in a condition", line)
        if isinstance(node, exp.Column):
            return self._bad_column(node, line)
        if isinstance(node, exp.Placeholder) and node.name not in self._params:
            known = did_you_mean(node.name, self._params)
            return _Mistake(f"unknown parameter :{node.name}{known}", line)
        if isinstance(node, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE | exp.Is):
            return self._bad_comparison(node, [node.this, node.expression], line)
        if isinstance(node, exp.NullSafeEQ | exp.NullSafeNEQ | exp.Like | exp.Glob):
            return self._bad_comparison(node, [node.this, node.expression], line)
        if isinstance(node, exp.In):
            if node.args.get("field") is not None:
                return _Mistake("in takes a list of values: in ('a', 'b')", line)
            return self._bad_comparison(node, [node.this, *node.expressions], line)
        if isinstance(node, exp.Between):
            return self._bad_comparison(
                node, [node.this, node.args["low"], node.args["high"]], line
            )
        return None

    def _bad_function(self, node: exp.Anonymous, line: int) -> _Mistake | None:
        name = str(node.this).lower()
        if name not in _FUNCTIONS:
            return _Mistake(f"unknown function {name}(){did_you_mean(name, _FUNCTIONS)}", line)
        if len(node.expressions) != 2:  # noqa: PLR2004 - the value and what is asked of it
            return _Mistake(f"{name}() takes 2 arguments", line)
        if any(self._family(argument) == "number" for argument in node.expressions):
            return _Mistake(f"{name}() takes texts: {node.sql(dialect='sqlite')}", line)
        pattern = node.expressions[1].unnest()
        if name != "matches":
            return None
        if isinstance(pattern, exp.Placeholder):
            return _bad_pattern(self._params.get(pattern.name), line)
        if not isinstance(pattern, exp.Literal):
            return _Mistake("the pattern of matches() is a text in quotes or a parameter", line)
        return _bad_pattern(pattern.name, line)

    def _bad_column(self, node: exp.Column, line: int) -> _Mistake | None:
        if node.table:
            return _Mistake(f"write {node.name} without {node.table}.", line)
        if node.name not in self._columns:
            known = did_you_mean(node.name, self._columns)
            quoted = node.this.args.get("quoted")
            advice = "; texts stand in single quotes" if quoted and not known else known
            return _Mistake(f"{self._table.name} has no column {node.name!r}{advice}", line)
        return None

    def _bad_comparison(self, node: exp.Expr, sides: list[exp.Expr], line: int) -> _Mistake | None:
        for side in sides:
            column = self._column(side)
            if column is None or not column.words or isinstance(node, exp.Like | exp.Glob):
                continue
            for other in (side.unnest() for side in sides):
                if (
                    isinstance(other, exp.Literal)
                    and other.is_string
                    and other.name not in column.words
                ):
                    known = did_you_mean(other.name, column.words)
                    return _Mistake(
                        f"{column.name} is never {other.name!r}{known}"
                        f" (it is one of {', '.join(column.words)})",
                        line,
                    )
        types = {kind for side in sides if (kind := self._family(side)) is not None}
        if len(types) > 1:
            return _Mistake(f"a text is compared with a number: {node.sql(dialect='sqlite')}", line)
        return None

    def _column(self, node: exp.Expr) -> FactColumn | None:
        node = node.unnest()
        return self._columns.get(node.name) if isinstance(node, exp.Column) else None

    def _family(self, node: exp.Expr) -> str | None:
        node = node.unnest()
        column = self._column(node)
        if column is not None:
            return _FAMILY[column.type]
        if isinstance(node, exp.Literal):
            return "text" if node.is_string else "number"
        if isinstance(
            node,
            exp.Boolean | exp.Length | exp.Abs | exp.Add | exp.Sub | exp.Mul | exp.Div | exp.Neg,
        ):
            return "number"
        if isinstance(
            node, exp.Lower | exp.Upper | exp.Trim | exp.Substring | exp.DPipe | exp.Replace
        ):
            return "text"
        if isinstance(node, exp.Placeholder):
            value = self._params.get(node.name)
            return None if value is None else ("text" if isinstance(value, str) else "number")
        return None

    def conjunct(self, tree: exp.Expr) -> Conjunct:
        """Compile one part; its values are two-valued unless it reads something unknown."""
        names = tuple(dict.fromkeys(c.name for c in tree.find_all(exp.Column)))
        return Conjunct(
            sql=self._null_safe(tree.copy()).sql(dialect="sqlite"),
            source=_readable(tree),
            columns=names,
            unknown=tuple(n for n in names if self._columns[n].null_is_unknown),
        )

    def _null_safe(self, tree: exp.Expr) -> exp.Expr:
        if isinstance(tree, exp.And | exp.Or):
            tree.set("this", self._null_safe(tree.this))
            tree.set("expression", self._null_safe(tree.expression))
            return tree
        if isinstance(tree, exp.Not | exp.Paren):
            tree.set("this", self._null_safe(tree.this))
            return tree
        if any(self._columns[c.name].null_is_unknown for c in tree.find_all(exp.Column)):
            return tree
        if isinstance(tree, exp.EQ):
            return exp.NullSafeEQ(this=tree.this, expression=tree.expression)
        if isinstance(tree, exp.NEQ):
            return exp.NullSafeNEQ(this=tree.this, expression=tree.expression)
        return exp.Coalesce(this=tree, expressions=[exp.Literal.number(0)])


def _bad_pattern(pattern: Plain, line: int) -> _Mistake | None:
    try:
        re.compile(str(pattern))
    except (re.error, RecursionError) as error:
        return _Mistake(f"not a regular expression: {error}", line)
    return None


def _readable(tree: exp.Expr) -> str:
    text: str = tree.sql(dialect="sqlite", comments=False)
    return re.sub(r"\bNOT ([\w.]+) IS NULL\b", r"\1 IS NOT NULL", text)


def _line(node: exp.Expr) -> int:
    for inner in node.walk():
        if isinstance(inner, exp.Identifier) and "line" in inner.meta:
            return int(inner.meta["line"])
    return 1
