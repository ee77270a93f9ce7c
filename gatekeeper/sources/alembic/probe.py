"""Runs inside the application's interpreter: loads its alembic, migrates, and tells what it sent.

It imports nothing of ours and only what the application has: any alembic from 1.0.11, any
SQLAlchemy from 1.1, Python from 3.8. Commands come as JSON lines on one file descriptor, reports go
as JSON lines over another; what the migrations print goes where the parent sent stdout. When the
parent goes away, the probe and everything it started end at once.

    python probe.py COMMANDS_FD REPORTS_FD
"""

import argparse
import ast
import hashlib
import json
import os
import queue
import re
import signal
import sys
import sysconfig
import threading
import time
import traceback
import types

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
ABORTED = "25P02"  # what the server says to all that comes after an error in a transaction
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")  # PEP 578's events
LISTS = ("os.listdir", "os.scandir")
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
        self.cause = {}  # the last error of the server that was not an echo of another
        self.enabled = False
        self.senders = set()  # the code that statements came through while none was recorded
        self.wait = None  # called after each statement, when the parent wants to look

    def begin(self, enabled):
        """Count the statements of this upgrade from one, or record none of them."""
        self._number = 0
        self.enabled = enabled

    def know(self, path, revision):
        self._revisions[os.path.realpath(path)] = revision

    def files(self):
        """Give the real paths of all revision files."""
        return set(self._revisions)

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

    def step_of_error(self, error):
        """Give (revision, file, None) of what alembic was at when it failed in code of its own.

        It may have swallowed an error of the server, after which alembic can note no version.
        """
        for frame, _ in traceback.walk_tb(error.__traceback__):
            step = frame.f_locals.get("step") if frame.f_code.co_name == "run_migrations" else None
            script = getattr(step, "revision", None)
            if hasattr(script, "path"):
                return script.revision, os.path.realpath(script.path), None
        return None

    def after_error(self, context):
        """Remember what the server said first (SQLAlchemy's handle_error)."""
        error = context.original_exception
        words = server_words(error) or server_words(error.__cause__)
        if words and words["sqlstate"] != ABORTED:
            place = self.place(sys._getframe(1))
            self.cause = dict(words, sql=as_sent(context.statement))
            if place is not None:
                self.cause.update(revision=place[0], file=place[1], line=place[2])

    def _in_revision(self, filename):
        path = self._paths.get(filename)
        if path is None:
            path = self._paths[filename] = os.path.realpath(filename)
        revision = self._revisions.get(path)
        return None if revision is None else (revision, path)

    def before_execute(self, conn, cursor, statement, parameters, context, executemany):
        """Write a number behind the statement (SQLAlchemy's before_cursor_execute)."""
        if not self.enabled:
            frame = sys._getframe(1)
            while frame is not None:
                self.senders.add(frame.f_code.co_filename)
                frame = frame.f_back
            return statement, parameters
        if told_of(conn).get("elsewhere"):
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


