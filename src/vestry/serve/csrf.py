"""What changes something is taken from our own pages only.

Another site's form carries its own origin; and each form of ours carries what only a page of that session says. It is
put into every form by `Tokens`, which reads templates as they are compiled, and held against the session here, before
any view is asked: neither can be forgotten.
"""

from __future__ import annotations

import hmac
import re
from urllib.parse import parse_qs

from jinja2.ext import Extension
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FIELD = "csrf"
#: By which a script of ours sends it with what is no form.
HEADER = "x-csrf-token"
#: Bytes of a body in which it must be found: it stands first in our forms, files come after it.
_WITHIN = 64 * 2**10
_FORM = re.compile(r"""<form\b[^>]*\bmethod=["']post["'][^>]*>""", re.IGNORECASE)
_PART = re.compile(rb"""\bname="%s"\r\n\r\n([0-9a-f]*)\r\n""" % FIELD.encode())


class Tokens(Extension):
    """Puts the field into every form of a template that posts."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        field = f'<input type="hidden" name="{FIELD}" value="{{{{ csrf }}}}">'
        return _FORM.sub(lambda form: form[0] + field, source)


class OwnForms:
    """Refuses what another site sends, and what does not carry its session's word."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        if not _is_ours(request):
            await PlainTextResponse("This form was not sent from a page of the portal.", 403)(scope, receive, send)
            return
        user = request.state.user
        if user is None or user.kind == "session":
            sent, receive = await _sent(request, receive)
            if not request.state.csrf or not hmac.compare_digest(sent.encode(), request.state.csrf.encode()):
                said = "This form is from before you logged in, or too old. Go back, load the page again and send it."
                await PlainTextResponse(said, 403)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _is_ours(request: Request) -> bool:
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    return (
        request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
        and request.headers.get("origin", own) == own
    )


async def _sent(request: Request, receive: Receive) -> tuple[str, Receive]:
    """What a request carries, and the request again for whoever reads it next."""
    if said := request.headers.get(HEADER):
        return said, receive
    read: list[Message] = []
    body = b""
    while len(body) <= _WITHIN:
        read.append(message := await receive())
        body += message.get("body", b"")
        if not message.get("more_body") or _PART.search(body):
            break
    again = iter(read)

    async def receive_again() -> Message:
        return next(again, None) or await receive()

    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        found = _PART.search(body)
        return (found[1].decode() if found else ""), receive_again
    try:
        fields = parse_qs(body[:_WITHIN].decode(errors="replace"), max_num_fields=1_000)
    except ValueError:
        fields = {}
    return fields.get(FIELD, [""])[0], receive_again
