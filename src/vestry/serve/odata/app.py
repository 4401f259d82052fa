"""The addresses of the OData service: `/odata/`, and `/odata/for/GRANT/` for what one grant lets read."""

from __future__ import annotations

import re

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from vestry.governance.access.gate import Gate
from vestry.project import VestryError
from vestry.serve.odata import sent
from vestry.serve.odata.model import metadata
from vestry.serve.odata.options import Absent, options_of
from vestry.serve.odata.sets import asked_set, entity_sets
from vestry.serve.problems import MEND, UNFORESEEN, NotAcceptable, status_of
from vestry.serve.rows.turns import Turns

_HEADERS = {"OData-Version": "4.0", "Cache-Control": "private, no-cache"}
_PAGE = re.compile(r"(?:odata\.)?maxpagesize\s*=\s*(\d{1,9})")
#: Bytes of a question.
_LONGEST = 64 * 2**10


def odata(gate: Gate, turns: Turns) -> Starlette:
    """The service that is mounted at `/odata`."""

    async def service(request: Request) -> Response:
        kind = _json_type(request, options_of(request.url.query).get("$format"))
        sets = await turns.take(lambda: entity_sets(request, gate))
        value = [{"name": one.name, "kind": "EntitySet", "url": one.name, "title": str(one.table)} for one in sets]
        said = {"@odata.context": f"{_root(request)}$metadata", "value": value}
        return JSONResponse(said, headers={**_HEADERS, "Content-Type": kind})

    async def described(request: Request) -> Response:
        sets = await turns.take(lambda: entity_sets(request, gate))
        return Response(metadata(sets), headers=_HEADERS, media_type="application/xml")

    async def rows(request: Request) -> Response:
        return await page(request, request.url.query)

    async def asked(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().casefold() != "text/plain":
            raise HTTPException(415, "Send the options of the question as text/plain.")
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > _LONGEST:
                raise HTTPException(413, "The question is too long.")
        return await page(request, body.decode(errors="replace"))

    async def page(request: Request, text: str) -> Response:
        options = options_of(text)
        kind = _json_type(request, options.get("$format"))
        prefer = _PAGE.search(request.headers.get("prefer", ""))
        size = min(max(int(prefer[1]), 1), sent.LARGEST) if prefer else sent.PAGE
        wanted = sent.Wanted(_root(request), size, "IEEE754Compatible" in kind, "metadata=none" in kind)
        made = await turns.take(lambda: sent.page(request, asked_set(request, gate), options, wanted))
        headers = {**_HEADERS, "Vary": "Accept, Authorization, Cookie, Prefer"}
        if prefer:
            headers["Preference-Applied"] = f"odata.maxpagesize={size}"
        headers["Content-Type"] = kind
        return StreamingResponse(turns.pieces(made.pieces, made.close), 200, headers)

    async def counted(request: Request) -> Response:
        options = options_of(request.url.query)
        found = await turns.take(lambda: sent.count(asked_set(request, gate), options))
        return Response(str(found), headers=_HEADERS, media_type="text/plain")

    routes = []
    for prefix in ("", "/for/{grant}"):
        routes += [
            Route(f"{prefix}/", service),
            Route(f"{prefix}/$metadata", described),
            Route(f"{prefix}/{{name}}", rows),
            Route(f"{prefix}/{{name}}/$count", counted),
            Route(f"{prefix}/{{name}}/$query", asked, methods=["POST"]),
        ]
    handlers = {VestryError: _of_error, HTTPException: _of_http, Exception: _of_any}
    return Starlette(routes=routes, exception_handlers=handlers)


def _root(request: Request) -> str:
    """The address of the service itself."""
    grant = request.path_params.get("grant")
    return f"{request.url.scheme}://{request.url.netloc}/odata/" + (f"for/{grant}/" if grant else "")


def _json_type(request: Request, said: str | None = None) -> str:
    """The media type of an answer, by `$format` or `Accept`. Raises NotAcceptable where no JSON is taken."""
    wanted = said if said is not None else request.headers.get("accept", "")
    if wanted and wanted != "json" and not re.search(r"\*/\*|application/(json|\*)", wanted):
        raise NotAcceptable("there is nothing but JSON", mend="accept application/json")
    level = "none" if re.search(r"metadata=none", wanted) else "minimal"
    exact = ";IEEE754Compatible=true" if re.search(r"IEEE754Compatible=true", wanted, re.IGNORECASE) else ""
    return f"application/json;odata.metadata={level}{exact}"


async def _of_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, VestryError)
    status, title = (501, "It is not offered") if isinstance(error, Absent) else status_of(error)
    return _wrong(status, title, f"{error.what[:1].upper()}{error.what[1:]}. {error.mend}".strip())


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = _wrong(error.status_code, str(error.detail), str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def _of_any(request: Request, error: Exception) -> Response:
    return _wrong(500, UNFORESEEN, f"{UNFORESEEN} ({type(error).__name__}): {MEND}")


def _wrong(status: int, title: str, message: str) -> Response:
    headers = _HEADERS | ({"Retry-After": "10"} if status == 503 else {})
    code = "".join(word.capitalize() for word in title.split())
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)
