"""Search over everything in the catalogue."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.catalogue.search.document import STAFF
from vestry.catalogue.search.query import FILTERS, search, suggest
from vestry.serve.page import Values, page, portal_of

_PAGE = 20
#: What is read of what was typed.
_LONGEST = 10_000


@page("search.html", fresh=True)
def results(request: Request, catalogue: Catalogue) -> Values:
    """What was found, with how many of each kind, and the way to fewer."""
    asked = request.query_params
    text = asked.get("q", "")[:_LONGEST]
    chosen = {name: asked[name][:200] for name in FILTERS if asked.get(name)}
    number = min(max(1, int(n) if (n := asked.get("page", "1")).isdecimal() and len(n) < 5 else 1), 500)
    index = portal_of(request).search
    found = search(index.searcher, text, [STAFF], index.synonyms, chosen, _PAGE, (number - 1) * _PAGE)

    def address(**other: str | int | None) -> str:
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
    pages = -(-found.total // _PAGE)
    return {
        "text": text,
        "chosen": chosen,
        "found": found,
        "facets": facets,
        "pages": pages,
        "number": number,
        "previous": address(page=number - 1) if number > 1 else None,
        "next": address(page=number + 1) if number < pages else None,
        "domains": {d.name: d.spec.name for d in catalogue.project.domains.values()},
    }


@page("suggestions.html", fresh=True)
def suggestions(request: Request, catalogue: Catalogue) -> Values:
    """What begins as somebody types it."""
    text = request.query_params.get("q", "")[:_LONGEST]
    return {"hits": suggest(portal_of(request).search.searcher, text, [STAFF])}


routes = [Route("/search", results), Route("/search/suggest", suggestions)]
