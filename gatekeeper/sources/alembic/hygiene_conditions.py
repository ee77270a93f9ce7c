"""Where a revision does one thing here and perhaps another elsewhere, read from its text.

What runs on a scratch database is one way through the code; this finds the places where the same
code goes another way: by a setting, the time, the kind of database, what exists, or what rows say.
"""

import ast
import re
from collections.abc import Iterator

from gatekeeper.model.evidence import Condition
from gatekeeper.sources.alembic.hygiene_text import Function, RevisionText, changes_schema

_MOST_TEXT = 200
_ORDER = ("environment", "arguments", "time", "dialect", "schema", "rows")
_ANYWHERE = ("environment", "arguments")  # even where they choose no way, they are in the SQL
_CATALOG = re.compile(r"\b(?:information_schema|pg_[a-z]+)\b|\bto_reg[a-z]+\(", re.IGNORECASE)
_OBJECT = (
    "(?:table|column|col|index|constraint|fk|foreign_key|type|enum|schema|view|trigger|sequence)"
)
_CALLS = (
    ("environment", re.compile(r"(?:.*\.)?(?:getenv|environ\.get|environb\.get)")),
    ("arguments", re.compile(r".*\.get_x_argument")),
    (
        "time",
        re.compile(r"(?:.*\.)?(?:datetime\.(?:now|utcnow|today)|date\.today|time\.time(?:_ns)?)"),
    ),
    (
        "schema",
        re.compile(
            r"(?:.*\.)?(?:inspect|from_engine|reflect|get_(?:table|view|schema|sequence)_names"
            r"|get_(?:columns|indexes|foreign_keys|unique_constraints|check_constraints"
            rf"|pk_constraint|enums|table_comment)|_?(?:\w+_)?has_{_OBJECT}\w*"
            rf"|_?(?:\w+_)?{_OBJECT}s?_(?:already_)?exists?\w*|_?(?:\w+_)?exists_{_OBJECT})"
        ),
    ),
    (
        "rows",
        re.compile(
            r".*\.(?:scalars?|scalar_one(?:_or_none)?|fetch(?:one|all|many)|first|one(?:_or_none)?"
            r"|all|mappings|query|execute)|(?:.*\.)?Session"
        ),
    ),
)


def conditions(revision: RevisionText) -> tuple[Condition, ...]:
    """Give the conditions in what the upgrade of a revision runs, in the order of their lines."""
    reached = revision.reached("upgrade")
    functions = {node.name: node for node in reached if isinstance(node, Function)}
    found: dict[tuple[str, int], Condition] = {}
    for node in reached:
        reader = _Reader(functions)
        reader.learn(node)
        for condition in reader.conditions(node):
            found.setdefault((condition.depends_on, condition.line), condition)
    return tuple(sorted(found.values(), key=lambda c: (c.line, _ORDER.index(c.depends_on))))


