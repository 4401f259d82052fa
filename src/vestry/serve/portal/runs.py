"""Runs: what goes on now, what went wrong, how fresh the data is, what comes next, and what was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.project.product import Product
from vestry.run.execute import Facts
from vestry.run.freshness import Freshness, promised
from vestry.run.past import run_named, runs_since
from vestry.run.running import running
from vestry.run.status import status_of
from vestry.run.workspace import Workspace
from vestry.serve.page import Missing, Values, page, portal_of

#: So far back what ran is told.
_BACK = timedelta(days=14)
_MOST = 50


@page("runs.html", fresh=True)
def runs(request: Request, catalogue: Catalogue) -> Values:
    """The work as it stands."""
    workspace = portal_of(request).live.workspace
    now = datetime.now(UTC)
    return {
        **_now(request),
        "status": status_of(workspace, now),
        "promises": _promises(catalogue, workspace, now),
        "past": runs_since(workspace.lake, now - _BACK)[:_MOST],
        "days": _BACK.days,
    }


@dataclass(frozen=True)
class _Promise:
    """How old a product may be, and as of when the eldest of its tables is (None before the first run)."""

    product: Product
    most: timedelta
    eldest: datetime | None
    late: bool


def _promises(catalogue: Catalogue, workspace: Workspace, now: datetime) -> list[_Promise]:
    """What the contracts promise, the late first."""
    fresh = Freshness(catalogue.graph, workspace.lake, Facts(workspace.lake))
    tables = promised(catalogue.project)
    found = []
    for product in catalogue.project.products.values():
        names = [name for name in product.promised if name in tables]
        if names:
            times = [of for name in names if (of := fresh.of(name))]
            late = any((of := fresh.of(name)) is not None and now - of > tables[name] for name in names)
            found.append(_Promise(product, min(tables[name] for name in names), min(times, default=None), late))
    return sorted(found, key=lambda p: (not p.late, p.product.full_name))


@page("runs_now.html", fresh=True)
def now(request: Request, catalogue: Catalogue) -> Values:
    """Only what goes on now, for a page that is open."""
    return _now(request)


def _now(request: Request) -> Values:
    return {"running": running(portal_of(request).live.workspace.project.state), "at": datetime.now(UTC)}


@page("run.html", fresh=True)
def run(request: Request, catalogue: Catalogue) -> Values:
    """One run that has ended."""
    name = request.path_params["run"]
    found = run_named(portal_of(request).live.workspace.lake, name)
    if found is None:
        raise Missing(f"There is no run {name[:200]}", mend="Runs are listed when they have ended.")
    return {"run": found, "linked": {str(t) for t in catalogue.tables}}


routes = [Route("/runs", runs), Route("/runs/now", now), Route("/runs/{run}", run)]
