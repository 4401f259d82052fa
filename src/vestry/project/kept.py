"""What was read of each part of a project, kept in memory and read again only where its files changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from vestry.project.errors import Fault

T = TypeVar("T")
#: Name, time of change (nanoseconds) and size (bytes) of each file.
_Signature = tuple[tuple[str, int, int], ...]


class Kept:
    """The parts of one project, by their folder or file.

    A part is what one folder or one file says by itself, with its faults. Where the names, times and sizes of its
    files are those of the last reading, the same objects come back.
    """

    def __init__(self) -> None:
        self._parts: dict[Path, tuple[_Signature, Any, list[Fault]]] = {}
        self._seen: set[Path] = set()
        #: Grows whenever a part is read again, or is no more.
        self.changes = 0

    def part(self, place: Path, read: Callable[[list[Fault]], T], faults: list[Fault]) -> T:
        """What `read` makes of a folder's own files, or of one file; its faults are added to `faults`."""
        self._seen.add(place)
        signature = _signature(place)
        known = self._parts.get(place)
        if known is None or known[0] != signature:
            found: list[Fault] = []
            known = signature, read(found), found
            self._parts[place] = known
            self.changes += 1
        faults.extend(known[2])
        value: T = known[1]
        return value

    def forget_others(self) -> None:
        """Let go of parts that were not asked for since the last call: they are no more."""
        gone = self._parts.keys() - self._seen
        self.changes += len(gone)
        for place in gone:
            del self._parts[place]
        self._seen = set()


def _signature(place: Path) -> _Signature:
    if not place.is_dir():
        return _of([place])
    with os.scandir(place) as entries:
        return _of(Path(e.path) for e in sorted(entries, key=lambda e: e.name) if e.is_file())


def _of(files: Iterable[Path]) -> _Signature:
    found = []
    for file in files:
        try:
            at = file.stat()
        except OSError:  # gone between the listing and the look
            continue
        found.append((file.name, at.st_mtime_ns, at.st_size))
    return tuple(found)
