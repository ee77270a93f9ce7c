"""The policy that `gatekeeper policy new` writes: it loads, its examples pass, and it teaches."""

from dataclasses import dataclass
from textwrap import indent

from gatekeeper.facts.vocabulary import TABLES

_COMMENTED = ("where: change = 'added'", "require: comment is not null")


@dataclass(frozen=True, slots=True)
class Starter:
    """What a policy on one fact table may look like: SQL that it finds, and that it does not."""

    bad: str
    good: str
    finds: str
    before: str = ""
    keys: tuple[str, ...] = _COMMENTED
    message: str = "{{ subject }} has no comment."
    files: str = ""  # of the repository, for an example that is a revision in Python
    drifts: tuple[str, str] = ("", "")  # what alembic says of the models of either
    downgrades: tuple[str, str] = ("", "")  # SQL that undoes either


def _commented(bad: str, named: str, finds: str, before: str = "") -> Starter:
    return Starter(bad, f"{bad} COMMENT ON {named} IS 'what it is for';", finds, before)


_TABLE = "CREATE TABLE public.t (a int);"
_KEYS = "CREATE TABLE public.p (id int PRIMARY KEY); CREATE TABLE public.t (a int);"
_FUNCTION = (
    "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
)
_FOREIGN_KEY = "ALTER TABLE public.t ADD CONSTRAINT t_fk FOREIGN KEY (a) REFERENCES public.p;"
STARTERS = {
    "schemas": _commented("CREATE SCHEMA s;", "SCHEMA s", "s"),
    "tables": _commented(_TABLE, "TABLE public.t", "public.t"),
    "columns": _commented(
        "ALTER TABLE public.t ADD b int;", "COLUMN public.t.b", "public.t.b", _TABLE
    ),
    "foreign_keys": _commented(_FOREIGN_KEY, "CONSTRAINT t_fk ON public.t", "public.t.t_fk", _KEYS),
    "constraints": _commented(_FOREIGN_KEY, "CONSTRAINT t_fk ON public.t", "public.t.t_fk", _KEYS),
    "indexes": _commented(
        "CREATE INDEX t_a ON public.t (a);", "INDEX public.t_a", "public.t_a", _TABLE
    ),
    "views": _commented("CREATE VIEW public.v AS SELECT 1 AS a;", "VIEW public.v", "public.v"),
    "sequences": _commented("CREATE SEQUENCE public.s;", "SEQUENCE public.s", "public.s"),
    "triggers": _commented(
        "CREATE TRIGGER tr AFTER INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f();",
        "TRIGGER tr ON public.t",
        "public.t.tr",
        f"{_TABLE} {_FUNCTION}",
    ),
    "rules": _commented(
        "CREATE RULE r AS ON DELETE TO public.t DO INSTEAD NOTHING;",
        "RULE r ON public.t",
        "public.t.r",
        _TABLE,
    ),
    "functions": _commented(_FUNCTION, "FUNCTION public.f()", "public.f()"),
    "types": _commented(
        "CREATE TYPE public.mood AS ENUM ('sad');", "TYPE public.mood", "public.mood"
    ),
    "enum_values": Starter(
        "ALTER TYPE public.mood ADD VALUE 'Happy';",
        "ALTER TYPE public.mood ADD VALUE 'happy';",
        'public.mood."Happy"',
        "CREATE TYPE public.mood AS ENUM ('sad');",
        ("where: change = 'added'", "require: name = lower(name)"),
        "The value {{ name }} is not in lower case.",
    ),
    "extensions": Starter(
        "CREATE EXTENSION citext SCHEMA public;",
        "CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions;",
        "citext",
        "",
        ("where: change = 'added'", "forbid: schema_name = 'public'"),
        "The extension {{ name }} is installed in the schema public.",
    ),
    "roles": Starter(
        "CREATE ROLE house_admin SUPERUSER;",
        "CREATE ROLE house_reader LOGIN;",
        "house_admin",
        "",
        ("forbid: powers_gained is not null",),
        "{{ name }} gets {{ powers_gained }}.",
    ),
    "memberships": Starter(
        "GRANT house_staff TO house_reader WITH ADMIN OPTION;",
        "GRANT house_staff TO house_reader;",
        "house_reader in house_staff",
        "CREATE ROLE house_staff; CREATE ROLE house_reader;",
        ("where: change = 'added'", "forbid: can_administer"),
        "{{ member }} can let others into {{ role_name }}.",
    ),
    "grants": Starter(
        "GRANT SELECT ON public.t TO PUBLIC;",
        "GRANT SELECT ON public.t TO house_reader;",
        "SELECT on public.t to PUBLIC",
        f"CREATE ROLE house_reader; {_TABLE}",
        ("where: change = 'added'", "forbid: to_public"),
        "Everybody gets {{ privilege }} on {{ object_subject }}.",
    ),
    "default_privileges": Starter(
        "ALTER DEFAULT PRIVILEGES FOR ROLE house_maker GRANT SELECT ON TABLES TO PUBLIC;",
        "ALTER DEFAULT PRIVILEGES FOR ROLE house_maker GRANT SELECT ON TABLES TO house_reader;",
        "SELECT on tables of house_maker granted to PUBLIC",
        "CREATE ROLE house_maker; CREATE ROLE house_reader;",
        ("where: change = 'added'", "forbid: to_public"),
        "Everybody will have {{ privilege }} on {{ object_kind }} of {{ owner }}.",
    ),
    "row_policies": Starter(
        "CREATE POLICY p ON public.t USING (true);",
        "CREATE POLICY p ON public.t USING (a > 0);",
        "public.t.p",
        _TABLE,
        ("where: change = 'added'", "forbid: using_expression = 'true'"),
        "{{ subject }} lets every row through.",
    ),
    "access": Starter(
        "GRANT SELECT ON public.t TO house_reader;",
        "GRANT INSERT ON public.t TO house_reader;",
        "public.t.a to house_reader",
        f"CREATE ROLE house_reader; {_TABLE}",
        ("where: change = 'gained'", "forbid: privilege = 'SELECT'"),
        "{{ role_name }} can read {{ object_subject }}: {{ via }}.",
    ),
    "statements": Starter(
        "CREATE TABLE public.b AS SELECT 1 AS a;",
        "CREATE TABLE public.b (a int);",
        "migration#1",
        "",
        ("forbid: kind = 'create table as'",),
        "{{ subject }} creates a table from a query.",
    ),
    "writes": Starter(
        "DELETE FROM public.t;",
        "DELETE FROM public.t WHERE a = 1;",
        "public.t",
        _TABLE,
        ("where: operation = 'delete'", "require: has_where"),
        "Every row of {{ subject }} is deleted.",
    ),
    "imports": Starter(
        "from app.models import Order",
        "from app.settings import BATCH",
        "migration",
        "",
        ("forbid: is_model",),
        "{{ subject }} imports {{ name }}.",
        "{app/models.py: \"class Order: __tablename__ = 'orders'\", app/settings.py: BATCH = 10}",
    ),
    "conditions": Starter(
        "def upgrade(): op.execute('GRANT SELECT ON t TO ' + os.environ['READER'])",
        "def upgrade(): op.execute('GRANT SELECT ON t TO reader')",
        "migration",
        "",
        ("forbid: depends_on = 'environment'",),
        "{{ subject }} reads {{ condition }}.",
        "{app/settings.py: READER = 'reader'}",
    ),
    "revisions": Starter(
        "SELECT 1; SELECT 2; SELECT 3;",
        "SELECT 1;",
        "migration",
        "",
        ("where: is_new", "forbid: statement_count > 2"),
        "{{ subject }} has {{ statement_count }} statements.",
    ),
    "drifts": Starter(
        "ALTER TABLE public.t ADD c int;",
        "ALTER TABLE public.t ADD b int;",
        "public.t.b",
        _TABLE,
        ("forbid: kind = 'missing_column'",),
        "The models have {{ subject }}, and no migration adds it.",
        drifts=("{public.t.b: missing_column}", "{public.t.b: type_differs}"),
    ),
    "downgrades": Starter(
        "ALTER TABLE public.t ADD b int;",
        "ALTER TABLE public.t ADD b int; COMMENT ON COLUMN public.t.b IS 'what it is for';",
        "migration",
        _TABLE,
        ("forbid: problem = 'leaves' and object_kind = 'column'",),
        "Undoing {{ subject }} leaves {{ object_subject }}.",
        downgrades=("SELECT 1;", "ALTER TABLE public.t DROP b;"),
    ),
    "changes": Starter(
        "ALTER TABLE public.t RENAME TO u;",
        "ALTER TABLE public.t ADD b int;",
        "public.u",
        _TABLE,
        ("forbid: kind = 'table.renamed'",),
        "{{ before_text }} is renamed.",
    ),
}
_QUERY = Starter(
    "CREATE TABLE public.t (a int, b int, c int);",
    "CREATE TABLE public.t (a int, b int);",
    "public.t",
    "",
    (
        "query: |",
        "  SELECT table_subject AS subject, count(*) AS columns, file, line",
        "  FROM columns WHERE change = 'added' GROUP BY table_subject HAVING count(*) > 2",
    ),
    "{{ subject }} gets {{ columns }} columns at once.",
)
_CATALOG_QUERY = Starter(
    "CREATE VIEW public.v WITH (security_barrier) AS SELECT 1 AS a;",
    "CREATE VIEW public.v AS SELECT 1 AS a;",
    "public.v",
    "",
    (
        "catalog_query: |",
        "  SELECT c.oid::regclass::text AS subject FROM pg_class c",
        "  WHERE c.relkind = 'v' AND 'security_barrier=true' = ANY (c.reloptions)",
    ),
    "{{ subject }} is a security barrier.",
)


