"""The Markdown report about several projects of one repository: a verdict each, one comment."""

from gatekeeper.report.escape import Markup
from gatekeeper.report.markdown import (
    LIMIT,
    VERDICT_ICONS,
    Frame,
    OwnTemplate,
    environment,
    full_report,
    render_markdown,
    resolved_listed,
)
from gatekeeper.report.outcome import Outcome, Reviews
from gatekeeper.report.view import headline, joint_headline, summary


def render_reviews(
    reviews: Reviews,
    *,
    limit: int = LIMIT,
    frame: Frame | None = None,
    template: OwnTemplate | None = None,
) -> str:
    """Give the comment, of at most `limit` bytes: a table of the projects, and each one's report.

    Projects in which nothing changed are in the table only. Raises ConfigError as
    render_markdown() does.
    """
    frame = frame or Frame()
    if len(reviews.parts) == 1:
        return render_markdown(reviews.parts[0], limit=limit, frame=frame, template=template)
    text = _overview(reviews, frame)
    told = [p for p in reviews.parts if p.failure or p.findings or p.changes]
    inner = Frame(links=frame.links, report_url=frame.report_url, base=frame.base, is_part=True)

    def rendered(part: Outcome, most: int) -> str:
        return render_markdown(part, limit=most, frame=inner, template=template)

    room = limit - len(text.encode()) - len(_omitted(frame).encode())
    drafts = {part.project: rendered(part, LIMIT) for part in told}
    sizes = {project: len(draft.encode()) for project, draft in drafts.items()}
    sections = {}
    # The shortest first: what they leave is for the others.
    for done, part in enumerate(sorted(told, key=lambda p: sizes[p.project])):
        share = room // (len(told) - done) - 1
        # The draft is the richest that fits where there is no more room than it had.
        as_drafted = sizes[part.project] <= share <= LIMIT
        section = "\n" + (drafts[part.project] if as_drafted else rendered(part, share))
        if len(section.encode()) <= room:
            sections[part.project] = section
            room -= len(section.encode())
    text += "".join(sections[p.project] for p in told if p.project in sections)
    return text + (_omitted(frame) if len(sections) < len(told) else "")


def _overview(reviews: Reviews, frame: Frame) -> str:
    template = environment().get_template("projects.md.j2")
    values = {
        "icon": Markup(VERDICT_ICONS[reviews.verdict]),
        "headline": Markup(joint_headline(reviews)),
        "alerts": frame.alerts,
        "resolved": resolved_listed(frame.resolved),
        "rows": [
            {
                "icon": Markup(VERDICT_ICONS[part.verdict]),
                "project": part.project,
                "verdict": Markup(headline(part)),
                "summary": Markup(summary(part) if part.new_revisions else "nothing new"),
            }
            for part in reviews.parts
        ],
    }
    return template.render(values).strip() + "\n"


def _omitted(frame: Frame) -> str:
    return f"\nThe reports that have no room here are in {full_report(frame.report_url)}.\n"
