"""Who comes to the door of shared data: a recipient with its credential, or one of the staff with a token."""

from __future__ import annotations

import re
from typing import NamedTuple

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from vestry.governance.identity import tokens
from vestry.governance.identity.user import User
from vestry.governance.recipients import recipient_by, recipient_with
from vestry.project import Project

#: As the audit and the policies name it.
DOOR = "sharing"
PATH = "/sharing"
#: Files are fetched with their address alone.
FILES = f"{PATH}/files"
_ID = re.compile(r"\bvs[rt]_[0-9a-f]{12}(?=_)")
_SCOPE = "read"


class Came(NamedTuple):
    """Who came; or the answer that ends it."""

    user: User | None = None
    refusal: Response | None = None


def came(request: Request, project: Project) -> Came:
    """Who a request is of. For a file nobody need say so: its address is bound to whoever got it."""
    if request.scope["path"].startswith(f"{FILES}/") and request.method in ("GET", "HEAD"):
        return Came()
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    user = _user(project, secret.strip()) if kind.casefold() == "bearer" else None
    if user is None:
        refusal = wrong(401, "UNAUTHENTICATED", "the credential is not good, or not any more: ask for a new profile")
        refusal.headers["WWW-Authenticate"] = "Bearer"
        return Came(refusal=refusal)
    if user.kind == "token" and not user.may_use(_SCOPE):
        return Came(refusal=wrong(403, "PERMISSION_DENIED", f"the token has not the scope `{_SCOPE}`"))
    return Came(user)


def credential_of(request: HTTPConnection) -> str:
    """The id of the credential that somebody says is theirs; empty where they say none."""
    found = _ID.search(request.headers.get("authorization", ""))
    return found[0] if found else ""


def bearer_of(project: Project, credential: str) -> User | None:
    """Who holds a credential, by its id; None where it is not good any more."""
    if credential.startswith("vsr_"):
        recipient = recipient_with(project, credential)
        return recipient.user if recipient else None
    user = tokens.user_with(project, credential.removeprefix("vst_"))
    return user if user is not None and user.may_use(_SCOPE) else None


def wrong(status: int, code: str, message: str) -> JSONResponse:
    """An error as the protocol writes it."""
    return JSONResponse({"errorCode": code, "message": message}, status)


def _user(project: Project, secret: str) -> User | None:
    if secret.startswith("vsr_"):
        recipient = recipient_by(project, secret)
        return recipient.user if recipient else None
    return tokens.user_by(project, secret)
