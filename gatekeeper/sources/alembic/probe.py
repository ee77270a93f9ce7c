"""Runs inside the application's interpreter: loads its alembic, migrates, and tells what it sent.

It imports nothing of ours and only what the application has: any alembic from 1.8, SQLAlchemy 1.4
or 2.x, Python from 3.8. Commands come as JSON lines on one file descriptor, reports go as JSON
lines over another; what the migrations print goes where the parent sent stdout. When the parent
goes away, the probe and everything it started end at once.

    python probe.py COMMANDS_FD REPORTS_FD
"""

import argparse
import json
import os
import queue
import signal
import sys
import threading
import traceback

# The folder of this file holds modules of ours that must not shadow the application's.
sys.path[:] = [
    entry
    for entry in sys.path
    if os.path.abspath(entry or ".") != os.path.dirname(os.path.abspath(__file__))
]

# What says where a connection goes, in any of the drivers; everything else that env.py passes
# (options, server_settings, application_name …) stays.
WHERE = {
    "host",
    "hostaddr",
    "port",
    "dbname",
    "database",
    "db",
    "user",
    "username",
    "password",
    "passwd",
    "passfile",
    "service",
    "servicefile",
    "dsn",
    "conninfo",
    "unix_sock",
    "sock",
    "direct_tls",
    "target_session_attrs",
    "channel_binding",
    "require_auth",
    "load_balance_hosts",
    "krbsrvname",
    "gssencmode",
    "requirepeer",
    "async_creator_fn",
    "async_creator",
}
DRIVERS = ("psycopg2", "psycopg2cffi", "psycopg", "psycopg_async", "pg8000", "asyncpg")


class Refused(RuntimeError):
    """The migrations tried to reach something that is not the scratch database."""


