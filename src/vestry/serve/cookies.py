"""The two cookies: of a session, and of a browser that is about to log in."""

from __future__ import annotations

from typing import Literal

from starlette.requests import HTTPConnection
from starlette.responses import Response

Kind = Literal["session", "login"]
#: Seconds that a browser has to log in; the cookie of a session ends with the browser.
_LOGIN = 60 * 60


def secret_of(request: HTTPConnection, kind: Kind) -> str:
    """The secret that the browser sent; empty where it sent none."""
    return request.cookies.get(_name(request, kind), "")


def keep(response: Response, request: HTTPConnection, kind: Kind, secret: str) -> None:
    """Have the browser keep a secret that no script reads and no other site's form sends."""
    response.set_cookie(
        _name(request, kind), secret, max_age=_LOGIN if kind == "login" else None, path="/",
        secure=is_encrypted(request), httponly=True, samesite="lax",
    )  # fmt: skip


def drop(response: Response, request: HTTPConnection, kind: Kind) -> None:
    response.delete_cookie(_name(request, kind), path="/", secure=is_encrypted(request), httponly=True, samesite="lax")


def is_encrypted(request: HTTPConnection) -> bool:
    return request.url.scheme == "https"


def _name(request: HTTPConnection, kind: Kind) -> str:
    # `__Host-`: no other host of the council's domain can set it, and it goes over TLS alone. Browsers refuse such a
    # name on plain HTTP, which is the loopback's.
    return f"__Host-vestry-{kind}" if is_encrypted(request) else f"vestry-{kind}"
