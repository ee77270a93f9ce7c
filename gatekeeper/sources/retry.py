"""Runs migrations again when only a role was missing that production creates elsewhere."""

from collections.abc import Callable
from typing import TypeVar

from gatekeeper.config_database import ProductionRole
from gatekeeper.scratch.base import Address, ScratchServer
from gatekeeper.sources.base import MigrationFailed, RestartNeeded, missing_role

MOST_ROLES = 20

_Result = TypeVar("_Result")


def with_missing_roles(
    server: ScratchServer,
    roles: list[ProductionRole],
    attempt: Callable[[Address], _Result],
    restart: Callable[[], None] = lambda: None,
    progress: Callable[[str], None] = lambda _: None,
    most: int | None = None,
    database: Address | None = None,
) -> _Result:
    """Give what `attempt` gives of an empty database on a server that has `roles`.

    A role that was granted to and that nobody created is added to `roles`, and everything is run
    again, until there are `most` of them (default: MOST_ROLES more than given). `restart` is called
    before each further attempt. The first is made on `database`, where there is one that has the
    roles. Raises MigrationFailed for anything else. The database of the last attempt is left to the
    caller.
    """
    limit = MOST_ROLES + len(roles) if most is None else most
    while True:
        if database is None:
            server.drop_new_roles()
            server.create_roles(tuple(roles))
            database = server.create_database()
        try:
            return attempt(database)
        except RestartNeeded:
            pass
        except MigrationFailed as error:
            role = missing_role(error.failure)
            if role is None or role in {made.name for made in roles} or len(roles) >= limit:
                raise
            roles.append(ProductionRole(role))
            progress(f"creating the role {role}")
        server.drop_database(database.database)
        database = None
        restart()
