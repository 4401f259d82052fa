"""The glossary: business terms, and the columns that carry them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import Route

from vestry.catalogue.model import Catalogue, suggested
from vestry.project.errors import did_you_mean
from vestry.serve.page import Missing, Values, page


@page("glossary.html")
def glossary(request: Request, catalogue: Catalogue) -> Values:
    """All terms by their names, and columns that look like one of them."""
    terms = catalogue.glossary.terms
    return {
        "terms": sorted(terms.items(), key=lambda item: item[1].name.casefold()),
        "carriers": catalogue.carriers,
        "suggested": [(column, terms[key], key) for column, key in suggested(catalogue)],
    }


@page("term.html")
def term(request: Request, catalogue: Catalogue) -> Values:
    """One term: what it means, its other words, and where it is found."""
    key = request.path_params["term"]
    terms = catalogue.glossary.terms
    if key not in terms:
        raise Missing(f"There is no term {key[:200]}", mend=did_you_mean(key[:200], terms, "Search for it."))
    found = terms[key]
    return {
        "term": found,
        "broader": [(k, terms[k]) for k in found.broader if k in terms],
        "narrower": [(k, t) for k, t in terms.items() if key in t.broader],
        "related": [(k, t) for k, t in terms.items() if k in found.related or key in t.related],
        "columns": catalogue.carriers[key],
        "line": catalogue.glossary.line(key),
    }


routes = [Route("/glossary", glossary), Route("/glossary/{term}", term)]
