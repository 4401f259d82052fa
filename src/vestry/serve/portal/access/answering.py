"""Answering who asks: approve as it is, narrow, or refuse with reasons."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.governance.access.grants import grant_named
from vestry.governance.identity.user import User
from vestry.governance.requests import Request as Asked
from vestry.governance.requests import answer, request_named, to_answer, withdraw
from vestry.governance.state import today
from vestry.project import VestryError
from vestry.serve import paths
from vestry.serve.forms import fields, missing
from vestry.serve.page import Missing, Values, page, user_of
from vestry.serve.portal.access.frame import names_of, tabs_of
from vestry.serve.portal.access.terms_form import boxes_of, choices, said, terms_of

_ANSWERS = {
    "approved": ("Approve, as it stands below", "What you narrow below is taken away first. It takes effect at once."),
    "refused": ("Refuse", "Say why, and what you would approve."),
}


@page("access_answer.html", fresh=True)
def waiting(request: Request, catalogue: Catalogue) -> Values:
    """The requests that wait for the reader."""
    found = to_answer(catalogue.project, user_of(request))
    return {"access_tabs": tabs_of(user_of(request)), "waiting": found, "names": names_of(catalogue.project)}


@page("access_request.html", fresh=True)
def request_page(request: Request, catalogue: Catalogue) -> Values | Response:
    """One request: as whoever asked sees it, and as whoever is to answer does."""
    project, user = catalogue.project, user_of(request)
    asked = _asked(catalogue, request, user)
    is_mine = asked.reader == user.id
    may_answer = any(r.id == asked.id for r in to_answer(project, user))
    entries = [e for e in catalogue.tables_of(project.products[asked.product]) if e.state] if may_answer else []
    sent, errors = boxes_of(asked.terms), dict[str, str]()
    if request.method == "POST":
        sent = fields(request, many=True)
        if is_mine and sent.get("answer") == "withdraw":
            withdraw(project, asked.id, user)
            return RedirectResponse(paths.request(asked.id), 303)
        errors = missing(sent, {"answer": "Choose an answer"})
        if sent.get("answer") == "refused":
            errors |= missing(sent, {"reasons": "Enter why, and what you would approve"})
        terms, wrong = terms_of(sent, entries)
        errors |= wrong if sent.get("answer") != "refused" else {}
        if not errors and sent["answer"] in _ANSWERS:
            try:
                narrowed = terms if sent["answer"] == "approved" and terms != asked.terms else None
                answer(project, catalogue, asked.id, user, sent["answer"], sent.get("reasons", ""), narrowed)  # type: ignore[arg-type]
                return RedirectResponse(paths.request(asked.id), 303)
            except VestryError as error:
                errors = said(error)
    values: dict[str, Any] = {"choices": choices(entries, sent, asked.terms)} if may_answer else {"choices": []}
    return {
        **values,
        "asked": asked,
        "is_mine": is_mine,
        "may_answer": may_answer,
        "is_over": asked.grant is not None and not grant_named(project, asked.grant).is_open(today(project)),
        "answers": _ANSWERS,
        "columns": sorted({column.name for entry in entries for column in entry.columns}),
        "names": names_of(project),
        "sent": sent,
        "errors": errors,
    }


def _asked(catalogue: Catalogue, request: Request, user: User) -> Asked:
    """The request of the path, where the user asked it or has to do with it."""
    try:
        found = request_named(catalogue.project, request.path_params["request"])
    except VestryError as error:
        raise Missing("There is no such request", mend="Yours are under Access.") from error
    answered = {one.by for one in found.answers}
    if user.id not in {found.reader, *answered} and not user.has("dpo") and not user.answers_for(found.domain):
        raise Missing("There is no such request", mend="Yours are under Access.")
    return found


routes = [
    Route("/access/answer", waiting),
    Route("/access/requests/{request}", request_page, methods=["GET", "POST"]),
]
