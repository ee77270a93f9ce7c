"""Lineage and rights together: who sees which column through real views and functions."""

import pytest

from gatekeeper.access.effective import UNTRACED, Access
from gatekeeper.access.lineage import Lineage
from gatekeeper.access.paths import Paths
from gatekeeper.access.traced import function_sources, view_sources
from gatekeeper.catalog.lineage import read_lineage_source
from gatekeeper.catalog.security import read_security

BASE = """
CREATE ROLE app; CREATE ROLE reporting; GRANT CREATE ON SCHEMA public TO app;
CREATE TABLE people (id int, email text, name text); ALTER TABLE people OWNER TO app;
SET ROLE app;
CREATE FUNCTION masked(t text) RETURNS text LANGUAGE sql AS $$ SELECT left(t, 1) $$;
CREATE FUNCTION as_owner() RETURNS SETOF people LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM public.people';
CREATE FUNCTION as_caller() RETURNS SETOF people LANGUAGE sql AS 'SELECT * FROM public.people';
CREATE FUNCTION dynamic() RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN RETURN QUERY EXECUTE 'SELECT email FROM public.' || 'people'; END $$;
CREATE FUNCTION nested() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT public.dynamic()';
CREATE FUNCTION mails() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT email FROM public.as_owner()';
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
"""

CHAIN = (
    "CREATE VIEW one AS SELECT email AS mail FROM people; CREATE VIEW two AS SELECT mail AS address FROM one;"
    "CREATE VIEW three AS SELECT address AS contact FROM two"
)


@pytest.mark.parametrize(
    ("made", "granted", "seen"),
    [
        (CHAIN, "SELECT ON three", {"email": "copied"}),
        (CHAIN + "; ALTER VIEW one SET (security_invoker = on)", "SELECT ON three", {}),
        ("CREATE VIEW v AS SELECT count(email) FROM people WHERE id > 1", "SELECT ON v", {"email": "derived", "id": "condition"}),
        ("CREATE VIEW v AS SELECT masked(email) FROM people", "SELECT ON v", {"email": "derived"}),
        ("CREATE VIEW v AS SELECT p FROM people p", "SELECT ON v", {"id": "copied", "email": "copied", "name": "copied"}),
        ("CREATE VIEW v AS SELECT email FROM as_caller()", "SELECT ON v", {}),
        ("CREATE MATERIALIZED VIEW v AS SELECT email FROM as_caller()", "SELECT ON v", {"email": "copied"}),
        ("", "EXECUTE ON FUNCTION as_owner()", {"id": "copied", "email": "copied", "name": "copied"}),
        ("", "EXECUTE ON FUNCTION as_caller()", {}),
        ("", "EXECUTE ON FUNCTION dynamic()", {"?": "untraced"}),
        ("", "EXECUTE ON FUNCTION nested()", {"?": "untraced"}),
        ("", "EXECUTE ON FUNCTION mails()", {"email": "copied"}),
        ("CREATE MATERIALIZED VIEW v AS SELECT mails()", "SELECT ON v", {"email": "copied"}),
        ("RESET ROLE; ALTER FUNCTION as_owner() OWNER TO reporting", "EXECUTE ON FUNCTION mails()", {"email": "copied", "?": "untraced"}),
        ("CREATE MATERIALIZED VIEW v AS SELECT dynamic() AS x", "SELECT ON v", {"?": "untraced"}),
        ("CREATE VIEW v AS SELECT dynamic() AS x", "SELECT ON v", {}),  # it may not call it
        ("CREATE VIEW v AS SELECT dynamic() AS x", "SELECT ON v TO reporting; GRANT EXECUTE ON FUNCTION dynamic()", {"?": "untraced"}),
    ],
)  # fmt: skip
def test_what_is_seen(with_roles, made, granted, seen):
    with_roles.execute(f"{BASE}{made}; RESET ROLE; GRANT {granted} TO reporting")
    security, lineage = read_security(with_roles), Lineage(read_lineage_source(with_roles))
    access = Access(security, view_sources(lineage, security), function_sources(lineage, security))
    reporting = next(role.oid for role in security.roles if role.name == "reporting")
    people = next(relation for relation in security.relations if relation.name == "people")
    paths, found = Paths(access), {}
    for number, column in people.columns.items():
        for path in paths.find(reporting, people.oid, "SELECT", number)[:1]:
            found[column] = path.grade.exposure.name.lower()
    for held in access.held(reporting).values():
        if any(privilege == UNTRACED for privilege, _ in held):
            found["?"] = "untraced"
    assert found == seen
