"""Puts a report where people look: comment, check run, review, summary, annotations.

Whatever fails here is said and changes nothing about the verdict.
"""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from traceback import extract_tb
from typing import TYPE_CHECKING

from gatekeeper import __version__
from gatekeeper.errors import ConfigError
from gatekeeper.github.annotations import annotations, log_commands
from gatekeeper.github.errors import PublishError
from gatekeeper.github.event import Event, MergeGroup, PullRequest, Run
from gatekeeper.github.marker import Marker
from gatekeeper.github.runner import write_summary
from gatekeeper.report.escape import Markup, code
from gatekeeper.report.joint import render_reviews
from gatekeeper.report.links import Links
from gatekeeper.report.markdown import LIMIT, Frame, OwnTemplate
from gatekeeper.report.outcome import Reviews
from gatekeeper.report.view import joint_headline

if TYPE_CHECKING:  # PyGithub is imported when there is something to send
    from gatekeeper.github.client import Client

_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}")
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Options:
    """What is wanted. `comment`: always, on-findings (none on a clean pull request), off.

    `key` tells the reports of several databases of one repository apart.
    """

    comment: str = "on-findings"
    inline_comments: bool = False
    check_run: bool = False
    key: str = "default"
    template: OwnTemplate | None = None


@dataclass(slots=True)
class Publication:
    """What was done, sentence by sentence, and what could not be."""

    done: list[str] = field(default_factory=list)
    problems: list[PublishError | ConfigError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """A judgement and what surrounds it, ready to be rendered."""

    reviews: Reviews
    event: Event
    run: Run
    options: Options = field(default_factory=Options)
    alerts: tuple[str, ...] = ()

    @property
    def fingerprints(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(f.fingerprint for f in self.reviews.findings))

    def frame(self) -> Frame:
        base = self.event.base_ref if isinstance(self.event, PullRequest) else ""
        return Frame(
            links=Links(self.run.blob_url(self.event.head_sha)),
            report_url=self.run.url,
            alerts=self.alerts,
            base=f"origin/{base}" if _BRANCH.fullmatch(base) else "",
        )

    def render(self, limit: int, resolved: tuple[str, ...] = ()) -> str:
        """Render with the project's own template. Raises ConfigError when that has a mistake."""
        frame = replace(self.frame(), resolved=resolved)
        return render_reviews(
            self.reviews, limit=limit, frame=frame, template=self.options.template
        )


def touched_alerts(files: Iterable[str], guarded: Iterable[str]) -> tuple[str, ...]:
    """Warn when a pull request changes what judges it: workflows, configuration, policies.

    `files` are those that it changes; `guarded` are paths, of a folder with a slash at the end.
    """
    paths = (".github/", *guarded)
    found = sorted(
        f for f in files if any(f == p or (p.endswith("/") and f.startswith(p)) for p in paths)
    )
    if not found:
        return ()
    named = ", ".join(code(f) for f in found[:_MOST_NAMED])
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    text = f"This pull request changes what reviews it: {named}{more}."
    return (Markup(f"{text} It was judged by what the base branch has."),)


def publish_locally(
    report: Report, environ: Mapping[str, str], write: Callable[[str], object]
) -> Publication:
    """Write the step's summary and annotate the log: what needs no token."""
    publication, report = _usable(report)
    try:
        if write_summary(environ, report.render):
            publication.done.append("wrote the step's summary")
    except (PublishError, ConfigError) as problem:
        publication.problems.append(problem)
    if not report.options.check_run:  # which has annotations of its own
        for line in log_commands(annotations(report.reviews)):
            write(line + "\n")
    return publication


def publish_remotely(report: Report, token: str, client: "Client | None" = None) -> Publication:
    """Publish on GitHub. Raises nothing: what could not be done is in the result.

    It takes no longer than the budget of `client` and its grace, whatever GitHub does.
    """
    from gatekeeper.github.client import Budget, Client, within

    publication, report = _usable(report)
    try:
        used = client or Client(report.event.repository, token, report.run.api_url, Budget())
        within(used.budget.seconds, lambda: _publish_all(used, report, publication))
    except PublishError as problem:
        publication.problems.append(problem)
    except Exception as error:  # noqa: BLE001 - a mistake of ours must not become a verdict
        where = extract_tb(error.__traceback__)[-1]
        publication.problems.append(
            PublishError(
                f"publishing broke: {type(error).__name__} in {where.name}, line {where.lineno}",
                "This is a mistake in Gatekeeper; please report it.",
            )
        )
    return publication


def _usable(report: Report) -> tuple[Publication, Report]:
    """Give the report with our own template where the project's has a mistake."""
    publication = Publication()
    try:
        report.render(LIMIT)
    except ConfigError as problem:
        publication.problems.append(problem)
        return publication, replace(report, options=replace(report.options, template=None))
    return publication, report


def _publish_all(client: "Client", report: Report, publication: Publication) -> None:
    event, options = report.event, report.options
    parts: list[Callable[[], str]] = []
    if isinstance(event, PullRequest) and options.comment != "off":
        parts.append(lambda: _comment(client, report, event, publication))
    if isinstance(event, PullRequest) and options.inline_comments:
        parts.append(lambda: _review(client, report, event))
    if isinstance(event, PullRequest | MergeGroup) and options.check_run:
        parts.append(lambda: _check(client, report))
    for part in parts:
        try:
            publication.done.append(part())
        except (PublishError, ConfigError) as problem:
            publication.problems.append(problem)


def _comment(client: "Client", report: Report, pull: PullRequest, result: Publication) -> str:
    from gatekeeper.github.comment import Draft, publish_comment

    marker = Marker(
        key=report.options.key,
        run=report.run.id,
        attempt=report.run.attempt,
        head=pull.head_sha,
        verdict=report.reviews.verdict,
        findings=report.fingerprints,
    )
    clean = report.reviews.verdict == "passed" and not report.reviews.findings
    draft = Draft(
        marker,
        lambda resolved, limit: report.render(limit, resolved),
        footer=f"<sub>[Full report]({report.run.url}) · Gatekeeper {__version__}</sub>",
        wanted=report.options.comment == "always" or not clean,
    )
    done = publish_comment(client, pull.number, draft)
    result.problems += done.problems
    return f"comment {done.action} {done.url}".rstrip()


def _review(client: "Client", report: Report, pull: PullRequest) -> str:
    from gatekeeper.github.review import publish_review

    action, url = publish_review(client, pull.number, pull.head_sha, report.reviews.open_findings)
    return f"comments on lines {action} {url}".rstrip()


def _check(client: "Client", report: Report) -> str:
    from gatekeeper.github.check import Check, publish_check

    key = report.options.key
    check = Check(
        name="Gatekeeper report" + ("" if key == "default" else f" ({key})"),
        id=f"{report.run.id}-{report.run.attempt}-{secrets.token_hex(8)}",  # of this call alone
        head_sha=report.event.head_sha,
        verdict=report.reviews.verdict,
        title=joint_headline(report.reviews),
        summary=report.render(LIMIT),
        url=report.run.url,
        annotations=annotations(report.reviews),
    )
    return f"check run created {publish_check(client, check)}".rstrip()
