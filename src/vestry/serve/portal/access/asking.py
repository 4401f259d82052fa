"""Asking for a product: for which purpose, which columns and rows, until when."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.governance.access.grants import open_grants
from vestry.governance.requests import ask as ask_for
from vestry.project import VestryError
from vestry.project.agreement import Agreement
from vestry.project.product import Product
from vestry.serve import paths
from vestry.serve.forms import fields, missing
from vestry.serve.page import Values, page, portal_of, user_of, where_of
from vestry.serve.portal.access.frame import names_of
from vestry.serve.portal.access.terms_form import choices, said, terms_of
from vestry.serve.portal.products import frame, product_named

#: The answer that says that the purpose is written, not an agreement's.
WRITTEN = "written"


@page("product_access.html", fresh=True)
def access(request: Request, catalogue: Catalogue) -> Values:
    """Who may see a product, what of it the reader sees, and the way to ask for more."""
    product = product_named(catalogue, request)
    gate, user = portal_of(request).gate, user_of(request)
    mine = gate.seen(user, where_of(request), product.promised)
    grants = open_grants(catalogue.project, product.full_name)
    return {
        **frame(catalogue, product, "access"),
        "is_personal": any(entry.is_personal for entry in catalogue.tables_of(product)),
        "mine": mine,
        "grants": [grant for grant in grants if grant.is_open(gate.today)],
        "names": names_of(catalogue.project),
        "agreements": _agreements(catalogue, product),
    }


@page("product_ask.html", fresh=True)
def ask(request: Request, catalogue: Catalogue) -> Values | Response:
    """The form by which a product is asked for."""
    product = product_named(catalogue, request)
    entries = [entry for entry in catalogue.tables_of(product) if entry.state]
    agreements = _agreements(catalogue, product)
    sent: dict[str, str] = {}
    errors: dict[str, str] = {}
    if request.method == "POST":
        sent = fields(request, many=True)
        errors = missing(sent, {"why": "Choose what the data are for"})
        if sent.get("why") == WRITTEN:
            errors |= missing(sent, {"purpose": "Enter what the data are for"})
        terms, wrong = terms_of(sent, entries)
        errors |= wrong
        if terms and not errors:
            agreement = sent["why"] if sent["why"] != WRITTEN else None
            purpose = sent.get("purpose", "")
            try:
                asked = ask_for(
                    catalogue.project, catalogue, user_of(request), product.full_name, purpose, terms, agreement
                )
                return RedirectResponse(paths.request(asked.id), 303)
            except VestryError as error:
                errors = said(error)
    answers = {key: (a.spec.purpose, f"Under the agreement: {a.spec.name}") for key, a in agreements.items()}
    answers[WRITTEN] = ("Something else", "Say what it is below")
    return {
        **frame(catalogue, product, "access"),
        "sent": sent,
        "errors": errors,
        "answers": answers,
        "choices": choices(entries, sent),
        "columns": sorted({column.name for entry in entries for column in entry.columns}),
    }


def _agreements(catalogue: Catalogue, product: Product) -> dict[str, Agreement]:
    names = {str(name) for name in product.promised}
    found = catalogue.project.agreements
    return {key: agreement for key, agreement in found.items() if names & set(agreement.spec.tables)}


_AT = "/products/{domain}/{product}"
routes = [Route(f"{_AT}/access", access), Route(f"{_AT}/ask", ask, methods=["GET", "POST"])]
