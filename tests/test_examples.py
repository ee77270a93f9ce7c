"""Examples of policies are run as if no other had run before."""

from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from gatekeeper.examples import Result, run_examples
from gatekeeper.policy.load import load_all
from gatekeeper.policy.model import Example
from gatekeeper.scratch.private import PrivateCluster

Run = Callable[..., list[Result]]

_POLICY = load_all()["table-dropped"]


@pytest.fixture
def run(server: PrivateCluster) -> Run:
    """Run examples, given as pairs of `before` and `migration`, one after the other."""

    def results(*pairs: tuple[str, str]) -> list[Result]:
        examples = tuple(Example("here", before, migration, (), 1) for before, migration in pairs)
        return list(run_examples([replace(_POLICY, examples=examples)], server))

    return results


def _roles(connection: psycopg.Connection[tuple[str]]) -> set[str]:
    return {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}


def test_roles_of_one_example_are_not_there_in_the_next(
    run: Run, connection: psycopg.Connection[tuple[str]]
) -> None:
    before = """
        CREATE ROLE example_lead CREATEROLE; CREATE ROLE example_staff; CREATE ROLE "example Ann";
        GRANT example_staff TO example_lead WITH ADMIN OPTION;
        SET ROLE example_lead; GRANT example_staff TO "example Ann"; RESET ROLE;
        CREATE TABLE orders (id bigint PRIMARY KEY); ALTER TABLE orders OWNER TO example_lead;
        ALTER DEFAULT PRIVILEGES FOR ROLE example_lead GRANT SELECT ON TABLES TO "example Ann";
    """
    known = _roles(connection)
    first, second = run((before, "CREATE ROLE example_new;"), (before, "CREATE ROLE example_new;"))
    assert (first.error, second.error) == (None, None)
    assert _roles(connection) == known


def test_an_example_that_fails_leaves_no_role(
    run: Run, connection: psycopg.Connection[tuple[str]]
) -> None:
    known = _roles(connection)
    (failed,) = run(("", "CREATE ROLE example_lead; SELECT nothing;"))
    assert failed.error is not None
    assert "nothing" in failed.error
    assert _roles(connection) == known


def test_roles_that_were_there_stay(run: Run, connection: psycopg.Connection[tuple[str]]) -> None:
    connection.execute("CREATE ROLE example_old")
    try:
        (result,) = run(("", "CREATE TABLE t (id int); GRANT SELECT ON t TO example_old;"))
        assert result.error is None
        assert "example_old" in _roles(connection)
    finally:
        connection.execute("DROP ROLE example_old")
