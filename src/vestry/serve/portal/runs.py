"""Runs: what goes on now, what went wrong, how fresh the data is, what comes next, and what was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.run.execute import Facts
from vestry.run.freshness import Freshness, in_words, promised
from vestry.run.past import run_named, runs_since
from vestry.run.running import running
from vestry.run.status import status_of
from vestry.serve.page import Missing, Values, page, portal_of

#: So far back what ran is told.
_BACK = timedelta(days=14)
_MOST = 50


@page("runs.html", fresh=True)
def runs(request: Request, catalogue: Catalogue) -> Values:
    """The work as it stands."""
    workspace = portal_of(request).live.workspace
    now = datetime.now(UTC)
    fresh = Freshness(catalogue.graph, workspace.lake, Facts(workspace.lake))
    promises = [
        (name, fresh.of(name), most, in_words(most))
        for name, most in promised(catalogue.project).items()
        if name in catalogue.tables
    ]
    return {
        **_now(request),
        "status": status_of(workspace, now),
        "promises": [(name, of, said, of is not None and now - of > most) for name, of, most, said in promises],
        "past": runs_since(workspace.lake, now - _BACK)[:_MOST],
        "days": _BACK.days,
    }


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
    return {"run": found, "tables": {str(t) for t in catalogue.tables}}


routes = [Route("/runs", runs), Route("/runs/now", now), Route("/runs/{run}", run)]
