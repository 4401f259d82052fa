"""Logging in, by the council's identity provider or by a password of ours; and out."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import anyio.to_thread
from anyio import CapacityLimiter
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from vestry.governance.audit import Entry, write
from vestry.governance.identity import limits, provider, sessions
from vestry.governance.identity.accounts import account, user_of, vouched
from vestry.governance.identity.passwords import matches
from vestry.governance.state import connect, now, reading
from vestry.project import DataError, Project
from vestry.project.cron import ZONE
from vestry.serve import cookies
from vestry.serve.door import address_of, is_own_path
from vestry.serve.forms import fields
from vestry.serve.page import POLICY, portal_of

#: A password takes 64 MB to hash: two at once, whoever knocks; the others wait without a thread.
_HASHING = CapacityLimiter(2)
_WRONG = "The name or the password is not right"


def login(request: Request) -> Response:
    """The page on which to log in."""
    to = _wanted(request.query_params.get("next", ""))
    if request.state.user is not None:
        return RedirectResponse(to, 303)
    return _page(request, {"following": to, "said": request.query_params.get("said", "")})


async def password(request: Request) -> Response:
    """Log in by a password. What is answered, and after how long, does not tell whether there is such an account."""
    sent = await run_in_threadpool(fields, request)
    project = _project(request)
    name, typed, to = sent.get("name", "").casefold(), sent.get("password", ""), _wanted(sent.get("next", ""))
    values = {"following": to, "name": name}
    if not name or not typed:
        empty = {"name": "Write your name", "password": "Write your password"}
        errors = {box: what for box, what in empty.items() if not sent.get(box)}
        return await run_in_threadpool(_page, request, {**values, "errors": errors}, 400)
    address = address_of(request)
    if wait := await run_in_threadpool(limits.wait_of, project, name, address):
        until = datetime.fromtimestamp(now(project) + wait + 59, UTC).astimezone(ZONE)
        errors = {"name": f"There were too many tries. Try again at {until:%H:%M}"}
        page = await run_in_threadpool(_page, request, {**values, "errors": errors}, 429)
        page.headers["Retry-After"] = str(wait)
        return page
    kept, is_off = await run_in_threadpool(_kept, project, name)
    is_right = await anyio.to_thread.run_sync(matches, kept, typed, limiter=_HASHING)
    if not is_right or is_off:
        # Of a name that is no account's nothing is written: it may be a password.
        if kept is not None:
            await run_in_threadpool(_told, project, name, False, "is switched off" if is_right else "wrong password")
        return await run_in_threadpool(_page, request, {**values, "errors": {"name": _WRONG}}, 403)
    return await run_in_threadpool(_let_in, request, project, name, to, address)


def to_provider(request: Request) -> Response:
    """Send the browser to the identity provider."""
    project = _project(request)
    settings = project.settings.identity
    if settings is None:
        return RedirectResponse("/login", 303)
    to = _wanted(fields(request).get("next", ""))
    browser = cookies.secret_of(request, "login")
    try:
        return RedirectResponse(provider.sent_away(project, settings, browser, _back(request), to), 303)
    except DataError as error:
        return _page(request, {"following": to, "errors": {"provider": error.what.capitalize()}}, 502)


def callback(request: Request) -> Response:
    """Back from the identity provider. Whatever does not fit is refused alike."""
    project = _project(request)
    settings = project.settings.identity
    state, code = (request.query_params.get(key, "")[:4_000] for key in ("state", "code"))
    browser = cookies.secret_of(request, "login")
    if settings is None or not (state and code and browser):
        return _page(request, {"following": "/", "errors": {"provider": "You have not been logged in"}}, 403)
    try:
        who = provider.came_back(project, settings, browser, _back(request), state, code)
    except (provider.NotLoggedIn, DataError) as error:
        return _page(request, {"following": "/", "errors": {"provider": error.what.capitalize()}}, 403)
    with connect(project) as con:
        row = vouched(con, project, settings.issuer, who.subject, who.name, who.email, who.groups)
        if row["is_off"] or not user_of(project, row).roles:
            what = "The council’s identity provider knows you, but you have no role here: ask for one"
            return _page(request, {"following": "/", "errors": {"provider": what}}, 403)
        secret = sessions.begin(con, project, row["id"], _agent(request), cookies.secret_of(request, "session"))
    _told(project, row["id"], True, "by the identity provider")
    return _welcome(request, secret, _wanted(who.following))


def logout(request: Request) -> Response:
    """Log out, here."""
    if secret := cookies.secret_of(request, "session"):
        sessions.end(_project(request), secret)
    # What the browser kept of pages is not for whoever sits there next.
    answer = RedirectResponse("/login?said=out", 303, {"Clear-Site-Data": '"cache"'})
    cookies.drop(answer, request, "session")
    return answer


def _let_in(request: Request, project: Project, name: str, to: str, address: str) -> Response:
    limits.succeeded(project, name, address)
    with connect(project) as con:
        secret = sessions.begin(con, project, name, _agent(request), cookies.secret_of(request, "session"))
    _told(project, name, True, "by a password")
    return _welcome(request, secret, to)


def _told(project: Project, who: str, allowed: bool, note: str) -> None:
    """A line of the audit."""
    write(project, [Entry(who, "portal", "log in", allowed, note=note)])


def _welcome(request: Request, secret: str, to: str) -> Response:
    answer = RedirectResponse(to, 303)
    cookies.keep(answer, request, "session", secret)
    cookies.drop(answer, request, "login")
    return answer


def _page(request: Request, values: dict[str, object], status: int = 200) -> Response:
    """The log-in page; a browser that comes for the first time is given what its form is bound to."""
    project = _project(request)
    browser = cookies.secret_of(request, "login") or secrets.token_urlsafe(32)
    request.state.csrf = sessions.csrf_of(browser)
    errors = dict(values.pop("errors", {}))  # type: ignore[call-overload]
    policy = POLICY
    if settings := project.settings.identity:
        try:
            policy += f" {provider.origin(provider.discovered(settings)['authorization_endpoint'])}"
        except DataError as error:
            errors.setdefault("provider", error.what.capitalize())
    with reading(project) as con:
        has_passwords = con.execute(select(account.c.id).where(account.c.password.is_not(None))).first() is not None
    shown = {"name": "", "said": "", **values, "errors": errors, "provider": settings, "passwords": has_passwords}
    answer = portal_of(request).render("login.html", request, shown, status)
    answer.headers["Content-Security-Policy"] = policy
    answer.headers["Cache-Control"] = "no-store"
    cookies.keep(answer, request, "login", browser)
    return answer


def _kept(project: Project, name: str) -> tuple[str | None, bool]:
    """The hash of an account's password, and whether it is off; no hash where there is none."""
    with reading(project) as con:
        row = con.execute(select(account.c.password, account.c.is_off).where(account.c.id == name)).first()
    return (row.password, row.is_off) if row else (None, True)


def _wanted(text: str) -> str:
    """Where to go afterwards: a page of ours, or the first."""
    return text if is_own_path(text) and not text.startswith(("/login", "/logout")) else "/"


def _project(request: Request) -> Project:
    return portal_of(request).live.catalogue().project


def _back(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}/login/callback"


def _agent(request: Request) -> str:
    return request.headers.get("user-agent", "")


routes = [
    Route("/login", login),
    Route("/login", password, methods=["POST"]),
    Route("/login/provider", to_provider, methods=["POST"]),
    Route("/login/callback", callback),
    Route("/logout", logout, methods=["POST"]),
]
