"""The first page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.run.incidents import read
from vestry.serve.page import Values, page, portal_of


@page("home.html")
def home(request: Request, catalogue: Catalogue) -> Values:
    """Search, how much there is, what needs attention, and the domains with their products."""
    project = catalogue.project
    tables = catalogue.tables.values()
    rows = sum(t.state.rows for t in tables if t.state)
    incidents = sorted(read(portal_of(request).live.workspace.lake).open.values(), key=lambda m: m.at, reverse=True)
    return {
        "figures": [
            (len(project.sources), "sources", "/sources"),
            (len(project.products), "data products", "/products"),
            (len(tables), "tables", ""),
            (rows, "rows", ""),
            (len(project.glossary.terms), "terms", "/glossary"),
        ],
        "domains": [(d, catalogue.products_of(d.name)) for d in project.domains.values()],
        "incidents": incidents,
    }


@page("accessibility.html")
def accessibility(request: Request, catalogue: Catalogue) -> Values:
    """The accessibility statement."""
    return {}


routes = [Route("/", home), Route("/accessibility", accessibility)]