class Files:
    """Remembers which files of the application's own were read (PEP 578: sys.addaudithook).

    They say what a schema that was built here is made of: those that were read before env.py ran,
    which are the revisions and what they import, and the files and folders that revisions read
    while they ran. What env.py reads matters, too, where that code takes part in the building.
    """

    def __init__(self, recorder):
        self._recorder = recorder
        self._early, self._during, self._late = set(), set(), set()
        self._in_env_py = False
        self.prelude = None  # the path of that script
        self.started = None  # what a revision ran as another process; nobody knows what that read
        installed = {os.path.dirname(os.__file__), sysconfig.get_path("platstdlib")}
        if sys.prefix != sys.base_prefix:  # a virtualenv, often in the repository
            installed.add(sys.prefix)
        self._installed = tuple(path.rstrip(os.sep) + os.sep for path in installed)
        sys.addaudithook(self._heard)

    def env_py_runs(self):
        """Say that from now on env.py reads what no revision reads."""
        self._in_env_py = True

    def _heard(self, event, arguments):
        if event == "open":
            path, _, flags = arguments
            if not flags & (os.O_WRONLY | os.O_RDWR):
                self._opened(path)
        elif event in LISTS and self._in_env_py and self._by_revision():
            self._opened(arguments[0] or ".")
        elif event in STARTS and self._in_env_py and self._by_revision():
            self.started = str(arguments[0])

    def _opened(self, path):
        try:
            path = os.path.abspath(os.fsdecode(path))
        except (OSError, TypeError):  # the working directory is gone; a descriptor
            return
        if self._is_installed(path):
            return
        if not self._in_env_py:
            self._early.add(path)
        elif self._by_revision():
            self._during.add(path)
        else:
            self._late.add(path)

    def _by_revision(self):
        return self._recorder.place(sys._getframe(1)) is not None

    def made_of(self, folder, *, whole):
        """Give the paths of the files that matter; `folder` is alembic's own, with env.py.

        All that was read matters if `whole`, or if revisions use code of the application, or if
        such code sent a statement.
        """
        read = (self._early, self._during, self._late)
        early, during, late = ({source_of(path) for path in paths} for paths in read)
        revisions = self._recorder.files()
        sent = {os.path.realpath(path) for path in self._recorder.senders} & late
        code = {path for path in early | during | sent if path.endswith(".py")}
        strange = [p for p in code - revisions - {self.prelude} if not inside(p, folder)]
        matters = early | during | {path for path in late if inside(path, folder)}
        if whole or strange or self._import_late(revisions):
            matters |= late
        return sorted(path for path in matters if os.path.exists(path))

    def _import_late(self, revisions):
        """Say whether a function of a revision imports what the application has; it may be here."""
        names = set()
        for path in revisions:
            with open(path, encoding="utf-8", errors="replace") as source:
                names.update(re.findall(r"(?m)^[ \t]+(?:from|import)[ \t]+(\w+)", source.read()))
        for name in names & set(sys.modules):
            places = [getattr(sys.modules[name], "__file__", None)]
            places += list(getattr(sys.modules[name], "__path__", ()))
            if any(place and not self._is_installed(place) for place in places):
                return True
        return False

    def _is_installed(self, path):
        parts = path.split(os.sep)
        packages = "site-packages" in parts or "dist-packages" in parts
        return packages or path.startswith((*self._installed, "/proc/", "/sys/", "/dev/"))


def installed():
    """Give a digest of the interpreter's version and of all packages that it finds.

    One that was installed from a folder (PEP 610) may be another under the same version; its RECORD
    has the digests of its files.
    """
    found = {sys.version.encode()}
    for entry in filter(os.path.isdir, sys.path):
        names = [n for n in os.listdir(entry) if n.endswith((".dist-info", ".egg-info"))]
        found.update(os.fsencode(name) for name in names)
        for name in names:
            place = os.path.join(entry, name)
            record = os.path.join(place, "RECORD")
            if os.path.exists(os.path.join(place, "direct_url.json")) and os.path.exists(record):
                with open(record, "rb") as lines:
                    found.add(lines.read())
    return hashlib.sha256(b"\n".join(sorted(found))).hexdigest()


def source_of(path):
    """Give the real path of a file, or of what it is the bytecode of (PEP 3147).

    importlib.util.source_from_cache() refuses a name with dots of its own.
    """
    match = re.match(r"(.*)/__pycache__/(.+)\.(?!opt-)[a-z]+-\d+(\.opt-\w+)?\.pyc$", path)
    return os.path.realpath("%s/%s.py" % match.group(1, 2) if match else path)


def as_sent(statement):
    """Give a statement as the revision sent it, without the number that we wrote behind it."""
    return re.sub(r"\n/\* gatekeeper:\d+ \*/$", "", str(statement or ""))[:4000]


def is_autocommit(conn):
    """Say whether a statement on this SQLAlchemy connection commits by itself."""
    try:
        if conn.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            return True
        return bool(getattr(conn.connection.dbapi_connection, "autocommit", False))
    except Exception:
        return False


def told_of(connection):
    """Give what we know of a SQLAlchemy connection: its database's own name, and if it is meant."""
    try:
        return connection.connection.info.get("gatekeeper") or {}
    except Exception:  # closed, or of a kind without it
        return {}


