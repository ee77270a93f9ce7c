"""An audit as SARIF 2.1.0: what a review says, and what the baseline and idle waivers add."""

import json
import re
from typing import Any

from gatekeeper.model.evidence import Revision
from gatekeeper.report.audit import Audit, Audited, IdleWaiver
from gatekeeper.report.audit_text import chosen
from gatekeeper.report.escape import visible
from gatekeeper.report.links import inside, url_path
from gatekeeper.report.outcome import Outcome
from gatekeeper.report.sarif import sarif_values

_COMMIT = re.compile(r"[0-9a-f]{12}:")  # before the name of a file that is read from a commit
_IDLE = {
    "id": "waiver-without-effect",
    "shortDescription": {"text": "A waiver that has ended, or that nothing needs"},
    "fullDescription": {
        "text": "Who reads the list of waivers must be able to rely on it: what it lets pass."
    },
    "defaultConfiguration": {"level": "warning"},
}


def render_audit_sarif(audit: Audit, *, everything: bool = False) -> str:
    """Give what is new and what is waived; with `everything` what is known as well."""
    listed = (*chosen(audit, everything=everything), *audit.waived)
    values = sarif_values(_outcome(audit, listed))
    (run,) = values["runs"]
    run["automationDetails"] = {"id": "gatekeeper-audit/"}
    for result, one in zip(run["results"], listed, strict=True):
        result["properties"]["blocks"] = audit.fails(one)
        if audit.debt is not None:
            result["baselineState"] = "unchanged" if one.known else "new"
    if audit.idle:
        rules = run["tool"]["driver"]["rules"]
        run["results"] += [_idle(idle, len(rules)) for idle in audit.idle]
        rules.append(_IDLE)
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _outcome(audit: Audit, listed: tuple[Audited, ...]) -> Outcome:
    """Give the audit as a review. Code scanning takes no result without a file."""
    place = Revision("", audit.file, is_new=True)
    return Outcome(
        verdict=audit.verdict,
        base="",
        head=audit.head,
        findings=tuple(one.finding for one in listed),
        revisions=(place,) if audit.file else (),
        notes=audit.notes,
    )


def _idle(idle: IdleWaiver, rule: int) -> dict[str, Any]:
    subject = {"fullyQualifiedName": visible(idle.waiver.subject)}
    location: dict[str, Any] = {"logicalLocations": [subject]}
    if path := inside(_COMMIT.sub("", idle.waiver.file)):
        location["physicalLocation"] = {
            "artifactLocation": {"uri": url_path(path), "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": idle.waiver.line},
        }
    return {
        "ruleId": _IDLE["id"],
        "ruleIndex": rule,
        "level": "warning",
        "message": {"text": visible(idle.message)},
        "locations": [location],
        "suppressions": [],
    }
