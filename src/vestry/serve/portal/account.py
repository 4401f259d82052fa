"""Your account: who you are here, where you are logged in, and the tokens of your programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from vestry.catalogue.model import Catalogue
from vestry.governance.identity import sessions, tokens
from vestry.project import VestryError
from vestry.serve import cookies
from vestry.serve.forms import answers
from vestry.serve.page import Values, page, portal_of

#: How long a token may last, and what to call that.
LASTS = {"30d": "30 days", "90d": "90 days", "365d": "A year"}
_SAID = {"ended": "You are logged out elsewhere.", "revoked": "The token opens nothing any more."}


@page("account.html", fresh=True)
def account(request: Request, catalogue: Catalogue) -> Values:
    """What the platform knows of whoever asks."""
    return {**_shown(request, catalogue), "said": _SAID.get(request.query_params.get("said", ""), "")}


@page("account.html", fresh=True)
def add_token(request: Request, catalogue: Catalogue) -> Values | Response:
    """Make a token, and show it this once: the page of the answer is kept nowhere."""
    sent = answers(request)
    name, scopes, lasts = sent.get("name", [""])[0], sent.get("scope", []), sent.get("lasts", [""])[0]
    errors = {} if name else {"name": "Write what the token is for"}
    if not scopes:
        errors["scope"] = "Choose what it may do"
    if lasts not in LASTS:
        errors["lasts"] = "Choose how long it lasts"
    if not errors:
        try:
            secret = tokens.add_token(catalogue.project, request.state.user.id, name, scopes, lasts)
        except VestryError as error:
            errors["scope"] = error.what.capitalize()
    values = _shown(request, catalogue)
    if errors:
        values |= {"errors": errors, "sent": {"name": name, "lasts": lasts}, "ticked": scopes}
        return portal_of(request).render("account.html", request, values, 400)
    answer = portal_of(request).render("account.html", request, {**values, "secret": secret})
    answer.headers["Cache-Control"] = "no-store"
    return answer


@page("account.html", fresh=True)
def revoke(request: Request, catalogue: Catalogue) -> Response:
    """End a token of one's own."""
    tokens.revoke(catalogue.project, request.path_params["token"], request.state.user.id)
    return RedirectResponse("/account?said=revoked", 303)


@page("account.html", fresh=True)
def end_others(request: Request, catalogue: Catalogue) -> Response:
    """Log out everywhere else."""
    sessions.end_all(catalogue.project, request.state.user.id, but=cookies.secret_of(request, "session"))
    return RedirectResponse("/account?said=ended", 303)


def _shown(request: Request, catalogue: Catalogue) -> dict[str, Any]:
    user, project = request.state.user, catalogue.project
    mine = user.kind == "session"
    return {
        "roles": [(role, project.access.roles.get(role, "")) for role in sorted(user.roles)],
        "sessions": sessions.sessions_of(project, user.id) if mine else [],
        "this": sessions.key_by(cookies.secret_of(request, "session")),
        "tokens": tokens.tokens(project, user.id) if mine else [],
        "scopes": tokens.SCOPES,
        "lasts": {value: (title, "") for value, title in LASTS.items()},
        "at": lambda seconds: datetime.fromtimestamp(seconds, UTC),
        "secret": "",
        "said": "",
        "errors": {},
        "sent": {},
        "ticked": [],
    }


routes = [
    Route("/account", account),
    Route("/account/tokens", add_token, methods=["POST"]),
    Route("/account/tokens/{token}/revoke", revoke, methods=["POST"]),
    Route("/account/sessions/end", end_others, methods=["POST"]),
]
