"""Traces functions: the columns that each of their outputs can give out."""

from collections.abc import Mapping

from gatekeeper.access.lineage_names import Names, searched
from gatekeeper.access.lineage_traced import HIDING, Sources, Traced, UnreadableError, union
from gatekeeper.access.lineage_tree import trace_tree
from gatekeeper.model.lineage import COPIED, DERIVED, FunctionCode

_NOT_SQL = ("c", "internal")  # they read no tables, but for those that run SQL given as text


def trace_function(
    code: FunctionCode,
    names: Names,
    carriers: frozenset[int],
    hiding: frozenset[tuple[int, str]],
) -> Traced:
    """Trace the body of a function, in whatever language it is.

    Raises UnreadableError with the reason when it cannot be traced.
    """
    path = searched(code.search_path)
    if code.returns in ("trigger", "event_trigger"):
        return Traced(())  # only the server calls it, and takes what it returns
    if code.kind == "a":
        parts: Sources = {("pg_proc", oid, 0): DERIVED for oid in code.parts}
        return Traced((parts,), frozenset(parts))
    if code.language in _NOT_SQL:
        return Traced((), hidden=HIDING & {code.name})
    if code.language == "sql":
        if code.tree:
            return trace_tree(code.tree, carriers, hiding)
        from gatekeeper.access.lineage_text import trace_text

        variables: Mapping[str, Sources] = {name: {} for name in (*code.parameters, code.name)}
        return trace_text(code.body, names, path, variables)
    if code.language == "plpgsql":
        from gatekeeper.access.lineage_plpgsql import trace_plpgsql

        return trace_plpgsql(code, names, path)
    raise UnreadableError(f"it is written in {code.language}")


def outputs_of(code: FunctionCode, traced: Traced) -> dict[int, Sources]:
    """Give by number what each output holds; number 0 is any, where nobody can count them."""
    if code.returns == "void" and code.language == "sql":
        return {}
    declared = [number for number, _ in code.outputs]
    every = union([*traced.outputs, traced.open_ended], COPIED)
    if not declared:
        return {0: every}
    if traced.open_ended or len(declared) != len(traced.outputs):
        return dict.fromkeys(declared, every)
    return {number: dict(o) for number, o in zip(declared, traced.outputs, strict=True)}