class Redirect:
    """Hands every PostgreSQL connection of SQLAlchemy the scratch database."""

    def __init__(self):
        self.address = None
        self.only = None  # of several databases, the one that is meant
        self.others = None  # where connections to the others go
        self._turn = 0
        self._names = set()  # of all databases that were connected to

    def connect(self, command):
        """Lead connections to where the parent says from now on."""
        self.address = command["address"]
        self.only, self.others = command.get("only"), command.get("others")
        self._turn += 1

    def install(self, recorder):
        from sqlalchemy import event
        from sqlalchemy.engine import Engine
        from sqlalchemy.pool import Pool

        event.listen(Engine, "do_connect", self._do_connect)
        event.listen(Engine, "before_cursor_execute", recorder.before_execute, retval=True)
        event.listen(Engine, "after_cursor_execute", recorder.after_execute)
        event.listen(Engine, "handle_error", recorder.after_error)
        event.listen(Pool, "connect", self._connected)
        event.listen(Pool, "checkout", self._checked_out)

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
        name = parameters.get("dbname") or parameters.get("database")
        self._names.add(str(name))
        elsewhere = self.only is not None and name != self.only
        arguments[:] = []
        kept = {k: v for k, v in parameters.items() if k not in WHERE and not k.startswith("ssl")}
        parameters.clear()
        parameters.update(kept)
        parameters.update(where(self.others if elsewhere else self.address, dialect.driver))
        if record is not None:
            told = {"database": name, "elsewhere": elsewhere, "turn": self._turn}
            record.info["gatekeeper"] = told

    def check(self):
        """Refuse the name of a database that env.py never connected to."""
        if self.only is not None and self._names and self.only not in self._names:
            raise Refused(
                "migrations.database of gatekeeper.yml is %s, and env.py connects to %s"
                % (self.only, ", ".join(sorted(self._names)))
            )

    def _checked_out(self, connection, record, fairy):
        """Pool's checkout: what an engine of the application kept may be of another database."""
        from sqlalchemy.exc import DisconnectionError

        if record.info.get("gatekeeper", {}).get("turn") != self._turn:
            raise DisconnectionError("it was opened before the scratch database changed")

    def _connected(self, connection, record):
        """Pool's connect: a connection that a `creator=` made never came through do_connect."""
        if not record.info.get("gatekeeper"):
            raise Refused(
                "env.py makes its connection with a function of its own (create_engine(creator=…)),"
                " which cannot be redirected to the scratch database."
            )


def where(a, driver):
    """Give what a driver needs to hear to connect to the database at this address."""
    if driver == "pg8000":
        found = {"user": a["user"], "database": a["database"]}
        if a["host"].startswith("/"):
            found.update(host=None, unix_sock="%s/.s.PGSQL.%d" % (a["host"], a["port"]))
        else:
            found.update(host=a["host"], port=a["port"])
    else:
        name = "database" if driver == "asyncpg" else "dbname"
        found = {"host": a["host"], "port": a["port"], "user": a["user"], name: a["database"]}
        if driver == "asyncpg":
            found["ssl"] = False
    if a.get("password"):
        found["password"] = a["password"]
    return found


class Revisions:
    """Loads the revision files once for several commands; alembic does it for each.

    A file is loaded again before one of its functions runs for a second time: what it defines
    outside of them may have changed by then, as it would not in a process of its own.
    """

    def __init__(self):
        from alembic.script import ScriptDirectory

        self._loaded = {}  # what the configuration says of where they are -> ScriptDirectory
        self._database = None
        load = ScriptDirectory.from_config

        def from_config(config):
            said = option_of(config)
            options = ("script_location", "version_locations", "path_separator")
            places = tuple(str(said(name)) for name in options)
            if places not in self._loaded:
                self._loaded[places] = load(config)
            return self._loaded[places]

        ScriptDirectory.from_config = from_config

    def connect(self, address):
        """Say which database the next commands are for; another one begins from nothing."""
        if self._database not in (None, address):
            self.forget()
        self._database = address

    def forget(self):
        self._loaded.clear()


