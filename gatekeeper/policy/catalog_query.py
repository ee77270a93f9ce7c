"""Makes of `catalog_query:` policies what the scratch database is asked."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gatekeeper.policy.model import CatalogQuery, Policy
from gatekeeper.yaml_reader import Plain

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token


def catalog_queries(policies: Iterable[Policy]) -> dict[str, tuple[str, str]]:
    """Give the SQL that policies ask of the database: of which policy, and where it is written."""
    return {
        bind(policy.judge, policy.params): (policy.id, f"{policy.file}:{policy.line}")
        for policy in policies
        if isinstance(policy.judge, CatalogQuery)
    }


def bind(query: CatalogQuery, params: dict[str, Plain]) -> str:
    """Give the query's SQL with the values of `params` in place of :name."""
    if not params:
        return query.sql
    parts, at = [], 0
    for colon, name in placeholders(query.sql):
        parts += [query.sql[at : colon.start], _literal(params[name.text])]
        at = name.end + 1
    return "".join((*parts, query.sql[at:]))


def placeholders(text: str) -> "list[tuple[Token, Token]]":
    """Find `:name`: a colon and a word that touch each other, with no word before the colon."""
    import sqlglot
    from sqlglot.tokenizer_core import TokenType

    tokens = sqlglot.tokenize(text, read="postgres")
    found = []
    for before, colon, name in zip([None, *tokens], tokens, tokens[1:], strict=False):
        touched = before if before is not None and before.end + 1 == colon.start else None
        is_slice = touched and touched.token_type in (TokenType.VAR, TokenType.NUMBER)
        if colon.token_type is TokenType.COLON and colon.end + 1 == name.start and not is_slice:
            found.append((colon, name))
    return [(c, n) for c, n in found if n.text.isidentifier()]


def _literal(value: Plain) -> str:
    if value is None or isinstance(value, bool):
        return str(value or "null" if value is None else value).lower()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"  # with standard_conforming_strings
    return f"({value!r})"