class _Reader:
    """What the names of one function, or of one statement of the module, stand for."""

    def __init__(self, functions: dict[str, Function], callers: tuple[str, ...] = ()) -> None:
        self._functions = functions
        self._callers = callers
        self._names: dict[str, set[str]] = {}

    def learn(self, node: ast.AST) -> None:
        """Follow assignments; twice, for what a loop hands on to its next turn."""
        for _ in range(2):
            for inner in ast.walk(node):
                match inner:
                    case ast.Assign(targets=targets, value=value):
                        self._give(targets, self.kinds(value))
                    case ast.AnnAssign(target=target, value=ast.expr() as value):
                        self._give([target], self.kinds(value))
                    case ast.NamedExpr(target=target, value=value):
                        self._give([target], self.kinds(value))
                    case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                        self._give([target], self.kinds(value))

    def kinds(self, node: ast.AST) -> set[str]:
        """Say what the value of an expression depends on."""
        found: set[str] = set()
        for inner in ast.walk(node):
            match inner:
                case ast.Name(id=name, ctx=ast.Load()):
                    found |= {"environment"} if name == "environ" else self._names.get(name, set())
                case ast.Attribute(attr="environ"):
                    found.add("environment")
                case ast.Attribute(attr="dialect"):
                    found.add("dialect")
                case ast.Constant(value=str(text)) if _CATALOG.search(text):
                    found.add("catalog")
                case ast.Call(func=function):
                    found |= self._called(function)
        if "rows" in found and {"catalog", "schema"} & found:
            found -= {"rows"}
            found.add("schema")
        return found

    def conditions(self, node: ast.AST) -> Iterator[Condition]:
        for inner in ast.walk(node):
            for kind in self.kinds(inner) & set(_ANYWHERE) if _is_source(inner) else ():
                yield _condition(kind, inner)
            match inner:
                case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                    yield from self._branch(inner, test, node)
                case ast.Match(subject=subject):
                    yield from self._branch(inner, subject, node)
                case ast.For(iter=values) if changes_schema(inner):
                    for kind in self.kinds(values) & {"schema", "rows"}:
                        yield _condition(kind, values)

    def _branch(self, node: ast.AST, test: ast.expr, whole: ast.AST) -> Iterator[Condition]:
        kinds = self.kinds(test) - {"catalog"}
        if not any(isinstance(n, ast.Compare) and _is_ordered(n) for n in ast.walk(test)):
            kinds -= {"time"}  # a record that holds a time is not asked what time it is
        if isinstance(node, ast.If) and _is_guard(node):
            kinds -= {"schema", "rows"}  # it refuses to go on, and goes no other way
        chooses = any(changes_schema(n) for n in ast.iter_child_nodes(node) if n is not test)
        chooses = chooses or (_leaves(node) and changes_schema(whole))
        if not chooses:
            kinds -= {"rows"}  # what becomes of a row may depend on it
        for kind in kinds - set(_ANYWHERE):
            yield _condition(kind, test)

    def _called(self, function: ast.expr) -> set[str]:
        name = _dotted(function)
        found = {kind for kind, pattern in _CALLS if pattern.fullmatch(name)}
        if name == "op.execute":
            return set()  # gives nothing back
        if name in self._functions and name not in self._callers:
            found |= self._returned(name)
        return found

    def _returned(self, name: str) -> set[str]:
        """Say what the value that a function of the revision returns depends on."""
        function = self._functions[name]
        reader = _Reader(self._functions, (*self._callers, name))
        reader.learn(function)
        returns = [n for n in ast.walk(function) if isinstance(n, ast.Return) and n.value]
        return {kind for node in returns if node.value for kind in reader.kinds(node.value)}

    def _give(self, targets: list[ast.expr], kinds: set[str]) -> None:
        for target in targets:
            for inner in ast.walk(target):
                if isinstance(inner, ast.Name):
                    self._names[inner.id] = self._names.get(inner.id, set()) | kinds


def _is_source(node: ast.AST) -> bool:
    """Say whether this is the very place where a setting is read, and no expression around it."""
    match node:
        case ast.Attribute(attr="environ") | ast.Name(id="environ", ctx=ast.Load()):
            return True
        case ast.Call(func=function):
            return (
                re.fullmatch(r"(?:.*\.)?(?:getenv|get_x_argument)", _dotted(function)) is not None
            )
        case _:
            return False


def _is_guard(node: ast.If) -> bool:
    return bool(node.body) and isinstance(node.body[-1], ast.Raise) and not node.orelse


def _is_ordered(node: ast.Compare) -> bool:
    return not all(isinstance(op, ast.Is | ast.IsNot | ast.In | ast.NotIn) for op in node.ops)


def _leaves(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and any(isinstance(n, ast.Return) for n in node.body)


def _condition(kind: str, node: ast.AST) -> Condition:
    text = " ".join(ast.unparse(node).split())
    return Condition(kind, text[:_MOST_TEXT], getattr(node, "lineno", 0))


def _dotted(node: ast.expr) -> str:
    """Give `a.b.c`; for what is called on another call or an item, `.c`."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return ""