class Project:
    """One Alembic project: its configuration, its revisions, its upgrades."""

    def __init__(self, command, recorder, files, reports):
        from alembic.config import Config

        self._recorder = recorder
        self._files = files
        self._reports = reports
        os.chdir(command["directory"])
        sys.path.append(command["directory"])
        self._folder = None  # of env.py
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
        script = command.get("script")
        if script and not option_of(self._config)("script_location"):
            self._config.set_main_option("script_location", script.replace("%", "%%"))
        if command.get("bare"):
            run_without_env_py(self._config)

    def prelude(self, path):
        """Run a script of the repository that makes ready for env.py and the revisions."""
        self._files.prelude = os.path.realpath(path)
        if hasattr(self._config, "get_prepend_sys_paths_list"):  # alembic >= 1.16
            first = self._config.get_prepend_sys_paths_list() or ()
        else:
            first = re.split("[,: ]+", self._config.get_main_option("prepend_sys_path") or "")
        sys.path[:0] = [entry for entry in first if entry and entry not in sys.path]
        module = types.ModuleType("gatekeeper_prelude")
        module.__file__ = path
        sys.modules[module.__name__] = module
        with open(path, "rb") as source:  # importing it would leave bytecode in the repository
            code = compile(source.read(), path, "exec")
        exec(code, module.__dict__)  # noqa: S102 - the code is as trusted as env.py's

    def inspect(self):
        """Report every revision with its parents and file, and where alembic looks for them."""
        from alembic.script import ScriptDirectory

        script = ScriptDirectory.from_config(self._config)
        self._folder = os.path.realpath(script.dir)
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
            script=self._folder,
            locations=[os.path.realpath(p) for p in locations],
            installed=installed(),
        )

    def _ensure_url(self, script):
        """Give a configuration without a usable URL one; where it points does not matter here."""
        from sqlalchemy.engine.url import make_url

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

    def upgrade(self, targets, record, check, whole):
        """Upgrade the database; it is made of `whole`, all that was read: of models, too."""
        from alembic import command
        from alembic.runtime.environment import EnvironmentContext

        original = EnvironmentContext.configure
        contexts, databases, begun = [], set(), []

        def configure(context, *arguments, **options):
            result = original(context, *arguments, **options)
            begun.append(time.monotonic())
            contexts.append(context.get_context())
            told = told_of(contexts[-1].connection)  # now: env.py may close it before the next
            if told.get("database") and not told["elsewhere"]:
                databases.add(told["database"])
            refuse_several(databases)
            return result

        EnvironmentContext.configure = configure
        self._recorder.begin(record)
        try:
            for target in targets:
                command.upgrade(self._config, target)
        finally:
            self._recorder.enabled = False
            EnvironmentContext.configure = original
        check()
        tables = []
        for context in contexts:
            table = [context.version_table_schema, context.version_table]
            if table not in tables:
                tables.append(table)
        made = {}
        if not record:
            made = {"made_of": self._files.made_of(self._folder, whole=whole)}
            made["started"] = self._files.started
            made["seconds"] = time.monotonic() - begun[0] if begun else 0.0
        self._reports.send("upgraded", version_tables=tables, **made)

    def downgrade(self, targets):
        """Undo one revision after the other, each named with the one below: child@parent."""
        from alembic import command

        for target in targets:
            self._reports.send("undoing", target=target)
            command.downgrade(self._config, target)
        self._reports.send("downgraded")

    def compare(self):
        """Report how env.py's target_metadata differs from the database, as alembic check would."""
        from alembic.autogenerate.api import compare_metadata

        found = []

        def look(heads, context):
            metadata = context.opts.get("target_metadata")
            if metadata is None:  # the project has no models, and need not
                found.append([])
                return
            if self._moved:
                refuse_strangers(*self._moved)
            found.append(drifts_of(compare_metadata(context, metadata), context.dialect))

        run_env(self._config, look)
        note = None
        if len(found) != 1:
            note = "env.py configures alembic %d times, not once" % len(found)
        self._reports.send("compared", drifts=found[0] if note is None else [], note=note)


def option_of(config):
    """Give what reads an option of alembic's configuration.

    From 1.16 on it may be in pyproject.toml, and 1.20 wants the section of alembic.ini to be there.
    """
    return getattr(config, "get_alembic_option", config.get_main_option)


def refuse_several(databases):
    """Refuse to migrate a second database, unless it was said which one is meant."""
    if len(databases) > 1:
        lines = ["  %s: {migrations: {database: %s}}" % (n, n) for n in sorted(databases)]
        raise Refused(
            "env.py migrates several databases. Make each one a project in gatekeeper.yml:"
            "\nprojects:\n%s" % "\n".join(lines)
        )


def run_without_env_py(config):
    """Let a function of ours do what the project's env.py would do, which is not imported."""
    from alembic.script import ScriptDirectory

    ScriptDirectory.run_env = lambda script: bare_env(config, os.path.join(script.dir, "env.py"))


def bare_env(config, env_path):
    """Migrate as the simplest env.py does, over the driver that the application has."""
    from alembic import context
    from sqlalchemy import text
    from sqlalchemy.engine import create_engine
    from sqlalchemy.pool import NullPool

    options = said_in_env_py(env_path)
    for name in ("version_table", "version_table_schema"):
        options[name] = config.get_main_option(name) or options.get(name)
    options = {name: value for name, value in options.items() if value is not None}
    schema = options.get("version_table_schema")

    def migrate(connection):
        if schema is not None:  # the project's own env.py must have created it, too
            quoted = connection.dialect.identifier_preparer.quote_identifier(schema)
            with connection.begin():
                connection.execute(text("CREATE SCHEMA IF NOT EXISTS %s" % quoted))
        context.configure(connection=connection, target_metadata=None, **options)
        with context.begin_transaction():
            context.run_migrations()

    async def migrate_async(engine):
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
        await engine.dispose()

    driver = bare_driver(config.get_main_option("sqlalchemy.url"), env_path)
    url = "postgresql+%s://gatekeeper@127.0.0.1:1/gatekeeper" % driver
    if driver == "asyncpg":
        import asyncio

        from sqlalchemy.ext.asyncio import create_async_engine

        asyncio.run(migrate_async(create_async_engine(url, poolclass=NullPool)))
    else:
        with create_engine(url, poolclass=NullPool).connect() as connection:
            migrate(connection)


