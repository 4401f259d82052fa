"""Questions take turns: one person has a few at once, and what others ask waits for no page."""

from __future__ import annotations

from collections import Counter

import anyio
import anyio.to_thread

from vestry.governance.access.gate import Gate, Where
from vestry.governance.identity.user import User
from vestry.governance.sql.questions import Answer, Questions
from vestry.project import VestryError


class Busy(VestryError):
    """There is no room for one more question just now."""

    exit_code = 1


class Turns:
    """The questions of one application; `per_user` and `at_once` of `[sql]` are followed as they are changed."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._questions = Questions(gate)
        self._asked: Counter[str] = Counter()
        self._limiter: anyio.CapacityLimiter | None = None

    async def ask(self, user: User, sql: str, where: Where, purpose: str = "") -> Answer:
        """The answer, when it is its turn. Raises Busy, and what `Questions.ask` raises."""
        settings = self._gate.live.workspace.project.settings.sql
        if self._asked[user.id] >= settings.per_user:
            what = f"you are asking {settings.per_user} already, and no more are answered at once"
            raise Busy(what, mend="wait until one is answered")
        self._limiter = self._limiter or anyio.CapacityLimiter(settings.at_once)
        self._limiter.total_tokens = settings.at_once
        self._asked[user.id] += 1
        turn = object()
        try:
            with anyio.move_on_after(settings.seconds) as waiting:
                await self._limiter.acquire_on_behalf_of(turn)
            if waiting.cancelled_caught:
                raise Busy("too many questions are being answered", mend="ask again in a minute")
            try:
                # A thread besides those of the pages: they never wait for one.
                own = anyio.CapacityLimiter(1)
                return await anyio.to_thread.run_sync(self._questions.ask, user, sql, where, purpose, limiter=own)
            finally:
                self._limiter.release_on_behalf_of(turn)
        finally:
            self._asked -= Counter([user.id])

    def close(self) -> None:
        """End the processes that wait for questions."""
        self._questions.close()
