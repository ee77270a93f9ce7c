"""What approving reviews of the head commit waive, for policies that name their approvers.

A line of a review's text waives one finding:

    gatekeeper: allow POLICY SUBJECT because REASON
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gatekeeper.config_waivers import reason_mistake
from gatekeeper.github.client import Client, Task, Values
from gatekeeper.github.errors import PublishError
from gatekeeper.github.event import PullRequest
from gatekeeper.model.allowance import Said, read_allow
from gatekeeper.policy.model import Finding, Policy, Waiver
from gatekeeper.report.escape import visible

_LIST = Task("read the reviews of the pull request", "pull-requests: read")
_LOGIN = re.compile(r"[\w-]{1,100}(\[bot\])?", re.ASCII)
_BECAUSE = re.compile(r"\s+because\b(?P<reason>.*)", re.DOTALL)
_EDITED = Task("read who edited a review", "pull-requests: read")
_EDITORS = (
    "query($ids: [ID!]!) { nodes(ids: $ids)"
    " { ... on PullRequestReview { id lastEditedAt editor { login } } } }"
)
_MOST_REVIEWS = 100  # that are asked about at once
_MOST_LINES = 50  # of one review
_MOST_REFUSED = 10  # are told: anybody may write a review
_FORBIDDEN, _NOT_FOUND = 403, 404


@dataclass(frozen=True, slots=True)
class _Review:
    """The review of a person that counts: the newest that is more than a comment."""

    id: str
    login: str
    state: str
    commit: str
    url: str
    lines: tuple[Said, ...]


def approvals(
    client: Client, pull: PullRequest, findings: Iterable[Finding], policies: Iterable[Policy]
) -> tuple[Waiver, ...]:
    """Give what reviews waive, and those lines of them that cannot count, which say why.

    Asks nothing unless something blocks whose policy has approvers: then for the reviews, where the
    policy names teams whether they have the reviewer, and who edited what would count. Raises
    PublishError when the reviews cannot be read: nothing is waived then.
    """
    guarded = {p.id: p for p in policies if p.approvers}
    found = [f for f in findings if f.policy.id in guarded]
    if not any(f.blocks for f in found):
        return ()
    members = _Members(client)
    made: list[tuple[_Review, Waiver]] = []
    for review in _newest(client.pages(_LIST, f"/pulls/{pull.number}/reviews")):
        # A line that names no such policy is about something else, or in vain.
        for said in (s for s in review.lines if s.policy in guarded):
            refused = _refused(review, pull, guarded[said.policy], members)
            made.append((review, _waiver(review, said, found, refused)))
    counting = [(review, waiver) for review, waiver in made if not waiver.refused]
    refused_ones = [waiver for _, waiver in made if waiver.refused][:_MOST_REFUSED]
    return (*_as_written(client, counting), *refused_ones)


def _as_written(client: Client, made: list[tuple[_Review, Waiver]]) -> list[Waiver]:
    """Refuse what somebody else put into a review: who may push may edit everybody's words."""
    ids = list(dict.fromkeys(review.id for review, _ in made))
    edited: dict[str, str] = {}
    for first in range(0, len(ids), _MOST_REVIEWS):
        asked = {"ids": ids[first : first + _MOST_REVIEWS]}
        for node in client.graphql(_EDITED, _EDITORS, asked).get("nodes") or ():
            editor = str((node.get("editor") or {}).get("login") or "somebody")
            edited[str(node.get("id"))] = editor if node.get("lastEditedAt") else ""
    waivers = []
    for review, waiver in made:
        editor = edited.get(review.id, "somebody")  # GitHub does not say: it cannot count
        if editor and editor.lower() != review.login.removesuffix("[bot]").lower():
            waiver = replace(waiver, refused=f"{editor} edited the review of {review.login}")
        waivers.append(waiver)
    return waivers


