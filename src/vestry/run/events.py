"""What happens in a run, as it happens; who listens prints it, or logs it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO


@dataclass(frozen=True)
class Event:
    """`kind` is started, done, skipped, failed, blocked (of a step), finished (of the run), or of an incident
    opened, over, notice, and untold where it could not be told."""

    kind: str
    run: str
    step: str = ""
    detail: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))


class Listener(Protocol):
    """Whoever wants to know; called from several threads, one at a time."""

    def __call__(self, event: Event) -> None: ...


class JsonLines:
    """One JSON object a line: for machines."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(self, *_: Any) -> None:
        self._stream.flush()

    def __call__(self, event: Event) -> None:
        entry = {k: v for k, v in asdict(event).items() if v not in ("", {})}
        self._stream.write(json.dumps(entry, default=str) + "\n")
        self._stream.flush()