def starter(policy_id: str, kind: str) -> str:
    """Give the YAML of a policy, as an item of the list `policies:`.

    `kind` is a fact table, `query` or `catalog_query`.
    """
    others = {"query": _QUERY, "catalog_query": _CATALOG_QUERY}
    made = STARTERS[kind] if kind in TABLES else others[kind]
    before = f"        before: {_quoted(made.before)}\n" if made.before else ""
    before += f"        files: {made.files}\n" if made.files else ""
    drifts = [f"        drifts: {said}\n" if said else "" for said in made.drifts]
    undone = [f"        downgrade: {_quoted(sql)}\n" if sql else "" for sql in made.downgrades]
    judged = [f"for: {kind}"] * (kind in TABLES) + list(made.keys)
    return (
        f"  - id: {policy_id}\n"
        "    title: What it finds, in a few words\n"
        "    severity: warning              # error blocks, warning and notice do not\n"
        f"{indent(chr(10).join(judged), '    ')}\n"
        f"    message: {_quoted(made.message)}\n"
        "    why: >\n"
        "      What goes wrong when nobody notices.\n"
        "    instead: |\n"
        "      -- The SQL to write instead; {{ subject }} is the object.\n"
        "    examples:\n"
        "      - name: what it finds\n"
        f"{before}"
        f"{drifts[0]}"
        f"        migration: {_quoted(made.bad)}\n"
        f"{undone[0]}"
        f"        finds: [{_quoted(made.finds)}]\n"
        "      - name: what it must not find\n"
        f"{before}"
        f"{drifts[1]}"
        f"        migration: {_quoted(made.good)}\n"
        f"{undone[1]}"
        "        finds: []\n"
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
