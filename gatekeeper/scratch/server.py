"""A PostgreSQL server that somebody else runs, given by its URL."""

import contextlib
import ipaddress
import os
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql

from gatekeeper.catalog.url import read_url
from gatekeeper.config_database import ProductionRole
from gatekeeper.errors import ScratchError
from gatekeeper.scratch.base import Address
from gatekeeper.scratch.statements import copy, create_missing_roles, drop_databases, drop_roles

_OLDEST = 140000
_PREFIX = "gatekeeper_"


class UrlServer:
    """Databases of our own in a server given by a URL; they are dropped when the run ends.

    Each run holds a session advisory lock named after its databases; databases of which nobody
    holds the lock belong to a run that was killed, and are dropped by the next.
    """

    def __init__(self, url: str, *, allow_remote: bool = False) -> None:
        self._parameters = _parameters(url, allow_remote=allow_remote)
        self._admin = self._connect()
        try:
            self._check()
            self._sweep()
        except BaseException:
            self._admin.close()
            raise
        self._run = os.urandom(5).hex()
        self._admin.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [self._run])
        self._roles = self._role_names()
        self._made: list[str] = []

    def create_database(self) -> Address:
        name = f"{_PREFIX}{self._run}_{len(self._made) + 1}"
        self._made.append(name)
        query = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        self._admin.execute(query)
        info = self._admin.info
        return Address(info.host, info.port, info.user, name, info.password or None)

    def copy_database(self, database: Address) -> Address | None:
        name = f"{_PREFIX}{self._run}_{len(self._made) + 1}"
        self._made.append(name)
        made = copy(self._admin, database.database, name)
        return replace(database, database=name) if made else None

    def drop_database(self, database: str) -> None:
        self._drop(database)

    def create_roles(self, roles: tuple[ProductionRole, ...]) -> None:
        create_missing_roles(self._admin, roles)

    def drop_new_roles(self) -> None:
        drop_roles(self._admin, self._role_names() - self._roles)

    def stand_ins(self, database: Address) -> tuple[str, ...]:  # noqa: ARG002 - none of ours here
        return ()

    def close(self) -> None:
        if self._admin.closed:
            return
        with contextlib.suppress(psycopg.Error):
            for name in self._made:
                self._drop(name)
            # Roles are the cluster's, not the database's: what the migrations made goes, too.
            self.drop_new_roles()
        self._admin.close()

    def _connect(self) -> psycopg.Connection[Any]:
        try:
            return psycopg.connect(
                **self._parameters, autocommit=True, application_name="gatekeeper"
            )
        except psycopg.OperationalError as error:
            raise ScratchError(
                f"cannot connect to the database server: {str(error).strip()}",
                "Check --database-url (or database.url), or leave it out: Gatekeeper brings its"
                " own PostgreSQL.",
            ) from error

    def _check(self) -> None:
        version = self._admin.info.server_version
        if version < _OLDEST:
            raise ScratchError(
                f"the database server is PostgreSQL {version // 10000}; 14 or newer is needed",
                "Leave --database-url out to use the PostgreSQL that Gatekeeper brings.",
            )
        row = self._admin.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        if row is None or not row[0]:
            raise ScratchError(
                f"{self._admin.info.user} is not a superuser of the database server",
                "Event triggers, which record what migrations do, need one. A throw-away server"
                " (a service container, say) can give it.",
            )

    def _sweep(self) -> None:
        rows = self._admin.execute(
            "SELECT datname FROM pg_database"
            " WHERE datname ~ '^gatekeeper_[0-9a-f]{10}_[0-9]+(_others)?$'"
        ).fetchall()
        for (name,) in rows:
            key = [name.split("_")[1]]
            free = self._admin.execute(
                "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", key
            ).fetchone()
            if free and free[0]:
                self._drop(name)
                self._admin.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", key)

    def _drop(self, name: str) -> None:
        drop_databases(self._admin, name)

    def _role_names(self) -> set[str]:
        return {name for (name,) in self._admin.execute("SELECT rolname FROM pg_roles")}


def _parameters(url: str, *, allow_remote: bool) -> dict[str, Any]:
    parameters = read_url(url, "the database URL")
    for host in str(parameters.get("host") or "").split(","):
        if not (allow_remote or _is_local(host)):
            raise ScratchError(
                f"the database server {host} is not on this machine",
                "Gatekeeper creates and drops databases in it. If it is a throw-away server, say"
                " so with allow_remote: true under database: in gatekeeper.yml.",
            )
    parameters.setdefault("dbname", "postgres")
    return parameters


def _is_local(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
