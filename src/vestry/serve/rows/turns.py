"""Answers take turns: a flood of questions waits or is sent away, and the pages stay quick."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from vestry.serve.rows.answer import Busy

T = TypeVar("T")
#: Answers that are worked on at once, each in a thread that no page waits for; and how many may wait for that.
_AT_ONCE, _WAITING = 4, 64


class Turns:
    """The turns of one application."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(_AT_ONCE)

    async def take(self, work: Callable[[], T]) -> T:
        """What `work` returns, done in a thread when it is its turn. Raises Busy where too many wait."""
        if self._limiter.statistics().tasks_waiting >= _WAITING:
            raise Busy("too many questions are being answered just now", mend="ask again in a minute")
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)

    async def pieces(self, pieces: Iterator[bytes], close: Callable[[], None]) -> AsyncIterator[bytes]:
        """Pieces of an answer as they are made; between them no thread is held."""
        try:
            while True:
                # Who has begun to be answered is not sent away.
                piece = await anyio.to_thread.run_sync(lambda: next(pieces, None), limiter=self._limiter)
                if piece is None:
                    return
                yield piece
        finally:
            close()
