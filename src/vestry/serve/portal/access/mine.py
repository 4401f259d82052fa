"""What a reader may read and has asked for; and the open grants of all, for whoever answers for them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.governance.access.grants import Grant, grant_named, grants_of, open_grants
from vestry.governance.identity.user import User
from vestry.governance.requests import confirm, ending, requests, revoke, to_answer
from vestry.project import VestryError
from vestry.serve import paths
from vestry.serve.forms import fields
from vestry.serve.page import Missing, Values, page, portal_of, user_of, where_of
from vestry.serve.portal.access.frame import names_of, tabs_of


@page("access.html", fresh=True)
def mine(request: Request, catalogue: Catalogue) -> Values:
    """What the reader may read of personal data, until when, and what was asked for."""
    project, user, gate = catalogue.project, user_of(request), portal_of(request).gate
    grants = grants_of(project, user.id)
    return {
        "access_tabs": tabs_of(user_of(request)),
        "grants": [(grant, grant.is_open(gate.today)) for grant in grants],
        "ending": ending(grants, gate.today),
        "asked": requests(project, reader=user.id),
        "waiting": len(to_answer(project, user)),
        "seen": gate.seen(user, where_of(request)),
    }


@page("access_grants.html", fresh=True)
def grants(request: Request, catalogue: Catalogue) -> Values:
    """The open grants of the products that the reader answers for; of all for the data protection officer."""
    user, gate = user_of(request), portal_of(request).gate
    found = [grant for grant in open_grants(catalogue.project) if _may_see(grant, user)]
    return {
        "access_tabs": tabs_of(user_of(request)),
        "grants": [(grant, grant.is_open(gate.today)) for grant in found],
        "ending": ending(found, gate.today),
        "names": names_of(catalogue.project),
        "is_answering": user.has("owner", "dpo"),
    }


@page("access_grant.html", fresh=True)
def grant(request: Request, catalogue: Catalogue) -> Values | Response:
    """One grant: to confirm that it is still needed, or to end it."""
    project, user, gate = catalogue.project, user_of(request), portal_of(request).gate
    try:
        found = grant_named(project, request.path_params["grant"])
    except VestryError as error:
        raise Missing("There is no such grant", mend="See those that are open.") from error
    if not _may_see(found, user) and found.reader != user.id:
        raise Missing("There is no such grant", mend="See those that are open.")
    errors: dict[str, str] = {}
    if request.method == "POST":
        sent = fields(request)
        try:
            if sent.get("do") == "confirm":
                confirm(project, found.id, user)
                return RedirectResponse(f"{paths.grant(found.id)}?said=confirmed", 303)
            if sent.get("do") == "end" and sent.get("why"):
                revoke(project, found.id, user, sent["why"])
                return RedirectResponse(f"{paths.grant(found.id)}?said=ended", 303)
            errors["why"] = "Enter why it ends"
        except VestryError as error:
            errors["why"] = f"{error.what[:1].upper()}{error.what[1:]}: {error.mend}"
    return {
        "grant": found,
        "is_open": found.is_open(gate.today),
        "names": names_of(project),
        "answers_for": user.answers_for(found.product.partition(".")[0]),
        "is_mine": found.reader == user.id,
        "may_end": _may_see(found, user) or found.reader == user.id,
        "errors": errors,
        "said": request.query_params.get("said", ""),
    }


def _may_see(grant: Grant, user: User) -> bool:
    return user.has("dpo") or user.answers_for(grant.product.partition(".")[0])


routes = [
    Route("/access", mine),
    Route("/access/grants", grants),
    Route("/access/grants/{grant}", grant, methods=["GET", "POST"]),
]
