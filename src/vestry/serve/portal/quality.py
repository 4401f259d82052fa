"""How good the data is: over all products, and of one."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.routing import Route

from vestry.catalogue.model import Catalogue, TableEntry
from vestry.catalogue.quality.failing import Failing, failing, set_aside
from vestry.catalogue.quality.meaning import meaning
from vestry.catalogue.quality.scores import DIMENSIONS, SERVICE_LEVEL, RuleScore, product_quality, trend
from vestry.governance.identity.user import User
from vestry.lake import Engine
from vestry.run.execute import Facts
from vestry.run.freshness import Freshness
from vestry.serve.page import Values, page, portal_of, user_of
from vestry.serve.portal.products import frame, product_named

#: Rules whose failing rows are shown, and days of the trend.
_SHOWN, _DAYS = 5, 14


@page("quality.html")
def overview(request: Request, catalogue: Catalogue) -> Values:
    """Each product's dimensions, the worst product first, and the rules that most rows break."""
    results, now = portal_of(request).results, datetime.now(UTC)
    # Without service levels: to see how old each table is, the logs of all would be read.
    each = [(p, product_quality(catalogue, results, None, p, now)) for p in catalogue.project.products.values()]
    products = []
    for product, quality in each:
        scores = {d.name: d.percent for d in quality.dimensions}
        products.append((product, scores, min((s for s in scores.values() if s is not None), default=None)))
    products.sort(key=lambda p: (p[2] is None, p[2] or 0.0))
    broken = [r for _, quality in each for r in quality.failing]
    broken.sort(key=lambda r: (r.passed, r.percent if r.percent is not None else 100.0))
    return {"dimensions": DIMENSIONS, "products": products, "broken": broken[:50]}


@page("product_quality.html")
def of_one(request: Request, catalogue: Catalogue) -> Values:
    """The dimensions of a product, the rules that rows break and some of those rows, what is missing and of whom."""
    product, portal, now = product_named(catalogue, request), portal_of(request), datetime.now(UTC)
    workspace = portal.live.workspace
    fresh = Freshness(catalogue.graph, workspace.lake, Facts(workspace.lake))
    quality = product_quality(catalogue, portal.results, fresh, product, now)
    made = [entry for entry in catalogue.tables_of(product) if entry.state]
    profiles = [(entry, portal.profiles.of(entry)) for entry in made]
    missing = [(entry.name, column) for entry, profile in profiles if profile for column in profile.missing]
    worst = [r for r in quality.failing if r.rule != SERVICE_LEVEL]
    engine = workspace.engine
    return {
        **frame(catalogue, product, "quality"),
        "measured": quality,
        "meaning": meaning(catalogue, quality, fresh, missing),
        "failing": [(r, _failing(engine, catalogue.tables[r.table], r, user_of(request))) for r in worst[:_SHOWN]],
        "more": worst[_SHOWN:],
        "set_aside": [found for entry in made if (found := set_aside(engine, entry)) and found.rows],
        "points": trend(catalogue, workspace.lake, [entry.name for entry in made], now)[-_DAYS:],
        "dimensions": DIMENSIONS,
        "profiles": profiles,
    }


def _failing(engine: Engine, entry: TableEntry, rule: RuleScore, user: User) -> Failing:
    """Rows that break a rule: of people only for whoever looks after the data, masked though they are."""
    looks_after = user.kind == "local" or (user.has("owner", "steward") and entry.name.domain in user.domains)
    if entry.is_personal and not looks_after:
        return Failing(
            entry.name, rule.rule, (), [], (), because="they are about people; whoever looks after them sees some"
        )
    return failing(engine, entry, rule.rule, rule.column)


routes = [Route("/quality", overview), Route("/products/{domain}/{product}/quality", of_one)]
