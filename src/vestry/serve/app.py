"""The portal as a web application."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vestry.catalogue.live import Live
from vestry.governance.access.gate import Gate
from vestry.project import VestryError
from vestry.serve import health
from vestry.serve.api.app import api
from vestry.serve.csrf import OwnForms
from vestry.serve.door import ODATA, Door, is_for_programs, is_for_sharing
from vestry.serve.odata.app import odata
from vestry.serve.page import HERE, POLICY, Missing, Portal, portal_of
from vestry.serve.portal import (
    access,
    account,
    add,
    address_review,
    addresses,
    data_map,
    glossary,
    home,
    login,
    people,
    products,
    quality,
    register,
    review,
    runbooks,
    runs,
    search,
    sources,
    sql,
    tables,
    using,
)
from vestry.serve.problems import UNFORESEEN, of_http, unforeseen
from vestry.serve.rows.turns import Turns
from vestry.serve.sharing import routes as sharing
from vestry.serve.sql import api as sql_api

#: Names by which a browser on this machine may ask: any other is a page elsewhere that points at us.
_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
_HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
}

_ENCRYPTED = {b"strict-transport-security": b"max-age=31536000"}


#: The pages, by the modules that hold them.
_PAGES = (
    home,
    search,
    products,
    using,
    tables,
    sources,
    glossary,
    data_map,
    quality,
    register,
    review,
    people,
    address_review,
    addresses,
    runs,
    runbooks,
    add,
    access,
    sql,
    sql_api,
    login,
    account,
    health,
)


def routes() -> list[BaseRoute]:
    """Every address of a page."""
    static = Mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    return [*(route for module in _PAGES for route in module.routes), static]


def doors(gate: Gate) -> list[BaseRoute]:
    """What programs ask."""
    turns = Turns()
    return [Mount("/api", api(gate, turns)), Mount(ODATA, odata(gate, turns)), *sharing.routes]


def application(live: Live, host: str | None = None) -> Starlette:
    """The application over a catalogue that is followed for as long as it runs.

    `host` is the name by which others reach it over TLS; without one it answers this machine alone.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        stop = threading.Event()
        portal: Portal = app.state.portal
        threads = [threading.Thread(target=of.follow, args=(stop,), daemon=True) for of in (live, portal)]
        for thread in threads:
            thread.start()
        yield
        stop.set()
        for thread in threads:
            thread.join(10)
        portal.sql.close()

    portal = Portal.of(live)
    app = Starlette(
        routes=[*routes(), *doors(portal.gate)],
        lifespan=lifespan,
        middleware=[
            Middleware(_Measured),
            Middleware(_Headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=[*_HOSTS, *([host] if host else [])], www_redirect=False),
            Middleware(Door, is_shared=host is not None),
            Middleware(OwnForms),
        ],
        exception_handlers={HTTPException: _not_found, VestryError: _wrong},
    )
    app.state.portal = portal
    return app


class _Headers:
    """What browsers are told with every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = dict(message["headers"])
                if scope["path"].startswith("/static/") and b"v=" in scope["query_string"]:
                    headers[b"cache-control"] = b"public, max-age=31536000, immutable"
                always = {**_HEADERS, **_ENCRYPTED} if scope["scheme"] == "https" else _HEADERS
                own = [(name, value) for name, value in message["headers"] if name == b"set-cookie"]
                headers.pop(b"set-cookie", None)
                message["headers"] = [*{**always, **headers}.items(), *own]
            await send(message)

        await self.app(scope, receive, answer if scope["type"] == "http" else send)


class _Measured:
    """Counts and times requests by route, for `/metrics`: never by address, which may hold what people search for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, is_begun = time.perf_counter(), 500, False

        async def answer(message: Message) -> None:
            nonlocal status, is_begun
            if message["type"] == "http.response.start":
                status, is_begun = message["status"], True
            await send(message)

        try:
            await self.app(scope, receive, answer)
        except Exception as error:
            _tell(error, scope)
            if not is_begun:  # else the connection is broken off, which tells whoever reads that it is not all
                page = await run_in_threadpool(_broken, Request(scope), error)
                await page(scope, receive, answer)
        finally:
            route = getattr(scope.get("route"), "path", "") or "none"
            health.measured(route, status, time.perf_counter() - began)


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if is_for_programs(request):  # such as an address with a line break, which no mount takes
        return await of_http(request, error)
    if error.status_code != 404:
        return PlainTextResponse(error.detail, error.status_code, error.headers)
    values = {"what": "There is no such page", "mend": "Check the address, or search for what you need."}
    return portal_of(request).render("missing.html", request, values, 404)


async def _wrong(request: Request, error: Exception) -> Response:
    assert isinstance(error, VestryError)
    what = f"{error.where}: {error.what}" if error.where else error.what
    status = 404 if isinstance(error, Missing) else 400
    values = {"what": what[:1].upper() + what[1:], "mend": error.mend}
    return portal_of(request).render("missing.html", request, values, status)


def _tell(error: Exception, scope: Scope) -> None:
    """Tell whoever runs the process where it broke. The error's own text may hold data, and is left out."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    route = getattr(scope.get("route"), "path", "") or "no page"
    print(f"{type(error).__name__} in {Path(at.filename).name}:{at.lineno}, answering {route}", file=sys.stderr)


def _broken(request: Request, error: Exception) -> Response:
    """Something that nobody foresaw, told as whoever asks understands it."""
    if is_for_sharing(request):
        return sharing.unforeseen(error)
    if is_for_programs(request):
        return unforeseen(error)
    values = {
        "what": UNFORESEEN,
        "mend": f"Tell whoever runs Vestry that this page failed ({type(error).__name__}).",
    }
    return portal_of(request).render("missing.html", request, values, 500)
