"""Events that wait in a spool for bronze: what a feed does whose sender forgets what was acknowledged."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event as Flag
from typing import NamedTuple

from vestry.ingest.stream.feed import Received
from vestry.ingest.stream.spool import Spool

#: The number of the first event that is not in bronze.
SPOOLED = "vestry.spooled"
_FORM = struct.Struct("<qHHHH")
_NONE = 0xFFFF


class Event(NamedTuple):
    """As it lies in a spool. `time` is in microseconds since 1970; `packet` is the number that MQTT gave it."""

    time: int
    topic: str
    key: str | None
    id: str | None
    payload: bytes
    packet: int = 0

    def packed(self) -> bytes:
        texts = [None if text is None else text.encode() for text in (self.topic, self.key, self.id)]
        sizes = [_NONE if text is None else len(text) for text in texts]
        return _FORM.pack(self.time, self.packet, *sizes) + b"".join(t for t in texts if t) + self.payload

    @classmethod
    def unpacked(cls, record: bytes) -> Event:
        when, packet, *sizes = _FORM.unpack_from(record)
        at, texts = _FORM.size, list[str | None]()
        for size in sizes:
            texts.append(None if size == _NONE else record[at : at + size].decode())
            at += 0 if size == _NONE else size
        return cls(when, texts[0] or "", texts[1], texts[2], record[at:], packet)


class Inbox:
    """A spool of events, given to bronze in batches."""

    def __init__(self, origin: str, folder: Path, limit: int, mark: Callable[[str], int | None], remember: int = 0):
        self.origin = origin
        self._spool = Spool(folder, mark(SPOOLED) or 0, limit, remember)

    def store(self, events: Sequence[Event]) -> None:
        """Once this returns, a crash does not lose them. Raises Full."""
        self._spool.append([event.packed() for event in events])

    def last(self, most: int) -> list[Event]:
        return [Event.unpacked(record) for record in self._spool.last(most)]

    def take(self, most: int, seconds: float, stop: Flag) -> Received:
        """As a Feed does. An empty answer comes after a second in which there was nothing."""
        if not self._spool.waiting and not stop.is_set():
            self._spool.wait(1, 1.0)
        until = time.monotonic() + seconds
        while 0 < self._spool.waiting < most and not stop.is_set() and (left := until - time.monotonic()) > 0:
            self._spool.wait(most, min(left, 0.5))
        first, records = self._spool.read(most)
        events = [Event.unpacked(record) for record in records]
        return Received(
            origin=[self.origin] * len(events),
            row=list(range(first, first + len(events))),
            topic=[e.topic for e in events],
            key=[e.key for e in events],
            id=[e.id for e in events],
            time=[e.time for e in events],
            payload=[e.payload for e in events],
            marks={SPOOLED: first + len(events)},
        )

    def kept(self, marks: Mapping[str, int]) -> None:
        self._spool.kept(marks[SPOOLED])

    def close(self) -> None:
        self._spool.close()
