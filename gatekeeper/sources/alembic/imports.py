"""What a revision imports of the application's own code, read from its text; nothing is run.

A module is the application's own when the repository has its file where Python would look for it:
below a folder that holds the revision and is no package itself, or below that folder's `src`.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import PurePosixPath

from gatekeeper.model.evidence import Import

Read = Callable[[str], str | None]  # the text of a file of the repository, if there is one

# What revisions run under; a folder of that name in the repository is not what they mean.
_LIBRARIES = {"alembic", "sqlalchemy", *sys.stdlib_module_names}
_MAKES_MODELS = {"Table", "MetaData", "registry", "declarative_base", "automap_base"}
_OF_ALL_MODELS = {"metadata", "create_all"}  # of a base class, or of Flask-SQLAlchemy's db
_MODEL_BASES = {"DeclarativeBase", "DeclarativeBaseNoMeta", "Model", "AutomapBase"}
_MODEL_ATTRIBUTES = {"__tablename__", "__table__", "__mapper_args__", "__abstract__"}
_MOST_STEPS = 8  # from one module to the next, before a name is given up
_BAD_SOURCE = (SyntaxError, ValueError, RecursionError, MemoryError)


def own_imports(file: str, read: Read) -> tuple[Import, ...]:
    """Give what the revision in `file`, a path in the repository, imports of its own code."""
    code = _Code(file, read)
    tree = code.parse(file) or ast.Module([], [])
    found: dict[str, Import] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for here, dotted in _imported(node):
            for used in _uses(tree, here, dotted) if code.owns(dotted) else ():
                name, is_model = code.look_up(used)
                if name not in found or is_model:
                    found[name] = Import(name, node.lineno, is_model)
    return tuple(found.values())


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Give (name in this file, dotted name it stands for)."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name, alias.name
    elif node.module and not node.level:  # alembic loads revisions outside of any package
        for alias in node.names:
            yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _uses(tree: ast.AST, here: str, dotted: str) -> Iterator[str]:
    """Give the dotted names that are used by way of an import; its own if there are none."""
    chains = {
        dotted + chain.removeprefix(here)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and (chain := _dotted(node))
        and chain.startswith(here + ".")
    }
    longest = sorted(c for c in chains if not any(o.startswith(c + ".") for o in chains))
    yield from longest or [dotted]


def _dotted(node: ast.expr) -> str:
    """Give `a.b.c` for an attribute of an attribute of a name, and nothing for all else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (value := _dotted(node.value)):
        return f"{value}.{node.attr}"
    return ""


class _Code:
    """The application's modules, as far as somebody asks for them."""

    def __init__(self, file: str, read: Read) -> None:
        self._read = cache(read)
        self._trees: dict[str, ast.Module | None] = {}
        folders = [str(folder) for folder in PurePosixPath(file).parents]
        prefixes = ["" if folder == "." else f"{folder}/" for folder in folders]
        roots = [p for p in prefixes if self._read(f"{p}__init__.py") is None]
        self._roots = [place for root in roots for place in (root, f"{root}src/")]

    def parse(self, file: str) -> ast.Module | None:
        """Give the syntax tree of a file; None when there is none."""
        if file not in self._trees:
            text = self._read(file)
            try:
                self._trees[file] = None if text is None else ast.parse(text)
            except _BAD_SOURCE:
                self._trees[file] = None
        return self._trees[file]

    def file_of(self, module: str) -> str | None:
        """Give the file of one of the application's modules."""
        if module.partition(".")[0] in _LIBRARIES:
            return None
        path = module.replace(".", "/")
        for root in self._roots:
            for file in (f"{root}{path}.py", f"{root}{path}/__init__.py"):
                if self._read(file) is not None:
                    return file
        return None

    def owns(self, dotted: str) -> bool:
        """Say whether a module, or the module of a name, is the application's."""
        return any(self.file_of(module) for module in (dotted, dotted.rpartition(".")[0]))

    def look_up(self, dotted: str) -> tuple[str, bool]:
        """Give what is imported, without attributes of it, and whether it is a model."""
        parts = dotted.split(".")
        for end in range(len(parts), 0, -1):
            module = ".".join(parts[:end])
            if self.file_of(module):
                name = parts[end : end + 1]
                is_model = bool(_OF_ALL_MODELS & set(parts[end : end + 2]))
                is_model = is_model or (bool(name) and self._is_model(module, name[0]))
                return ".".join([module, *name]), is_model
        return dotted, False

    def _is_model(self, module: str, name: str, steps: int = 0) -> bool:
        """Say whether a name of a module is a mapped class, a table or their metadata."""
        file = self.file_of(module)
        tree = self.parse(file) if file and steps < _MOST_STEPS else None
        if file is None or tree is None:
            return False
        package = module if file.endswith("/__init__.py") else module.rpartition(".")[0]
        for node in _statements(tree.body):
            match node:
                case ast.ClassDef() if name in (node.name, "*"):
                    found = self._is_mapped(node, module, steps)
                case ast.Assign() | ast.AnnAssign() if name == "*" or name in _targets(node):
                    found = self._makes_model(node.value, module, steps)
                case ast.ImportFrom():
                    found = self._is_model_elsewhere(node, package, name, steps)
                case _:
                    continue
            if found:
                return True
        return False

    def _is_model_elsewhere(
        self, node: ast.ImportFrom, package: str, name: str, steps: int
    ) -> bool:
        parents = package.split(".")[: len(package.split(".")) - node.level + 1]
        prefix = parents if node.level else []
        module = ".".join([*prefix, *([node.module] if node.module else [])])
        return any(
            self._is_model(module, name if alias.name == "*" else alias.name, steps + 1)
            for alias in node.names
            if alias.name == "*" or name in (alias.asname or alias.name, "*")
        )

    def _is_mapped(self, node: ast.ClassDef, module: str, steps: int) -> bool:
        if any(k.arg == "table" and _is_true(k.value) for k in node.keywords):
            return True  # SQLModel
        if any(_MODEL_ATTRIBUTES & _targets(inner) for inner in node.body):
            return True
        if any(_last(d).startswith("mapped") for d in node.decorator_list):
            return True
        return any(
            _last(base) in _MODEL_BASES or self._makes_model(base, module, steps)
            for base in node.bases
        )

    def _makes_model(self, value: ast.expr | None, module: str, steps: int) -> bool:
        if isinstance(value, ast.Call):
            return _last(value.func) in _MAKES_MODELS
        if value is None or not (dotted := _dotted(value)):
            return False
        return self._is_model(module, dotted.partition(".")[0], steps + 1)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Give the statements of a module, those in if and try as well."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            inner = [*node.body, *node.orelse]
            inner += [s for h in getattr(node, "handlers", []) for s in h.body]
            yield from _statements(inner)


def _targets(node: ast.stmt) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _last(node: ast.expr) -> str:
    """Give the last part of what is called or named: Table of sa.Table(…)."""
    return _dotted(node.func if isinstance(node, ast.Call) else node).rpartition(".")[2]


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True