def _newest(listed: Iterable[Values]) -> list[_Review]:
    """Give the review of each person that counts. GitHub lists them from the oldest on."""
    newest: dict[str, _Review] = {}
    for values in listed:
        login = str((values.get("user") or {}).get("login") or "")  # null: the account is gone
        state = str(values.get("state") or "").upper()
        if state in ("COMMENTED", "PENDING") or not _LOGIN.fullmatch(login):
            continue
        newest[login.lower()] = _Review(
            id=str(values.get("node_id") or ""),
            login=login,
            state=state,
            commit=str(values.get("commit_id") or ""),
            url=str(values.get("html_url") or ""),
            lines=tuple(_lines(str(values.get("body") or "")))[:_MOST_LINES],
        )
    return list(newest.values())


def _lines(body: str) -> Iterator[Said]:
    for line in body.splitlines():
        said = read_allow(line.strip(" \t`"))
        if said is not None and said.policy:
            yield said


def _refused(review: _Review, pull: PullRequest, policy: Policy, members: "_Members") -> str:
    """Say why a review cannot waive what the policy finds; empty: it can."""
    if review.login.lower() == pull.author.lower():
        return "the author of a pull request cannot approve what is in it"
    if review.state != "APPROVED":
        return f"the newest review of {review.login} does not approve"
    if review.commit != pull.head_sha:
        return f"the review is of commit {review.commit[:12]} and not of the head"
    return members.why_not(review.login, policy.approvers)


def _waiver(review: _Review, said: Said, found: list[Finding], refused: str) -> Waiver:
    subject, because, mistake = _meant(said, [f for f in found if f.policy.id == said.policy])
    return Waiver(
        policy=said.policy,
        subject=subject,
        because=because,
        kind="approval",
        by=review.login,
        url=review.url,
        refused=refused or mistake,
    )


def _meant(said: Said, found: list[Finding]) -> tuple[str, str, str]:
    """Give the subject, the reason, and what is wrong with a line.

    The line names an object as the report does. Such a name may hold anything, the word `because`
    too, so it is looked for among the findings.
    """
    rest = said.rest.strip()
    named: dict[str, str] = {}
    for subject in dict.fromkeys(f.subject for f in found):
        shown = visible(subject)
        after = _BECAUSE.fullmatch(rest[len(shown) :])
        if rest.startswith(shown) and after is not None:
            named[subject] = after["reason"].strip(" \t:,")
    if len({visible(subject) for subject in named}) > 1:  # one begins with the other
        longest = max(map(len, map(visible, named)))
        named = {s: reason for s, reason in named.items() if len(visible(s)) == longest}
    if len(named) > 1:
        subject = visible(next(iter(named)))
        return subject, "", "two objects have names that look like this; rename one of them"
    if named:
        ((subject, because),) = named.items()
        return subject, because, reason_mistake(because)
    if not said.subject:
        mistake = said.mistake or "it names no object; write POLICY SUBJECT because REASON"
        return "", said.because, mistake
    return said.subject, said.because, "nothing of that name was found by the policy"


class _Members:
    """Asks GitHub who is in a team, each question once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, str], str] = {}

    def why_not(self, login: str, approvers: Iterable[str]) -> str:
        """Say why a person is none of the approvers; empty: they are."""
        listed = [a.removeprefix("@") for a in approvers]
        if login.lower() in (name.lower() for name in listed):
            return ""
        teams = [name for name in listed if "/" in name]
        unread = []
        for team in teams:
            answer = self._asked(team, login)
            if not answer:
                return ""
            unread += [answer] if answer != _NO_MEMBER else []
        return f"{login} is none of the approvers" + (f"; {unread[0]}" if unread else "")

    def _asked(self, team: str, login: str) -> str:
        key = (team.lower(), login.lower())
        if key not in self._known:
            self._known[key] = self._ask(team, login)
        return self._known[key]

    def _ask(self, team: str, login: str) -> str:
        organization, _, slug = team.partition("/")
        task = Task(f"read who is in the team {team}", "members: read, of an App")
        path = f"/orgs/{organization}/teams/{slug}/memberships/{login}"
        try:
            found = self._client.get(task, path, of_repository=False)
        except PublishError as error:
            if error.status not in (_FORBIDDEN, _NOT_FOUND):
                raise
            # GitHub hides what a token may not see behind 404, too.
            return (
                f"that {team} has them was not told to this token (GITHUB_TOKEN never is; an App's"
                " with members: read is)"
            )
        return "" if found.get("state") == "active" else _NO_MEMBER


_NO_MEMBER = "no member"
