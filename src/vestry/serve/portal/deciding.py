"""What both review queues share: decisions are signed, listed, and taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vestry.serve.forms import fields, missing, reader_name
from vestry.serve.page import Missing, Values, portal_of
from vestry.serve.paging import part

#: What every decision needs beside itself: the box, and what is said where it is empty.
SIGNED = {"who": "Enter your name", "why": "Enter why, for who reads it in a year"}
Texts = Mapping[str, str]


def said(request: Request, words: Texts) -> str | None:
    """What was written down on the page before, in words."""
    return words.get(request.query_params.get("said", ""))


def blank(request: Request, words: Texts) -> Values:
    """What a form needs before anything is sent."""
    return {"sent": {"who": reader_name(request)}, "errors": {}, "said": said(request, words)}


def signed(request: Request) -> dict[str, str]:
    """What was sent, with who sent it: whoever is logged in decides in their own name."""
    sent = fields(request)
    return {**sent, "who": reader_name(request)} if request.state.user.kind == "session" else sent


def refused(request: Request, template: str, values: Values, sent: Texts, errors: Texts) -> Response:
    """The form again, with what is wrong."""
    values = {**values, "sent": sent, "errors": errors, "said": None}
    return portal_of(request).render(template, request, values, 422)


def written(path: str, decision: str) -> Response:
    """On to the next page, which says what was written down."""
    return RedirectResponse(f"{path}?said={decision}", 303)


def decided(
    request: Request,
    template: str,
    tabs: Mapping[str, Any],
    told: Sequence[Any],
    words: Texts,
    take_back: Callable[[Any, Texts], str],
) -> Values | Response:
    """The page of decisions that stand, with the form that takes one back.

    Each of `told` has a `key` that stands for it in the form. `take_back` gets one and what was sent, and says which of
    `words` is so written down. Raises Missing where the decision does not stand any more.
    """
    values = {**tabs, **part(request, told)}
    if request.method == "GET":
        return {**values, "sent": {}, "errors": {}, "said": said(request, words)}
    sent = signed(request)
    meant = next((one for one in told if one.key == sent.get("key")), None)
    if meant is None:
        raise Missing("That decision does not stand any more", mend="Look again under Decided.")
    if errors := missing(sent, SIGNED):
        return refused(request, template, values, sent, {f"{box}-{sent.get('at')}": errors[box] for box in errors})
    return written(request.url.path, take_back(meant, sent))
