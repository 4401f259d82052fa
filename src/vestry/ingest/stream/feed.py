"""What a feed is: the events of one source table, in an order that can be gone back to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event as Flag
from typing import Any, Protocol

from vestry.project import VestryError


@dataclass
class Received:
    """Events in the order in which they came, a list for each thing that is known of them.

    `row` is an event's place in its `origin`; `time` is in microseconds since 1970; a `payload` may
    be none, as Kafka's of a deletion. `marks` say where to go on after them.
    """

    origin: list[str] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    topic: list[str] = field(default_factory=list)
    key: list[str | None] = field(default_factory=list)
    id: list[str | None] = field(default_factory=list)
    time: list[int | None] = field(default_factory=list)
    payload: list[bytes | None] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    #: What the commit's record says besides: such as events that are gone for good.
    record: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.row)


class Feed(Protocol):
    """Opened from the marks of bronze, asked for batches, told when bronze has them, closed."""

    #: What is not well at the other end, while it is not; events that are there are given all the same.
    problem: VestryError | None

    def open(self, mark: Callable[[str], int | None]) -> None: ...

    def take(self, most: int, seconds: float, stop: Flag) -> Received:
        """The next events: when there are `most`, or `seconds` after the first; none now and then, and at the end."""
        ...

    def kept(self, marks: Mapping[str, int]) -> None:
        """Bronze has everything before these marks."""
        ...

    def close(self) -> None: ...
