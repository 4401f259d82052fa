"""Lengths of time as people write them, 30s, 15m, 1h, 1d, and what is a time."""

from __future__ import annotations

import re
from datetime import datetime

_LENGTH = re.compile(r"(\d+)\s*([smhd])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds(text: str) -> int:
    """`15m` in seconds. Raises ValueError, which says what would be right."""
    found = _LENGTH.match(text.strip())
    if not found:
        raise ValueError("a length of time such as 30s, 15m, 1h or 1d")
    return int(found[1]) * _SECONDS[found[2]]


def is_time(text: str) -> bool:
    """Whether a text is a day or a time of a day, as ISO 8601 writes it."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return "-" in text
