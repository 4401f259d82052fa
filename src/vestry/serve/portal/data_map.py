"""The master data map: which systems hold the same people, homes and values, and which could be retired."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.catalogue.overlap import DataMap
from vestry.serve.page import Missing, Values, page, portal_of


@page("map.html", fresh=True)
def whole(request: Request, catalogue: Catalogue) -> Values:
    """All systems and what ties every two of them."""
    return {"map": portal_of(request).data_map.current}


@page("map_system.html", fresh=True)
def system(request: Request, catalogue: Catalogue) -> Values:
    """The columns that one system shares with others."""
    name = request.path_params["system"]
    made: DataMap | None = portal_of(request).data_map.current
    if made is None or name not in made.systems:
        raise Missing(
            f"There is no system {name[:200]} on the map", mend="Systems are on it when they have been loaded."
        )
    shared = []
    for tie in made.of(name):
        for column in tie.columns:
            mine, other, said = column.a, column.b, column.shares
            if tie.b == name:
                mine, other, said = other, mine, said.turned
            shared.append((tie.a if tie.b == name else tie.b, mine, other, said))
    return {"map": made, "name": name, "shared": shared, "retirable": [r for r in made.retirable if r.system == name]}


routes = [Route("/map", whole), Route("/map/{system}", system)]
