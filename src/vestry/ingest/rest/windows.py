"""What to ask for: stretches of the cursor, closed where the API can be bounded above, the last one open.

A window goes from its start (which belongs to it) to its end (which does not); an open one has no end.
The last window is open and longer than a window is by the cursor's setting, so that a vendor's clock that
is behind ours by less than that writes no change into a stretch that was got already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from vestry.ingest.cursor import is_number
from vestry.project.durations import is_time, seconds
from vestry.project.source_models import RestCursor

_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d(?P<time>[T ]\d\d:\d\d(:\d\d)?(?P<part>\.\d+)?(?P<zone>Z|[+-]\d\d:?\d\d)?)?\Z")


@dataclass(frozen=True)
class Window:
    """From `start` to `end`, as values of the cursor's scale. A table that is read whole has neither."""

    start: Any = None
    end: Any = None


@dataclass(frozen=True)
class Scale:
    """How the values of a cursor are read, compared and written: as times, numbers or text."""

    kind: Literal["time", "number", "text"]
    #: A value as the vendor writes it.
    like: str

    def read(self, text: str) -> Any:
        """The value of a text. Raises ValueError where it is none of this scale."""
        if self.kind == "text":
            return text
        if self.kind == "number":
            if not is_number(text):
                raise ValueError("not a number")
            return Decimal(text)
        value = datetime.fromisoformat(text)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def key(self, value: Any) -> str:
        """The value as the ledger keeps it."""
        return value.isoformat() if self.kind == "time" else str(value)

    def write(self, value: Any, *, up: bool = False) -> str:
        """The value as the vendor writes it; where that is coarser, the one before, or with `up` the one after."""
        if self.kind != "time":
            return str(value)
        form = _WRITTEN.match(self.like)
        if form is None:
            return str(value.isoformat())
        if not form["time"]:
            late = up and value.time() != value.min.time()
            return f"{value + timedelta(days=late):%Y-%m-%d}"
        if not form["part"]:
            value = (value + timedelta(seconds=up and bool(value.microsecond))).replace(microsecond=0)
        part = f"{value:.%f}"[: len(form["part"])] if form["part"] else ""
        zone = form["zone"] and ("Z" if form["zone"] == "Z" else "+00:00")
        return f"{value:%Y-%m-%d}{form['time'][0]}{value:%H:%M:%S}{part}{zone or ''}"


def scale_of(cursor: RestCursor, greatest: str | None) -> Scale:
    """The scale of a cursor's values, by the first that is asked for and the greatest that came."""
    values = [cursor.start, *([greatest] if greatest is not None else [])]
    for kind, fits in (("number", is_number), ("time", is_time)):
        if all(fits(v) for v in values):
            return Scale(kind, values[-1])  # type: ignore[arg-type]
    return Scale("text", values[-1])


def plan(cursor: RestCursor, owed: Iterable[Window], frontier: Any, now: datetime) -> list[Window]:
    """The windows to ask for, oldest first: what is owed, and what is new from the frontier on."""
    owed = sorted(owed, key=lambda w: w.start)
    if not cursor.until:  # it gives everything since, so one question answers all
        return [Window(min([frontier, *(w.start for w in owed)]))]
    if not owed or owed[-1].end is not None:
        owed = [*owed, Window(frontier)]
    if not cursor.window:
        return owed
    length = timedelta(seconds=seconds(cursor.window))
    return [piece for window in owed for piece in _cut(window, length, now)]


def _cut(window: Window, length: timedelta, now: datetime) -> Iterable[Window]:
    start = window.start
    while start + length < window.end if window.end else start + 2 * length <= now:
        yield Window(start, start + length)
        start += length
    yield Window(start, window.end)


def joined(windows: Iterable[Window]) -> list[Window]:
    """The same stretches, those side by side as one."""
    found: list[Window] = []
    for window in windows:
        if found and found[-1].end == window.start:
            found[-1] = Window(found[-1].start, window.end)
        else:
            found.append(window)
    return found


def asked_from(cursor: RestCursor, scale: Scale, window: Window) -> str:
    """The text that is asked for as the window's beginning, earlier by the overlap."""
    start = window.start
    if cursor.overlap and scale.kind == "time":
        start -= timedelta(seconds=seconds(cursor.overlap))
    return scale.write(start)
