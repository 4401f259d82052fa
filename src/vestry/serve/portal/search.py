"""Search over everything in the catalogue."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.catalogue.search.document import STAFF
from vestry.catalogue.search.query import FILTERS, Results, search, suggest
from vestry.serve.page import Values, page, portal_of
from vestry.serve.paging import MOST, PAGE, asked_for, places

#: What is read of what was typed.
_LONGEST = 10_000


@page("search.html", fresh=True)
def results(request: Request, catalogue: Catalogue) -> Values:
    """What was found, with how many of each kind, and the way to fewer."""
    asked = request.query_params
    text = asked.get("q", "")[:_LONGEST]
    chosen = {name: asked[name][:200] for name in FILTERS if asked.get(name)}
    index = portal_of(request).search

    def page_of(number: int) -> Results:
        return search(index.searcher, text, [STAFF], index.synonyms, chosen, PAGE, (number - 1) * PAGE)

    number = places(asked_for(request), MOST)["number"]
    found = page_of(number)
    at = places(number, found.total)
    if at["number"] < number:
        found = page_of(at["number"])

    def address(**other: str | None) -> str:
        """The same search with something else chosen."""
        values = {"q": text[:200], **chosen, **other}
        return "/search?" + urlencode({k: v for k, v in values.items() if v})

    facets = []
    for name in FILTERS:
        counts = found.facets.get(name, {})
        if name in chosen or len(counts) > 1:
            entries = [
                (
                    value,
                    count,
                    address(**{name: None if chosen.get(name) == value else value}),
                    chosen.get(name) == value,
                )
                for value, count in sorted(counts.items(), key=lambda item: -item[1])
            ]
            facets.append((name, entries))
    return {
        "text": text,
        "chosen": chosen,
        "found": found,
        "facets": facets,
        **at,
        "path": address(),
        "domains": {d.name: d.spec.name for d in catalogue.project.domains.values()},
    }


@page("suggestions.html", fresh=True)
def suggestions(request: Request, catalogue: Catalogue) -> Values:
    """What begins as somebody types it."""
    text = request.query_params.get("q", "")[:_LONGEST]
    return {"hits": suggest(portal_of(request).search.searcher, text, [STAFF])}


routes = [Route("/search", results), Route("/search/suggest", suggestions)]
