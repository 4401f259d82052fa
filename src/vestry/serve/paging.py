"""Long lists, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

#: So many stand on a page; those further back than `MOST` come up when those before them are done.
PAGE, MOST = 20, 1_000


def part(request: Request, things: Sequence[Any]) -> dict[str, Any]:
    """What a template needs of the page that `?page=` asks for; `count` is of all things, more than `MOST` or not."""
    asked = request.query_params.get("page", "")
    last = max(1, -(-min(len(things), MOST) // PAGE))
    number = min(max(1, int(asked[:6])), last) if asked.isdecimal() else 1
    first = (number - 1) * PAGE
    shown = things[first : min(first + PAGE, MOST)]
    return {"shown": shown, "first": first + 1, "count": len(things), "most": MOST, "number": number, "last": last}
