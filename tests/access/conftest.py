"""A server on which roles are made, and what migrations on it change in access."""

import pytest

from gatekeeper.access.cells import matrix
from gatekeeper.access.difference import difference
from gatekeeper.access.effective import Access
from gatekeeper.catalog.security import read_security

ROLES = """
CREATE ROLE app; CREATE ROLE staff; CREATE ROLE reporting; CREATE ROLE joe IN ROLE staff;
GRANT USAGE, CREATE ON SCHEMA public TO PUBLIC;
CREATE TABLE people (id int, email text, name text);
ALTER TABLE people OWNER TO app;
"""


@pytest.fixture
def with_roles(connection):
    """Give a connection; the roles made on it are dropped afterwards, with what they own."""

    def roles():
        return {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}

    before = roles()
    yield connection
    connection.execute("RESET ROLE")
    made = sorted(roles() - before)
    for role in made:
        connection.execute(f'DROP OWNED BY "{role}" CASCADE')
    for role in made:
        connection.execute(f'DROP ROLE "{role}"')


class Server:
    """A database, what views and functions of it read, and roles that are to be gone afterwards."""

    def __init__(self, connection):
        self.connection = connection
        self.views = {}
        self.functions = {}

    def run(self, sql):
        self.connection.execute(sql)

    def access(self):
        security = read_security(self.connection)
        relations = {r.name: r for r in security.relations}

        def source(text):
            column, how = text.split()
            table, _, name = column.partition(".")
            numbers = {n: number for number, n in relations[table].columns.items()}
            return relations[table].oid, numbers[name] if name else 0, how

        views = {}
        for column, sources in self.views.items():
            view, _, name = column.partition(".")
            for number, its in relations[view].columns.items() if view in relations else ():
                if its == name:
                    views[relations[view].oid, number] = tuple(map(source, sources))
        functions = {
            f.oid: tuple(map(source, self.functions[f.name]))
            for f in security.functions
            if f.name in self.functions
        }
        return Access(security, views, functions)

    def changes(self, migration, *, roles=None):
        """Give what a migration changes, but for superusers."""
        before = self.access()
        self.run(migration)
        after = self.access()
        assert difference(after, after) == ()
        found = difference(before, after)
        return [
            c
            for c in found
            if (roles is None or c.cells.role.name in roles) and not c.cells.role.is_superuser
        ]

    def says(self, migration, *, roles=None):
        return [self.line(change) for change in self.changes(migration, roles=roles)]

    def cells(self, role, thing, privilege="SELECT"):
        return [
            cells
            for cells in matrix(self.access())
            if (cells.role.name, cells.thing.name, cells.privilege) == (role, thing, privilege)
        ]

    @staticmethod
    def line(change):
        cells = change.cells
        columns = ", ".join(name for _, name in cells.columns)
        exposure = cells.best.exposure.name.lower()
        kind = "" if exposure in ("copied", "nothing") else f" {exposure}"
        what = cells.thing.subject.removeprefix("public.") + (f" ({columns})" if columns else "")
        return (
            f"{change.change} {cells.role.name} {cells.privilege} {what}{kind}: {change.paths[0]}"
        )


@pytest.fixture
def server_with(with_roles):
    """Give a server with some roles and a table."""
    with_roles.execute(ROLES)
    return Server(with_roles)
