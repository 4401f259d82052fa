"""Errors for programs, as RFC 9457 has them: what went wrong, and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vestry.governance.access.view import Refused
from vestry.project import DataError, VestryError
from vestry.serve.page import Missing
from vestry.serve.rows.answer import Busy
from vestry.serve.rows.engine import TooLong
from vestry.serve.rows.query import Gone, Wrong

#: The status of each kind of error; the first that fits.
_STATUS: list[tuple[type[VestryError], int, str]] = [
    (Wrong, 400, "The question cannot be answered"),
    (Gone, 410, "What it goes on from is gone"),
    (Missing, 404, "There is no such thing"),
    (Refused, 403, "You may not read this"),
    (Busy, 503, "Too much at once"),
    (TooLong, 503, "It took too long"),
    (DataError, 500, "It could not be read"),
    (VestryError, 400, "The question cannot be answered"),
]


#: What is said of an error that nobody foresaw, and of what to do.
UNFORESEEN, MEND = "Something went wrong", "tell whoever runs Vestry"


class NotAcceptable(VestryError):
    """It is asked for in a form that there is not."""


def problem(status: int, title: str, detail: str, mend: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """One problem as JSON."""
    said = {"type": "about:blank", "title": title, "status": status, "detail": detail, "mend": mend}
    always = {"Cache-Control": "no-store"} | ({"Retry-After": "10"} if status == 503 else {})
    content = {key: value for key, value in said.items() if value}
    return JSONResponse(content, status, {**always, **(headers or {})}, "application/problem+json")


def status_of(error: VestryError) -> tuple[int, str]:
    """The status that an error is answered with, and its title."""
    if isinstance(error, NotAcceptable):
        return 406, "There is no such form"
    return next((status, title) for kind, status, title in _STATUS if isinstance(error, kind))


async def of_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, VestryError)
    status, title = status_of(error)
    return problem(status, title, error.what[:1].upper() + error.what[1:] + ".", error.mend)


def unforeseen(error: Exception) -> Response:
    """Something that nobody foresaw: its kind, and never its text, which may hold data."""
    return problem(500, UNFORESEEN, f"{UNFORESEEN} ({type(error).__name__}).", MEND)


async def of_any(request: Request, error: Exception) -> Response:
    """As `unforeseen`, for an application that is mounted."""
    return unforeseen(error)


async def of_http(request: Request, error: Exception) -> Response:
    """What the framework says: no such address, not by this method."""
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail), str(error.detail), headers=error.headers)
