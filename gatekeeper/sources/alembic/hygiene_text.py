"""What the text of a revision file says of it; nothing of it is run."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

BAD_SOURCE = (SyntaxError, ValueError, RecursionError, MemoryError)
SCHEMA_SQL = re.compile(
    r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*"
    r"(?:CREATE|ALTER|DROP|GRANT|REVOKE|COMMENT|REINDEX|REFRESH|SECURITY|DO)\b",
    re.IGNORECASE | re.DOTALL,
)

_SCHEMA_CALL = re.compile(
    r"(?:create|drop|add|alter|rename|replace|sync)_\w+|batch_alter_table|create|drop|rename"
    r"|read_text|open"  # of a script: SQL that is worth a file of its own is seldom rows alone
)
_HEADER = ("revision", "down_revision", "branch_labels", "depends_on")
_OTHERS = {"upgrade": "downgrade", "downgrade": "upgrade"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Header:
    """The variables of a revision file. Alembic takes what they are, we what is written there."""

    id: str
    follows: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    line: int | None = None  # of down_revision


class RevisionText:
    """A revision file, parsed. Raises one of BAD_SOURCE when it cannot be."""

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        self._definitions: dict[str, list[ast.stmt]] = {}
        for node in self.tree.body:
            for name in _defined(node):
                self._definitions.setdefault(name, []).append(node)

    def header(self) -> Header | None:
        """Give the variables that alembic reads; None: this is no revision."""
        values = {name: self._value(name) for name in _HEADER}
        if not isinstance(values["revision"], str):
            return None
        lines = [n.lineno for n in self._definitions.get("down_revision", ())]
        follows, labels, depends_on = (_words(values[name]) for name in _HEADER[1:])
        return Header(values["revision"], follows, depends_on, labels, min(lines, default=None))

    def does(self, name: str) -> str | None:
        """Say what upgrade or downgrade does: nothing, raises, rows, schema. None: unknown."""
        nodes = self._definitions.get(name, [])
        if not nodes:
            return "nothing"
        functions = [node for node in nodes if isinstance(node, Function)]
        if len(functions) != len(nodes):
            return None  # imported, or made by something
        reached = self.reached(name)
        bodies = [body(f) for f in functions]
        if calls_by_name(functions):  # the template for several databases
            bodies += [body(f) for f in reached if isinstance(f, Function) and f not in functions]
            bodies = bodies[len(functions) :]
        if not any(bodies):
            return "nothing"
        if any(b and isinstance(b[-1], ast.Raise) for b in bodies):
            return "raises"
        return "schema" if any(changes_schema(node) for node in reached) else "rows"

    def reached(self, name: str) -> list[ast.stmt]:
        """Give the statements of the module that a function of it needs, itself among them."""
        other = _OTHERS.get(name, "")
        found: list[ast.stmt] = []
        waiting = [name]
        seen = {other}
        while waiting:
            wanted = waiting.pop()
            if wanted in seen:
                continue
            seen.add(wanted)
            for node in self._definitions.get(wanted, ()):
                if node not in found:
                    found.append(node)
                    waiting += _names(node)
                    if calls_by_name([node]):
                        waiting += [n for n in self._definitions if not n.startswith(other)]
        return [node for node in self.tree.body if node in found]

    def _value(self, name: str) -> object:
        """Give the value of a variable of the module, as far as it is written there."""
        for node in reversed(self._definitions.get(name, ())):
            value = getattr(node, "value", None)
            if isinstance(node, ast.Assign | ast.AnnAssign) and value is not None:
                if isinstance(value, ast.Name) and value.id != name:
                    return self._value(value.id)
                try:
                    return ast.literal_eval(value)
                except BAD_SOURCE:
                    return None
        return None


def read_header(text: str) -> Header | None:
    """Give the variables of a revision file; None: it is no revision, or cannot be parsed."""
    try:
        return RevisionText(text).header()
    except BAD_SOURCE:
        return None


def edited(before: str, after: str) -> str | None:
    """Say what of a revision two texts of its file differ in: upgrade, parents. None: nothing.

    Comments, the layout, docstrings, annotations, the downgrade and what only it uses do not count.
    """
    if before == after:
        return None
    try:
        was, now = RevisionText(before), RevisionText(after)
    except BAD_SOURCE:
        return None if _lines(before) == _lines(after) else "upgrade"
    old, new = was.header(), now.header()
    if old is not None and new is not None:
        if set(old.follows) != set(new.follows):
            return "parents"
        if set(old.depends_on) != set(new.depends_on):
            return "parents"
    return "upgrade" if _essence(was) != _essence(now) else None


def changes_schema(node: ast.AST) -> bool:
    """Say whether code changes the schema, as far as its text shows."""
    return any(
        (isinstance(n, ast.Call) and _SCHEMA_CALL.fullmatch(_called(n)) is not None)
        or (isinstance(n, ast.Constant) and isinstance(n.value, str) and is_ddl(n.value))
        for n in ast.walk(node)
    )


def is_ddl(text: str) -> bool:
    return SCHEMA_SQL.match(text) is not None


def calls_by_name(nodes: Iterable[ast.AST]) -> bool:
    """Say whether code looks functions up by their name, as globals()["upgrade_" + engine]."""
    return any("globals" in _names(node) for node in nodes)


def body(function: Function) -> list[ast.stmt]:
    """Give what a function does, without its docstring, pass and what follows its return."""
    found = []
    for node in function.body:
        if isinstance(node, ast.Return) and not isinstance(node.value, ast.Call):
            break
        if not _is_inert(node):
            found.append(node)
    return found


def _called(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_inert(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _defined(node: ast.stmt) -> Iterator[str]:
    """Give the names that a statement of a module defines."""
    if isinstance(node, Function | ast.ClassDef):
        yield node.name
        return
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.alias(name=name, asname=short):
                yield short or name.partition(".")[0]


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, tuple | list | set | frozenset):
        return tuple(word for word in value if isinstance(word, str))
    return ()


def _essence(revision: RevisionText) -> list[str]:
    """Give what the upgrade comes to, in a form in which only its meaning counts."""
    bare = [_Bare().visit(node) for node in revision.reached("upgrade")]
    used = set().union(*map(_names, bare))
    for node in bare:
        if isinstance(node, ast.Import | ast.ImportFrom):
            node.names = [n for n in node.names if (n.asname or n.name.partition(".")[0]) in used]
    imports = [ast.dump(node) for node in bare if isinstance(node, ast.Import | ast.ImportFrom)]
    others = [node for node in bare if not isinstance(node, ast.Import | ast.ImportFrom)]
    return [*sorted(imports), *map(ast.dump, others)]


class _Bare(ast.NodeTransformer):
    """Removes annotations and docstrings."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        node.body = [inner for inner in node.body if not _is_inert(inner)]
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return node
        return ast.Assign(targets=[node.target], value=node.value, lineno=node.lineno)


def _lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
