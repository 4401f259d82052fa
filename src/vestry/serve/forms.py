"""What people send in forms, and what is wrong with it.

What they type is never in an address: addresses are kept in histories and logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

import anyio.from_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request

#: Bytes of a form, and characters of one box, at most.
_MOST, _LONG = 64 * 2**10, 2_000


def fields(request: Request) -> dict[str, str]:
    """The boxes of a form by name, without the spaces around what they hold; for views, which run in a thread.

    Raises HTTPException where somebody sends more than a form holds.
    """
    if int(request.headers.get("content-length") or 0) > _MOST:
        raise HTTPException(413, "That is more than a form holds.")
    body = anyio.from_thread.run(request.body)
    sent = parse_qs(body[:_MOST].decode(errors="replace"), errors="replace", max_num_fields=50)
    return {name: values[0].strip()[:_LONG].replace("\0", "") for name, values in sent.items()}


def missing(sent: Mapping[str, str], needed: Mapping[str, str]) -> dict[str, str]:
    """What to say of each box that must not be empty: `needed` is the box and what is to be done."""
    return {name: what for name, what in needed.items() if not sent.get(name)}
