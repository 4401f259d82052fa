"""Addresses found as somebody types. What is typed is sent as a form's body: it may hold more than an address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.mdm.places.decisions import recipes
from vestry.mdm.places.model import PARTS, Gazetteer
from vestry.mdm.places.search import gazetteer_of, open_search
from vestry.serve.forms import fields
from vestry.serve.page import Values, page, portal_of

TABS = [("Look up", "/addresses"), ("To review", "/addresses/review"), ("Decided", "/addresses/decisions")]
_MOST = 10
#: The logical status of BS 7666, where it is worth a word.
_STATUS = {3: "another way to write it", 6: "provisional", 8: "historic"}


@dataclass(frozen=True)
class _Found:
    """An address as it is shown."""

    address: str
    uprn: str
    status: str


def lacking(request: Request, catalogue: Catalogue) -> Response | None:
    """The page that says what a project without a gazetteer needs; None where addresses can be asked for."""
    portal = portal_of(request)
    named = recipes(catalogue.project)
    if named:
        entry = catalogue.tables.get(gazetteer_of(catalogue.project).name)
        if entry and entry.state:
            return None
    return portal.render("addresses_none.html", request, {"described": bool(named)})


@page("addresses.html", fresh=True)
def addresses(request: Request, catalogue: Catalogue) -> Values | Response:
    """The box, and what it found."""
    if none := lacking(request, catalogue):
        return none
    return {"address_tabs": TABS, **_found(request, catalogue)}


@page("addresses_found.html", fresh=True)
def found(request: Request, catalogue: Catalogue) -> Values | Response:
    """Only what was found, for a page whose reader types."""
    return lacking(request, catalogue) or _found(request, catalogue)


def _found(request: Request, catalogue: Catalogue) -> dict[str, Any]:
    text = fields(request).get("address", "") if request.method == "POST" else ""
    gazetteer = gazetteer_of(catalogue.project)
    open_to_all = is_open(catalogue, gazetteer)
    hits: list[_Found] = []
    if text and open_to_all:
        workspace = portal_of(request).live.workspace
        search = open_search(workspace.project, workspace.lake, lambda: workspace.engine)
        hits = [
            _Found(", ".join(filter(None, (h.address, h.postcode))), h.uprn, _STATUS.get(h.status, ""))
            for h in search.find(text, _MOST)
        ]
    return {"text": text, "hits": hits, "open": open_to_all, "gazetteer": gazetteer.name, "most": _MOST}


def is_open(catalogue: Catalogue, gazetteer: Gazetteer) -> bool:
    """Whether everybody may see all columns that the gazetteer's addresses are made of."""
    from sqlglot import exp, parse_one

    entry = catalogue.tables.get(gazetteer.name)
    if entry is None:
        return False
    known = entry.by_name
    named = {
        column.name
        for part in PARTS
        if part != "logical_status" and (part in gazetteer.columns or part in known)
        for column in parse_one(gazetteer.part(part, known), dialect="duckdb").find_all(exp.Column)
    }
    return all(name in known and not known[name].is_personal for name in named)


routes = [
    Route("/addresses", addresses, methods=["GET", "POST"]),
    Route("/addresses/found", found, methods=["POST"]),
]
