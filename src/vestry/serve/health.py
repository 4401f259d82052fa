"""`/health` for whoever watches over the process, and `/metrics` for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vestry.run.incidents import read
from vestry.serve.page import portal_of

_REGISTRY = CollectorRegistry()
_REQUESTS = Counter("vestry_requests", "Requests answered", ["route", "status"], registry=_REGISTRY)
_SECONDS = Histogram(
    "vestry_request_seconds", "Seconds until the answer was sent", ["route"], registry=_REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip
_TABLES = Gauge("vestry_tables", "Tables in the catalogue", ["layer"], registry=_REGISTRY)
_ROWS = Gauge("vestry_rows", "Rows in the lake", ["layer"], registry=_REGISTRY)
_INCIDENTS = Gauge("vestry_incidents_open", "Incidents that are not over", registry=_REGISTRY)
_FAULTS = Gauge("vestry_project_faults", "Faults in the project's files", registry=_REGISTRY)


def measured(route: str, status: int, seconds: float) -> None:
    """Count one request."""
    _REQUESTS.labels(route, status).inc()
    _SECONDS.labels(route).observe(seconds)


def health(request: Request) -> JSONResponse:
    """Whether the portal works, and whether it shows the project as it is: `faults` counts what keeps it from that."""
    live = portal_of(request).live
    return JSONResponse({"status": "ok", "tables": len(live.catalogue().tables), "faults": len(live.faults)})


def metrics(request: Request) -> Response:
    """Requests by route, and how the lake stands."""
    live = portal_of(request).live
    catalogue = live.catalogue()
    for layer in ("bronze", "silver", "gold"):
        tables = [t for t in catalogue.tables.values() if t.layer == layer]
        _TABLES.labels(layer).set(len(tables))
        _ROWS.labels(layer).set(sum(t.state.rows for t in tables if t.state))
    _INCIDENTS.set(len(read(live.workspace.lake).open))
    _FAULTS.set(len(live.faults))
    return Response(generate_latest(_REGISTRY), media_type="text/plain; version=0.0.4")


routes = [Route("/health", health), Route("/metrics", metrics)]
