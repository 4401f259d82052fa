"""What runs now, for whoever looks from another process: a small file for each run, gone when it ends."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from vestry.run.events import Event, Listener

_FOLDER = "running"
_ENDED = ("done", "skipped", "failed", "blocked")


@dataclass(frozen=True)
class Running:
    """A run that goes on: how many of its steps have ended, of how many, and what is being done since when."""

    run: str
    since: str
    steps: int
    ended: int
    failed: int
    doing: dict[str, str]

    @property
    def began(self) -> datetime:
        return datetime.fromisoformat(self.since)


@contextmanager
def noted(state: Path, steps: int, listen: Listener) -> Iterator[Listener]:
    """Keep a note of a run of so many steps while it goes on; gives who listens to its events."""
    if not steps:
        yield listen
        return
    folder = state / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{uuid.uuid4().hex}.json"
    note = Running("", datetime.now(UTC).isoformat(), steps, 0, 0, {})

    def told(event: Event) -> None:
        nonlocal note
        doing = {**note.doing, event.step: event.at} if event.kind == "started" else dict(note.doing)
        ended = event.kind in _ENDED
        if ended:
            doing.pop(event.step, None)
        note = Running(
            event.run or note.run, note.since, steps, note.ended + ended, note.failed + (event.kind == "failed"), doing
        )
        aside = file.with_suffix(".tmp")
        with suppress(OSError):  # a note: what it is about goes on without it
            aside.write_text(json.dumps(asdict(note)), encoding="utf-8")
            aside.replace(file)
        listen(event)

    with FileLock(file.with_suffix(".lock")):
        try:
            yield told
        finally:
            file.unlink(missing_ok=True)
    file.with_suffix(".lock").unlink(missing_ok=True)


def running(state: Path) -> list[Running]:
    """The runs that go on now, the eldest first; of a process that was killed none is left."""
    found = []
    for file in (state / _FOLDER).glob("*.json"):
        try:
            with FileLock(file.with_suffix(".lock"), timeout=0):
                file.unlink(missing_ok=True)  # nobody holds it: its process is no more
        except Timeout:
            with suppress(OSError, ValueError, TypeError):
                found.append(Running(**json.loads(file.read_text(encoding="utf-8"))))
    return sorted(found, key=lambda r: r.since)
