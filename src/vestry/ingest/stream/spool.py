"""A spool: events on this machine's disk, in order, until bronze has them.

A folder of segments, each named for the number of its first record. A record is its length, its
checksum and its content; a group of records is on the disk (fsync) before `append` returns, so
that an event may be acknowledged. What a crash leaves half-written at the end is cut off: nothing
of it was acknowledged.
"""

from __future__ import annotations

import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from vestry.project import DataError

_HEAD = struct.Struct("<II")
_SEGMENT = 16 * 2**20


class Full(DataError):
    """There is no room for more events until bronze has some of those that wait."""


class Spool:
    """One writer at a time and one reader; `start` is the first record kept, `end` the number of the next."""

    def __init__(self, folder: Path, first: int, limit: int, remember: int = 0, segment: int = _SEGMENT) -> None:
        """Open a folder where bronze has every record before `first`.

        `limit` is in bytes, of what bronze does not have. The last `remember` records stay, though bronze has them.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._limit, self._remember, self._segment = folder, limit, remember, segment
        self._changed, self._kept = threading.Condition(), first
        self._segments = sorted(int(file.stem) for file in folder.glob("*.spool"))
        self._sizes = {at: self._path(at).stat().st_size for at in self._segments}
        self.end = self._mended() if self._segments else 0
        if not self._segments or self.end < first:
            self.end = max(first, self.end)
            self._begin()
        self._file = self._path(self._segments[-1]).open("ab", buffering=0)
        self._reading, self._offset = max(first, self._segments[0]), 0
        self._at: int | None = None  # the segment that is read
        self.kept(first)

    def append(self, records: Sequence[bytes]) -> None:
        """Put records on the disk, all or none. Raises Full, or DataError where the disk cannot take them."""
        framed = b"".join(part for r in records for part in (_HEAD.pack(len(r), zlib.crc32(r)), r))
        with self._changed:
            if self._waiting_bytes() + len(framed) > self._limit:
                raise Full(f"{self.folder.name}: events wait for bronze, and their room on the disk is used up")
            at = self._segments[-1]
            if self._sizes[at] > self._segment:
                self._file.close()
                self._begin()
                at = self._segments[-1]
                self._file = self._path(at).open("ab", buffering=0)
            try:
                left = memoryview(framed)
                while left:
                    left = left[self._file.write(left) :]
                os.fdatasync(self._file.fileno())
            except OSError as error:
                os.ftruncate(self._file.fileno(), self._sizes[at])
                raise Full(f"{self.folder.name}: the disk does not take more events", mend="free some space") from error
            self._sizes[at] += len(framed)
            self.end += len(records)
            self._changed.notify_all()

    def wait(self, most: int, seconds: float) -> None:
        """Until so many records can be read, or so many seconds have passed."""
        until = time.monotonic() + seconds
        with self._changed:
            while self.end - self._reading < most and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)

    @property
    def waiting(self) -> int:
        """How many records can be read."""
        return self.end - self._reading

    def read(self, most: int) -> tuple[int, list[bytes]]:
        """The number of the next record, and up to `most` records from it on."""
        with self._changed:
            end, segments = self.end, list(self._segments)
        first, found = self._reading, list[bytes]()
        while self._reading < end and len(found) < most:
            at = max(s for s in segments if s <= self._reading)
            if at != self._at:
                # The start of a segment, or somewhere in it when the spool has just been opened.
                self._at, self._offset = at, 0
                for skipped, (_, offset) in enumerate(self._records(at, 0), at):
                    if skipped == self._reading:
                        break
                    self._offset = offset
            following = next((s for s in segments if s > at), end)
            wanted = min(most - len(found), following - self._reading)
            before = len(found)
            for record, offset in self._records(at, self._offset, wanted):
                found.append(record)
                self._offset = offset
            if len(found) - before < wanted:
                what = f"{self._path(at)} is damaged: events that were acknowledged cannot be read"
                raise DataError(what, mend="look after the disk; keep the file, and take it away to go on")
            self._reading += wanted
        return first, found

    def last(self, most: int) -> list[bytes]:
        """Up to `most` of the last records, whether bronze has them or not."""
        found: list[bytes] = []
        for at in reversed(self._segments):
            found = [record for record, _ in self._records(at, 0)] + found
            if len(found) >= most:
                break
        return found[-most:]

    def kept(self, position: int) -> None:
        """Bronze has every record before this: segments of which nothing is needed go."""
        needed = min(position, self.end - self._remember)
        with self._changed:
            self._kept = position
            while len(self._segments) > 1 and self._segments[1] <= needed:
                gone = self._segments.pop(0)
                del self._sizes[gone]
                self._path(gone).unlink(missing_ok=True)

    def close(self) -> None:
        self._file.close()

    def _waiting_bytes(self) -> int:
        """Bytes of the segments that have records which are not in bronze."""
        ends = [*self._segments[1:], self.end]
        return sum(self._sizes[at] for at, end in zip(self._segments, ends, strict=True) if end > self._kept)

    def _path(self, first: int) -> Path:
        return self.folder / f"{first:020d}.spool"

    def _begin(self) -> None:
        """A new segment for the records from `end` on."""
        path = self._path(self.end)
        path.touch()
        for durable in (path, self.folder):
            handle = os.open(durable, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        self._segments.append(self.end)
        self._sizes[self.end] = 0

    def _mended(self) -> int:
        """Cut off what is half-written at the end; the number of the next record."""
        at = self._segments[-1]
        ends = [end for _, end in self._records(at, 0)]
        whole = ends[-1] if ends else 0
        if whole < self._sizes[at]:
            with self._path(at).open("r+b") as file:
                file.truncate(whole)
                os.fsync(file.fileno())
            self._sizes[at] = whole
        return at + len(ends)

    def _records(self, at: int, offset: int, most: int | None = None) -> Iterator[tuple[bytes, int]]:
        """Whole records of a segment, each with the place in the file after it."""
        with self._path(at).open("rb") as file:
            file.seek(offset)
            while most is None or most > 0:
                head = file.read(_HEAD.size)
                if len(head) < _HEAD.size:
                    return
                length, checksum = _HEAD.unpack(head)
                record = file.read(length)
                if len(record) < length or zlib.crc32(record) != checksum:
                    return
                offset += _HEAD.size + length
                most = None if most is None else most - 1
                yield record, offset
