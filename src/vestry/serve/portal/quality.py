"""How good the data is: over all products, and of one."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.catalogue.quality.failing import failing
from vestry.catalogue.quality.missing import missing
from vestry.catalogue.quality.scores import DIMENSIONS, RuleResult, dimensions, latest, of_product, results_of, trend
from vestry.project.product import Product
from vestry.run.execute import Facts
from vestry.run.freshness import Freshness, promised
from vestry.serve.page import Values, page, portal_of
from vestry.serve.portal.products import frame, product_named

#: Rules whose failing rows are shown, and days of the trend.
_SHOWN, _DAYS = 5, 14
#: A table of more rows is not read for what is missing while somebody waits.
_ROWS = 3_000_000


@page("quality.html")
def overview(request: Request, catalogue: Catalogue) -> Values:
    """Each product's dimensions, the worst product first, and the rules that most rows break."""
    lake = portal_of(request).live.workspace.lake
    made = [name for name, entry in catalogue.tables.items() if entry.state and entry.promised]
    now = latest(results_of(lake, made), catalogue)
    by_product: dict[str, list[RuleResult]] = {}
    for result in now:
        by_product.setdefault(f"{result.table.domain}.{result.table.product}", []).append(result)
    products = []
    for name, product in catalogue.project.products.items():
        scores = {d.name: d.score for d in dimensions(by_product.get(name, []))}
        measured = [s for s in scores.values() if s is not None]
        products.append((product, scores, min(measured, default=None)))
    products.sort(key=lambda p: (p[2] is None, p[2] or 0.0))
    broken = sorted((r for r in now if not r.passed or r.failing), key=lambda r: (r.passed, r.share))
    return {"dimensions": DIMENSIONS, "products": products, "broken": broken[:50]}


@page("product_quality.html")
def of_one(request: Request, catalogue: Catalogue) -> Values:
    """The dimensions of a product, the rules that rows break and some of those rows, what is missing and of whom."""
    product = product_named(catalogue, request)
    workspace = portal_of(request).live.workspace
    found, results = of_product(catalogue, workspace.lake, product)
    worst = sorted((r for d in found for r in d.worst), key=lambda r: (r.passed, r.share))
    days = sorted({day for points in trend(results).values() for day, _ in points})[-_DAYS:]
    points = {name: dict(of) for name, of in trend(results).items()}
    entries = [entry for entry in catalogue.tables_of(product) if entry.state]
    engine = workspace.engine
    return {
        **frame(catalogue, product, "quality"),
        "dimensions": found,
        "late": _late(request, catalogue, product),
        "failing": [(r, failing(engine, catalogue.tables[r.table], r.rule)) for r in worst[:_SHOWN]],
        "more": worst[_SHOWN:],
        "days": days,
        "points": points,
        "missing": [
            (entry, missing(engine, entry) if entry.state and entry.state.rows <= _ROWS else None) for entry in entries
        ],
    }


def _late(request: Request, catalogue: Catalogue, product: Product) -> bool | None:
    """Whether a table of the product is older than is promised; None where nothing is promised."""
    lake = portal_of(request).live.workspace.lake
    fresh, now = Freshness(catalogue.graph, lake, Facts(lake)), datetime.now(UTC)
    promises = {name: most for name, most in promised(catalogue.project).items() if name in product.promised}
    if not promises:
        return None
    return any((of := fresh.of(name)) is not None and now - of > most for name, most in promises.items())


routes = [Route("/quality", overview), Route("/products/{domain}/{product}/quality", of_one)]