class Reports:
    """JSON lines to the parent; a lock, because env.py may run migrations in another thread."""

    def __init__(self, descriptor):
        self._out = os.fdopen(descriptor, "w", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()

    def send(self, kind, **fields):
        line = json.dumps(dict(fields, kind=kind), default=str)
        with self._lock:
            self._out.write(line + "\n")
            self._out.flush()


class Commands:
    """JSON lines from the parent, read by a thread that notices when the parent is gone."""

    def __init__(self, descriptor):
        self._lines = queue.Queue()
        self._input = os.fdopen(descriptor, "r", encoding="utf-8")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._input:
            self._lines.put(json.loads(line))
        try:
            os.killpg(os.getpgrp(), signal.SIGKILL)
        finally:
            os._exit(1)

    def next(self):
        return self._lines.get()


class Recorder:
    """Numbers the statements that revisions send and says from which line each came."""

    def __init__(self, reports):
        self._reports = reports
        self._number = 0
        self._revisions = {}  # real path of a revision file -> revision
        self._paths = {}  # file name in a code object -> real path
        self.enabled = False
        self.wait = None  # called after each statement, when the parent wants to look

    def begin(self, enabled):
        """Count the statements of this upgrade from one, or record none of them."""
        self._number = 0
        self.enabled = enabled

    def know(self, path, revision):
        self._revisions[os.path.realpath(path)] = revision

    def place(self, frame):
        """Give (revision, file, line) of the innermost frame that belongs to a revision file."""
        while frame is not None:
            found = self._in_revision(frame.f_code.co_filename)
            if found is not None:
                return (*found, frame.f_lineno)
            frame = frame.f_back
        return None

    def place_of_error(self, error):
        seen = set()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            found = None
            for frame, line in traceback.walk_tb(error.__traceback__):
                revision = self._in_revision(frame.f_code.co_filename)
                if revision is not None:
                    found = (*revision, line)
            if found is not None:
                return found
            error = error.__cause__ or error.__context__
        return None

    def _in_revision(self, filename):
        path = self._paths.get(filename)
        if path is None:
            path = self._paths[filename] = os.path.realpath(filename)
        revision = self._revisions.get(path)
        return None if revision is None else (revision, path)

    def before_execute(self, conn, cursor, statement, parameters, context, executemany):
        """Write a number behind the statement (SQLAlchemy's before_cursor_execute)."""
        if not self.enabled:
            return statement, parameters
        place = self.place(sys._getframe(1))
        if place is None:
            return statement, parameters
        self._number += 1
        revision, path, line = place
        self._reports.send(
            "statement",
            number=self._number,
            sql=statement[:20000],
            revision=revision,
            file=path,
            line=line,
            autocommit=is_autocommit(conn),
        )
        return statement + "\n/* gatekeeper:%d */" % self._number, parameters

    def after_execute(self, conn, cursor, statement, parameters, context, executemany):
        """Let the parent look at the database (SQLAlchemy's after_cursor_execute)."""
        if self.wait is None or not self.enabled:
            return
        tag = statement.rfind("/* gatekeeper:")
        if tag >= 0:
            self._reports.send("ran", number=int(statement[tag + 14 : -3]))
            self.wait()


def is_autocommit(conn):
    """Say whether a statement on this SQLAlchemy connection commits by itself."""
    try:
        if conn.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            return True
        return bool(getattr(conn.connection.dbapi_connection, "autocommit", False))
    except Exception:
        return False


class Redirect:
    """Hands every PostgreSQL connection of SQLAlchemy the scratch database."""

    def __init__(self):
        self.address = None

    def install(self, recorder):
        from sqlalchemy import event
        from sqlalchemy.engine import Engine
        from sqlalchemy.pool import Pool

        event.listen(Engine, "do_connect", self._do_connect)
        event.listen(Engine, "before_cursor_execute", recorder.before_execute, retval=True)
        event.listen(Engine, "after_cursor_execute", recorder.after_execute)
        event.listen(Pool, "connect", self._connected)

    def _do_connect(self, dialect, record, arguments, parameters):
        if dialect.name not in ("postgresql", "postgres"):
            raise Refused(
                "env.py connects to a %s database; Gatekeeper runs migrations on PostgreSQL only."
                " If the application chooses its database by a setting, name it under"
                " migrations.env in gatekeeper.yml." % dialect.name
            )
        if self.address is None:
            raise Refused("the application opens a database connection while it is imported")
        if dialect.driver not in DRIVERS:
            raise Refused(
                "env.py uses the driver %s, which Gatekeeper cannot redirect (it knows %s)."
                % (dialect.driver, ", ".join(DRIVERS))
            )
        arguments[:] = []
        kept = {k: v for k, v in parameters.items() if k not in WHERE and not k.startswith("ssl")}
        parameters.clear()
        parameters.update(kept)
        parameters.update(self._where(dialect.driver))
        if record is not None:
            record.info["gatekeeper"] = True

    def _where(self, driver):
        a = self.address
        if driver == "pg8000":
            where = {"user": a["user"], "database": a["database"]}
            if a["host"].startswith("/"):
                where.update(host=None, unix_sock="%s/.s.PGSQL.%d" % (a["host"], a["port"]))
            else:
                where.update(host=a["host"], port=a["port"])
        else:
            name = "database" if driver == "asyncpg" else "dbname"
            where = {"host": a["host"], "port": a["port"], "user": a["user"], name: a["database"]}
            if driver == "asyncpg":
                where["ssl"] = False
        if a.get("password"):
            where["password"] = a["password"]
        return where

    def _connected(self, connection, record):
        """Pool's connect: a connection that a `creator=` made never came through do_connect."""
        if not record.info.get("gatekeeper"):
            raise Refused(
                "env.py makes its connection with a function of its own (create_engine(creator=…)),"
                " which cannot be redirected to the scratch database."
            )


class Project:
    """One Alembic project: its configuration, its revisions, its upgrades."""

    def __init__(self, command, recorder, reports):
        from alembic.config import Config

        self._recorder = recorder
        self._reports = reports
        os.chdir(command["directory"])
        sys.path.append(command["directory"])
        self._moved = command.get("moved")
        if self._moved:
            import_from(*self._moved)
        path, toml = command["config"], command.get("toml")
        options = {"ini_section": command.get("section") or "alembic"}
        if toml:
            options["toml_file"] = toml  # alembic >= 1.16 reads both
        self._config = Config(path, **options)
        self._config.cmd_opts = argparse.Namespace(
            x=command.get("x") or None,
            name=command.get("section") or "alembic",
            config=path,
            raiseerr=True,
        )
        self._config.attributes["gatekeeper"] = True

    def inspect(self):
        """Report every revision with its parents and file, and where alembic looks for them."""
        from alembic.script import ScriptDirectory

        script = ScriptDirectory.from_config(self._config)
        self._ensure_url(script)
        revisions = []
        for revision in script.walk_revisions():
            self._recorder.know(revision.path, revision.revision)
            parents = (
                revision._all_down_revisions if hasattr(revision, "_all_down_revisions") else ()
            )
            if isinstance(parents, str):
                parents = (parents,)
            revisions.append(
                {
                    "id": revision.revision,
                    "file": os.path.realpath(revision.path),
                    "parents": list(parents or ()),
                    "follows": listed(revision.down_revision),
                    "labels": sorted(getattr(revision, "_orig_branch_labels", None) or ()),
                    "title": (revision.doc or "")[:200],
                }
            )
        locations = getattr(script, "_version_locations", None)
        try:
            locations = list(locations) if locations is not None else list(script.version_locations)
        except Exception:
            locations = [os.path.join(script.dir, "versions")]
        self._reports.send(
            "inspected",
            revisions=revisions,
            heads=list(script.get_heads()),
            script=os.path.realpath(script.dir),
            locations=[os.path.realpath(p) for p in locations],
        )

    def _ensure_url(self, script):
        """Give a configuration without a usable URL one; where it points does not matter here."""
        from sqlalchemy.engine import make_url

        def usable(url):
            try:
                make_url(url).get_dialect()
            except Exception:
                return False
            return bool(url)

        try:
            url = self._config.get_main_option("sqlalchemy.url")
        except Exception:  # an interpolation such as %(DATABASE_URL)s that only env.py can fill
            url = None
        if not usable(url or ""):
            self._config.set_main_option(
                "sqlalchemy.url", dead_url(os.path.join(script.dir, "env.py"))
            )

    def begin(self, command):
        """Bring an empty database to where its history starts, if that is not nothing."""
        from alembic.command import stamp

        if command.get("models"):
            run_env(self._config, lambda heads, context: create_models(context, self._moved))
            stamp(self._config, "heads")
        elif "stamp" in command:
            found, told = set(), command["stamp"]
            run_env(self._config, lambda heads, context: found.update(heads))
            if told and not found:
                stamp(self._config, told)
            elif found != set(told or found) or not found:
                raise Refused(
                    "%s holds %s in alembic's version table, and gatekeeper.yml says %s: name the"
                    " revision that it is at, database: {baseline: {dump: %s, revision: ID}}"
                    % (
                        command["dump"],
                        ", ".join(sorted(found)) or "nothing",
                        ", ".join(told) or "nothing",
                        command["dump"],
                    )
                )

    def upgrade(self, targets, record):
        from alembic import command
        from alembic.runtime.environment import EnvironmentContext

        original = EnvironmentContext.configure
        contexts = []

        def configure(context, *arguments, **options):
            result = original(context, *arguments, **options)
            contexts.append(context.get_context())
            return result

        EnvironmentContext.configure = configure
        self._recorder.begin(record)
        try:
            for target in targets:
                command.upgrade(self._config, target)
        finally:
            self._recorder.enabled = False
            EnvironmentContext.configure = original
        tables = []
        for context in contexts:
            table = [context.version_table_schema, context.version_table]
            if table not in tables:
                tables.append(table)
        self._reports.send("upgraded", version_tables=tables)

    def compare(self):
        """Report how env.py's target_metadata differs from the database, as alembic check would."""
        from alembic.autogenerate.api import compare_metadata

        found = []

        def look(heads, context):
            metadata = context.opts.get("target_metadata")
            if metadata is None:
                found.append(None)
                return
            if self._moved:
                refuse_strangers(*self._moved)
            found.append(drifts_of(compare_metadata(context, metadata), context.dialect))

        run_env(self._config, look)
        note = None
        if len(found) != 1:
            note = "env.py configures alembic %d times, not once" % len(found)
        elif found[0] is None:
            note = "env.py gives context.configure() no target_metadata"
        self._reports.send("compared", drifts=found[0] if note is None else [], note=note)


def run_env(config, look):
    """Run env.py without migrating; `look` gets what is stamped, and alembic's context."""
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(config)

    def step(heads, context):
        look(heads, context)
        return []

    with EnvironmentContext(config, script, fn=step, dont_mutate=True):
        script.run_env()


def drifts_of(differences, dialect):
    """Give alembic's differences as plain values, one each."""
    drifts = []
    for one in differences:  # what concerns the same column comes in a list
        for difference in one if isinstance(one, list) else [one]:
            verb, thing = difference[0], difference[1]
            if verb.startswith("modify_"):
                drift = modified(difference, dialect)
            elif verb in ("add_column", "remove_column"):
                schema, table, column = difference[1:4]
                drift = {"schema": schema, "table": table, "column": column.name}
                drift["text"] = column_text(column, dialect)
            elif verb in ("add_table", "remove_table"):
                drift = {"schema": thing.schema, "table": thing.name}
            elif verb in ("add_table_comment", "remove_table_comment"):
                drift = {"schema": thing.schema, "table": thing.name, "models": thing.comment}
                drift["database"] = difference[-1] if verb[0] == "a" else None
                verb = "modify_comment"
            elif getattr(thing, "table", None) is not None:  # an index, a constraint
                drift = {"schema": thing.table.schema, "table": thing.table.name}
                drift["name"] = thing.name if isinstance(thing.name, str) else None
                drift["text"] = part_text(thing)
            else:  # an operation of a plugin
                drift = {"text": " ".join(map(str, difference))[:1000]}
            drift.setdefault("schema", None)
            if drift["schema"] is None:
                drift["schema"] = dialect.default_schema_name
            drifts.append(dict(drift, verb=verb))
    return drifts


def modified(difference, dialect):
    """Give what the models and the database say of one property of a column."""
    verb, schema, table, column, _, database, models = difference
    said = {"modify_type": type_text, "modify_nullable": nullable_text}.get(verb, default_text)
    return {
        "schema": schema,
        "table": table,
        "column": column,
        "models": said(models, dialect),
        "database": said(database, dialect),
    }


def type_text(given, dialect):
    try:
        return given.compile(dialect=dialect)
    except Exception:  # a type of the application that only its own dialect writes
        return repr(given)


def nullable_text(given, dialect):
    return "null" if given else "not null"


def default_text(given, dialect):
    """Give a default or a comment as text; no default may be None or False."""
    if given is None or given is False:
        return None
    return str(getattr(given, "arg", getattr(given, "sqltext", given)))


def column_text(column, dialect):
    return type_text(column.type, dialect) + ("" if column.nullable else " not null")


def part_text(part):
    """Give an index or a constraint in a few words: unique (a, b), (a) references t (id)."""
    words = []
    if getattr(part, "unique", False) or type(part).__name__ == "UniqueConstraint":
        words.append("unique")
    if hasattr(part, "sqltext"):
        return "check (%s)" % part.sqltext
    columns = getattr(part, "expressions", None) or getattr(part, "columns", ())
    words.append("(%s)" % ", ".join(getattr(c, "name", None) or str(c) for c in columns))
    elements = getattr(part, "elements", None)
    if elements:
        names = [element.target_fullname.rpartition(".") for element in elements]
        words.append("references %s (%s)" % (names[0][0], ", ".join(name[2] for name in names)))
        actions = [(name, getattr(part, name, None)) for name in ("ondelete", "onupdate")]
        words += ["on %s %s" % (name[2:], how.lower()) for name, how in actions if how]
    return " ".join(words)


def create_models(context, moved):
    """Create what env.py's target_metadata describes, and the schemas that it is in."""
    from sqlalchemy import text

    given = context.opts.get("target_metadata")
    several = list(given) if isinstance(given, (list, tuple)) else [given]
    if not any(getattr(metadata, "tables", None) for metadata in several):
        raise Refused(
            "env.py gives context.configure() %s, so the base cannot be made of the models. Pass"
            " target_metadata=Base.metadata there, with all models imported; or give a dump in"
            " gatekeeper.yml, database: {baseline: {dump: schema.sql, revision: ID}}"
            % ("no target_metadata" if given is None else "a target_metadata without tables")
        )
    refuse_strangers(*moved)
    quote = context.connection.dialect.identifier_preparer.quote_identifier
    schemas = {context.version_table_schema}
    for metadata in several:
        for table in metadata.tables.values():
            schemas.add(table.schema)
            schemas.update(getattr(column.type, "schema", None) for column in table.columns)
        schemas.update(sequence.schema for sequence in getattr(metadata, "_sequences", {}).values())
    with context.begin_transaction(True):  # where env.py wants a transaction for each revision
        for schema in sorted(filter(None, schemas)):
            context.connection.execute(text("CREATE SCHEMA IF NOT EXISTS %s" % quote(schema)))
        for metadata in several:
            metadata.create_all(context.connection)


def import_from(root, tree):
    """Let what would be imported from `root` come from `tree`, another version of that folder.

    An application that is installed is imported from where that is, or from the working tree if it
    is editable, whatever the folder that alembic runs in.
    """
    if os.path.realpath(root) == os.path.realpath(tree):
        return
    entries = list(sys.path)
    for finder in sys.meta_path:  # setuptools has one of its own for packages in odd places
        module = sys.modules.get(getattr(finder, "__module__", None) or "")
        places = getattr(module, "MAPPING", None)
        if isinstance(places, dict):
            entries += [os.path.dirname(place) for place in places.values()]
    mine = [os.path.join(tree, path) for path in (own_path(e, root, tree) for e in entries) if path]
    mine += [path for path in (tree, os.path.join(tree, "src"), os.getcwd()) if is_installed(path)]
    sys.path[:0] = [path for path in dict.fromkeys(mine) if os.path.isdir(path)]


def is_installed(folder):
    """Say whether a package of this folder is installed as well, as a copy."""
    from importlib.machinery import PathFinder

    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        if os.path.isfile(os.path.join(folder, name, "__init__.py")):
            spec = PathFinder.find_spec(name)
            if spec is not None and "site-packages" in (spec.origin or "").split(os.sep):
                return True
    return False


def refuse_strangers(root, tree):
    """Refuse models of a tree whose modules come from the working tree."""
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and own_path(file, root, tree):
            raise Refused(
                "the base's models cannot be told from the head's: %s is imported from the working"
                " tree (%s) and not from the base. Give a dump in gatekeeper.yml, database:"
                " {baseline: {dump: schema.sql, revision: ID}}" % (name, file)
            )


def own_path(path, root, tree):
    """Give a path of the repository relative to it; None for others, and for installed packages."""
    path, root, tree = (os.path.realpath(p or ".") for p in (path, root, tree))
    installed = (os.path.realpath(sys.prefix), tree)
    if root == tree or not inside(path, root) or any(inside(path, p) for p in installed):
        return None
    return None if "site-packages" in path.split(os.sep) else os.path.relpath(path, root)


def inside(path, folder):
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def listed(value):
    """Give a list of what alembic takes alone, in a tuple, or as None."""
    if isinstance(value, str):
        return [value]
    return list(value or ())


def dead_url(env_path):
    """Give a URL with a driver that is installed and fits env.py (async or not)."""
    import importlib.util

    try:
        with open(env_path, encoding="utf-8", errors="replace") as source:
            text = source.read()
    except OSError:
        text = ""
    if "async_engine_from_config" in text or "create_async_engine" in text or "AsyncEngine" in text:
        order = ("asyncpg", "psycopg")
    else:
        order = ("psycopg2", "psycopg", "pg8000")
    driver = next((name for name in order if importlib.util.find_spec(name)), order[0])
    return "postgresql+%s://gatekeeper@127.0.0.1:1/gatekeeper" % driver


def describe(error, recorder):
    """Give what went wrong as plain values: place, message, SQL, and the server's own words."""
    place = recorder.place_of_error(error)
    chain, seen = [], set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        chain.append(error)
        error = error.__cause__ or error.__context__
    first = chain[0]
    fields = {"type": type(first).__name__, "message": str(first)[:4000]}
    if place is not None:
        fields.update(revision=place[0], file=place[1], line=place[2])
    for one in chain:
        sql = getattr(one, "statement", None)
        if sql and "sql" not in fields:
            fields["sql"] = str(sql)[:4000]
        for source in (getattr(one, "orig", None), one):
            found = server_words(source)
            if found and "sqlstate" not in fields:
                fields.update(found)
    if isinstance(first, SyntaxError):
        fields.update(file=os.path.realpath(first.filename or ""), line=first.lineno)
    missing = next((e for e in chain if isinstance(e, ImportError)), None)
    if missing is not None:
        fields["missing_module"] = getattr(missing, "name", None) or str(missing)
    fields["refused"] = any(isinstance(e, Refused) for e in chain)
    if fields["refused"]:
        fields["message"] = str(next(e for e in chain if isinstance(e, Refused)))
    fields["traceback"] = "".join(
        traceback.format_exception(type(first), first, first.__traceback__)
    )[-6000:]
    return fields


def server_words(error):
    """Give PostgreSQL's message, hint, detail and SQLSTATE from any driver's exception."""
    diagnostics = getattr(error, "diag", None)  # psycopg2, psycopg
    if diagnostics is not None and getattr(diagnostics, "message_primary", None):
        return {
            "server_message": diagnostics.message_primary,
            "hint": diagnostics.message_hint,
            "detail": diagnostics.message_detail,
            "sqlstate": diagnostics.sqlstate,
        }
    if getattr(error, "sqlstate", None) and getattr(error, "message", None):  # asyncpg
        return {
            "server_message": error.message,
            "hint": getattr(error, "hint", None),
            "detail": getattr(error, "detail", None),
            "sqlstate": error.sqlstate,
        }
    arguments = getattr(error, "args", ())
    if arguments and isinstance(arguments[0], dict) and "M" in arguments[0]:  # pg8000
        words = arguments[0]
        return {
            "server_message": words.get("M"),
            "hint": words.get("H"),
            "detail": words.get("D"),
            "sqlstate": words.get("C"),
        }
    return None


def main():
    commands, reports = Commands(int(sys.argv[1])), Reports(int(sys.argv[2]))
    recorder, redirect = Recorder(reports), Redirect()
    try:
        # Before the project's folder is on the path: a folder named alembic/ must not shadow it.
        import alembic
        import alembic.command
        import sqlalchemy
    except ImportError as error:
        reports.send("failed", step="import", **describe(error, recorder))
        return
    reports.send(
        "started",
        alembic=alembic.__version__,
        sqlalchemy=sqlalchemy.__version__,
        python=sys.version.split()[0],
    )
    redirect.install(recorder)
    project = None
    while True:
        command = commands.next()
        step = command["do"]
        try:
            if step == "inspect":
                project = Project(command, recorder, reports)
                project.inspect()
            elif step == "connect":
                redirect.address = command["address"]
            elif step == "upgrade":
                # Of the base's history nobody wants to know each statement, and it runs faster.
                record = command["step_by_step"]
                recorder.wait = commands.next if record else None
                project.begin(command)
                project.upgrade(command["targets"], record)
            elif step == "compare":
                project.compare()
            else:
                break
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            reports.send("failed", step=step, **describe(error, recorder))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # whatever threads the application left running


if __name__ == "__main__":
    main()
