"""Data products: by domain, and the pages of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from vestry.catalogue.diagram import entity_diagram, lineage_picture
from vestry.catalogue.lineage import WHOLE, ColumnName
from vestry.catalogue.model import Catalogue, TableEntry, owner_of
from vestry.catalogue.register.assets import product_asset
from vestry.catalogue.relations import relations_of
from vestry.catalogue.sample import Sample, first_rows, sample_of
from vestry.governance.access.view import Refused
from vestry.project.errors import did_you_mean
from vestry.project.product import Product
from vestry.project.project import Domain
from vestry.serve import paths
from vestry.serve.page import Missing, Values, page, portal_of, user_of, where_of
from vestry.serve.portal.drawn import drawn, place_of

#: The pages of a product, by the last part of their address.
PARTS = {
    "": "About",
    "dictionary": "Dictionary",
    "quality": "Quality",
    "lineage": "Lineage",
    "sample": "Sample",
    "history": "History",
    "use": "How to use it",
    "access": "Access",
    "runbook": "Runbook",
}
_VERSIONS = 20


@page("products.html")
def products(request: Request, catalogue: Catalogue) -> Values:
    """All products, by domain."""
    return {"title": "Data products", "domain": None, "readme": None, "groups": _groups(catalogue, None)}


@page("products.html")
def domain(request: Request, catalogue: Catalogue) -> Values:
    """The products of one domain, and its playbook page."""
    found = _domain(catalogue, request.path_params["domain"])
    readme = _readme(catalogue.project.root / "domains" / found.name)
    return {"title": found.spec.name, "domain": found, "readme": readme, "groups": _groups(catalogue, found.name)}


def _groups(catalogue: Catalogue, only: str | None) -> list[tuple[Domain, list[tuple[Product, float | None]]]]:
    groups = []
    for name, found in catalogue.project.domains.items():
        of = catalogue.products_of(name)
        if of and only in (None, name):
            groups.append((found, [(product, _quality(catalogue, product)) for product in of]))
    return groups


def _quality(catalogue: Catalogue, product: Product) -> float | None:
    """The least of its tables' scores: what rests on a product rests on the worst of it."""
    scores = [t.state.quality for t in catalogue.tables_of(product) if t.state and t.state.quality is not None]
    return min(scores, default=None)


@page("product_about.html")
def about(request: Request, catalogue: Catalogue) -> Values:
    """What a product is for, whose it is, and its tables."""
    product = product_named(catalogue, request)
    entries = catalogue.tables_of(product)
    own = {entry.name for entry in entries}
    return {
        **frame(catalogue, product),
        "owner": owner_of(catalogue.project, product),
        "asset": product_asset(catalogue, product),
        "personal": [c for entry in entries for c in entry.columns if c.is_personal],
        "entries": entries,
        "comes_from": sorted({name for entry in entries for name in entry.inputs} - own),
        "used_by": sorted({name for entry in entries for name in catalogue.readers(entry.name)} - own),
        "readme": _readme(product.folder),
    }


@page("product_dictionary.html")
def dictionary(request: Request, catalogue: Catalogue) -> Values:
    """Every column of a product: its meaning, type, term and classification."""
    product = product_named(catalogue, request)
    entries = catalogue.tables_of(product)
    relations = relations_of(product)
    title = f"Tables of {product.full_name} with their keys and what they refer to"
    drawing = entity_diagram(catalogue.project, [product], title, place_of(catalogue))
    return {
        **frame(catalogue, product, "dictionary"),
        "entries": entries,
        "profiles": {entry.name: portal_of(request).profiles.of(entry) for entry in entries},
        "glossary": catalogue.glossary,
        "relations": relations,
        "picture": drawn(drawing) if drawing.lines else None,
    }


