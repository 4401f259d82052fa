"""Logging in by the council's identity provider: OpenID Connect, the code flow with PKCE, state and nonce."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Column, Integer, String, Table, delete, insert

from vestry.governance.identity.secret import hashed_secret
from vestry.governance.state import METADATA, connect, now
from vestry.project import DataError, Project, VestryError
from vestry.project.models import IdentitySettings
from vestry.project.secrets import expand

#: Seconds within which somebody who was sent to the provider must be back.
_PATIENCE = 10 * 60
#: Seconds that the provider's clock may be off, and that it may take to answer.
_LEEWAY, _TIMEOUT = 60, 10
#: How tokens may be signed: with the provider's private key. `none` and shared secrets are not among them.
_SIGNED = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
#: Seconds for which what the provider says of itself stands, and for which it counts as away.
_STANDS, _AWAY = 600.0, 5.0
_KNOWN: dict[str, tuple[float, Mapping[str, Any] | DataError]] = {}
#: Groups that are kept of one person.
_GROUPS = 500

pending = Table(
    "pending_login",
    METADATA,
    Column("state", String, primary_key=True),
    Column("browser", String, nullable=False),
    Column("nonce", String, nullable=False),
    Column("verifier", String, nullable=False),
    Column("following", String, nullable=False),
    Column("made", Integer, nullable=False),
)


class NotLoggedIn(VestryError):
    """Somebody came back from the provider and is not let in."""


@dataclass(frozen=True)
class Vouched:
    """Whom the provider vouches for, and the page that they wanted."""

    subject: str
    name: str
    email: str
    groups: tuple[str, ...]
    following: str


def discovered(settings: IdentitySettings) -> Mapping[str, Any]:
    """What the provider says of itself, asked for once in some minutes. Raises DataError where it does not answer."""
    issuer = settings.issuer
    until, found = _KNOWN.get(issuer, (0.0, None))
    if found is None or time.monotonic() >= until:
        try:
            found, lasts = _discover(issuer), _STANDS
        except DataError as error:  # not asked again by everybody who looks at the page
            found, lasts = error, _AWAY
        _KNOWN[issuer] = time.monotonic() + lasts, found
    if isinstance(found, DataError):
        raise DataError(found.what, found.where, found.mend)
    return found


def _discover(issuer: str) -> Mapping[str, Any]:
    import requests

    try:
        answer = requests.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration", timeout=_TIMEOUT)
        answer.raise_for_status()
        found = answer.json()
        told = found["issuer"]
        places = [found[key] for key in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    except (requests.RequestException, ValueError, KeyError, TypeError):
        raise DataError("the identity provider does not answer", mend="try again in a minute") from None
    if told != issuer:
        mend = "write `issuer` of [identity] as the provider writes it"
        raise DataError("the identity provider calls itself by another name", mend=mend)
    if any(urlsplit(place).scheme != urlsplit(issuer).scheme for place in places):
        raise DataError("the identity provider names addresses that are not encrypted")
    return dict(found)


def origin(address: str) -> str:
    """Scheme and host of an address, as a content security policy names them."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def sent_away(project: Project, settings: IdentitySettings, browser: str, back: str, following: str) -> str:
    """The address at the provider to which a browser goes.

    `browser` is the secret in its cookie, without which nobody can come back with what is begun here; `back` is the
    address to return to, `following` the page that is wanted.
    """
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    with _client(project, settings, back) as client:
        to = discovered(settings)["authorization_endpoint"]
        address, _ = client.create_authorization_url(to, state=state, code_verifier=verifier, nonce=nonce)
    at = now(project)
    with connect(project) as con:
        con.execute(delete(pending).where(pending.c.made <= at - _PATIENCE))
        kept = {"state": hashed_secret(state), "browser": hashed_secret(browser), "nonce": nonce, "verifier": verifier}
        con.execute(insert(pending).values(**kept, following=following, made=at))
    return str(address)


def came_back(project: Project, settings: IdentitySettings, browser: str, back: str, state: str, code: str) -> Vouched:
    """Whom the provider vouches for, of a browser that came back. A state is good once, and for its browser only.

    Raises NotLoggedIn where anything does not fit, without saying to the browser what.
    """
    at = now(project)
    begun = (pending.c.state == hashed_secret(state)) & (pending.c.browser == hashed_secret(browser))
    with connect(project) as con:
        taken = con.execute(delete(pending).where(begun, pending.c.made > at - _PATIENCE).returning(pending)).first()
    if taken is None:
        raise _refused("no log-in of this browser is under way")
    said = discovered(settings)
    return _vouched(settings, _claims(project, settings, said, back, code, taken), taken.following)


def _claims(
    project: Project, settings: IdentitySettings, said: Mapping[str, Any], back: str, code: str, begun: Any
) -> Mapping[str, Any]:
    """What the id token says, after everything about it was held against what is known."""
    import requests
    from authlib.common.errors import AuthlibBaseError
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    try:
        with _client(project, settings, back) as client:
            given = client.fetch_token(
                said["token_endpoint"], code=code, code_verifier=begun.verifier, timeout=_TIMEOUT, allow_redirects=False
            )
            keys = KeySet.import_key_set(requests.get(said["jwks_uri"], timeout=_TIMEOUT).json())
        read = jwt.decode(given["id_token"], keys, algorithms=_SIGNED)
        must: Any = {
            "iss": {"essential": True, "value": settings.issuer},
            "aud": {"essential": True, "value": settings.client_id},
        }
        about = {"nonce": begun.nonce, "client_id": settings.client_id, "access_token": given.get("access_token")}
        claims = CodeIDToken(read.claims, read.header, must, about)
        claims.validate(now=now(project), leeway=_LEEWAY)
    except (AuthlibBaseError, JoseError, requests.RequestException, ValueError, KeyError, TypeError) as error:
        # Their texts may hold what is in the token.
        raise _refused(f"{type(error).__name__} {getattr(error, 'claim', '') or ''}".strip()) from None
    return dict(claims)


def _vouched(settings: IdentitySettings, claims: Mapping[str, Any], following: str) -> Vouched:
    listed = claims.get(settings.claim) or []
    groups = tuple(str(one) for one in ([listed] if isinstance(listed, str) else listed))[:_GROUPS]
    email = str(claims.get("email") or claims.get("preferred_username") or "")[:200]
    name = str(claims.get("name") or email or "somebody")[:200]
    return Vouched(str(claims["sub"]), name, email, groups, following)


def _client(project: Project, settings: IdentitySettings, back: str) -> Any:
    from authlib.integrations.requests_client import OAuth2Session

    return OAuth2Session(
        settings.client_id,
        expand(settings.client_secret, "vestry.toml", project.env),
        scope="openid profile email",
        redirect_uri=back,
        code_challenge_method="S256",
    )


def _refused(why: str) -> NotLoggedIn:
    """What whoever runs the process reads says why; the browser is told nothing by which to try again better."""
    print(f"a log-in by the identity provider was refused: {why}", file=sys.stderr)
    return NotLoggedIn("you have not been logged in", mend="Start again from the log-in page.")
