"""Whose comments are ours.

The permission to write comments lets a token edit everybody's, so a marker alone proves nothing: a
stranger could post one and have our report written into a comment that they can edit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self, TypeVar

from gatekeeper.github.client import Client, Values

# Only workflows of the repository itself write under this name, and no account can have it.
_ACTIONS = "github-actions[bot]"


@dataclass(frozen=True, slots=True)
class Written:
    """What a comment of any kind tells."""

    id: int
    body: str
    login: str
    is_bot: bool
    url: str = ""
    commit: str = ""  # of a comment on a line: the commit that it was made on
    is_shown: bool = True  # of a comment on a line: the line is still there

    @classmethod
    def of(cls, values: Values) -> Self:
        user = values.get("user") or {}  # null: the account is gone
        return cls(
            id=int(values.get("id") or 0),
            body=str(values.get("body") or ""),
            login=str(user.get("login") or ""),
            is_bot=user.get("type") == "Bot",
            url=str(values.get("html_url") or ""),
            commit=str(values.get("original_commit_id") or ""),
            is_shown=values.get("line") is not None,
        )


C = TypeVar("C", bound=Written)


def ours(client: Client, candidates: Iterable[C]) -> list[C]:
    """Pick what the token's own account wrote.

    A token of an App writes as a bot, and nearly always as that of GitHub Actions. Only when some
    other bot bears our marker, or anybody with another kind of token, is GitHub asked who we are.
    """
    found = [c for c in candidates if c.is_bot == client.is_app]
    own = {_ACTIONS} if client.is_app else set()
    if any(c.login not in own for c in found):
        login = client.login()
        own.add(f"{login.removesuffix('[bot]')}[bot]" if client.is_app else login)
    return [c for c in found if c.login in own]
