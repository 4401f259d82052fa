"""The addresses below `/api`."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vestry.governance.access.gate import Gate
from vestry.governance.access.view import Refused
from vestry.project import TableName, VestryError
from vestry.project.errors import did_you_mean
from vestry.serve import problems
from vestry.serve.api import described
from vestry.serve.api.asked import Asked, form_of, in_address
from vestry.serve.api.described import ProductSaid, TableSaid
from vestry.serve.api.schema import completed, errors
from vestry.serve.api.sent import rows
from vestry.serve.page import Missing
from vestry.serve.reader import reader_of, table_of
from vestry.serve.rows.query import Wrong
from vestry.serve.rows.turns import Turns
from vestry.serve.sql import described as sql

#: Bytes of a question.
_LONGEST = 256 * 2**10


def api(gate: Gate, turns: Turns) -> FastAPI:
    """The application that is mounted at `/api`."""
    app = FastAPI(
        title="Vestry",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        exception_handlers={
            VestryError: problems.of_error,
            HTTPException: problems.of_http,
            RequestValidationError: _unfit,
            Exception: problems.of_any,
        },
    )

    @app.get("/v1/products", summary="Products, and which of their tables you may read", responses=errors(401, 503))
    async def get_products(request: Request) -> list[ProductSaid]:
        return await turns.take(lambda: described.products(request, gate))

    @app.get("/v1/products/{product}", summary="One product", responses=errors(401, 404, 503))
    async def get_product(request: Request, product: str) -> ProductSaid:
        return await turns.take(lambda: described.product(request, gate, product))

    @app.get("/v1/tables", summary="The tables that you may read", responses=errors(401, 503))
    async def get_tables(request: Request) -> list[TableSaid]:
        return await turns.take(lambda: described.tables(request, gate))

    @app.get("/v1/tables/{table}", summary="What you may read of one table", responses=errors(400, 401, 403, 404, 503))
    async def get_table(request: Request, table: str, purpose: str = "") -> TableSaid:
        entry = gate.live.catalogue().tables[_known(request, gate, table)]
        return await turns.take(lambda: described.table(request, gate, entry, purpose[:10_000]))

    @app.get("/v1/tables/{table}/rows", include_in_schema=False)
    async def get_rows(request: Request, table: str) -> Response:
        name = _known(request, gate, table)
        form = form_of(request.query_params, request.headers.get("accept", ""))
        return await rows(request, gate, turns, name, in_address(request.query_params), form)

    @app.post("/v1/tables/{table}/rows", include_in_schema=False)
    async def post_rows(request: Request, table: str) -> Response:
        name = _known(request, gate, table)
        form = form_of(request.query_params, request.headers.get("accept", ""))
        if more := set(request.query_params) - {"format"}:
            raise Wrong(f"`{min(more)[:100]}` stands in the address", mend="a question that is sent stands in its body")
        return await rows(request, gate, turns, name, await _sent(request), form)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        document = await turns.take(lambda: _document(app, request, gate))
        return JSONResponse(document, headers={"Cache-Control": "private, no-cache"})

    return app


def _known(request: Request, gate: Gate, text: str) -> TableName:
    """The table of an address. Raises Missing where the reader may not know of one that is called so."""
    known = gate.live.catalogue().tables if reader_of(request).has("staff") else ()
    try:
        name = table_of(text)
    except Refused as refused:
        raise Missing(refused.what, mend=refused.mend) from None
    if name not in gate.live.catalogue().tables:
        mend = did_you_mean(str(name), map(str, known), "/api/v1/tables lists them")
        raise Missing(f"there is no table {name} that you may read", mend=mend)
    return name


async def _sent(request: Request) -> Asked:
    """The question of a body. Raises HTTPException where it is too long or no JSON, Wrong where it is no question."""
    if request.headers.get("content-type", "").partition(";")[0].strip().casefold() != "application/json":
        raise HTTPException(415, "Send the question as application/json.")
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST:
            raise HTTPException(413, "The question is too long.")
    try:
        return Asked.model_validate_json(body)
    except ValidationError as error:
        raise Wrong(_first(error.errors()), mend="/api/openapi.json says how a question is written") from None


async def _unfit(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problems.problem(400, "The question cannot be answered", _first(error.errors()))


def _first(found: Any) -> str:
    """What is wrong first, and where: never what was sent."""
    place = ".".join(str(part) for part in found[0]["loc"] if isinstance(part, int) or str(part) in Asked.model_fields)
    return f"the question is not one: {found[0]['msg'] if found[0]['type'] != 'value_error' else 'a value'}" + (
        f" (at {place})" if place else ""
    )


def _document(app: FastAPI, request: Request, gate: Gate) -> dict[str, Any]:
    base = get_openapi(title=app.title, version=app.version, routes=app.routes, servers=[{"url": "/api"}])
    base["paths"]["/sql"] = sql.described()  # answered beside this application: see `serve.sql.api`
    return completed(base, described.tables(request, gate))
