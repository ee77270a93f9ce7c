"""The schema's difference as lines that begin with +, - or a blank, for a diff block."""

from collections.abc import Iterator

from gatekeeper.model.change import Change
from gatekeeper.model.names import qualified
from gatekeeper.model.schema import (
    Column,
    Constraint,
    EnumValue,
    Extension,
    ForeignKey,
    Function,
    Index,
    Part,
    RewriteRule,
    SchemaObject,
    Table,
    Trigger,
    Type,
    View,
)
from gatekeeper.report.escape import shortened, visible

_GATHER_ABOVE = 5
_SIGNS = {"added": "+", "dropped": "-"}


def diff_lines(changes: tuple[Change, ...]) -> list[str]:
    """Give the lines, table by table; a new table is whole, a dropped one is its name."""
    tables: dict[str, list[Change]] = {}
    alone: list[Change] = []
    for change in changes:
        thing = change.after or change.before
        if change.part_of is not None and not (
            isinstance(thing, Part) and change.after is not None
        ):
            continue
        if isinstance(thing, Table):
            tables.setdefault(thing.subject, []).insert(0, change)
        elif isinstance(thing, Part):
            owner = qualified(thing.schema_name, thing.table_name)
            tables.setdefault(owner, []).append(change)
        else:
            alone.append(change)
    lines = [line for change in alone for line in _object_lines(change)]
    for name, own in sorted(tables.items()):
        lines += _table_lines(name, own)
    return [visible(shortened(line, 240)) for line in lines]


def _table_lines(name: str, changes: list[Change]) -> Iterator[str]:
    table = next((c for c in changes if isinstance(c.after or c.before, Table)), None)
    sign = _SIGNS.get(table.verb, " ") if table else " "
    yield f"{sign}TABLE {name}"
    own_constraints = {
        (c.after.table_name, c.after.name)
        for c in changes
        if isinstance(c.after, Constraint) and c.verb == "added"
    }
    groups: dict[str, list[Change]] = {}
    for change in changes:
        if change is table and change.verb in _SIGNS:
            continue
        thing = change.after or change.before
        if (
            isinstance(thing, Index)
            and (thing.table_name, thing.constraint_name) in own_constraints
        ):
            continue
        groups.setdefault(change.kind, []).append(change)
    for kind, group in groups.items():
        if len(group) > _GATHER_ABOVE and kind.endswith(".dropped"):
            noun = {"index": "indexes"}.get(kind.partition(".")[0], kind.partition(".")[0] + "s")
            names = ", ".join(c.before.name for c in group[:3] if c.before is not None)
            yield f"-  {len(group)} {noun.replace('_', ' ')}: {names} …"
            continue
        for change in group:
            yield from _part_lines(change)


def _part_lines(change: Change) -> Iterator[str]:
    if change.verb == "added" and change.after is not None:
        yield f"+  {_described(change.after)}"
    elif change.verb == "dropped" and change.before is not None:
        yield f"-  {_described(change.before)}" + (" (by CASCADE)" if change.cascaded else "")
    elif change.verb == "comment_changed":
        yield f"   {change.subject}: comment changed"
    elif change.before is not None and change.after is not None:
        old, new = _described(change.before), _described(change.after)
        if old == new:
            old, new = f"{old}: {change.before_text}", f"{new}: {change.after_text}"
        yield f"-  {old}"
        yield f"+  {new}"


def _object_lines(change: Change) -> Iterator[str]:
    for line in _part_lines(change):
        yield line[0] + line[3:] if line[1:3] == "  " else line


def _described(thing: SchemaObject) -> str:
    match thing:
        case Column():
            words = [thing.name, thing.data_type]
            if thing.generated is not None:
                words.append(f"GENERATED ALWAYS AS ({thing.generated})")
            elif thing.identity is not None:
                words.append(f"GENERATED {thing.identity.upper()} AS IDENTITY")
            elif thing.default is not None:
                words.append(f"DEFAULT {thing.default}")
            if thing.not_null:
                words.append("NOT NULL")
            return " ".join(words)
        case Constraint() | ForeignKey():
            return f"{thing.name} {thing.definition}"
        case Index():
            state = "" if thing.is_valid else " INVALID"
            return thing.definition.removeprefix("CREATE ") + state
        case View():
            return f"{'MATERIALIZED ' if thing.is_materialized else ''}VIEW {thing.subject}"
        case Trigger() | RewriteRule():
            return thing.definition.removeprefix("CREATE ")
        case Function():
            return f"{thing.function_kind.upper()} {thing.subject} RETURNS {thing.returns}"
        case Type() if thing.definition is not None:
            return f"{thing.type_kind.upper()} {thing.subject} AS {thing.definition}"
        case EnumValue():
            return f"VALUE {thing.name} of {qualified(thing.schema_name, thing.type_name)}"
        case Extension():
            return f"EXTENSION {thing.subject} {thing.version}"
        case _:
            return f"{thing.kind.upper()} {thing.subject}"
