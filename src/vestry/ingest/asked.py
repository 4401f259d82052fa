"""When a system was last asked, where nothing cheaper tells whether it has news.

What stands here is only a cache: losing it costs one more question, and never a row.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from vestry.ingest.connector import Context
from vestry.project import VestryError

_EVERY = re.compile(r"(\d+)\s*([smhd])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(text: str, key: str, where: str) -> int:
    """`15m` in seconds; `key` is where it stands. Raises VestryError where it is no number with s, m, h or d."""
    found = _EVERY.match(text.strip())
    if not found:
        raise VestryError(f"`{key}: {text}` is not a time", where, "write 30s, 15m, 1h or 1d")
    return int(found[1]) * _SECONDS[found[2]]


def asked_at(context: Context) -> float:
    """Seconds since 1970 when the table was last asked for to its end; 0 where nobody knows."""
    try:
        return float(json.loads(_file(context).read_text())["at"])
    except (OSError, ValueError, TypeError, KeyError):
        return 0.0


def remember(context: Context, at: float | None = None) -> None:
    """Note that the table was asked for, now or at a time."""
    file = _file(context)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"at": time.time() if at is None else at}))


def _file(context: Context) -> Path:
    return context.project.state / "asked" / f"{context.bronze}.database.json"
