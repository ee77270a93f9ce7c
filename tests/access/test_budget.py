"""Access of 50 roles to 1,000 relations of 12 columns, before and after a change.

The budget is 5 seconds and 500 MB; the test allows twice the time, for a machine that is busy.
"""

import time

import psutil
import pytest

from gatekeeper.access.difference import difference
from gatekeeper.access.effective import Access
from gatekeeper.model.security import (
    PUBLIC,
    RELATION_PRIVILEGES,
    Grant,
    Membership,
    Role,
    SecuredRelation,
    SecuredSchema,
    Security,
)

ROLES = range(1, 51)
NUMBERS = tuple(range(1, 13))
TABLES = range(1000, 1700)
VIEWS = range(1700, 2000)  # each of one table
OWNER, GROUP, SCHEMA = 1, 2, 500
USAGE = Grant("pg_namespace", SCHEMA, 0, "schema", "s", "s", None, "s", PUBLIC, "public", "USAGE")


def grant(oid, grantee, privilege, number=0):
    subject = f"s.r{oid}" + (f".c{number}" if number else "")
    kind = "column" if number else "table"
    return Grant(
        "pg_class",
        oid,
        number,
        kind,
        "s",
        f"r{oid}",
        None,
        subject,
        grantee,
        f"r{grantee}",
        privilege,
    )


def world(*more_grants, members=()):
    """A third has row security, a third of the roles is in a group, two thirds have grants."""
    grants = [USAGE, *more_grants]
    for oid in (*TABLES, *VIEWS):
        grants += [grant(oid, OWNER, privilege) for privilege in RELATION_PRIVILEGES]
        grants += [grant(oid, GROUP, "SELECT", number) for number in NUMBERS[:4]]
        for role in ROLES[20:]:
            grants += [
                grant(oid, role, privilege)
                for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE")
            ]
    relations = [
        SecuredRelation(
            oid, "s", f"r{oid}", "view" if oid in VIEWS else "table", SCHEMA, OWNER, "r1",
            column_numbers=NUMBERS, column_names=tuple(f"c{n}" for n in NUMBERS),
            row_security=oid in TABLES and oid % 3 == 0,
            uses=tuple((oid - 700, n) for n in NUMBERS) if oid in VIEWS else (),
        )
        for oid in (*TABLES, *VIEWS)
    ]  # fmt: skip
    memberships = [Membership(GROUP, "r2", r, f"r{r}") for r in (*ROLES[2:18], *members)]
    return Security(
        roles=tuple(Role(oid, f"r{oid}") for oid in ROLES),
        memberships=tuple(memberships),
        schemas=(SecuredSchema(SCHEMA, "s", OWNER, "r1"),),
        relations=tuple(relations),
        grants=tuple(grants),
    )


SOURCES = {(oid, n): ((oid - 700, n, "copied"),) for oid in VIEWS for n in NUMBERS}


@pytest.mark.parametrize(
    ("after", "cells"),
    [
        (lambda: world(grant(1000, 20, "SELECT")), 12),
        (lambda: world(members=[19]), 4 * 1000),
        # The group and its 16 members lack 8 columns of each table; PUBLIC, r19 and r20 all 12.
        (lambda: world(*(grant(oid, PUBLIC, "SELECT") for oid in TABLES)), 700 * (17 * 8 + 3 * 12)),
    ],
    ids=["one table", "one member", "everything to everybody"],
)
def test_time_and_memory(after, cells):
    used = psutil.Process().memory_info().rss
    states = world(), after()
    start = time.process_time()
    changes = difference(*(Access(state, SOURCES) for state in states))
    assert time.process_time() - start < 10
    assert psutil.Process().memory_info().rss - used < 500_000_000
    assert sum(len(change.cells.columns) for change in changes) == cells
