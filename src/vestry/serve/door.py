"""Who asks: every request has a user, or is sent to log in."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from vestry.governance.identity import sessions, tokens
from vestry.governance.identity.accounts import login_needed
from vestry.governance.identity.user import LOCAL, User
from vestry.project import Project
from vestry.serve import cookies
from vestry.serve.page import Portal

#: What a token opens, by the beginning of the path, and the scope that it takes. Pages are for people with a session.
SCOPES = {"/metrics": "metrics", "/api/sql": "sql", "/api": "read"}
#: What anybody may have: how to log in, and whether the platform is well.
_OPEN = ("/login", "/static", "/health", "/accessibility")


class _Answer(NamedTuple):
    """Who asks, and what their forms carry; or the answer that ends it."""

    user: User | None = None
    csrf: str = ""
    refusal: Response | None = None


class Door:
    """Puts `request.state.user` on every request: a User; None only on the pages by which one logs in.

    A project without accounts and provider has the one local user, unless others can reach it (`is_shared`).
    """

    def __init__(self, app: ASGIApp, is_shared: bool) -> None:
        self.app = app
        self.is_shared = is_shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        answer = await run_in_threadpool(self._answer, request) if not _under(request, "/static") else _Answer()
        state = scope.setdefault("state", {})
        state["user"], state["csrf"] = answer.user, answer.csrf
        await (answer.refusal or self.app)(scope, receive, send)

    def _answer(self, request: Request) -> _Answer:
        portal: Portal = request.app.state.portal
        project = portal.live.catalogue().project
        if self.is_shared and not cookies.is_encrypted(request) and not _under(request, "/health"):
            said = "This portal is reached over https only. (A proxy must say so: X-Forwarded-Proto: https.)"
            return _Answer(refusal=PlainTextResponse(said, 403))
        if not self.is_shared and not login_needed(project):
            return _Answer(LOCAL)
        if "authorization" in request.headers:
            return _by_token(request, project)
        secret = cookies.secret_of(request, "session")
        user = sessions.user_by(project, secret) if secret else None
        if user is not None:
            return _Answer(user, sessions.csrf_of(secret))
        if any(_under(request, path) for path in _OPEN):
            browser = cookies.secret_of(request, "login")
            return _Answer(None, sessions.csrf_of(browser) if browser else "")
        return _Answer(refusal=_log_in_first(request))


def is_own_path(text: str) -> bool:
    """Whether a text is the address of a page of ours, to which somebody may be sent on."""
    if not text.startswith("/") or text.startswith("//") or "\\" in text or not text.isprintable() or " " in text:
        return False
    parts = urlsplit(text)
    return not parts.scheme and not parts.netloc


def address_of(request: HTTPConnection) -> str:
    """Where a request comes from; behind a proxy, what that says."""
    return request.client.host if request.client else ""


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own, which no other machine reaches."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _by_token(request: Request, project: Project) -> _Answer:
    kind, _, secret = request.headers["authorization"].partition(" ")
    user = tokens.user_by(project, secret.strip()) if kind.casefold() == "bearer" else None
    if user is None:
        said = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        return _Answer(refusal=JSONResponse({"error": "the token is not good, or not any more"}, 401, said))
    scope = next((scope for path, scope in SCOPES.items() if _under(request, path)), None)
    if scope is None:
        return _Answer(refusal=JSONResponse({"error": "this page is for people: tokens open the API"}, 403))
    if not user.may_use(scope):
        said = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'}
        return _Answer(refusal=JSONResponse({"error": f"the token has not the scope `{scope}`"}, 403, said))
    return _Answer(user)


def _log_in_first(request: Request) -> Response:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    to = f"/login?next={quote(wanted, safe='')}" if request.method == "GET" else "/login"
    if any(_under(request, path) for path in SCOPES):
        return JSONResponse({"error": "log in, or send a token"}, 401, {"WWW-Authenticate": "Bearer"})
    if request.headers.get("hx-request"):  # a part of a page: the whole page goes to log in
        return PlainTextResponse("Log in first.", 401, {"HX-Redirect": "/login"})
    return RedirectResponse(to, 303)


def _under(request: HTTPConnection, path: str) -> bool:
    here = request.url.path
    return here == path or here.startswith(f"{path}/")