def bare_driver(url, env_path):
    """Name an installed driver: the one the URL names, or what fits env.py, or any that is."""
    import importlib.util

    from sqlalchemy.engine.url import make_url

    wanted = [make_url(u).get_dialect().driver for u in (url, dead_url(env_path))]
    known = [driver for driver in wanted if driver in DRIVERS] + list(DRIVERS)
    for driver in (name.replace("psycopg_async", "psycopg") for name in known):
        if importlib.util.find_spec(driver):
            return driver
    raise Refused(
        "%s has no driver for PostgreSQL: install one of %s there"
        % (sys.executable, "psycopg2, psycopg, asyncpg, pg8000")
    )


def said_in_env_py(path):
    """Give what the text of env.py says to configure() of versions and transactions."""
    try:
        with open(path, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return {}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        keyword.arg: keyword.value.value
        for call in calls
        if getattr(call.func, "attr", None) == "configure"
        for keyword in call.keywords
        if keyword.arg in ("version_table", "version_table_schema", "transaction_per_migration")
        and isinstance(keyword.value, ast.Constant)
    }


def run_env(config, look):
    """Run env.py without migrating; `look` gets what is stamped, and alembic's context."""
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(config)

    def step(heads, context):
        if not told_of(context.connection).get("elsewhere"):
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
    if getattr(part, "deferrable", None):
        words.append("deferrable")
    if getattr(part, "initially", None):
        words.append("initially %s" % part.initially.lower())
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
    place = recorder.place_of_error(error) or recorder.step_of_error(error)
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
            fields["sql"] = as_sent(sql)
        for source in (getattr(one, "orig", None), one):
            found = server_words(source)
            if found and "sqlstate" not in fields:
                fields.update(found)
    if fields.get("sqlstate") == ABORTED:
        fields.update(recorder.cause)
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


def last_place(error, path):
    """Give the line of a file that an error came through last."""
    lines = [
        line
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == path
    ]
    return {"file": path, "line": lines[-1]} if lines else {}


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


def imported(reports, recorder):
    """Import alembic and SQLAlchemy, and tell their versions; say whether they are there.

    It is done before the project's folder is on the path: one named alembic/ must not shadow it.
    """
    try:
        import alembic
        import alembic.command
        import sqlalchemy
    except ImportError as error:
        reports.send("failed", step="import", **describe(error, recorder))
        return False
    reports.send(
        "started",
        alembic=alembic.__version__,
        sqlalchemy=sqlalchemy.__version__,
        python=sys.version.split()[0],
    )
    return True


def main():
    commands, reports = Commands(int(sys.argv[1])), Reports(int(sys.argv[2]))
    recorder, redirect = Recorder(reports), Redirect()
    files = Files(recorder)
    if not imported(reports, recorder):
        return
    redirect.install(recorder)
    revisions = Revisions()
    project = None
    while True:
        command = commands.next()
        step = command["do"]
        try:
            if step == "inspect":
                project = Project(command, recorder, files, reports)
                if command.get("prelude"):
                    step = "prelude"
                    project.prelude(command["prelude"])
                step = "inspect"
                project.inspect()
            elif step == "connect":
                redirect.connect(command)
                revisions.connect(command["address"])
            elif step == "upgrade":
                # Of the base's history nobody wants to know each statement, and it runs faster.
                record = command["step_by_step"]
                recorder.wait = commands.next if record else None
                files.env_py_runs()
                project.begin(command)
                whole = bool(command.get("models"))
                project.upgrade(command["targets"], record, redirect.check, whole)
            elif step == "downgrade":
                revisions.forget()
                project.downgrade(command["targets"])
            elif step == "compare":
                project.compare()
            else:
                break
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            fields = describe(error, recorder)
            if step == "prelude":
                fields.update(last_place(error, command["prelude"]))
            reports.send("failed", step=step, **fields)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # whatever threads the application left running


if __name__ == "__main__":
    main()
