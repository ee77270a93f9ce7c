"""The databases and roles of a cluster of our own."""

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from gatekeeper.config_database import ProductionRole
from gatekeeper.scratch.base import Address
from gatekeeper.scratch.cluster import STAND_INS, Cluster
from gatekeeper.scratch.statements import (
    copy,
    create_missing_roles,
    drop_databases,
    drop_roles,
    made_by_files,
)


class PrivateCluster:
    """A scratch server that is ours alone."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def create_database(self) -> Address:
        name = next(self.cluster.names)
        query = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        with self._admin() as connection:
            connection.execute(query + made_by_files(connection))
        return self.address(name)

    def copy_database(self, database: Address) -> Address | None:
        name = next(self.cluster.names)
        with self._admin() as connection:
            made = copy(connection, database.database, name, made_by_files(connection))
        return self.address(name) if made else None

    def drop_database(self, database: str) -> None:
        with self._admin() as connection:
            drop_databases(connection, database)

    def create_roles(self, roles: tuple[ProductionRole, ...]) -> None:
        with self._admin() as connection:
            create_missing_roles(connection, roles)

    def drop_new_roles(self) -> None:
        with self._admin() as connection:
            rows = connection.execute("SELECT rolname FROM pg_roles WHERE oid >= 16384")
            drop_roles(connection, {name for (name,) in rows})

    def stand_ins(self, database: Address) -> tuple[str, ...]:
        if self.cluster.stand_ins is None:
            return ()
        with database.connect() as connection:
            rows = connection.execute("SELECT extname FROM pg_extension ORDER BY 1").fetchall()
            asked = "SELECT setting FROM pg_config() WHERE name = 'SHAREDIR'"
            ((share,),) = connection.execute(asked).fetchall()
        ours = {path.stem for path in (STAND_INS / "extension").glob("*.control")}
        theirs = {path.stem for path in Path(share, "extension").glob("*.control")}
        return tuple(name for (name,) in rows if name in ours - theirs)

    def close(self) -> None:
        self.cluster.close()

    def _admin(self) -> psycopg.Connection[Any]:
        return self.address("postgres").connect()

    def address(self, database: str) -> Address:
        """Say where a database of this cluster is."""
        return Address(str(self.cluster.socket), 5432, "postgres", database)
