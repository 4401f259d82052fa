"""Long lists, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

#: So many stand on a page; those further back than `MOST` come up when those before them are done.
PAGE, MOST = 20, 1_000


def asked_for(request: Request) -> int:
    """The number of the page that `?page=` asks for, from 1; there may be fewer."""
    said = request.query_params.get("page", "")
    return max(1, int(said[:6])) if said.isdecimal() else 1


def places(number: int, count: int, size: int = PAGE, most: int = MOST) -> dict[str, Any]:
    """What a template needs to say where a page stands; `count` is of all things, more than `most` or not."""
    last = max(1, -(-min(count, most) // size))
    number = min(number, last)
    return {"first": (number - 1) * size + 1, "count": count, "most": most, "number": number, "last": last}


def part(request: Request, things: Sequence[Any], size: int = PAGE, most: int = MOST) -> dict[str, Any]:
    """The things of the page that is asked for, `shown`, and where it stands."""
    at = places(asked_for(request), len(things), size, most)
    return {**at, "shown": things[at["first"] - 1 : min(at["first"] - 1 + size, most)]}
