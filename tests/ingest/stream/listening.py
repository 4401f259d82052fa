"""`vestry stream` as a process, for tests."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from council import Council, begin


class Listening:
    """A process that listens; its events are in a file, so that a kill loses none."""

    def __init__(self, council: Council, *args: str, env: dict[str, str] | None = None) -> None:
        self.council = council
        self._log = Path(council.root, f"stream-{time.time_ns()}.log")
        self._out = self._log.open("wb")
        self.process = begin(
            "stream", "-C", str(council.root), "--log", "json", *args, env=env, stdout=self._out, stderr=self._out
        )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def events(self, kind: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.log.splitlines() if line.startswith("{") and line.endswith("}")]
        return [event for event in found if event["kind"] == kind]

    def until(self, told: Callable[[Listening], object], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not told(self):
            assert self.process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.05)

    def until_loaded(self, rows: int, seconds: float = 60) -> None:
        """Until the batches of this process have so many events, loaded, rejected or repeated."""
        self.until(lambda s: sum(s._count(e) for e in s.events("batch")) >= rows, seconds)

    @staticmethod
    def _count(event: dict[str, Any]) -> int:
        return sum(event["facts"][k] for k in ("loaded", "rejected", "repeated"))

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._out.close()

    def stop(self) -> str:
        """Let it end as an operator does."""
        self.process.terminate()
        assert self.process.wait(60) == 0, self.log
        self._out.close()
        return self.log

    def __enter__(self) -> Listening:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.process.poll() is None:
            self.kill()
