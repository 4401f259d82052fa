"""A table, whatever made it, and a column."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import Route

from vestry.catalogue.diagram import lineage_picture
from vestry.catalogue.lineage import WHOLE, ColumnName
from vestry.catalogue.model import Catalogue, TableEntry
from vestry.project.errors import did_you_mean
from vestry.serve import paths
from vestry.serve.page import Missing, Values, page, portal_of, table_named, words
from vestry.serve.portal.drawn import drawn, place_of


@page("table.html")
def table(request: Request, catalogue: Catalogue) -> Values:
    """One table: whose, from what, how it stands, its columns."""
    entry = catalogue.tables[table_named(catalogue, request.path_params["table"])]
    return {
        "entry": entry,
        "trail": trail(catalogue, entry)[:-1],
        "source": catalogue.project.bronze.get(entry.name),
        "readers": catalogue.readers(entry.name),
        "product": catalogue.project.products.get(f"{entry.name.domain}.{entry.name.product}"),
        "glossary": catalogue.glossary,
        "profiles": {entry.name: portal_of(request).profiles.of(entry)},
    }


@page("column.html", fresh=True)
def column(request: Request, catalogue: Catalogue) -> Values:
    """One column: its meaning, and what is promised of it."""
    entry = catalogue.tables[table_named(catalogue, request.path_params["table"])]
    name = request.path_params["column"]
    found = entry.by_name.get(name)
    if found is None:
        raise Missing(f"{entry.name} has no column {name[:200]}", mend=did_you_mean(name[:200], entry.by_name))
    return {
        "entry": entry,
        "column": found,
        "trail": trail(catalogue, entry),
        "glossary": catalogue.glossary,
        "profile": profile.by_name.get(name) if (profile := portal_of(request).profiles.of(entry)) else None,
        **_lineage(request, catalogue, ColumnName(entry.name, name)),
    }


def _lineage(request: Request, catalogue: Catalogue, name: ColumnName) -> Values:
    """Where a column comes from and what breaks if it goes; `lineage` is None until the recipes have been read."""
    lineage = portal_of(request).lineage.current
    if lineage is None:
        return {"lineage": None}
    layers = {table: entry.layer for table, entry in catalogue.tables.items()}
    drawing = lineage_picture(lineage, [name], layers, place_of(catalogue))
    of_table = lineage.lineage.get(name.table)
    return {
        "lineage": lineage,
        "picture": drawn(drawing) if drawing.lines else None,
        "up": lineage.tree(name, "up"),
        "down": lineage.tree(name, "down"),
        "impact": lineage.impact(name),
        "why": of_table.why if of_table and not of_table.exact else "",
        "exact": all(one.column != WHOLE for one in lineage.next(name, "up")),
        "origins": lineage.origins(name),
        "href": place_of(catalogue),
    }


def trail(catalogue: Catalogue, entry: TableEntry) -> list[tuple[str, str]]:
    """The way to a table: through its source, or its domain and product."""
    name = entry.name
    if name.is_bronze:
        found = [("Sources", "/sources"), (words(name.product), paths.source(name.product))]
    else:
        product = catalogue.project.products[f"{name.domain}.{name.product}"]
        domain = catalogue.project.domains[name.domain].spec.name
        title = product.contract.name or words(product.name)
        found = [
            ("Data products", "/products"),
            (domain, paths.domain(name.domain)),
            (title, paths.product(product.full_name)),
        ]
    return [*found, (name.table, paths.table(name))]


routes = [Route("/tables/{table}", table), Route("/tables/{table}/columns/{column}", column)]
