"""What people send in forms, and what is wrong with it.

What they type is never in an address: addresses are kept in histories and logs.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from urllib.parse import parse_qs

import anyio.from_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request

#: Bytes of a form, characters of one box, and boxes, at most.
_MOST, _LONG, _FIELDS = 64 * 2**10, 2_000, 300
#: How many times more a form has that speaks of every column of a product.
_MANY = 20


def fields(request: Request, many: bool = False, long: int = _LONG) -> dict[str, str]:
    """The boxes of a form by name, without the spaces around what they hold; for views, which run in a thread.

    `many` is for a form that has a box for every column, `long` how many characters of a box are kept.

    Raises HTTPException where somebody sends more than a form holds.
    """
    return {name: values[0] for name, values in answers(request, many, long).items()}


def answers(request: Request, many: bool = False, long: int = _LONG) -> dict[str, list[str]]:
    """As `fields`, with every value of boxes of which several may be ticked."""
    times = _MANY if many else 1
    if int(request.headers.get("content-length") or 0) > _MOST * times:
        raise HTTPException(413, "That is more than a form holds.")
    body = anyio.from_thread.run(request.body)
    try:
        sent = parse_qs(
            body[: _MOST * times].decode(errors="replace"), errors="replace", max_num_fields=_FIELDS * times
        )
    except ValueError:
        raise HTTPException(413, "That is more than a form holds.") from None
    return {name: [v.strip()[:long].replace("\0", "") for v in values] for name, values in sent.items()}


def reader_name(request: Request) -> str:
    """Who asks, for the box that asks for a name; without accounts, who is logged in on this machine."""
    if request.state.user.kind == "session":
        return str(request.state.user.signature)
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def missing(sent: Mapping[str, str], needed: Mapping[str, str]) -> dict[str, str]:
    """What to say of each box that must not be empty: `needed` is the box and what is to be done."""
    return {name: what for name, what in needed.items() if not sent.get(name)}
