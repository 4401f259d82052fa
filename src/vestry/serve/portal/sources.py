"""Sources: the systems of record."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.project.errors import did_you_mean
from vestry.project.source import Source
from vestry.serve.page import Missing, Values, page

_DRIFT = {
    "evolve": "new columns are taken",
    "freeze": "nothing is loaded until somebody accepts them",
    "quarantine": "the part that differs is set aside",
}


@page("sources.html")
def sources(request: Request, catalogue: Catalogue) -> Values:
    """Every source with what was taken from it."""
    found = []
    for of in catalogue.project.sources.values():
        entries = catalogue.tables_of_source(of)
        states = [entry.state for entry in entries if entry.state]
        found.append((of, entries, sum(s.rows for s in states), max((s.written for s in states), default=None)))
    return {"sources": found}


@page("source.html")
def source(request: Request, catalogue: Catalogue) -> Values:
    """One source: whose, how it is reached, its tables, and what is made from them."""
    found = source_named(catalogue, request)
    entries = catalogue.tables_of_source(found)
    schedule = found.spec.schedule
    return {
        "source": found,
        "entries": entries,
        "when": "by `vestry run`"
        if schedule is None
        else "whenever it has something new"
        if schedule == "changes"
        else schedule,
        "drift": _DRIFT[found.spec.drift],
        "used_by": sorted({reader for entry in entries for reader in catalogue.readers(entry.name)}),
    }


def source_named(catalogue: Catalogue, request: Request) -> Source:
    """The source of the request's path. Raises Missing with the nearest name."""
    name = request.path_params["source"]
    found = catalogue.project.sources.get(name)
    if found is None:
        raise Missing(f"There is no source {name[:200]}", mend=did_you_mean(name[:200], catalogue.project.sources))
    return found


routes = [Route("/sources", sources), Route("/sources/{source}", source)]
