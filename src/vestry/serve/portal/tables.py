"""A table, whatever made it, and a column."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import Route

from vestry.catalogue.lineage.graph import origin_of
from vestry.catalogue.model import Catalogue, TableEntry
from vestry.project.errors import did_you_mean
from vestry.serve import paths
from vestry.serve.page import Missing, Values, page, portal_of, table_named, words


@page("table.html")
def table(request: Request, catalogue: Catalogue) -> Values:
    """One table: whose, from what, how it stands, its columns."""
    entry = catalogue.tables[table_named(catalogue, request.path_params["table"])]
    return {
        "entry": entry,
        "trail": trail(catalogue, entry)[:-1],
        "source": catalogue.project.bronze.get(entry.name),
        "readers": catalogue.readers(entry.name),
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
    lineage = portal_of(request).lineage.current
    above = lineage.comes_from(entry.name, name) if lineage else []
    bronze = [(s.table, s.column) for s in above if s.table.is_bronze] or [(entry.name, name)] * entry.name.is_bronze
    sources = catalogue.project.bronze
    return {
        "entry": entry,
        "column": found,
        "trail": trail(catalogue, entry),
        "glossary": catalogue.glossary,
        "profile": profile.by_name.get(name) if (profile := portal_of(request).profiles.of(entry)) else None,
        "lineage": lineage,
        "above": above,
        "below": lineage.leads_to(entry.name, name) if lineage else [],
        "decided": lineage.decided(entry.name, name) if lineage else [],
        "exact": lineage is None or lineage.is_exact(entry.name, name),
        "origins": [origin_of(sources[t], t.table, c) for t, c in bronze if t in sources and not c.startswith("_")],
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
