"""Vestry: a data platform for a council.

`vestry.connect(…)` opens a council's tables in Python: see `vestry.client`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vestry.client import connect

__all__ = ["connect"]


def __getattr__(name: str) -> Any:
    # The command imports this package too, and has no need of what `connect` brings.
    if name == "connect":
        from vestry.client import connect

        return connect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
