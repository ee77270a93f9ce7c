"""Traces the columns of a query given as text: names are resolved here, not by the server.

For bodies of functions, whose text the server keeps unread, and for views without a tree. A name
that may mean several things means all of them; one that means nothing known ends it.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from gatekeeper.access.lineage_from import FromReader, aliased
from gatekeeper.access.lineage_names import Names, SearchPath
from gatekeeper.access.lineage_scope import Entry, Rows, Scope, folded
from gatekeeper.access.lineage_traced import HIDING, Sources, Traced, UnreadableError, union
from gatekeeper.access.lineage_words import called_in, words_of
from gatekeeper.model.lineage import COPIED
from gatekeeper.model.names import quoted

_LONGEST = 200_000  # characters that are read; a query of a person is far below
_DEEPEST = 60  # parentheses in one another, for the parser's sake
_LOGGER = logging.getLogger("sqlglot")
_STATEMENTS = {"select", "with", "values", "table", "insert", "update", "delete", "merge", "(", ";"}
_CHANGES = exp.Insert | exp.Update | exp.Delete | exp.Merge
_PARTS_OF_CHANGES = {"with_", "this", "from_", "using", "returning", "expression"}
# Where the parser puts names whose meaning is followed here.
_NAMED = (
    exp.Alias, exp.Anonymous, exp.Collate, exp.Column, exp.ColumnDef, exp.DataType, exp.Dot,
    exp.Join, exp.Lambda, exp.OnConflict, exp.PropertyEQ, exp.Schema, exp.Table, exp.TableAlias,
    exp.Unnest, exp.Window, exp.XMLElement,
)  # fmt: skip


def trace_text(
    sql: str, names: Names, path: SearchPath, variables: Mapping[str, Sources] | None = None
) -> Traced:
    """Trace SQL; of several statements, the last says what comes out.

    `variables` are names that stand for values when no column is called so. Raises
    UnreadableError when anything in it is not understood.
    """
    reader = TextReader(names, path, variables or {})
    return reader.traced(reader.read(sql))


@dataclass(frozen=True, slots=True)
class _Read:
    """What can be said of statements without knowing what is in the database.

    `places` are the nodes whose place has to be understood, `given` the names that the parser gives
    back, `written` those that the text has, as (kind, name).
    """

    trees: tuple[exp.Expr, ...]
    places: tuple[exp.Expr, ...]
    given: Counter[str]
    written: Counter[tuple[str, ...]]
    called: frozenset[str]


@lru_cache(maxsize=4096)
def _read(sql: str) -> _Read:
    """Parse statements, once for all readings. What comes out is shared: nobody changes it."""
    trees, words = parsed(sql), words_of(sql)
    nodes = [node for tree in trees for node in tree.walk()]
    names = [node for node in nodes if isinstance(node, exp.Identifier)]
    misplaced = {id(name) for name in names if not isinstance(name.parent, _NAMED)}
    ends = [("", ""), *((w.kind, w.text) for w in words), ("", "")]
    return _Read(
        trees,
        tuple(n for n in nodes if isinstance(n, exp.Column | exp.Table) or id(n) in misplaced),
        Counter(map(folded, names)),
        Counter(
            word[:2]
            for word, before, after in zip(words, ends, ends[2:], strict=False)
            if word.kind in ("name", "quoted")
            and not (before[1] == "::" or after[1] == "(" or after[0] == "text")
        ),
        frozenset(called_in(words)),
    )


def parsed(sql: str) -> tuple[exp.Expr, ...]:
    """Parse statements."""
    depth = deepest = 0
    last = ";"
    for word in words_of(sql[:_LONGEST]):
        if last == ";" and word.text not in _STATEMENTS:
            raise UnreadableError("it has a statement that is neither a query nor a change of rows")
        last = word.text
        depth += {"(": 1, ")": -1}.get(word.text, 0)
        deepest = max(deepest, depth)
    if len(sql) > _LONGEST or deepest > _DEEPEST:
        raise UnreadableError("its query is too long or nested too deeply")
    _LOGGER.disabled, before = True, _LOGGER.disabled  # what it cannot parse is our message
    try:
        trees = sqlglot.parse(sql, dialect="postgres")
    except SqlglotError as error:
        raise UnreadableError("its SQL has a form that is not understood") from error
    finally:
        _LOGGER.disabled = before
    return tuple(tree for tree in trees if tree is not None and not isinstance(tree, exp.Semicolon))


class TextReader(FromReader):
    """Reads the statements of one body; what they name adds up."""

    def read(self, sql: str) -> Rows:
        """Read statements; give the rows that come out of the last."""
        try:
            text = _read(sql)
            rows = [self._statement(tree) for tree in text.trees]
            self._check(text)
        except RecursionError as error:
            raise UnreadableError("its query is nested too deeply") from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise UnreadableError("its SQL has a form that is not understood") from error
        missed = {n for n in text.called - self.called if self.names.is_function(n)}
        for name in missed:  # calls that the parser took for something of its own
            for output in [self.mentions[0], *(s for row in rows for _, s in row.columns)]:
                self.call(name, None, COPIED, output)
        self.hidden.update(text.called & HIDING)
        return rows[-1] if rows else Rows([])

    def traced(self, rows: Rows) -> Traced:
        """Give the sum of what was read, `rows` being what comes out."""
        return Traced(
            tuple(sources for _, sources in rows.columns),
            frozenset(self.mentions[0]),
            frozenset(self.relations),
            hidden=frozenset(self.hidden),
            open_ended=rows.whole() if rows.is_open else {},
        )

    def _statement(self, tree: exp.Expr) -> Rows:
        if isinstance(tree, exp.Query | exp.Values):
            return self.query(tree, Scope())
        if isinstance(tree, _CHANGES):
            return self._change(tree, Scope())
        raise UnreadableError("it has a statement that is neither a query nor a change of rows")

    def _check(self, text: _Read) -> None:
        """Make sure that nothing was overlooked, by us or the parser.

        The parser makes something else of a name here and there: of the column in
        date_trunc(grain, day) a unit of time.
        """
        for node in text.places:
            if isinstance(node, exp.Identifier) or id(node) not in self.seen:
                raise UnreadableError(f"the place of {node.name} in it is not understood")
        for name in self._risky():
            # Without quotes, a word such as SELECT is no name.
            kinds = ("quoted", "name") if quoted(name) == name else ("quoted",)
            if sum(text.written[kind, name] for kind in kinds) > text.given[name]:
                raise UnreadableError(f"the place of {name} in it is not understood")

    def _risky(self) -> set[str]:
        variables = {name for name, sources in self.variables.items() if sources}
        return variables | {name for r in self.names.read(self.relations) for _, name in r.columns}

    def query(self, node: exp.Expr, scope: Scope) -> Rows:
        """Read a query inside of `scope`; give its rows."""
        if isinstance(node, _CHANGES):
            return self._change(node, scope)
        scope = Scope(scope, self._with(node, scope))
        match node:
            case exp.Select():
                return self._select(node, scope)
            case exp.SetOperation():
                rows = self._set_operation(node, scope)
            case exp.Subquery():
                rows = self.query(node.this, scope)
            case exp.Values():
                rows = self._literal(node, scope)
            case _:
                raise UnreadableError("it has a query of a kind that is not understood")
        scope.outputs = rows.columns
        self.clauses(node, scope, {"this", "expression", "expressions", "with_", "alias", "joins"})
        return rows

    def _with(self, node: exp.Expr, scope: Scope) -> dict[str, Rows]:
        found = dict(scope.queries)
        clause = node.args.get("with_")
        if clause is None:
            return found
        for cte in clause.expressions:
            name = folded(cte.args["alias"].this)
            inner = Scope(scope.outer, found, scope.entries, scope.merged)
            if clause.args.get("recursive") and isinstance(cte.this, exp.SetOperation):
                found[name] = self._recursive(cte, name, inner)
            else:
                found[name] = aliased(self.query(cte.this, inner), cte)[0]
        return found

    def _recursive(self, cte: exp.CTE, name: str, scope: Scope) -> Rows:
        """Read what may be made of itself: assume nothing, look until that is the answer."""
        first = cte.this.this
        rows = aliased(self.query(first, scope), cte)[0]
        while True:
            inner = Scope(scope.outer, {**scope.queries, name: rows}, scope.entries, scope.merged)
            found = aliased(self.query(cte.this, inner), cte)[0]
            if found == rows:
                return rows
            rows = found

    def _set_operation(self, node: exp.SetOperation, scope: Scope) -> Rows:
        left, right = self.query(node.this, scope), self.query(node.expression, scope)
        if isinstance(node, exp.Except):
            return left
        if left.is_open or right.is_open or len(left.columns) != len(right.columns):
            every = union([left.whole(), right.whole()])
            return Rows([], every, None, is_open=True)
        pairs = zip(left.columns, right.columns, strict=True)
        return Rows([(name, union([one, other])) for (name, one), (_, other) in pairs], left.rest)

    def _literal(self, node: exp.Values, scope: Scope) -> Rows:
        rows = [
            row.expressions if isinstance(row, exp.Tuple) else [row] for row in node.expressions
        ]
        values = [[self.value(value, scope) for value in row] for row in rows]
        columns = [union(column) for column in zip(*values, strict=True)]
        return Rows([(f"column{i}", column) for i, column in enumerate(columns, 1)])

    def _select(self, node: exp.Select, scope: Scope) -> Rows:
        star = self.from_(node, scope)
        columns: list[tuple[str, Sources]] = []
        unnamed: list[Sources] = []
        is_open = False
        for output in node.expressions:
            given = self._starred(output, scope, star)
            if given is None:
                sources = self.value(output, scope)
                name = folded(output.args["alias"]) if isinstance(output, exp.Alias) else ""
                if isinstance(output, exp.Column):
                    name = folded(output.this)
                columns.append((name, sources))
                unnamed += [] if name else [sources]
            else:
                columns += given.columns
                unnamed += [] if given.rest is None else [given.rest]
                is_open |= given.is_open
        scope.outputs = columns
        self.clauses(node, scope, {"expressions", "from_", "joins", "with_", "into"})
        rest = union(unnamed) if unnamed else None
        if is_open:
            return Rows([], union([s for _, s in columns] + unnamed), None, is_open=True)
        return Rows(columns, rest)

    def _starred(self, output: exp.Expr, scope: Scope, star: Rows) -> Rows | None:
        """Give the columns that `*` or `t.*` stands for; None for any other output."""
        if isinstance(output, exp.Star):
            return star
        if not (isinstance(output, exp.Column) and isinstance(output.this, exp.Star)):
            return None
        self.value(output, scope)
        name = folded(output.args["table"])
        for around in scope.around():
            for entry in around.entries:
                if entry.name == name:
                    return entry.rows
        return Rows([], self.value(output, scope), None, is_open=True)

    def _change(self, node: exp.Expr, scope: Scope) -> Rows:
        """Read INSERT, UPDATE, DELETE or MERGE: RETURNING says what comes out."""
        scope = Scope(scope, self._with(node, scope))
        target = node.this.this if isinstance(node.this, exp.Schema) else node.this
        rows = self.entry(target, scope)
        self.from_(node, scope)
        using = node.args.get("using")
        for source in using if isinstance(using, list) else [using] if using else []:
            self.entry(source, scope)
        if node.args.get("conflict"):
            scope.entries.append(Entry("excluded", rows))
        query = node.args.get("expression")
        if isinstance(query, exp.Expr):
            self.query(query, Scope(scope.outer, scope.queries))
        self.clauses(node, scope, _PARTS_OF_CHANGES)
        outputs: list[tuple[str, Sources]] = []
        returning = node.args.get("returning")
        for output in returning.expressions if returning else ():
            star = self._starred(output, scope, rows)
            outputs += star.columns if star else [("", self.value(output, scope))]
        return Rows(outputs, union(s for _, s in outputs))
