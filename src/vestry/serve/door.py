"""Who asks: every request has a user, or is sent to log in."""

from __future__ import annotations

import base64
import ipaddress
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from vestry.governance.identity import sessions, tokens
from vestry.governance.identity.accounts import login_needed
from vestry.governance.identity.user import LOCAL, User
from vestry.project import Project
from vestry.serve import cookies
from vestry.serve.page import Portal
from vestry.serve.problems import problem
from vestry.serve.sharing import entrance

#: What Excel and Power BI read: they send a token as the password of whatever name.
ODATA = "/odata"
#: What a token opens, by the beginning of the path, and the scope that it takes. Pages are for people with a session.
SCOPES = {"/metrics": "metrics", "/api/sql": "sql", "/api": "read", ODATA: "read"}
#: What anybody may have: how to log in, and whether the platform is well.
_OPEN = ("/login", "/static", "/health", "/accessibility")
#: What somebody who is not of the staff may have besides: to know who they are here, and to go.
_OWN = ("/account", "/logout")
_NOT_STAFF = {
    "what": "You are logged in, and have no role here",
    "mend": "Whoever runs Vestry gives roles: ask them for `staff`, and log in again.",
}


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
        if scope["type"] == "websocket":  # nothing of ours speaks it: no way round the door
            await send({"type": "websocket.close", "code": 1008})
            return
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
        if is_for_sharing(request):
            user, refusal = entrance.came(request, project)
            return _Answer(user, refusal=refusal)
        if not self.is_shared and not login_needed(project):
            return _Answer(LOCAL)
        if "authorization" in request.headers:
            return _by_token(request, project)
        secret = cookies.secret_of(request, "session")
        user = sessions.user_by(project, secret) if secret else None
        if user is not None:
            answer = _Answer(user, sessions.csrf_of(secret))
            if user.has("staff") or any(_under(request, path) for path in (*_OPEN, *_OWN)):
                return answer
            request.state.user, request.state.csrf = answer.user, answer.csrf
            return answer._replace(refusal=portal.render("missing.html", request, _NOT_STAFF, 403))
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


def is_for_programs(request: HTTPConnection) -> bool:
    """Whether an address is of what programs ask, who are answered in JSON."""
    return any(_under(request, path) for path in SCOPES)


def is_for_sharing(request: HTTPConnection) -> bool:
    """Whether an address is of the Delta Sharing protocol, which has errors of its own."""
    return _under(request, entrance.PATH)


def _by_token(request: Request, project: Project) -> _Answer:
    user = tokens.user_by(project, _token_of(request))
    if user is None:
        return _Answer(refusal=_refused(401, "The token is not good, or not any more.", _challenge(request, True)))
    scope = next((scope for path, scope in SCOPES.items() if _under(request, path)), None)
    if scope is None:
        return _Answer(refusal=_refused(403, "This page is for people: tokens open what programs ask."))
    if not user.may_use(scope):
        challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
        return _Answer(refusal=_refused(403, f"The token has not the scope `{scope}`.", challenge))
    return _Answer(user)


def _token_of(request: Request) -> str:
    kind, _, said = request.headers["authorization"].partition(" ")
    if kind.casefold() == "basic" and _under(request, ODATA):
        with suppress(ValueError):
            return base64.b64decode(said.strip(), validate=True).decode().partition(":")[2]
    return said.strip() if kind.casefold() == "bearer" else ""


def _challenge(request: Request, is_wrong: bool = False) -> str:
    if _under(request, ODATA):
        return 'Basic realm="Vestry: an API token as password", charset="UTF-8"'
    return 'Bearer error="invalid_token"' if is_wrong else "Bearer"


def _refused(status: int, what: str, challenge: str = "") -> Response:
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    return problem(status, "You may not come in", what, headers=headers)


def _log_in_first(request: Request) -> Response:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    to = f"/login?next={quote(wanted, safe='')}" if request.method == "GET" else "/login"
    if is_for_programs(request):
        return _refused(401, "Log in, or send a token.", _challenge(request))
    if request.headers.get("hx-request"):  # a part of a page: the whole page goes to log in
        return PlainTextResponse("Log in first.", 401, {"HX-Redirect": "/login"})
    return RedirectResponse(to, 303)


def _under(request: HTTPConnection, path: str) -> bool:
    here: str = request.scope["path"]  # as the routes read it
    return here == path or here.startswith(f"{path}/")
