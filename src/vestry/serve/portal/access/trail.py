"""The audit: what was read and by whom, and one person's own trail; for the data protection officer."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.governance.audit import lines, verify
from vestry.project import TableName, VestryError
from vestry.serve.forms import fields
from vestry.serve.page import Missing, Values, page, user_of
from vestry.serve.portal.access.frame import names_of, tabs_of

_MOST = 200


@page("access_audit.html", fresh=True)
def audit(request: Request, catalogue: Catalogue) -> Values | Response:
    """The newest lines: all, or of one reader, one table, or one person. What is looked for goes by POST."""
    project = catalogue.project
    if not user_of(request).has("dpo"):
        raise Missing("There is no such page", mend="The audit is for the data protection officer.")
    sent = fields(request) if request.method == "POST" else {}
    errors: dict[str, str] = {}
    table = None
    if sent.get("table"):
        try:
            table = TableName.parse(sent["table"])
        except VestryError as error:
            errors["table"] = f"{error.what[:1].upper()}{error.what[1:]}"
    found = lines(project, who=sent.get("who") or None, table=table, person=sent.get("person") or None, most=_MOST)
    return {
        "access_tabs": tabs_of(user_of(request)),
        "lines": [(line, datetime.fromtimestamp(line.at, UTC)) for line in ([] if errors else found)],
        "names": names_of(project),
        "verified": verify(project),
        "sent": sent,
        "errors": errors,
        "most": _MOST,
    }


routes = [Route("/access/audit", audit, methods=["GET", "POST"])]
