"""What lineage is computed from: rules of views, code of functions, columns of relations."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gatekeeper.model.names import qualified
from gatekeeper.model.relations import Ident

COPIED, DERIVED = "copied", "derived"


@dataclass(frozen=True, slots=True)
class ReadRelation:
    """A table, view or other relation; `columns` are (attribute number, name), in order."""

    oid: int
    schema_name: str
    name: str
    kind: str  # pg_class.relkind
    columns: tuple[tuple[int, str], ...] = ()

    @property
    def subject(self) -> str:
        return qualified(self.schema_name, self.name)


@dataclass(frozen=True, slots=True)
class ViewRule:
    """What a view or materialized view selects.

    `tree` is pg_rewrite.ev_action, in which the server has resolved every name; `definition` is
    pg_get_viewdef() with an empty search_path, which is read when there is no tree.
    """

    oid: int
    tree: str = ""
    definition: str = ""


@dataclass(frozen=True, slots=True)
class FunctionCode:
    """A function or procedure, and what is needed to read its body.

    `outputs` are the (number, name) of the columns it gives: its OUT parameters, the attributes of
    its composite type, or one for a scalar; none when it returns `record` without saying more.
    `search_path` is what a SET clause says; None: that of whoever calls it.
    """

    oid: int
    schema_name: str
    name: str
    arguments: str = ""
    kind: str = "f"  # pg_proc.prokind
    language: str = "sql"
    returns: str = "record"
    outputs: tuple[tuple[int, str], ...] = ()
    parameters: tuple[str, ...] = ()
    body: str = ""
    tree: str = ""  # pg_proc.prosqlbody: of BEGIN ATOMIC and RETURN
    search_path: tuple[str, ...] | None = None
    parts: tuple[int, ...] = ()  # of an aggregate, the functions it is made of

    @property
    def subject(self) -> str:
        return f"{qualified(self.schema_name, self.name)}({self.arguments})"


@dataclass(frozen=True, slots=True)
class LineageSource:
    """One state of a database.

    `depends` says by view or function, as ("pg_class", oid, 0) or ("pg_proc", oid, 0), which
    columns pg_depend names; column 0 is the relation as a whole. `row_types` maps the type of a
    relation's rows to the relation. `builtins` are the server's own functions by oid. `generated`
    are the expressions of generated columns, by column, as pg_attrdef.adbin.
    """

    relations: Mapping[int, ReadRelation] = field(default_factory=dict)
    views: Mapping[int, ViewRule] = field(default_factory=dict)
    functions: Mapping[int, FunctionCode] = field(default_factory=dict)
    depends: Mapping[Ident, frozenset[Ident]] = field(default_factory=dict)
    row_types: Mapping[int, int] = field(default_factory=dict)
    builtins: Mapping[int, str] = field(default_factory=dict)
    generated: Mapping[Ident, str] = field(default_factory=dict)
