"""The fact tables of roles, rights, and who can effectively read what."""

from gatekeeper.facts.columns import FactColumn, FactTable
from gatekeeper.facts.columns import flag as _flag
from gatekeeper.facts.columns import text as _text
from gatekeeper.facts.vocabulary_events import PLACE

_PRIVILEGE = _text("privilege", "the right, as SQL writes it: SELECT, EXECUTE, USAGE")
_GRANTEE = _text("grantee", "the role that has it; public: everybody")
_TO_PUBLIC = _flag("to_public", "everybody has it")
_GRANTABLE = _flag("is_grantable", "WITH GRANT OPTION: it can be passed on")
SENSITIVITY = (
    _text("sensitivity", "the class of its data: pii, secret, financial … (key data: of the"
          " configuration, a tag in the comment, or its name and type)"),
    _text("sensitivity_source", "who says so", "config", "tag", "suggested"),
    _text("sensitivity_what", "what it seems to hold: a phone number"),
)  # fmt: skip

ROW_POLICY_COLUMNS = (
    _text("name", "the row policy's name"),
    _text("command", "the command it is for", "all", "select", "insert", "update", "delete"),
    _flag("is_permissive", "one of several is enough; else it must hold as well (RESTRICTIVE)"),
    _text("roles", "the roles it is for; public: everybody"),
    _text("using_expression", "which rows are seen, changed, deleted"),
    _text("check_expression", "which rows may be written; null: using_expression holds"),
    _text("using_before", "the old using_expression, when it changed"),
    _text("check_before", "the old check_expression, when it changed"),
    _text("roles_before", "the old roles, when they changed"),
    _flag("row_security", "row security is enabled on its table"),
)


def access_tables(
    common: tuple[FactColumn, ...], of_table: tuple[FactColumn, ...]
) -> tuple[FactTable, ...]:
    """Give the tables; `common` and `of_table` are the columns that all objects share."""
    return (
        FactTable(
            "roles",
            "role of the cluster",
            (
                *common,
                _text("name", "the role's name"),
                _flag("is_superuser", "it may do everything"),
                _flag("can_login", "one can connect as it"),
                _flag("bypasses_row_security", "row policies do not hold for it (BYPASSRLS)"),
                _flag("can_create_role", "it can make and change roles"),
                _flag("can_create_database", "it can make databases"),
                _flag("can_replicate", "it can read everything by replication"),
                _text("powers_gained", "which of these this pull request gives it"),
            ),
        ),
        FactTable(
            "memberships",
            "role that is a member of another",
            (
                *common,
                _text("role_name", "the group"),
                _text("member", "the member"),
                _flag("inherits", "it has the group's rights without SET ROLE"),
                _flag("can_set_role", "it can become the group by SET ROLE"),
                _flag("can_administer", "it can let others in"),
                _flag("role_is_powerful", "the group, or one it is in, is superuser, BYPASSRLS,"
                      " CREATEROLE, or one of the server's own with such powers"),
            ),
        ),
        FactTable(
            "grants",
            "right that a role other than the owner has on an object",
            (
                *common,
                _GRANTEE,
                _TO_PUBLIC,
                _PRIVILEGE,
                _text("object_kind", "what it is on: table, column, schema, function, sequence"),
                _text("object_subject", "what it is on"),
                _GRANTABLE,
                _flag("is_default", "nobody granted it, the server does (EXECUTE to public)"),
                _flag("object_is_new", "this pull request creates the object"),
            ),
        ),
        FactTable(
            "default_privileges",
            "right that objects to come are born with (ALTER DEFAULT PRIVILEGES)",
            (
                *common,
                _text("owner", "whose objects"),
                _GRANTEE,
                _TO_PUBLIC,
                _PRIVILEGE,
                _text("object_kind", "tables, sequences, functions, types, schemas"),
                _text("effect", "granted, or a right of the server's own taken away",
                      "granted", "revoked"),
                _GRANTABLE,
            ),
        ),
        FactTable("row_policies", "row policy (CREATE POLICY)", (*of_table, *ROW_POLICY_COLUMNS)),
        ACCESS,
    )  # fmt: skip


ACCESS = FactTable(
    "access",
    "column that a role can do something with more, or less, than before",
    (
        _text("subject", "the column, or the relation or function, and the role"),
        _text("role_name", "the role; public: everybody"),
        _PRIVILEGE,
        _text("object_subject", "the column, or the relation or function"),
        _text("object_kind", "what the object is", "table", "partitioned", "foreign", "view",
              "materialized_view", "function"),
        _text("schema_name", "the schema it is in"),
        _text("table_name", "the relation, or the function"),
        _text("column_name", "the column; null: the whole object"),
        _text("change", "what this pull request did: widened and narrowed are more or less of what"
              " it had before (all rows in place of some, the value in place of a count)",
              "gained", "lost", "widened", "narrowed"),
        _text("via", "the way: member of staff → grant on public.people"),
        _text("via_kind", "the last door of that way", "grant", "public", "owner", "view",
              "materialized view", "definer function", "parent", "predefined role", "superuser"),
        _text("exposure", "what the role sees of it: the value (copied), something computed from it"
              " (derived), only what it decides (condition); nothing for a right that shows none;"
              " untraced: it cannot be told",
              "copied", "derived", "condition", "nothing", "untraced"),
        _text("rows", "which rows row security leaves", "all", "some", "none"),
        _flag("needs_set_role", "the role must become another by SET ROLE first"),
        _flag("is_certain", "the way was traced; false: it may see this, or may not"),
        _flag("role_is_new", "this pull request creates the role"),
        _flag("object_is_new", "this pull request creates the object or column"),
        _flag("object_is_dropped", "this pull request drops the object or column"),
        _flag("is_owner", "the role owns the relation"),
        _flag("can_login", "one can connect as the role"),
        *SENSITIVITY,
        _text("permitted", "whether the readers of the class (for other privileges, its writers)"
              " in the configuration name the role; null: the configuration does not say who",
              "yes", "no"),
        *PLACE,
    ),
)  # fmt: skip