@page("product_lineage.html", fresh=True)
def lineage(request: Request, catalogue: Catalogue) -> Values:
    """Where a product comes from and what is made of it, as a picture and as lists."""
    product = product_named(catalogue, request)
    entries = catalogue.tables_of(product)
    own = [entry.name for entry in entries]
    upstream = catalogue.graph.upstream(own)
    found = portal_of(request).lineage.current
    layers = {name: table.layer for name, table in catalogue.tables.items()}
    about = [ColumnName(name, WHOLE) for name in own]
    return {
        **frame(catalogue, product, "lineage"),
        "picture": drawn(lineage_picture(found, about, layers, place_of(catalogue))) if found else None,
        "sources": sorted({name.product for name in upstream if name.is_bronze}),
        "steps": [(e, catalogue.readers(e.name)) for e in entries],
        "downstream": sorted(catalogue.graph.downstream(own) - set(own)),
    }


@page("product_sample.html", fresh=True)
def sample(request: Request, catalogue: Catalogue) -> Values:
    """A few rows of each table, as the reader may see them."""
    product = product_named(catalogue, request)
    return {
        **frame(catalogue, product, "sample"),
        "samples": [(entry, *_sample(request, entry)) for entry in catalogue.tables_of(product)],
    }


def _sample(request: Request, entry: TableEntry) -> tuple[Sample | None, str]:
    """The first rows of a table; or why there are none."""
    portal, user, where = portal_of(request), user_of(request), where_of(request)
    engine = portal.live.workspace.engine
    if entry.state is None:
        return None, "It has not been made yet."
    if user.kind == "local":
        return sample_of(engine, entry), ""
    try:
        portal.gate.view(user, entry.name, where)
    except Refused as refused:
        return None, f"{refused.what[:1].upper()}{refused.what[1:]}."
    reading = portal.gate.read(user, [entry.name], where)
    release = reading.releases[entry.name]
    made = first_rows(engine, release.relation(), [name for name, _ in release.columns], release.view.hidden)
    at = release.view.person_at
    reading.give(len(made.rows), [row[at] for row in made.rows] if at is not None else [])
    return made, ""


@page("product_history.html")
def history(request: Request, catalogue: Catalogue) -> Values:
    """The versions of a product's tables."""
    product = product_named(catalogue, request)
    lake = portal_of(request).live.workspace.lake
    made = [entry.name for entry in catalogue.tables_of(product) if entry.state]
    return {
        **frame(catalogue, product, "history"),
        "keep_days": catalogue.project.settings.lake.keep_days,
        "histories": [(name, lake.history(name, _VERSIONS)) for name in made],
    }


def product_named(catalogue: Catalogue, request: Request) -> Product:
    """The product of the request's path. Raises Missing with the nearest name."""
    name = f"{request.path_params['domain']}.{request.path_params['product']}"
    found = catalogue.project.products.get(name)
    if found is None:
        mend = did_you_mean(name[:200], catalogue.project.products, "Search for it.")
        raise Missing(f"There is no product {name[:200]}", mend=mend)
    return found


def frame(catalogue: Catalogue, product: Product, part: str = "") -> dict[str, Any]:
    """What the frame of a product's pages needs."""
    return {
        "product": product,
        "domain": catalogue.project.domains[product.domain],
        "part": part,
        "pages": [(name, paths.product(product.full_name, key)) for key, name in PARTS.items()],
    }


def _domain(catalogue: Catalogue, name: str) -> Domain:
    found = catalogue.project.domains.get(name)
    if found is None:
        mend = did_you_mean(name[:200], catalogue.project.domains, "Search for it.")
        raise Missing(f"There is no domain {name[:200]}", mend=mend)
    return found


def _readme(folder: Path) -> str | None:
    """The playbook page of a folder, without its first heading: the page has one."""
    file = folder / "README.md"
    if not file.is_file():
        return None
    text = file.read_text(encoding="utf-8", errors="replace").lstrip()
    return text.partition("\n")[2] if text.startswith("# ") else text


_AT = "/products/{domain}/{product}"
routes = [
    Route("/products", products),
    Route("/products/{domain}", domain),
    Route(_AT, about),
    Route(f"{_AT}/dictionary", dictionary),
    Route(f"{_AT}/lineage", lineage),
    Route(f"{_AT}/sample", sample),
    Route(f"{_AT}/history", history),
]
