"""What the pull request's own version of the policies would say."""

from gatekeeper.policy.model import Finding
from gatekeeper.report.escape import Markup, code
from gatekeeper.report.outcome import Reviews
from gatekeeper.report.view import joint_headline

_MOST = 5


def preview(judged: Reviews, own: Reviews) -> str:
    """Give one sentence of Markdown on how the verdict of `own` differs from that which holds."""
    before = {f.fingerprint: f for f in judged.findings}
    after = {f.fingerprint: f for f in own.findings}
    gone = [f for key, f in before.items() if key not in after]
    new = [f for key, f in after.items() if key not in before]
    milder = [f for key, f in after.items() if key in before and f.blocks < before[key].blocks]
    text = f"By what it makes of them, the verdict would be: {joint_headline(own)}"
    for title, found in (("no longer found", gone), ("no longer blocks", milder), ("new", new)):
        if found:
            text += f"; {title}: {_listed(found)}"
    return Markup(f"{text}.")


def _listed(findings: list[Finding]) -> str:
    named = ", ".join(f"{code(f.policy.id)} of {code(f.subject)}" for f in findings[:_MOST])
    more = len(findings) - _MOST
    return f"{named} and {more} more" if more > 0 else named
